"""Les pièces qu'un dossier porte à un instant : celles de son organisation, les siennes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.etapes.dossier.models import Dossier, FichierDossier, Message
from app.etapes.dossier.rules.echanges import Cote
from app.referentiels.pieces.models import Fichier
from app.referentiels.pieces.repository import list_pieces_valables
from app.referentiels.pieces.rules import ECARTES, EtatFichier

DU_DOSSIER = "dossier"


def list_jointes(session: Session, dossier: Dossier, le: date) -> list[dict[str, str]]:
    """Nature, intitulé, code, empreinte et nom de chaque pièce valable ce jour-là. Deux requêtes.

    Un fichier que l'antivirus n'a pas encore lu y est, et le dit : il est déposé. Un fichier écarté n'y est pas.
    """
    return [
        *(
            _piece(piece.nature.value, piece.intitule or piece.nature.libelle, fichier)
            for piece, fichier in list_pieces_valables(session, dossier.organisation_id, le, en_analyse=True)
        ),
        *(_piece(DU_DOSSIER, joint.intitule, fichier) for joint, fichier in _du_dossier(session, dossier.id)),
    ]


def _piece(nature: str, intitule: str, fichier: Fichier) -> dict[str, str]:
    return {
        "nature": nature, "intitule": intitule, "code": fichier.code, "sha256": fichier.sha256, "nom": fichier.nom,
        **({} if fichier.etat is EtatFichier.SAIN else {"etat": fichier.etat.value}),
    }  # fmt: skip


def _du_dossier(session: Session, dossier_id: int) -> Sequence[tuple[FichierDossier, Fichier]]:
    """Ce que le porteur a joint au dossier ou à ses messages ; ce que les services envoient n'est pas à lui."""
    requete = (
        select(FichierDossier, Fichier)
        .join(Fichier, Fichier.id == FichierDossier.fichier_id)
        .outerjoin(Message, Message.id == FichierDossier.message_id)
        .where(FichierDossier.dossier_id == dossier_id, Fichier.etat.not_in(ECARTES))
        .where(or_(Message.id.is_(None), Message.cote == Cote.PORTEUR))
        .order_by(FichierDossier.a, FichierDossier.fichier_id)
    )
    return [(joint, fichier) for joint, fichier in session.execute(requete)]

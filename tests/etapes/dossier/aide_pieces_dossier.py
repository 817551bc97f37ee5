"""Des pièces exigées d'un appel, et des pièces déposées par l'organisation, pour les essais du dossier."""

from __future__ import annotations

from datetime import date, datetime
from io import BytesIO

from sqlalchemy import select

from app.etapes.appel.models import PieceExigee
from app.infra.files import Televersement, magasin_de
from app.referentiels.pieces import service
from app.referentiels.pieces.models import Fichier, Piece
from app.referentiels.pieces.rules import EtatFichier, Nature
from tests.etapes.dossier.conftest import Decor
from tests.factories import MAINTENANT
from tests.fichiers.aide_fichiers import un_pdf

EXIGEES = (
    ("statuts_et_liste_des_dirigeants", "Statuts et liste des dirigeants", True),
    ("rib", "RIB", True),
    ("attestation_assurance", "Attestation d’assurance", True),
    ("rapport_d_activite", "Rapport d’activité", False),
)


def exiger_pieces(decor: Decor) -> None:
    """L'appel demande ces pièces à toutes les formes de porteur : trois obligatoires, une facultative."""
    for code, libelle, obligatoire in EXIGEES:
        decor.session.add(
            PieceExigee(
                contrat_id=decor.contrat.id, appel_id=decor.appel.id, code=code, forme="*", libelle=libelle,
                est_obligatoire=obligatoire, source="",
            )
        )  # fmt: skip
    decor.session.commit()


def donner(
    decor: Decor, nature: Nature, *, nom: str = "", intitule: str = "", datee_du: date | None = None,
    etat: EtatFichier = EtatFichier.SAIN, le: datetime = MAINTENANT,
) -> Piece:  # fmt: skip
    """L'organisation dépose cette pièce à cet instant ; l'antivirus a conclu, sauf `etat` « reçu »."""
    octets = un_pdf(page=f"% {nature.value} {nom} {le}".encode())
    piece = service.deposer(
        decor.session, magasin_de(decor.service.state.config), decor.organisation,
        Televersement(nom or f"{nature.value}.pdf", BytesIO(octets)), nature=nature, intitule=intitule,
        datee_du=datee_du or MAINTENANT.date(), acteur=decor.acteur, maintenant=le,
    )  # fmt: skip
    conclure(decor, fichier_de(decor, piece), etat)
    return piece


def fichier_de(decor: Decor, piece: Piece) -> Fichier:
    """Le fichier d'une pièce."""
    return decor.session.scalars(select(Fichier).where(Fichier.id == piece.fichier_id)).one()


def conclure(decor: Decor, fichier: Fichier, etat: EtatFichier) -> None:
    """Ce que l'antivirus conclut."""
    if etat is not EtatFichier.RECU:
        fichier.etat, fichier.analyse_at, fichier.analyse_par = etat, MAINTENANT, "essai"
        fichier.motif = None if etat is EtatFichier.SAIN else "motif d’essai"
    decor.session.commit()

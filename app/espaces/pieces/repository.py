"""Qui peut lire un fichier. Chaque porte répond pour ce qu'elle connaît ; une seule ouverte suffit."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.repository import echanges
from app.etapes.dossier.service.echanges import INSTRUIT
from app.etapes.dossier.service.vie import roles_sur_dossier
from app.infra.identite import Identite
from app.referentiels.pieces import repository as pieces
from app.referentiels.pieces.models import Fichier

Porte = Callable[[Session, Identite, Fichier], bool]


def par_l_organisation(session: Session, acteur: Identite, fichier: Fichier) -> bool:
    """Une pièce d'organisation : ses membres, et qui instruit un de ses dossiers. Voir le dossier ne suffit pas.

    Un relevé bancaire, des comptes, un registre : les mêmes personnes que la demande entière (ADR 0018, § 4).
    """
    organisations = pieces.list_organisations_du_fichier(session, fichier.id)
    if not organisations:
        return False
    if organisations & acteur.organisations():
        return True
    instruits = acteur.contrats(INSTRUIT)
    if not instruits:
        return False
    requete = select(Dossier.id).where(Dossier.organisation_id.in_(organisations), dossiers.visibles(acteur))
    return session.scalar(requete.where(Dossier.contrat_id.in_(instruits)).limit(1)) is not None


def par_le_dossier(session: Session, acteur: Identite, fichier: Fichier) -> bool:
    """Un fichier joint à un dossier (ou à l'un de ses messages) : qui le porte ou l'instruit."""
    ids = echanges.list_dossiers_du_fichier(session, fichier.id)
    requete = select(Dossier).where(Dossier.id.in_(ids), dossiers.visibles(acteur)).order_by(Dossier.id)
    return bool(ids) and any(
        d.organisation_id in acteur.organisations() or roles_sur_dossier(acteur, d) & INSTRUIT
        for d in session.scalars(requete)
    )


PORTES: tuple[Porte, ...] = (par_l_organisation, par_le_dossier)
"""Une étape qui attache des fichiers ajoute la sienne ici."""


def get_fichier_lisible(session: Session, acteur: Identite, code: str) -> Fichier | None:
    """Le fichier de ce code, quel que soit son état, si une porte s'ouvre à cette personne."""
    fichier = pieces.get_fichier(session, code)
    if fichier is None or not any(porte(session, acteur, fichier) for porte in PORTES):
        return None
    return fichier

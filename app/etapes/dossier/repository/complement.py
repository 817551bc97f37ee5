"""Le complément qu'une demande attend encore : pour toutes les lignes du dossier, ou pour la sienne."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ScalarSelect, exists, func, or_, select
from sqlalchemy.orm import Session

from app.etapes.dossier.models import Demande, DemandeComplement
from app.etapes.dossier.rules.etats import AVANT_DECISION

_CONCERNE = or_(DemandeComplement.ligne_id.is_(None), DemandeComplement.ligne_id == Demande.ligne_id)
_SANS_REPONSE = DemandeComplement.recue_le.is_(None)


def derniere_echeance() -> ScalarSelect[Any]:
    """L'échéance la plus tardive des compléments sans réponse qui concernent la `Demande` lue ; NULL s'il n'y en a pas.

    `rules.complement.complement_en_suspens` la juge à l'instant de l'acte.
    """
    requete = select(func.max(DemandeComplement.echeance_le)).where(
        DemandeComplement.dossier_id == Demande.dossier_id, _SANS_REPONSE, _CONCERNE
    )
    return requete.correlate(Demande).scalar_subquery()


def echeance_attendue(session: Session, demande: Demande) -> datetime | None:
    """L'échéance la plus tardive des compléments sans réponse qui concernent cette demande."""
    return session.scalar(select(derniere_echeance()).select_from(Demande).where(Demande.id == demande.id))


def attend_encore(session: Session, dossier_id: int) -> bool:
    """Vrai si un complément sans réponse concerne une demande que personne n'a encore décidée."""
    requete = select(DemandeComplement.id).where(
        DemandeComplement.dossier_id == dossier_id,
        _SANS_REPONSE,
        exists().where(Demande.dossier_id == dossier_id, Demande.etat.in_(AVANT_DECISION), _CONCERNE),
    )
    return session.scalar(select(requete.exists())) or False

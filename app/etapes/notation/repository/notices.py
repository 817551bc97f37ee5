"""Les demandes de notice : celles d'un dossier, le compte d'un appel, celles qui attendent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.etapes.dossier.models import DocumentDossier, Dossier
from app.etapes.dossier.repository import visibles
from app.etapes.notation.models import DemandeNotice
from app.infra.identite import Identite

NATURE = "notice:"
"""Début de la nature d'une notice scellée ; la suite est l'empreinte de ce qu'elle dit."""


@dataclass(frozen=True, slots=True)
class CompteNotices:
    """Les notices d'un appel : demandées, remises, le délai médian de remise, la plus ancienne qui attend."""

    demandees: int
    remises: int
    delai_median: timedelta | None
    plus_ancienne: datetime | None

    @property
    def en_attente(self) -> int:
        """Combien attendent d'être remises."""
        return self.demandees - self.remises

    @property
    def delai_median_jours(self) -> int | None:
        """Le délai médian, en jours entiers (zéro : le jour même) ; None si rien n'est remis."""
        return self.delai_median.days if self.delai_median is not None else None


def list_demandes_notice(session: Session, dossier_id: int, *, verrou: bool = False) -> Sequence[DemandeNotice]:
    """Les demandes de notice d'un dossier, dans l'ordre."""
    requete = select(DemandeNotice).where(DemandeNotice.dossier_id == dossier_id).order_by(DemandeNotice.id)
    return session.scalars(requete.with_for_update(key_share=True) if verrou else requete).all()


def demandes_et_scellee(session: Session, dossier_id: int) -> tuple[Sequence[DemandeNotice], DocumentDossier | None]:
    """Les demandes de notice d'un dossier, dans l'ordre, et sa dernière notice scellée en PDF. Une requête."""
    derniere = (
        select(func.max(DocumentDossier.id))
        .where(DocumentDossier.dossier_id == dossier_id, DocumentDossier.nature.startswith(NATURE))
        .scalar_subquery()
    )
    requete = (
        select(DemandeNotice, DocumentDossier)
        .select_from(Dossier)
        .outerjoin(DemandeNotice, DemandeNotice.dossier_id == Dossier.id)
        .outerjoin(DocumentDossier, DocumentDossier.id == derniere)
        .where(Dossier.id == dossier_id)
        .order_by(DemandeNotice.id)
    )
    rangees = session.execute(requete).all()
    return [demande for demande, _ in rangees if demande is not None], rangees[0][1]


def compter_notices(session: Session, appel_id: int) -> CompteNotices:
    """Le compte des notices d'un appel. Une requête."""
    delai = DemandeNotice.remise_le - DemandeNotice.demandee_le
    attend = DemandeNotice.remise_le.is_(None)
    requete = (
        select(
            func.count(),
            func.count(DemandeNotice.remise_le),
            func.percentile_disc(0.5).within_group(delai),
            func.min(DemandeNotice.demandee_le).filter(attend),
        )
        .select_from(DemandeNotice)
        .join(Dossier, Dossier.id == DemandeNotice.dossier_id)
        .where(Dossier.appel_id == appel_id)
    )
    return CompteNotices(*session.execute(requete).one())


def list_notices_en_attente(
    session: Session, appel_id: int, acteur: Identite, *, maximum: int
) -> Sequence[tuple[DemandeNotice, Dossier]]:
    """Les demandes qui attendent leur remise, la plus ancienne d'abord, parmi les dossiers en vue. Une requête."""
    requete = (
        select(DemandeNotice, Dossier)
        .join(Dossier, Dossier.id == DemandeNotice.dossier_id)
        .where(Dossier.appel_id == appel_id, DemandeNotice.remise_le.is_(None), visibles(acteur))
        .order_by(DemandeNotice.demandee_le, DemandeNotice.id)
        .limit(maximum)
    )
    return [(demande, dossier) for demande, dossier in session.execute(requete)]

"""Lectures : lignes de financement d'un contrat."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.territoires.models import Commune


def list_lignes(session: Session, contrat_id: int) -> Sequence[LigneFinancement]:
    """Les lignes d'un contrat, dans l'ordre."""
    requete = select(LigneFinancement).where(LigneFinancement.contrat_id == contrat_id)
    return session.scalars(requete.order_by(LigneFinancement.rang, LigneFinancement.id)).all()


def get_ligne(session: Session, contrat_id: int, code: str, *, verrou: bool = False) -> LigneFinancement | None:
    """La ligne de ce code ; `verrou` : pour la changer (les dépôts, qui la citent seulement, n'attendent pas)."""
    requete = select(LigneFinancement).where(LigneFinancement.contrat_id == contrat_id, LigneFinancement.code == code)
    if verrou:
        requete = requete.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalar(requete)


def communes_des_lignes(session: Session, contrat_id: int) -> dict[str, str]:
    """Code de ligne communale → code INSEE de sa commune."""
    requete = (
        select(LigneFinancement.code, Commune.insee)
        .join(Commune, Commune.id == LigneFinancement.commune_id)
        .where(LigneFinancement.contrat_id == contrat_id)
        .order_by(LigneFinancement.rang)
    )
    return dict(session.execute(requete).all())

"""Lectures : les versions de grille d'un contrat."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.referentiels.grilles.models import GrilleEnregistree


def get_grille(session: Session, grille_id: int) -> GrilleEnregistree:
    """Une grille par sa clé."""
    return session.get_one(GrilleEnregistree, grille_id)


def get_grille_par_version(session: Session, contrat_id: int, version: str) -> GrilleEnregistree | None:
    """La grille de cette version, dans ce contrat."""
    requete = select(GrilleEnregistree).where(
        GrilleEnregistree.contrat_id == contrat_id, GrilleEnregistree.version == version
    )
    return session.scalar(requete)


def list_grilles(session: Session, contrat_id: int) -> Sequence[GrilleEnregistree]:
    """Les grilles d'un contrat, de la plus récente à la plus ancienne."""
    requete = select(GrilleEnregistree).where(GrilleEnregistree.contrat_id == contrat_id)
    return session.scalars(requete.order_by(GrilleEnregistree.id.desc())).all()

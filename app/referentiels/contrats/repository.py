"""Lectures : contrats et versions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.referentiels.contrats.models import Contrat, VersionContrat


def get_contrat(session: Session, contrat_id: int) -> Contrat:
    """Un contrat par sa clé."""
    return session.get_one(Contrat, contrat_id)


def get_contrat_par_code(session: Session, code: str) -> Contrat | None:
    """Un contrat par son code."""
    return session.scalar(select(Contrat).where(Contrat.code == code))


def list_contrats(session: Session) -> Sequence[Contrat]:
    """Tous les contrats de l'instance, par intitulé."""
    return session.scalars(select(Contrat).order_by(Contrat.intitule, Contrat.id)).all()


def list_versions(session: Session, contrat_id: int) -> Sequence[VersionContrat]:
    """Les versions d'un contrat, de la plus ancienne à la plus récente."""
    requete = select(VersionContrat).where(VersionContrat.contrat_id == contrat_id)
    return session.scalars(requete.order_by(VersionContrat.code)).all()


def version_en_vigueur(session: Session, contrat_id: int, jour: date) -> VersionContrat | None:
    """La version d'un contrat en vigueur ce jour-là : la plus récente qui a commencé. None avant la première."""
    commencee = or_(VersionContrat.en_vigueur_le.is_(None), VersionContrat.en_vigueur_le <= jour)
    requete = (
        select(VersionContrat)
        .where(VersionContrat.contrat_id == contrat_id, VersionContrat.chargee_at.is_not(None), commencee)
        .order_by(VersionContrat.en_vigueur_le.desc().nulls_last(), VersionContrat.id.desc())
        .limit(1)
    )
    return session.scalar(requete)

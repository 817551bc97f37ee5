"""Lectures : instances, membres, services consultés."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.referentiels.instances.models import Instance, MembreInstance, ServiceConsulte


def list_instances(session: Session, contrat_id: int) -> Sequence[Instance]:
    """Les instances d'un contrat, dans l'ordre du document."""
    requete = select(Instance).where(Instance.contrat_id == contrat_id).order_by(Instance.rang, Instance.id)
    return session.scalars(requete).all()


def get_instance(session: Session, contrat_id: int, code: str) -> Instance | None:
    """L'instance de ce code."""
    return session.scalar(select(Instance).where(Instance.contrat_id == contrat_id, Instance.code == code))


def list_membres(session: Session, instance_id: int) -> Sequence[MembreInstance]:
    """Les sièges d'une instance, dans l'ordre."""
    requete = select(MembreInstance).where(MembreInstance.instance_id == instance_id)
    return session.scalars(requete.order_by(MembreInstance.rang, MembreInstance.id)).all()


def list_services(session: Session, contrat_id: int) -> Sequence[ServiceConsulte]:
    """Les services consultés d'un contrat, par nom."""
    requete = select(ServiceConsulte).where(ServiceConsulte.contrat_id == contrat_id)
    return session.scalars(requete.order_by(ServiceConsulte.nom, ServiceConsulte.id)).all()


def list_services_par_code(session: Session, contrat_id: int, codes: Iterable[str]) -> Sequence[ServiceConsulte]:
    """Les services de ces codes, par nom."""
    requete = select(ServiceConsulte).where(
        ServiceConsulte.contrat_id == contrat_id, ServiceConsulte.code.in_(list(codes))
    )
    return session.scalars(requete.order_by(ServiceConsulte.nom, ServiceConsulte.id)).all()

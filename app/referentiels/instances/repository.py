"""Lectures : instances, membres, services consultés ; ce sur quoi peut porter une habilitation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, Text, literal, select, union_all
from sqlalchemy.orm import Session

from app.noyau.roles import Portee
from app.referentiels.acteurs.models import Compte
from app.referentiels.instances.models import Instance, MembreInstance, ServiceConsulte
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.territoires.models import Commune, Quartier


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


def list_cibles(session: Session, contrat_id: int) -> dict[Portee, list[tuple[str, str]]]:
    """Ce sur quoi peut porter une habilitation du contrat : portée → (code, nom), par nom. Une requête."""

    def de(portee: Portee, modele: Any, code: Any, nom: Any) -> Select[*tuple[Any, ...]]:
        return select(literal(portee.value, Text), code, nom).where(modele.contrat_id == contrat_id)

    requete = union_all(
        de(Portee.LIGNE, LigneFinancement, LigneFinancement.code, LigneFinancement.financeur),
        de(Portee.COMMUNE, Commune, Commune.insee, Commune.nom),
        de(Portee.QUARTIER, Quartier, Quartier.code, Quartier.nom),
        de(Portee.SERVICE, ServiceConsulte, ServiceConsulte.code, ServiceConsulte.nom),
        de(Portee.INSTANCE, Instance, Instance.code, Instance.nom),
    )
    rendu: dict[Portee, list[tuple[str, str]]] = {}
    for portee, code, nom in session.execute(requete):
        rendu.setdefault(Portee(portee), []).append((code, nom))
    for liste in rendu.values():
        liste.sort(key=lambda paire: (paire[1], paire[0]))
    return rendu


def list_sieges(session: Session, contrat_id: int) -> Sequence[tuple[MembreInstance, Instance, Compte | None]]:
    """Tous les sièges d'un contrat, leur instance et le compte qui l'occupe, dans l'ordre du document."""
    requete = (
        select(MembreInstance, Instance, Compte)
        .join(Instance, Instance.id == MembreInstance.instance_id)
        .outerjoin(Compte, Compte.id == MembreInstance.compte_id)
        .where(MembreInstance.contrat_id == contrat_id)
        .order_by(Instance.rang, Instance.id, MembreInstance.rang, MembreInstance.id)
    )
    return [(siege, instance, compte) for siege, instance, compte in session.execute(requete)]


def get_siege(session: Session, contrat_id: int, siege_id: int) -> MembreInstance | None:
    """Un siège de ce contrat, verrouillé."""
    requete = select(MembreInstance).where(MembreInstance.id == siege_id, MembreInstance.contrat_id == contrat_id)
    return session.scalar(requete.with_for_update())


def autre_siege(session: Session, siege: MembreInstance, compte_id: int) -> str | None:
    """La qualité d'un autre siège que ce compte occupe déjà dans la même instance."""
    requete = select(MembreInstance.qualite).where(
        MembreInstance.instance_id == siege.instance_id,
        MembreInstance.compte_id == compte_id,
        MembreInstance.id != siege.id,
    )
    return session.scalar(requete.order_by(MembreInstance.rang).limit(1))

"""Lectures : sessions d'un compte, inscriptions à confirmer, demandes d'accès."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.referentiels.acteurs.models import Compte, DemandeAcces, Inscription, Organisation, SessionWeb
from app.referentiels.acteurs.rules.comptes import NatureDemande

Posee = tuple[DemandeAcces, Organisation, Compte]
"""Une demande, l'organisation visée, qui demande."""


def list_sessions(session: Session, compte_id: int, machine: datetime) -> Sequence[SessionWeb]:
    """Les sessions ouvertes d'un compte, la dernière utilisée d'abord."""
    requete = select(SessionWeb).where(SessionWeb.compte_id == compte_id, SessionWeb.expire_at > machine)
    return session.scalars(requete.order_by(SessionWeb.vue_at.desc(), SessionWeb.empreinte)).all()


def get_inscription(session: Session, code: str, *, verrou: bool = False) -> Inscription | None:
    """L'inscription de ce code."""
    requete = select(Inscription).where(Inscription.code == code)
    if verrou:
        requete = requete.with_for_update().execution_options(populate_existing=True)
    return session.scalar(requete)


def compter_envois(session: Session, courriel: str, depuis: datetime) -> int:
    """Combien de courriels d'inscription sont partis à cette adresse depuis cet instant."""
    requete = select(func.count()).where(Inscription.courriel == courriel, Inscription.envoye_at > depuis)
    return session.scalar(requete) or 0


def get_demande_en_attente(
    session: Session, compte_id: int, organisation_id: int, nature: NatureDemande
) -> DemandeAcces | None:
    """La demande de cette personne qui attend encore une réponse."""
    return session.scalar(
        select(DemandeAcces).where(
            DemandeAcces.compte_id == compte_id,
            DemandeAcces.organisation_id == organisation_id,
            DemandeAcces.nature == nature,
            DemandeAcces.suite.is_(None),
        )
    )


def compter_demandes(session: Session, compte_id: int, depuis: datetime) -> int:
    """Combien de demandes cette personne a faites depuis cet instant, toutes organisations confondues."""
    requete = select(func.count()).where(DemandeAcces.compte_id == compte_id, DemandeAcces.cree_at > depuis)
    return session.scalar(requete) or 0


def list_demandes(
    session: Session, *natures: NatureDemande, contrat_id: int | None = None, organisation_id: int | None = None
) -> Sequence[Posee]:
    """Les demandes de ces natures sans réponse, d'un contrat ou d'une organisation, la plus ancienne d'abord."""
    requete = (
        select(DemandeAcces, Organisation, Compte)
        .join(Organisation, Organisation.id == DemandeAcces.organisation_id)
        .join(Compte, Compte.id == DemandeAcces.compte_id)
        .where(DemandeAcces.nature.in_(natures), DemandeAcces.suite.is_(None), Compte.est_actif)
        .where(DemandeAcces.contrat_id.is_not_distinct_from(contrat_id))
        .order_by(DemandeAcces.cree_at, DemandeAcces.id)
    )
    if organisation_id is not None:
        requete = requete.where(DemandeAcces.organisation_id == organisation_id)
    return [(d, o, c) for d, o, c in session.execute(requete)]


def list_siennes(session: Session, compte_id: int) -> Sequence[tuple[DemandeAcces, Organisation]]:
    """Les demandes de cette personne qui attendent une réponse, la plus ancienne d'abord. Une requête."""
    requete = (
        select(DemandeAcces, Organisation)
        .join(Organisation, Organisation.id == DemandeAcces.organisation_id)
        .where(DemandeAcces.compte_id == compte_id, DemandeAcces.suite.is_(None))
        .order_by(DemandeAcces.cree_at, DemandeAcces.id)
    )
    return [(d, o) for d, o in session.execute(requete)]


def get_demande(
    session: Session, code: str, nature: NatureDemande, *, contrat_id: int | None = None,
    organisation_id: int | None = None,
) -> DemandeAcces | None:  # fmt: skip
    """La demande de ce code, dans ce contrat ou cette organisation, verrouillée."""
    requete = select(DemandeAcces).where(DemandeAcces.code == code, DemandeAcces.nature == nature)
    if contrat_id is not None:
        requete = requete.where(DemandeAcces.contrat_id == contrat_id)
    if organisation_id is not None:
        requete = requete.where(DemandeAcces.organisation_id == organisation_id)
    return session.scalar(requete.with_for_update().execution_options(populate_existing=True))

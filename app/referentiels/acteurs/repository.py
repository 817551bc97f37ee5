"""Lectures : identité d'une session ou d'un jeton, comptes, organisations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Row, Select, and_, bindparam, func, or_, select
from sqlalchemy.orm import Session

from app.infra.identite import Habilitation, Identite
from app.noyau.roles import Portee, Role
from app.referentiels.acteurs.models import (
    Compte,
    EchecConnexion,
    HabilitationCompte,
    JetonApi,
    Organisation,
    SessionWeb,
)


def _avec_habilitations() -> Select[*tuple[Any, ...]]:
    """Les colonnes utiles, une fois pour toutes : chaque page commence par cette lecture (l'instant est lié)."""
    h, instant = HabilitationCompte, bindparam("maintenant", type_=DateTime(timezone=True))
    en_cours = and_(h.compte_id == Compte.id, h.debut <= instant, or_(h.fin.is_(None), h.fin > instant))
    return (
        select(Compte.id, Compte.acteur, Compte.nom_affiche, Compte.courriel)
        .add_columns(h.role, h.portee, h.contrat_id, h.cible, h.organisation_id)
        .outerjoin(h, en_cours)
        .where(Compte.est_actif)
        .order_by(h.id)
    )


_DU_COMPTE = _avec_habilitations().where(Compte.id == bindparam("compte"))
_DE_LA_SESSION = (
    _avec_habilitations()
    .join(SessionWeb, SessionWeb.compte_id == Compte.id)
    .where(SessionWeb.empreinte == bindparam("empreinte"), SessionWeb.expire_at > bindparam("machine"))
)
_DU_JETON = (
    _avec_habilitations()
    .join(JetonApi, JetonApi.compte_id == Compte.id)
    .where(JetonApi.empreinte == bindparam("empreinte"), JetonApi.expire_at > bindparam("machine"))
    .where(JetonApi.revoque_at.is_(None))
)


def _identite(lignes: Sequence[Row[*tuple[Any, ...]]], *, par_jeton: bool, empreinte: bytes) -> Identite | None:
    if not lignes:
        return None
    compte_id, acteur, nom, courriel, *_ = lignes[0]
    return Identite(
        compte_id=compte_id,
        acteur=acteur,
        nom=nom,
        courriel=courriel,
        habilitations=tuple(Habilitation(*ligne[4:]) for ligne in lignes if ligne.role is not None),
        par_jeton=par_jeton,
        empreinte_session=empreinte,
    )


def identite_de_session(session: Session, empreinte: bytes, machine: datetime, maintenant: datetime) -> Identite | None:
    """L'identité d'un témoin vivant (à l'heure de la machine), habilitations à l'instant du métier. Une requête."""
    lies = {"empreinte": empreinte, "machine": machine, "maintenant": maintenant}
    return _identite(session.execute(_DE_LA_SESSION, lies).all(), par_jeton=False, empreinte=empreinte)


def identite_de_jeton(session: Session, empreinte: bytes, machine: datetime, maintenant: datetime) -> Identite | None:
    """L'identité d'un jeton d'API ni expiré ni révoqué : les droits de son auteur. Une requête."""
    lies = {"empreinte": empreinte, "machine": machine, "maintenant": maintenant}
    return _identite(session.execute(_DU_JETON, lies).all(), par_jeton=True, empreinte=empreinte)


def identite_de_compte(session: Session, compte_id: int, maintenant: datetime) -> Identite | None:
    """L'identité d'un compte actif, hors de toute connexion (tâches, ligne de commande)."""
    lies = {"compte": compte_id, "maintenant": maintenant}
    return _identite(session.execute(_DU_COMPTE, lies).all(), par_jeton=True, empreinte=b"")


def get_compte_par_courriel(session: Session, courriel: str) -> Compte | None:
    """Le compte actif de cette adresse."""
    return session.scalar(select(Compte).where(Compte.courriel == courriel.strip().lower(), Compte.est_actif))


def compter_echecs(session: Session, cle: bytes, depuis: datetime) -> int:
    """Échecs de connexion de cette clé depuis cet instant."""
    requete = select(func.count()).where(EchecConnexion.cle == cle, EchecConnexion.a > depuis)
    return session.scalar(requete) or 0


def list_comptes_demonstration(session: Session) -> Sequence[Compte]:
    """Les comptes de démonstration, par nom."""
    requete = select(Compte).where(Compte.est_demonstration, Compte.est_actif).order_by(Compte.id)
    return session.scalars(requete).all()


def list_jetons(session: Session, compte_id: int) -> Sequence[JetonApi]:
    """Les jetons d'un compte, du plus récent au plus ancien."""
    return session.scalars(select(JetonApi).where(JetonApi.compte_id == compte_id).order_by(JetonApi.id.desc())).all()


def get_jeton(session: Session, compte_id: int, jeton_id: int) -> JetonApi | None:
    """Un jeton de ce compte, verrouillé."""
    requete = select(JetonApi).where(JetonApi.id == jeton_id, JetonApi.compte_id == compte_id).with_for_update()
    return session.scalar(requete)


def get_organisation(session: Session, organisation_id: int) -> Organisation | None:
    """Une organisation par sa clé."""
    return session.get(Organisation, organisation_id)


def get_organisation_par_code(session: Session, code: str, permises: Iterable[int]) -> Organisation | None:
    """Une organisation par son code public, parmi celles qu'on peut voir."""
    return session.scalar(select(Organisation).where(Organisation.code == code, Organisation.id.in_(list(permises))))


def get_organisation_par_siret(session: Session, siret: str) -> Organisation | None:
    """L'organisation de ce SIRET."""
    return session.scalar(select(Organisation).where(Organisation.siret == siret))


def list_organisations(session: Session, ids: Iterable[int]) -> Sequence[Organisation]:
    """Des organisations par leurs clés, par nom."""
    return session.scalars(
        select(Organisation).where(Organisation.id.in_(list(ids))).order_by(Organisation.nom, Organisation.id)
    ).all()


def list_comptes_habilites(session: Session, organisation_id: int, roles: Iterable[Role]) -> Sequence[Compte]:
    """Les comptes qui tiennent l'un de ces rôles dans une organisation (destinataires d'un courriel)."""
    requete = (
        select(Compte)
        .join(HabilitationCompte, HabilitationCompte.compte_id == Compte.id)
        .where(HabilitationCompte.organisation_id == organisation_id, HabilitationCompte.role.in_(list(roles)))
        .where(Compte.est_actif)
        .order_by(Compte.id)
        .distinct()
    )
    return session.scalars(requete).all()


def list_comptes_du_contrat(
    session: Session, contrat_id: int, role: Role, portee: Portee, cible: str, maintenant: datetime
) -> Sequence[Compte]:
    """Les comptes actifs qui tiennent ce rôle sur cette cible à cet instant."""
    requete = (
        select(Compte)
        .join(HabilitationCompte, HabilitationCompte.compte_id == Compte.id)
        .where(
            HabilitationCompte.contrat_id == contrat_id,
            HabilitationCompte.role == role,
            HabilitationCompte.portee == portee,
            HabilitationCompte.cible == cible,
            HabilitationCompte.debut <= maintenant,
            or_(HabilitationCompte.fin.is_(None), HabilitationCompte.fin > maintenant),
            Compte.est_actif,
        )
        .order_by(Compte.id)
        .distinct()
    )
    return session.scalars(requete).all()

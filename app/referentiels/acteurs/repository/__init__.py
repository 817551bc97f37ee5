"""Lectures : identité d'une session ou d'un jeton, comptes, organisations, habilitations, liens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Row, Select, and_, bindparam, func, or_, select
from sqlalchemy.orm import Session

from app.infra.identite import Habilitation, Identite
from app.noyau.roles import Portee, Role
from app.referentiels.acteurs.models import (
    Compte,
    EchecConnexion,
    HabilitationCompte,
    JetonApi,
    LienAcces,
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
    .add_columns(SessionWeb.vue_at)
    .join(SessionWeb, SessionWeb.compte_id == Compte.id)
    .where(SessionWeb.empreinte == bindparam("empreinte"), SessionWeb.expire_at > bindparam("machine"))
)
_DU_JETON = (
    _avec_habilitations()
    .join(JetonApi, JetonApi.compte_id == Compte.id)
    .where(JetonApi.empreinte == bindparam("empreinte"), JetonApi.expire_at > bindparam("machine"))
    .where(JetonApi.revoque_at.is_(None))
)


def _identite(
    lignes: Sequence[Row[*tuple[Any, ...]]], maintenant: datetime, *, par_jeton: bool, empreinte: bytes
) -> Identite | None:
    if not lignes:
        return None
    compte_id, acteur, nom, courriel, *_ = lignes[0]
    return Identite(
        compte_id=compte_id,
        acteur=acteur,
        nom=nom,
        courriel=courriel,
        habilitations=tuple(Habilitation(*ligne[4:9]) for ligne in lignes if ligne.role is not None),
        par_jeton=par_jeton,
        empreinte_session=empreinte,
        instant=maintenant,
        session_vue_at=lignes[0][9] if len(lignes[0]) > 9 else None,
    )


def identite_de_session(session: Session, empreinte: bytes, machine: datetime, maintenant: datetime) -> Identite | None:
    """L'identité d'un témoin vivant (à l'heure de la machine), habilitations à l'instant du métier. Une requête."""
    lies = {"empreinte": empreinte, "machine": machine, "maintenant": maintenant}
    return _identite(session.execute(_DE_LA_SESSION, lies).all(), maintenant, par_jeton=False, empreinte=empreinte)


def compte_du_temoin(session: Session, empreinte: bytes) -> int | None:
    """Le compte d'un témoin connu, fini ou non (les sessions finies s'effacent la nuit suivante)."""
    return session.scalar(select(SessionWeb.compte_id).where(SessionWeb.empreinte == empreinte))


def identite_de_jeton(session: Session, empreinte: bytes, machine: datetime, maintenant: datetime) -> Identite | None:
    """L'identité d'un jeton d'API ni expiré ni révoqué : les droits de son auteur. Une requête."""
    lies = {"empreinte": empreinte, "machine": machine, "maintenant": maintenant}
    return _identite(session.execute(_DU_JETON, lies).all(), maintenant, par_jeton=True, empreinte=empreinte)


def identite_de_compte(session: Session, compte_id: int, maintenant: datetime) -> Identite | None:
    """L'identité d'un compte actif, hors de toute connexion (tâches, ligne de commande)."""
    lies = {"compte": compte_id, "maintenant": maintenant}
    return _identite(session.execute(_DU_COMPTE, lies).all(), maintenant, par_jeton=True, empreinte=b"")


def get_compte_par_courriel(session: Session, courriel: str) -> Compte | None:
    """Le compte actif de cette adresse."""
    return session.scalar(select(Compte).where(Compte.courriel == courriel.strip().lower(), Compte.est_actif))


def get_compte_actif(session: Session, compte_id: int, *, verrou: bool = False) -> Compte | None:
    """Le compte de ce numéro, s'il est actif."""
    requete = select(Compte).where(Compte.id == compte_id, Compte.est_actif)
    if verrou:
        requete = requete.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalar(requete)


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


def list_comptes_habilites(
    session: Session, organisation_id: int, roles: Iterable[Role], maintenant: datetime
) -> Sequence[Compte]:
    """Les comptes qui tiennent l'un de ces rôles dans une organisation à cet instant (destinataires d'un courriel)."""
    requete = (
        select(Compte)
        .join(HabilitationCompte, HabilitationCompte.compte_id == Compte.id)
        .where(HabilitationCompte.organisation_id == organisation_id, HabilitationCompte.role.in_(list(roles)))
        .where(
            HabilitationCompte.debut <= maintenant,
            or_(HabilitationCompte.fin.is_(None), HabilitationCompte.fin > maintenant),
            Compte.est_actif,
        )
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


def courriel_est_pris(session: Session, courriel: str) -> bool:
    """Vrai si un compte, actif ou non, porte cette adresse."""
    return session.scalar(select(Compte.id).where(Compte.courriel == courriel)) is not None


def code_organisation(session: Session, organisation_id: int | None) -> str | None:
    """Le code public d'une organisation."""
    return session.scalar(select(Organisation.code).where(Organisation.id == organisation_id))


def _vive(maintenant: datetime) -> ColumnElement[bool]:
    """Une habilitation en cours ou à venir."""
    return or_(HabilitationCompte.fin.is_(None), HabilitationCompte.fin > maintenant)


def compter_administrateurs(session: Session, siret: str, maintenant: datetime) -> int:
    """Combien de personnes administrent l'organisation de ce SIRET."""
    h = HabilitationCompte
    requete = (
        select(func.count(h.compte_id.distinct()))
        .join(Organisation, Organisation.id == h.organisation_id)
        .join(Compte, Compte.id == h.compte_id)
        .where(Organisation.siret == siret, h.role == Role.ADMINISTRATEUR_PORTEUR, h.debut <= maintenant)
        .where(_vive(maintenant), Compte.est_actif)
    )
    return session.scalar(requete) or 0


Tenue = tuple[HabilitationCompte, Compte]


def list_membres(session: Session, organisation_id: int, maintenant: datetime) -> Sequence[Tenue]:
    """Qui peut agir pour une organisation, et en quoi ; par nom puis par rôle."""
    h = HabilitationCompte
    requete = (
        select(h, Compte)
        .join(Compte, Compte.id == h.compte_id)
        .where(h.organisation_id == organisation_id, _vive(maintenant), Compte.est_actif)
        .order_by(Compte.nom_affiche, Compte.id, h.role, h.id)
    )
    return [(tenue, compte) for tenue, compte in session.execute(requete)]


def list_habilitations_du_contrat(
    session: Session, contrat_id: int, maintenant: datetime, *, q: str = "", maximum: int | None = None
) -> Sequence[Tenue]:
    """Qui tient un rôle dans un contrat, maintenant ou bientôt ; par nom. `maximum` borne le nombre de comptes."""
    h = HabilitationCompte
    du_contrat = and_(h.contrat_id == contrat_id, _vive(maintenant))
    qui = select(Compte.id).where(Compte.est_actif, Compte.id.in_(select(h.compte_id).where(du_contrat)))
    if q:
        motif = func.lower(f"%{q.replace('%', '').replace('_', '')}%")
        qui = qui.where(or_(func.lower(Compte.nom_affiche).like(motif), Compte.courriel.like(motif)))
    qui = qui.order_by(Compte.nom_affiche, Compte.id).limit(maximum)
    requete = (
        select(h, Compte)
        .join(Compte, Compte.id == h.compte_id)
        .where(du_contrat, Compte.id.in_(qui.scalar_subquery()))
        .order_by(Compte.nom_affiche, Compte.id, h.role, h.cible, h.id)
    )
    return [(tenue, compte) for tenue, compte in session.execute(requete)]


def list_habilitations(session: Session, compte_id: int, contrat_id: int) -> Sequence[HabilitationCompte]:
    """Tout ce qu'un compte a tenu dans un contrat, closes comprises ; la plus récente d'abord."""
    h = HabilitationCompte
    requete = select(h).where(h.compte_id == compte_id, h.contrat_id == contrat_id)
    return session.scalars(requete.order_by(h.debut.desc(), h.id.desc())).all()


def get_compte_du_contrat(session: Session, acteur: str, contrat_id: int) -> Compte | None:
    """Le compte de cet acteur, s'il tient ou a tenu un rôle dans ce contrat."""
    tenues = select(HabilitationCompte.compte_id).where(HabilitationCompte.contrat_id == contrat_id)
    return session.scalar(select(Compte).where(Compte.acteur == acteur, Compte.est_actif, Compte.id.in_(tenues)))


def tient_un_role(session: Session, compte_id: int, contrat_id: int, maintenant: datetime) -> bool:
    """Vrai si ce compte tient, maintenant ou bientôt, un rôle dans ce contrat."""
    h = HabilitationCompte
    requete = select(h.id).where(h.compte_id == compte_id, h.contrat_id == contrat_id, _vive(maintenant))
    return session.scalar(requete.limit(1)) is not None


def get_tenue(
    session: Session, habilitation_id: int, *, contrat_id: int | None = None, organisation_id: int | None = None
) -> Tenue | None:
    """Une habilitation de ce contrat (ou de cette organisation) et son compte."""
    h = HabilitationCompte
    requete = (
        select(h, Compte)
        .join(Compte, Compte.id == h.compte_id)
        .where(h.id == habilitation_id, h.contrat_id.is_not_distinct_from(contrat_id))
        .where(h.organisation_id.is_not_distinct_from(organisation_id))
    )
    rangee = session.execute(requete).first()
    return None if rangee is None else (rangee[0], rangee[1])


def list_meme_role(
    session: Session, habilitation: HabilitationCompte, maintenant: datetime
) -> Sequence[HabilitationCompte]:
    """Les habilitations en cours du même rôle au même endroit, verrouillées : deux retraits croisés s'attendent."""
    h = HabilitationCompte
    requete = (
        select(h)
        .where(h.role == habilitation.role, h.contrat_id.is_not_distinct_from(habilitation.contrat_id))
        .where(h.organisation_id.is_not_distinct_from(habilitation.organisation_id))
        .where(h.debut <= maintenant, _vive(maintenant))
        .order_by(h.id)
    )
    return session.scalars(requete.with_for_update().execution_options(populate_existing=True)).all()


def est_deja_habilite(
    session: Session, compte_id: int, role: Role, portee: Portee, contrat_id: int | None, cible: str,
    organisation_id: int | None, debut: datetime, fin: datetime | None,
) -> bool:  # fmt: skip
    """Vrai si ce compte tient déjà ce rôle au même endroit sur une partie de [debut, fin[."""
    h = HabilitationCompte
    requete = select(h.id).where(
        h.compte_id == compte_id, h.role == role, h.portee == portee, h.cible == cible,
        h.contrat_id.is_not_distinct_from(contrat_id), h.organisation_id.is_not_distinct_from(organisation_id),
        or_(h.fin.is_(None), h.fin > debut),
    )  # fmt: skip
    if fin is not None:
        requete = requete.where(h.debut < fin)
    return session.scalar(requete.limit(1)) is not None


def get_lien(session: Session, code: str, *, verrou: bool = False) -> LienAcces | None:
    """Le lien de ce code."""
    requete = select(LienAcces).where(LienAcces.code == code)
    if verrou:
        requete = requete.with_for_update().execution_options(populate_existing=True)
    return session.scalar(requete)


def list_liens_vifs(
    session: Session, machine: datetime, *, organisation_id: int | None = None, compte_id: int | None = None,
    verrou: bool = False,
) -> Sequence[LienAcces]:  # fmt: skip
    """Les liens ni utilisés, ni annulés, ni expirés d'une organisation ou d'un compte, le plus récent d'abord.

    `verrou` : qui suit l'un d'eux en ce moment est attendu, et son lien, utilisé, n'y est plus.
    """
    requete = select(LienAcces).where(
        LienAcces.organisation_id.is_not_distinct_from(organisation_id),
        LienAcces.compte_id.is_not_distinct_from(compte_id),
        LienAcces.utilise_at.is_(None),
        LienAcces.annule_at.is_(None),
        LienAcces.expire_at > machine,
    )
    if verrou:
        requete = requete.with_for_update().execution_options(populate_existing=True)
    return session.scalars(requete.order_by(LienAcces.id.desc())).all()


def a_un_lien_depuis(session: Session, compte_id: int, depuis: datetime) -> bool:
    """Vrai si un lien a été fait pour ce compte après cet instant."""
    requete = select(LienAcces.id).where(LienAcces.compte_id == compte_id, LienAcces.cree_at > depuis)
    return session.scalar(requete.limit(1)) is not None

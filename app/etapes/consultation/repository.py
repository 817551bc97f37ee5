"""Lectures de la consultation : rencontres, lots, avis courants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ARRAY, BigInteger, any_, bindparam, exists, func, select
from sqlalchemy.orm import Session, aliased

from app.etapes.consultation.models import Avis, Rencontre, RencontreDossier, RencontreService
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.repository import visibles
from app.etapes.dossier.rules.etats import AVANT_DECISION
from app.infra.identite import Identite
from app.noyau.erreurs import Introuvable
from app.noyau.roles import ROLES_AGENT, Portee, Role
from app.referentiels.instances.models import ServiceConsulte

_AUTRE = aliased(Avis)
CONVOQUE = frozenset({Role.SOUS_PREFECTURE, Role.CHARGE_MISSION})


@dataclass(frozen=True, slots=True)
class AvisLu:
    """Un avis courant et le service qui l'a rendu."""

    avis: Avis
    service: ServiceConsulte


@dataclass(frozen=True, slots=True)
class DossierDuLot:
    """Un dossier d'un lot, à sa place."""

    dossier: Dossier
    rang: int


def services_de(acteur: Identite, contrat_id: int | None = None) -> frozenset[str]:
    """Codes des services dont la personne est le référent."""
    return acteur.cibles(Portee.SERVICE, Role.REFERENT_SERVICE, contrat_id=contrat_id)


def list_rencontres(session: Session, acteur: Identite) -> Sequence[Rencontre]:
    """Les rencontres que la personne prépare, suit ou à laquelle son service est convoqué, par date."""
    requete = select(Rencontre).order_by(Rencontre.prevue_le.desc(), Rencontre.id.desc())
    contrats = acteur.contrats(ROLES_AGENT)
    if contrats:
        return session.scalars(requete.where(Rencontre.contrat_id.in_(contrats))).all()
    convoque = exists().where(
        RencontreService.rencontre_id == Rencontre.id,
        RencontreService.service_id == ServiceConsulte.id,
        ServiceConsulte.code.in_(services_de(acteur)),
        ServiceConsulte.contrat_id.in_(acteur.contrats({Role.REFERENT_SERVICE})),
    )
    return session.scalars(requete.where(convoque)).all()


def get_rencontre(session: Session, code: str, acteur: Identite, *, verrou: bool = False) -> Rencontre:
    """La rencontre de ce code, si la personne peut la voir. Lève Introuvable."""
    requete = select(Rencontre).where(Rencontre.code == code)
    rencontre = session.scalar(requete.with_for_update(key_share=True) if verrou else requete)
    if rencontre is None or not _en_vue(session, rencontre, acteur):
        raise Introuvable("Cette rencontre n’existe pas, ou vous n’y êtes pas convoqué.")
    return rencontre


def _en_vue(session: Session, rencontre: Rencontre, acteur: Identite) -> bool:
    if acteur.tient(*ROLES_AGENT, contrat_id=rencontre.contrat_id):
        return True
    codes = {s.code for s in list_services_convoques(session, rencontre.id)}
    return bool(codes & services_de(acteur, rencontre.contrat_id))


def list_services_convoques(session: Session, rencontre_id: int) -> Sequence[ServiceConsulte]:
    """Les services convoqués, par nom."""
    requete = (
        select(ServiceConsulte)
        .join(RencontreService, RencontreService.service_id == ServiceConsulte.id)
        .where(RencontreService.rencontre_id == rencontre_id)
        .order_by(ServiceConsulte.nom, ServiceConsulte.id)
    )
    return session.scalars(requete).all()


def list_lot(session: Session, rencontre_id: int, acteur: Identite) -> Sequence[DossierDuLot]:
    """Les dossiers d'une rencontre que la personne peut lire, dans l'ordre du lot."""
    requete = (
        select(Dossier, RencontreDossier.rang)
        .join(RencontreDossier, RencontreDossier.dossier_id == Dossier.id)
        .where(RencontreDossier.rencontre_id == rencontre_id, visibles(acteur))
        .order_by(RencontreDossier.rang, Dossier.id)
    )
    return [DossierDuLot(d, rang) for d, rang in session.execute(requete)]


def exiger_au_lot(session: Session, rencontre: Rencontre, dossier: Dossier) -> None:
    """Lève Introuvable si ce dossier n'est pas inscrit au lot de cette rencontre."""
    if session.get(RencontreDossier, (rencontre.id, dossier.id)) is None:
        raise Introuvable("Ce dossier n’est pas au lot de cette rencontre.")


def attend_une_decision(session: Session, dossier_id: int) -> bool:
    """Vrai si une demande de ce dossier attend encore sa décision."""
    requete = select(exists().where(Demande.dossier_id == dossier_id, Demande.etat.in_(AVANT_DECISION)))
    return session.scalar(requete) or False


def dernier_rang(session: Session, dossier_id: int, service_id: int) -> int:
    """Rang du dernier avis de ce service sur ce dossier, 0 s'il n'en a rendu aucun."""
    requete = select(func.max(Avis.rang)).where(Avis.dossier_id == dossier_id, Avis.service_id == service_id)
    return session.scalar(requete) or 0


_COURANTS = (
    select(Avis, ServiceConsulte)
    .join(ServiceConsulte, ServiceConsulte.id == Avis.service_id)
    .where(
        Avis.dossier_id == any_(bindparam("dossiers", type_=ARRAY(BigInteger))),
        Avis.rang
        == select(func.max(_AUTRE.rang))
        .where(_AUTRE.dossier_id == Avis.dossier_id, _AUTRE.service_id == Avis.service_id)
        .scalar_subquery(),
    )
    .order_by(Avis.dossier_id, ServiceConsulte.nom, ServiceConsulte.id)
)


def avis_courants(session: Session, dossier_ids: Iterable[int]) -> Mapping[int, Sequence[AvisLu]]:
    """Dossier → avis en vigueur (le dernier de chaque service), par nom de service."""
    rendu: dict[int, list[AvisLu]] = {}
    for avis, service in session.execute(_COURANTS, {"dossiers": list(dossier_ids)}):
        rendu.setdefault(avis.dossier_id, []).append(AvisLu(avis, service))
    return rendu


def list_a_convoquer(session: Session, appel_id: int, acteur: Identite) -> Sequence[Dossier]:
    """Les dossiers déposés d'un appel qu'on peut inscrire à une rencontre, par numéro."""
    requete = (
        select(Dossier)
        .where(Dossier.appel_id == appel_id, Dossier.numero.is_not(None), visibles(acteur))
        .order_by(Dossier.numero)
    )
    return session.scalars(requete).all()


def list_dossiers_par_numero(session: Session, appel_id: int, numeros: Iterable[str]) -> Sequence[Dossier]:
    """Les dossiers de ces numéros dans cet appel, par numéro."""
    requete = select(Dossier).where(Dossier.appel_id == appel_id, Dossier.numero.in_(list(numeros)))
    return session.scalars(requete.order_by(Dossier.numero)).all()


def get_service(session: Session, contrat_id: int, code: str) -> ServiceConsulte | None:
    """Le service consulté de ce code."""
    requete = select(ServiceConsulte).where(ServiceConsulte.contrat_id == contrat_id, ServiceConsulte.code == code)
    return session.scalar(requete)


def rencontres_du_dossier(session: Session, dossier_id: int) -> Sequence[Rencontre]:
    """Les rencontres où ce dossier est inscrit, par date."""
    requete = (
        select(Rencontre)
        .join(RencontreDossier, RencontreDossier.rencontre_id == Rencontre.id)
        .where(RencontreDossier.dossier_id == dossier_id)
        .order_by(Rencontre.prevue_le, Rencontre.id)
    )
    return session.scalars(requete).all()

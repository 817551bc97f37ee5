"""Les séances, leurs membres, leurs présences, leur procès-verbal scellé."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from app.etapes.commission.models import Presence, Seance
from app.infra.documents import Document
from app.infra.identite import Identite
from app.noyau.erreurs import Introuvable
from app.noyau.periodes import a_paris
from app.noyau.roles import ROLES_COMMISSION, Portee, Role
from app.referentiels.acteurs.models import Compte
from app.referentiels.instances.models import Instance, MembreInstance

LISENT = ROLES_COMMISSION | {
    Role.CHARGE_MISSION,
    Role.EQUIPE_PROJET,
    Role.INSTRUCTEUR,
    Role.SOUS_PREFECTURE,
    Role.ELU_LIGNE,
}
INTROUVABLE = "Cette séance n’existe pas, ou vous n’y avez pas accès."


def _en_vue(acteur: Identite) -> ColumnElement[bool]:
    """Les séances des contrats lus ; qui ne tient son rôle que dans une instance ne voit que les siennes."""
    tenues = [h for h in acteur.habilitations if h.role in LISENT and h.contrat_id is not None]
    larges = {h.contrat_id for h in tenues if h.portee is not Portee.INSTANCE}
    siennes = [
        and_(Instance.contrat_id == h.contrat_id, Instance.code == h.cible)
        for h in tenues
        if h.portee is Portee.INSTANCE
    ]
    du_contrat = Seance.contrat_id.in_(larges)
    return or_(du_contrat, Seance.instance_id.in_(select(Instance.id).where(or_(*siennes)))) if siennes else du_contrat


def list_seances(session: Session, acteur: Identite, appel_id: int | None = None) -> Sequence[Seance]:
    """Les séances que la personne peut lire (d'un appel), de la plus récente à la plus ancienne."""
    requete = select(Seance).where(_en_vue(acteur))
    if appel_id is not None:
        requete = requete.where(Seance.appel_id == appel_id)
    return session.scalars(requete.order_by(Seance.prevue_le.desc(), Seance.id.desc())).all()


def get_seance(session: Session, code: str, acteur: Identite, *, verrou: bool = False) -> Seance:
    """La séance de ce code. Lève Introuvable si elle n'est pas en vue.

    Avec `verrou` : après les enveloppes et les dossiers, avant le journal (architecture, décision 11).
    """
    requete = select(Seance).where(Seance.code == code, _en_vue(acteur))
    if verrou:
        requete = requete.with_for_update(key_share=True).execution_options(populate_existing=True)
    seance = session.scalar(requete)
    if seance is None:
        raise Introuvable(INTROUVABLE)
    return seance


def compter_seances(session: Session, appel_id: int) -> int:
    """Combien de séances cet appel a déjà."""
    return session.scalar(select(func.count()).where(Seance.appel_id == appel_id)) or 0


def get_commission(session: Session, contrat_id: int) -> Instance | None:
    """La commission des élus d'un contrat : la première instance qui a un siège de président."""
    requete = (
        select(Instance)
        .join(MembreInstance, MembreInstance.instance_id == Instance.id)
        .where(Instance.contrat_id == contrat_id, MembreInstance.est_president)
        .order_by(Instance.rang, Instance.id)
        .limit(1)
    )
    return session.scalar(requete)


def siege_occupe(seance: Seance) -> ColumnElement[bool]:
    """Les sièges occupés le jour de la séance."""
    jour: date = a_paris(seance.prevue_le).date()
    return and_(
        MembreInstance.instance_id == seance.instance_id,
        MembreInstance.debut <= jour,
        or_(MembreInstance.fin.is_(None), MembreInstance.fin >= jour),
    )


def list_membres(session: Session, seance: Seance) -> Sequence[MembreInstance]:
    """Les sièges occupés le jour de la séance, dans l'ordre ; `rang` est leur nom public."""
    requete = select(MembreInstance).where(siege_occupe(seance))
    return session.scalars(requete.order_by(MembreInstance.rang, MembreInstance.id)).all()


def sieges_de(membres: Sequence[MembreInstance], acteur: Identite) -> Sequence[MembreInstance]:
    """Les sièges que tient cette personne."""
    return [m for m in membres if m.compte_id == acteur.compte_id]


def list_comptes_des_membres(session: Session, seance: Seance) -> Sequence[Compte]:
    """Les comptes actifs des membres, pour les convoquer."""
    cles = [m.compte_id for m in list_membres(session, seance) if m.compte_id is not None]
    return session.scalars(select(Compte).where(Compte.id.in_(cles), Compte.est_actif).order_by(Compte.id)).all()


def get_presences(session: Session, seance_id: int) -> Mapping[int, Presence]:
    """Présence notée, par clé de siège."""
    requete = select(Presence).where(Presence.seance_id == seance_id).order_by(Presence.membre_id)
    return {p.membre_id: p for p in session.scalars(requete)}


def nom_du_pv(seance: Seance) -> str:
    """Le nom du procès-verbal scellé : il le retrouve parmi les documents."""
    return f"proces-verbal-{seance.code}.pdf"


def document_du_pv(session: Session, seance: Seance) -> Document | None:
    """Le procès-verbal scellé, s'il l'est déjà."""
    requete = select(Document).where(Document.nom == nom_du_pv(seance)).order_by(Document.a).limit(1)
    return session.scalar(requete)

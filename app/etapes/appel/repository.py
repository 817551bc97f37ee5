"""Lectures de l'appel : par code, phases, enveloppes, pièces exigées."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel, Engagement, Enveloppe, Liberation, MouvementEnveloppe, Phase, PieceExigee
from app.etapes.appel.rules import TOUS, EtatAppel, PhaseAnnoncee
from app.noyau.euros import Euros
from app.noyau.periodes import Intervalle
from app.referentiels.lignes.models import LigneFinancement


def get_appel_par_code(session: Session, code: str, *, verrou: bool = False) -> Appel | None:
    """L'appel de ce code ; avec `verrou`, pour le changer."""
    requete = select(Appel).where(Appel.code == code)
    return session.scalar(requete.with_for_update(key_share=True) if verrou else requete)


def get_appel(session: Session, appel_id: int, *, verrou: bool = False) -> Appel:
    """L'appel de cette clé."""
    requete = select(Appel).where(Appel.id == appel_id)
    return session.scalars(requete.with_for_update(key_share=True) if verrou else requete).one()


def list_appels(session: Session, contrats: Iterable[int] | None = None) -> Sequence[Appel]:
    """Les appels (de ces contrats), du plus récent au plus ancien."""
    requete = select(Appel).order_by(Appel.annee.desc(), Appel.id.desc())
    if contrats is not None:
        requete = requete.where(Appel.contrat_id.in_(list(contrats)))
    return session.scalars(requete).all()


def appel_de_travail(liste: Sequence[Appel]) -> Appel | None:
    """L'appel à montrer d'abord : le plus récent où quelqu'un a déposé, sinon le plus récent."""
    return next((a for a in liste if a.compteur), next(iter(liste), None))


def list_appels_ouverts(session: Session) -> Sequence[Appel]:
    """Les appels ouverts, tous contrats confondus."""
    requete = select(Appel).where(Appel.etat == EtatAppel.OUVERT).order_by(Appel.annee.desc(), Appel.id)
    return session.scalars(requete).all()


def list_phases(session: Session, appel_id: int) -> Sequence[Phase]:
    """Les phases d'un appel, dans l'ordre."""
    return session.scalars(select(Phase).where(Phase.appel_id == appel_id).order_by(Phase.rang)).all()


def annonce(phase: Phase) -> PhaseAnnoncee:
    """La phase, telle qu'elle a été annoncée."""
    return PhaseAnnoncee(**{champ: getattr(phase, champ) for champ in PhaseAnnoncee.__slots__})


def vider(session: Session, appel_id: int) -> None:
    """Retire les phases et les pièces d'un appel en préparation : personne ne s'y rapporte encore."""
    session.execute(delete(Phase).where(Phase.appel_id == appel_id))
    session.execute(delete(PieceExigee).where(PieceExigee.appel_id == appel_id))


def get_phase(session: Session, phase_id: int) -> Phase:
    """Une phase."""
    return session.get_one(Phase, phase_id)


def intervalle(phase: Phase) -> Intervalle:
    """Le temps du dépôt d'une phase : ouverture comprise, clôture exclue."""
    return Intervalle(phase.ouverture_le, phase.cloture_le)


def list_pieces(session: Session, appel_id: int, forme: str | None = None) -> Sequence[PieceExigee]:
    """Les pièces demandées par un appel ; avec `forme`, celles que cette forme de porteur doit donner."""
    requete = select(PieceExigee).where(PieceExigee.appel_id == appel_id).order_by(PieceExigee.id)
    if forme is not None:
        requete = requete.where(PieceExigee.forme.in_((TOUS, forme)))
    return session.scalars(requete).all()


def list_enveloppes(session: Session, contrat_id: int, annee: int) -> Sequence[tuple[Enveloppe, LigneFinancement]]:
    """Les enveloppes d'une année et leur ligne, dans l'ordre des lignes."""
    requete = (
        select(Enveloppe, LigneFinancement)
        .join(LigneFinancement, LigneFinancement.id == Enveloppe.ligne_id)
        .where(Enveloppe.contrat_id == contrat_id, Enveloppe.annee == annee)
        .order_by(LigneFinancement.rang, LigneFinancement.id)
    )
    return [(e, ligne) for e, ligne in session.execute(requete)]


def verrouiller_enveloppes(session: Session, contrat_id: int, cles: Iterable[tuple[int, int]]) -> Sequence[Enveloppe]:
    """Verrouille des enveloppes (ligne, année), triées par identifiant : toujours le premier verrou d'un acte."""
    voulues = set(cles)
    requete = (
        select(Enveloppe)
        .where(Enveloppe.contrat_id == contrat_id, Enveloppe.ligne_id.in_({ligne for ligne, _ in voulues}))
        .order_by(Enveloppe.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return [e for e in session.scalars(requete) if (e.ligne_id, e.annee) in voulues]


def list_mouvements(session: Session, enveloppe_id: int) -> Sequence[MouvementEnveloppe]:
    """Les changements de montant d'une enveloppe, dans l'ordre."""
    requete = select(MouvementEnveloppe).where(MouvementEnveloppe.enveloppe_id == enveloppe_id)
    return session.scalars(requete.order_by(MouvementEnveloppe.id)).all()


def engages_nets(session: Session, demande_ids: Iterable[int]) -> Mapping[int, Euros]:
    """Demande → ce qui reste engagé pour elle, libérations déduites ; absente si plus rien ne l'est."""
    cles = list(demande_ids)
    nets: dict[int, Euros] = {}
    for modele, signe in ((Engagement, 1), (Liberation, -1)):
        requete = select(modele.demande_id, func.sum(modele.montant)).where(modele.demande_id.in_(cles))
        for demande_id, somme in session.execute(requete.group_by(modele.demande_id)):
            nets[demande_id] = nets.get(demande_id, Euros(0)) + Euros(signe * somme.centimes)
    return {demande_id: net for demande_id, net in nets.items() if net}

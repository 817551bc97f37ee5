"""Lectures de la décision : les demandes d'une ligne, ce qui est voté, engagé, décidé, notifié."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel, Engagement, Enveloppe
from app.etapes.appel.repository import get_appel_par_code
from app.etapes.commission.models import PointSeance, ResultatPoint
from app.etapes.convention.models import ArreteLigne, Decision, Liberation, Notification
from app.etapes.convention.rules import EtatDeLaLigne, FaitsDecision
from app.etapes.dossier.models import Demande, DemandeComplement, Dossier
from app.etapes.dossier.repository import visibles
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.notation.models import NoteEnregistree
from app.infra.db import TypeEuros
from app.infra.identite import Identite
from app.noyau.erreurs import Introuvable
from app.noyau.euros import Euros
from app.noyau.periodes import a_paris
from app.noyau.roles import ROLES_COMMISSION, Role
from app.referentiels.acteurs.models import Organisation
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.lignes.repository import get_ligne
from app.referentiels.territoires.models import Commune

LISENT = ROLES_COMMISSION | {
    Role.CHARGE_MISSION,
    Role.EQUIPE_PROJET,
    Role.INSTRUCTEUR,
    Role.SOUS_PREFECTURE,
    Role.ELU_LIGNE,
}
A_VOTER = (EtatDemande.PROPOSEE, EtatDemande.ARBITREE)
A_DECIDER = (EtatDemande.VALIDEE, EtatDemande.AVIS_RENDU, EtatDemande.RESERVE)
FINANCENT = ("retenu", "amende")
RIEN = literal(Euros(0), TypeEuros())


@dataclass(frozen=True, slots=True)
class DemandeLue:
    """Une demande, de son vote à sa notification. `engage` : ce qui reste tenu sur l'enveloppe."""

    demande: Demande
    dossier: Dossier
    organisation: Organisation
    ligne: LigneFinancement
    resultat: ResultatPoint | None
    decision: Decision | None
    notification: Notification | None
    engage: Euros
    complement_attendu: bool

    @property
    def vote(self) -> Euros | None:
        """Le montant voté ; None si la commission n'a rien retenu."""
        retenu = self.resultat is not None and self.resultat.issue in FINANCENT
        return self.resultat.montant if self.resultat is not None and retenu else None


@dataclass(frozen=True, slots=True)
class Compte:
    """Combien de demandes d'une ligne sont dans un état, pour quels montants votés et décidés."""

    appel_id: int
    ligne_id: int
    etat: EtatDemande
    nombre: int
    vote: Euros
    decide: Euros


def get_appel_et_ligne(
    session: Session, appel_code: str, ligne_code: str, acteur: Identite
) -> tuple[Appel, LigneFinancement]:
    """L'appel et la ligne, s'ils sont en vue. Lève Introuvable."""
    appel = get_appel_par_code(session, appel_code)
    if appel is not None and appel.contrat_id in acteur.contrats(LISENT):
        ligne = get_ligne(session, appel.contrat_id, ligne_code)
        if ligne is not None:
            return appel, ligne
    raise Introuvable("Cette ligne n’existe pas dans cet appel, ou vous n’y avez pas accès.")


def _requete() -> Select[Any]:
    dernier = (
        select(PointSeance.demande_id, func.max(ResultatPoint.point_id).label("point_id"))
        .join(ResultatPoint, ResultatPoint.point_id == PointSeance.id)
        .group_by(PointSeance.demande_id)
        .subquery()
    )
    engage = select(func.coalesce(func.sum(Engagement.montant), RIEN)).where(Engagement.demande_id == Demande.id)
    libere = select(func.coalesce(func.sum(Liberation.montant), RIEN)).where(Liberation.demande_id == Demande.id)
    attendu = exists().where(
        DemandeComplement.dossier_id == Dossier.id,
        DemandeComplement.recue_le.is_(None),
        or_(DemandeComplement.ligne_id.is_(None), DemandeComplement.ligne_id == Demande.ligne_id),
    )
    lettre = and_(Notification.dossier_id == Dossier.id, Notification.ligne_id == Demande.ligne_id)
    return (
        select(
            Demande, Dossier, Organisation, LigneFinancement, ResultatPoint, Decision, Notification,
            engage.scalar_subquery(), libere.scalar_subquery(), attendu,
        )
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .outerjoin(dernier, dernier.c.demande_id == Demande.id)
        .outerjoin(ResultatPoint, ResultatPoint.point_id == dernier.c.point_id)
        .outerjoin(Decision, Decision.demande_id == Demande.id)
        .outerjoin(Notification, lettre)
    )  # fmt: skip


def _lire(rangee: Sequence[Any]) -> DemandeLue:
    *objets, engage, libere, attendu = rangee
    return DemandeLue(*objets, engage - libere, attendu)  # type: ignore[call-arg]


def list_demandes_de_la_ligne(
    session: Session, appel: Appel, ligne_id: int, acteur: Identite | None = None
) -> Sequence[DemandeLue]:
    """Les demandes d'une ligne pour l'année de l'appel, par numéro. `acteur` absent : toutes (acte sur la ligne)."""
    requete = _requete().where(Dossier.appel_id == appel.id, Demande.ligne_id == ligne_id, Demande.annee == appel.annee)
    if acteur is not None:
        requete = requete.where(visibles(acteur))
    return [_lire(r) for r in session.execute(requete.order_by(Dossier.numero, Demande.id))]


def get_demande_lue(session: Session, demande_id: int) -> DemandeLue:
    """Une demande, de son vote à sa notification."""
    return _lire(session.execute(_requete().where(Demande.id == demande_id)).one())


def list_demandes_du_dossier(session: Session, dossier_id: int, ligne_id: int) -> Sequence[DemandeLue]:
    """Les demandes d'un dossier à une ligne, par année."""
    requete = _requete().where(Dossier.id == dossier_id, Demande.ligne_id == ligne_id)
    return [_lire(r) for r in session.execute(requete.order_by(Demande.annee))]


def parcourir_programmation(session: Session, appel: Appel, acteur: Identite) -> Iterator[DemandeLue]:
    """Toutes les demandes de l'année, ligne après ligne, lues au fil de l'eau (export)."""
    requete = (
        _requete()
        .where(Dossier.appel_id == appel.id, Demande.annee == appel.annee, visibles(acteur))
        .order_by(LigneFinancement.rang, Dossier.numero, Demande.id)
        .execution_options(yield_per=200)
    )
    for rangee in session.execute(requete):
        yield _lire(rangee)


def compter(session: Session, appels: Iterable[int], acteur: Identite) -> Sequence[Compte]:
    """Par appel, ligne et état : nombre, voté, décidé. Une requête."""
    dernier = (
        select(PointSeance.demande_id, func.max(ResultatPoint.point_id).label("point_id"))
        .join(ResultatPoint, ResultatPoint.point_id == PointSeance.id)
        .group_by(PointSeance.demande_id)
        .subquery()
    )
    requete = (
        select(
            Dossier.appel_id, Demande.ligne_id, Demande.etat, func.count(Demande.id),
            func.coalesce(func.sum(ResultatPoint.montant), RIEN), func.coalesce(func.sum(Decision.montant), RIEN),
        )
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(Appel, Appel.id == Dossier.appel_id)
        .outerjoin(dernier, dernier.c.demande_id == Demande.id)
        .outerjoin(ResultatPoint, ResultatPoint.point_id == dernier.c.point_id)
        .outerjoin(Decision, Decision.demande_id == Demande.id)
        .where(Dossier.appel_id.in_(list(appels)), Demande.annee == Appel.annee, visibles(acteur))
        .group_by(Dossier.appel_id, Demande.ligne_id, Demande.etat)
        .order_by(Dossier.appel_id, Demande.ligne_id, Demande.etat)
    )  # fmt: skip
    return [Compte(*rangee) for rangee in session.execute(requete)]


def get_arrete(session: Session, appel_id: int, ligne_id: int) -> ArreteLigne | None:
    """L'arrêté de cette ligne pour cet appel."""
    requete = select(ArreteLigne).where(ArreteLigne.appel_id == appel_id, ArreteLigne.ligne_id == ligne_id)
    return session.scalar(requete)


def list_arretes(session: Session, appels: Iterable[int]) -> Sequence[ArreteLigne]:
    """Les arrêtés de ces appels."""
    return session.scalars(
        select(ArreteLigne).where(ArreteLigne.appel_id.in_(list(appels))).order_by(ArreteLigne.id)
    ).all()


def get_enveloppe(session: Session, contrat_id: int, ligne_id: int, annee: int) -> Enveloppe | None:
    """L'enveloppe d'une ligne pour une année."""
    return session.scalar(
        select(Enveloppe).where(
            Enveloppe.contrat_id == contrat_id, Enveloppe.ligne_id == ligne_id, Enveloppe.annee == annee
        )
    )


def _reste(session: Session, contrat_id: int, ligne_id: int, annee: int) -> Euros:
    enveloppe = get_enveloppe(session, contrat_id, ligne_id, annee)
    return enveloppe.montant - enveloppe.engage if enveloppe is not None else Euros(0)


def etat_de_la_ligne(
    session: Session, appel: Appel, ligne: LigneFinancement, lues: Sequence[DemandeLue]
) -> EtatDeLaLigne:
    """Ce que les règles jugent avant d'arrêter une ligne."""
    votees = [lue for lue in lues if lue.demande.etat in A_DECIDER]
    retenues = [lue for lue in votees if lue.vote is not None]
    return EtatDeLaLigne(
        deja_arretee=get_arrete(session, appel.id, ligne.id) is not None,
        a_voter=tuple(lue.dossier.numero or "" for lue in lues if lue.demande.etat in A_VOTER),
        en_complement=tuple(lue.dossier.numero or "" for lue in retenues if lue.complement_attendu),
        nombre_vote=len(votees),
        vote=Euros.somme(lue.vote for lue in retenues if lue.vote is not None),
        reste=_reste(session, appel.contrat_id, ligne.id, appel.annee),
    )


def faits_de_la_decision(lue: DemandeLue, *, ligne_arretee: bool, reste: Euros) -> FaitsDecision:
    """Ce que les règles jugent avant d'enregistrer une décision."""
    depose_le = lue.dossier.depose_le or lue.dossier.cree_at
    return FaitsDecision(
        ligne_arretee=ligne_arretee,
        complement_attendu=lue.complement_attendu,
        demande=lue.demande.montant_demande,
        vote=lue.vote,
        engage=lue.engage,
        reste=reste,
        depose_le=a_paris(depose_le).date(),
    )


def verrouiller(session: Session, demande_ids: Iterable[int]) -> None:
    """Verrouille les dossiers puis les demandes, triés : après l'enveloppe, avant le journal."""
    cles = sorted(set(demande_ids))
    dossiers = select(Dossier).where(Dossier.id.in_(select(Demande.dossier_id).where(Demande.id.in_(cles))))
    demandes = select(Demande).where(Demande.id.in_(cles))
    for requete in (dossiers.order_by(Dossier.id), demandes.order_by(Demande.id)):
        session.scalars(requete.with_for_update(key_share=True).execution_options(populate_existing=True)).all()


def get_ligne_du_contrat(session: Session, contrat_id: int, code: str) -> LigneFinancement | None:
    """La ligne de ce code."""
    return get_ligne(session, contrat_id, code)


def get_notification(session: Session, dossier_id: int, ligne_id: int, *, verrou: bool = False) -> Notification | None:
    """La lettre d'une autorité pour un dossier."""
    requete = select(Notification).where(Notification.dossier_id == dossier_id, Notification.ligne_id == ligne_id)
    return session.scalar(requete.with_for_update(key_share=True) if verrou else requete)


def notes_calculees(session: Session, demande_ids: Iterable[int]) -> bool:
    """Vrai si une note a été calculée pour l'une de ces demandes : la décision doit alors le dire."""
    requete = select(exists().where(NoteEnregistree.demande_id.in_(list(demande_ids))))
    return bool(session.scalar(requete))


def departement(session: Session, contrat_id: int) -> str:
    """Le département d'un contrat, d'après sa première commune ; vide s'il n'en a pas."""
    requete = select(Commune.insee).where(Commune.contrat_id == contrat_id).order_by(Commune.id).limit(1)
    insee = session.scalar(requete) or ""
    return insee[:3] if insee.startswith("97") else insee[:2]

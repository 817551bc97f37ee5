"""Les demandes, de leur vote à leur notification."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, select, type_coerce
from sqlalchemy.orm import Session, aliased

from app.etapes.appel.models import Appel, Engagement, Liberation, Phase
from app.etapes.commission.models import PointSeance, ResultatPoint
from app.etapes.convention.models import Decision, Notification
from app.etapes.convention.rules import FaitsDecision
from app.etapes.dossier.models import Demande, Dossier, Passage
from app.etapes.dossier.repository import visibles
from app.etapes.dossier.repository.complement import derniere_echeance
from app.etapes.dossier.rules.complement import EtatComplement, complement_en_suspens
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.programmation.models import Proposition
from app.infra.curseur import TAILLE, Ordre, Page, paginer
from app.infra.db import TypeEuros
from app.infra.identite import Identite
from app.noyau.erreurs import Introuvable
from app.noyau.euros import Euros
from app.noyau.periodes import a_paris
from app.referentiels.acteurs.models import Organisation
from app.referentiels.lignes.models import LigneFinancement

A_VOTER = (EtatDemande.PROPOSEE, EtatDemande.ARBITREE)
A_DECIDER = (EtatDemande.VALIDEE, EtatDemande.AVIS_RENDU, EtatDemande.RESERVE)
FINANCENT = ("retenu", "amende")
RIEN = literal(Euros(0), TypeEuros())


class Etape(StrEnum):
    """Où en est une demande sur le chemin de la décision."""

    A_VOTER = "a_voter"
    A_DECIDER = "a_decider"
    A_NOTIFIER = "a_notifier"
    NOTIFIEE = "notifiee"
    AUTRE = "autre"


ETAPES: dict[Etape, tuple[EtatDemande, ...]] = {
    Etape.A_VOTER: A_VOTER,
    Etape.A_DECIDER: A_DECIDER,
    Etape.A_NOTIFIER: (EtatDemande.DECIDEE, EtatDemande.REFUSEE),
    Etape.NOTIFIEE: (EtatDemande.NOTIFIEE, EtatDemande.REFUS_NOTIFIE),
}


def etape_de(etat: EtatDemande) -> Etape:
    """L'étape d'un état ; « autre » s'il n'est pas sur ce chemin (en instruction, irrecevable, renoncée…)."""
    return next((etape for etape, etats in ETAPES.items() if etat in etats), Etape.AUTRE)


@dataclass(frozen=True, slots=True)
class DemandeLue:
    """Une demande, de son vote à sa notification. `engage` : ce qui reste tenu sur l'enveloppe.

    `echeance` : celle du dernier complément resté sans réponse ; `phase` : le rang de celle où le dossier est déposé.
    """

    demande: Demande
    dossier: Dossier
    organisation: Organisation
    ligne: LigneFinancement
    resultat: ResultatPoint | None
    decision: Decision | None
    notification: Notification | None
    engage: Euros
    echeance: datetime | None
    phase: int

    @property
    def vote(self) -> Euros | None:
        """Le montant voté ; None si la commission n'a rien retenu."""
        retenu = self.resultat is not None and self.resultat.issue in FINANCENT
        return self.resultat.montant if self.resultat is not None and retenu else None

    def complement(self, maintenant: datetime) -> EtatComplement | None:
        """Le complément resté sans réponse, à cet instant : attendu (la décision attend), non reçu, ou None."""
        return complement_en_suspens(self.echeance, maintenant)


def dernier_resultat() -> Any:
    """Demande → son dernier point proclamé (une demande ajournée est votée plus d'une fois)."""
    return (
        select(PointSeance.demande_id, func.max(ResultatPoint.point_id).label("point_id"))
        .join(ResultatPoint, ResultatPoint.point_id == PointSeance.id)
        .group_by(PointSeance.demande_id)
        .subquery()
    )


def tenu() -> ColumnElement[Euros]:
    """Ce qui reste tenu sur l'enveloppe pour une demande : engagé moins rendu."""
    engage = select(func.coalesce(func.sum(Engagement.montant), RIEN)).where(Engagement.demande_id == Demande.id)
    libere = select(func.coalesce(func.sum(Liberation.montant), RIEN)).where(Liberation.demande_id == Demande.id)
    return type_coerce(engage.scalar_subquery() - libere.scalar_subquery(), TypeEuros())


def requete_de_base() -> Select[Any]:
    dernier = dernier_resultat()
    lettre = and_(Notification.dossier_id == Dossier.id, Notification.ligne_id == Demande.ligne_id)
    return (
        select(
            Demande, Dossier, Organisation, LigneFinancement, ResultatPoint, Decision, Notification,
            tenu(), derniere_echeance(), Phase.rang,
        )
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(Phase, Phase.id == Dossier.phase_id)
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .outerjoin(dernier, dernier.c.demande_id == Demande.id)
        .outerjoin(ResultatPoint, ResultatPoint.point_id == dernier.c.point_id)
        .outerjoin(Decision, Decision.demande_id == Demande.id)
        .outerjoin(Notification, lettre)
    )  # fmt: skip


def lire(rangee: Sequence[Any]) -> DemandeLue:
    return DemandeLue(*rangee)


def _de_la_ligne(appel: Appel, ligne_id: int) -> ColumnElement[bool]:
    return and_(Dossier.appel_id == appel.id, Demande.ligne_id == ligne_id, Demande.annee == appel.annee)


def list_demandes_de_la_ligne(
    session: Session, appel: Appel, ligne_id: int, acteur: Identite | None = None
) -> Sequence[DemandeLue]:
    """Les demandes d'une ligne pour l'année de l'appel, par numéro. `acteur` absent : toutes (acte sur la ligne)."""
    requete = requete_de_base().where(
        Dossier.appel_id == appel.id, Demande.ligne_id == ligne_id, Demande.annee == appel.annee
    )
    if acteur is not None:
        requete = requete.where(visibles(acteur))
    return [lire(r) for r in session.execute(requete.order_by(Dossier.numero, Demande.id))]


def get_demande_lue(session: Session, demande_id: int) -> DemandeLue:
    """Une demande, de son vote à sa notification."""
    return lire(session.execute(requete_de_base().where(Demande.id == demande_id)).one())


def get_en_vue(session: Session, numero: str, ligne_code: str, acteur: Identite) -> tuple[Appel, DemandeLue]:
    """L'appel et la demande d'un dossier à une ligne, pour l'année de l'appel. Lève Introuvable. Une requête."""
    requete = (
        requete_de_base()
        .join(Appel, Appel.id == Dossier.appel_id)
        .add_columns(Appel)
        .where(Dossier.numero == numero, LigneFinancement.code == ligne_code, Demande.annee == Appel.annee)
        .where(visibles(acteur))
    )
    rangee = session.execute(requete).one_or_none()
    if rangee is None:
        raise Introuvable("Ce dossier ne demande rien à cette ligne, ou vous n’y avez pas accès.")
    *lue, appel = rangee
    return appel, lire(lue)


def list_demandes_du_dossier(session: Session, dossier_id: int, ligne_id: int) -> Sequence[DemandeLue]:
    """Les demandes d'un dossier à une ligne, par année."""
    requete = requete_de_base().where(Dossier.id == dossier_id, Demande.ligne_id == ligne_id)
    return [lire(r) for r in session.execute(requete.order_by(Demande.annee))]


def page_de_la_ligne(
    session: Session,
    appel: Appel,
    ligne_id: int,
    acteur: Identite,
    *,
    etape: Etape | None = None,
    jeton: str = "",
    taille: int = TAILLE,
) -> Page[DemandeLue]:
    """Une page des demandes d'une ligne pour l'année de l'appel (d'une étape), par numéro. Une requête."""
    requete = requete_de_base().where(_de_la_ligne(appel, ligne_id), visibles(acteur))
    if etape is not None and etape in ETAPES:
        requete = requete.where(Demande.etat.in_(ETAPES[etape]))
    ordre = Ordre("numero", func.coalesce(Dossier.numero, ""), Demande.id, est_texte=True)
    page = paginer(session, requete, ordre, jeton, taille)
    return Page(tuple(lire(tuple(r)[:-2]) for r in page.elements), page.precedent, page.suivant)


def parcourir(session: Session, appel_id: int, annee: int, acteur: Identite) -> Iterator[DemandeLue]:
    """Toutes les demandes de l'année, ligne après ligne, lues au fil de l'eau."""
    requete = (
        requete_de_base()
        .where(Dossier.appel_id == appel_id, Demande.annee == annee, visibles(acteur))
        .order_by(LigneFinancement.rang, Dossier.numero, Demande.id)
        .execution_options(yield_per=200)
    )
    for rangee in session.execute(requete):
        yield lire(rangee)


def faits_de_la_decision(
    lue: DemandeLue, *, ligne_arretee: bool, reste: Euros, reserve: Euros, maintenant: datetime
) -> FaitsDecision:
    """Ce que les règles jugent avant d'enregistrer une décision. `reserve` : ce que gardent les phases suivantes."""
    depose_le = lue.dossier.depose_le or lue.dossier.cree_at
    return FaitsDecision(
        ligne_arretee=ligne_arretee,
        complement_attendu=lue.complement(maintenant) is EtatComplement.ATTENDU,
        demande=lue.demande.montant_demande,
        vote=lue.vote,
        engage=lue.engage,
        reste=max(reste - reserve, Euros(0)),
        depose_le=a_paris(depose_le).date(),
        reserve=reserve,
    )


def verrouiller(session: Session, demande_ids: Iterable[int]) -> None:
    """Verrouille les dossiers puis les demandes, triés : après l'enveloppe, avant le journal."""
    cles = sorted(set(demande_ids))
    dossiers = select(Dossier).where(Dossier.id.in_(select(Demande.dossier_id).where(Demande.id.in_(cles))))
    demandes = select(Demande).where(Demande.id.in_(cles))
    for requete in (dossiers.order_by(Dossier.id), demandes.order_by(Demande.id)):
        session.scalars(requete.with_for_update(key_share=True).execution_options(populate_existing=True)).all()


def avec_les_annees_suivantes(session: Session, demande_ids: Iterable[int]) -> Sequence[int]:
    """Ces demandes et celles des autres années du même dossier à la même ligne."""
    voulues = aliased(Demande)
    requete = (
        select(Demande.id)
        .join(voulues, and_(voulues.dossier_id == Demande.dossier_id, voulues.ligne_id == Demande.ligne_id))
        .where(voulues.id.in_(list(demande_ids)))
    )
    return session.scalars(requete.order_by(Demande.id)).all()


def list_tranches_a_notifier(session: Session, appel: Appel, ligne_id: int) -> Sequence[DemandeLue]:
    """Les années suivantes décidées d'une ligne, pas encore dites aux porteurs."""
    requete = requete_de_base().where(
        Dossier.appel_id == appel.id, Demande.ligne_id == ligne_id, Demande.etat == EtatDemande.TRANCHE_DECIDEE
    )
    return [lire(r) for r in session.execute(requete.order_by(Dossier.numero, Demande.annee))]


def derniers_montants(session: Session, demande_ids: Sequence[int]) -> dict[int, Euros]:
    """Demande → son dernier montant proposé ou arbitré ; absente si personne n'en a proposé."""
    if not demande_ids:
        return {}
    requete = (
        select(Proposition.demande_id, Proposition.montant)
        .where(Proposition.demande_id.in_(demande_ids))
        .order_by(Proposition.demande_id, Proposition.rang)
    )
    return {demande_id: montant for demande_id, montant in session.execute(requete)}  # noqa: C416 -- typé


def motifs_des_tranches(session: Session, demande_ids: Sequence[int]) -> dict[int, str]:
    """Demande d'une année suivante → la phrase de sa décision."""
    if not demande_ids:
        return {}
    requete = (
        select(Passage.demande_id, Passage.motif)
        .where(Passage.demande_id.in_(demande_ids), Passage.acte == "decider_tranche")
        .order_by(Passage.id)
    )
    return {demande_id: motif for demande_id, motif in session.execute(requete) if demande_id is not None}

"""Ce que l'issue d'un dossier lit : décisions notifiées et crédits du jour, place parmi les notés, avis rendus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, literal, select, tuple_, type_coerce
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel, Engagement, Enveloppe, Liberation, MouvementEnveloppe
from app.etapes.consultation.repository import avis_courants
from app.etapes.consultation.rules import Degre, synthese
from app.etapes.convention.models import Decision, Notification
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.notation.models import NoteEnregistree
from app.etapes.notation.repository import SORTIES
from app.etapes.notation.rules.place import Place
from app.infra.db import TypeEuros
from app.noyau.euros import Euros
from app.referentiels.lignes.models import LigneFinancement

_RIEN = literal(Euros(0), TypeEuros())


@dataclass(frozen=True, slots=True)
class DemandeNotifiee:
    """Une demande de l'année de l'appel, sa décision et sa lettre, s'il y en a une.

    `reste` : crédits libres de la ligne le jour de la notification ; None sans enveloppe ou sans lettre.
    """

    demande: Demande
    ligne: LigneFinancement
    decision: Decision | None
    notification: Notification | None
    reste: Euros | None


def list_demandes_notifiees(session: Session, dossier: Dossier) -> Sequence[DemandeNotifiee]:
    """Les demandes d'un dossier pour l'année de son appel, ligne par ligne. Une requête."""
    lettre = and_(Notification.dossier_id == Demande.dossier_id, Notification.ligne_id == Demande.ligne_id)
    enveloppe = and_(Enveloppe.ligne_id == Demande.ligne_id, Enveloppe.annee == Demande.annee)
    requete = (
        select(Demande, LigneFinancement, Decision, Notification, _reste_du_jour())
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .join(Appel, and_(Appel.id == dossier.appel_id, Appel.annee == Demande.annee))
        .outerjoin(Decision, Decision.demande_id == Demande.id)
        .outerjoin(Notification, lettre)
        .outerjoin(Enveloppe, enveloppe)
        .where(Demande.dossier_id == dossier.id)
        .order_by(LigneFinancement.rang, LigneFinancement.id)
    )
    return [DemandeNotifiee(*rangee) for rangee in session.execute(requete)]


def _reste_du_jour() -> ColumnElement[Euros]:
    """L'enveloppe telle qu'elle était, moins l'engagé, plus le libéré, à l'instant de la notification."""
    avant = MouvementEnveloppe.a <= Notification.a
    montant = (
        select(MouvementEnveloppe.montant)
        .where(MouvementEnveloppe.enveloppe_id == Enveloppe.id, avant)
        .order_by(MouvementEnveloppe.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    engage = select(func.coalesce(func.sum(Engagement.montant), _RIEN)).where(
        Engagement.enveloppe_id == Enveloppe.id, Engagement.a <= Notification.a
    )
    libere = select(func.coalesce(func.sum(Liberation.montant), _RIEN)).where(
        Liberation.enveloppe_id == Enveloppe.id, Liberation.a <= Notification.a
    )
    dotation = func.coalesce(montant, Enveloppe.montant)
    return type_coerce(dotation - engage.scalar_subquery() + libere.scalar_subquery(), TypeEuros())


def places(session: Session, appel_id: int, demandes: Iterable[Demande]) -> dict[int, Place]:
    """Demande → sa place parmi les demandes notées de sa ligne, et le seuil des retenus notifiés. Une requête."""
    siennes = list(demandes)
    if not siennes:
        return {}
    courante = (
        select(
            NoteEnregistree.demande_id, Demande.ligne_id, Demande.annee, Demande.etat, NoteEnregistree.minimum,
            NoteEnregistree.maximum,
        )
        .join(Demande, Demande.id == NoteEnregistree.demande_id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .where(
            Dossier.appel_id == appel_id,
            Demande.ligne_id.in_({demande.ligne_id for demande in siennes}),
            Demande.etat.not_in(SORTIES),
        )
        .ext(distinct_on(NoteEnregistree.demande_id))
        .order_by(NoteEnregistree.demande_id, NoteEnregistree.rang.desc())
        .cte("courante")
    )  # fmt: skip
    autre = courante.alias("autre")
    devant = tuple_(autre.c.minimum, autre.c.maximum) > tuple_(courante.c.minimum, courante.c.maximum)
    retenue = autre.c.etat == EtatDemande.NOTIFIEE
    requete = (
        select(
            courante.c.demande_id,
            func.count(),
            func.count().filter(devant),
            func.count().filter(retenue),
            func.min(autre.c.minimum).filter(retenue),
        )
        .join(autre, and_(autre.c.ligne_id == courante.c.ligne_id, autre.c.annee == courante.c.annee))
        .where(courante.c.demande_id.in_([demande.id for demande in siennes]))
        .group_by(courante.c.demande_id)
    )
    return {cle: Place(*reste) for cle, *reste in session.execute(requete)}


def synthese_des_avis(session: Session, dossier_id: int) -> tuple[tuple[Degre, int], ...]:
    """Combien d'avis rendus par degré ; ni service, ni texte, ni personne. Une requête."""
    return synthese(lu.avis.degre for lu in avis_courants(session, [dossier_id]).get(dossier_id, ()))

"""Tout ce qui ne concorderait pas dans une campagne jouée : chaque contrôle rend ses phrases, vide s'il est content."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from app.commandes.campagne.bilan import Bilan
from app.etapes.appel.models import Engagement, Enveloppe, Liberation
from app.etapes.convention.models import Decision, Notification
from app.etapes.convention.rules import SensDecision
from app.etapes.dossier.models import Demande, Dossier, DossierVersion, Passage
from app.etapes.dossier.rules.etats import EtatDemande, EtatDossier
from app.etapes.notation.service import rejouer_appel
from app.infra.journal import lecture
from app.noyau.euros import Euros
from app.referentiels.lignes.models import LigneFinancement

ATTRIBUEES = frozenset({EtatDemande.DECIDEE, EtatDemande.NOTIFIEE, EtatDemande.RENONCEE})
NOTIFIEES = frozenset({EtatDemande.NOTIFIEE, EtatDemande.REFUS_NOTIFIE, EtatDemande.TRANCHE_RESERVEE})
TIENNENT = frozenset(
    {
        EtatDemande.VALIDEE,
        EtatDemande.AVIS_RENDU,
        EtatDemande.DECIDEE,
        EtatDemande.NOTIFIEE,
        EtatDemande.TRANCHE_DECIDEE,
        EtatDemande.TRANCHE_RESERVEE,
    }
)
"""Les états où des crédits peuvent rester engagés : de l'arrêté de la ligne à la subvention notifiée."""
ISSUES = (
    EtatDemande.NOTIFIEE,
    EtatDemande.REFUS_NOTIFIE,
    EtatDemande.RESERVE,
    EtatDemande.AJOURNEE,
    EtatDemande.IRRECEVABLE,
    EtatDemande.HORS_CHAMP,
)
DEMANDE_SUR_ENVELOPPE = (135, 145)
"""Pour cent : une ligne demandée environ 1,4 fois, pour que choisir ait un sens."""


def discordances(session: Session, bilan: Bilan) -> list[str]:
    """Toutes les phrases de tous les contrôles."""
    return [phrase for controle in CONTROLES for phrase in controle(session, bilan)]


def issues_presentes(session: Session, bilan: Bilan) -> list[str]:
    """Une campagne passe par chaque issue : financée, refusée, réserve, ajournée, irrecevable, hors champ."""
    passages = select(Passage.vers).join(Dossier, Dossier.id == Passage.dossier_id)
    vues = set(session.scalars(passages.where(Dossier.appel_id == bilan.appel.id).distinct()))
    manquent = sorted(etat.value for etat in ISSUES if etat.value not in vues)
    return [f"Aucune demande n’a cette issue : {', '.join(manquent)}."] if manquent else []


def enveloppes_tenues(_session: Session, bilan: Bilan) -> list[str]:
    """Décidé ≤ engagé ≤ enveloppe, ligne par ligne."""
    phrases = []
    for code, b in bilan.lignes.items():
        if b.engage > b.enveloppe:
            phrases.append(f"{code} : {b.engage} engagés pour {b.enveloppe}.")
        if b.decide > b.engage:
            phrases.append(f"{code} : {b.decide} décidés pour {b.engage} engagés.")
    return phrases


def choix_reel(_session: Session, bilan: Bilan) -> list[str]:
    """Chaque ligne est demandée environ 1,4 fois."""
    bas, haut = DEMANDE_SUR_ENVELOPPE
    return [
        f"{code} : {b.demande} demandés pour une enveloppe de {b.enveloppe}, ce n’est pas environ 1,4 fois."
        for code, b in bilan.lignes.items()
        if not b.enveloppe.centimes * bas <= b.demande.centimes * 100 <= b.enveloppe.centimes * haut
    ]


def sommes_egales(_session: Session, bilan: Bilan) -> list[str]:
    """Le décidé par enjeu et par quartier vaut le décidé par ligne, au centime."""
    total = Euros.somme(b.decide for b in bilan.lignes.values())
    sommes = {"enjeu": Euros.somme(bilan.par_enjeu.values()), "quartier": Euros.somme(bilan.par_quartier.values())}
    return [f"Décidé par {nom} : {somme}, par ligne : {total}." for nom, somme in sommes.items() if somme != total]


def engagements_totalises(session: Session, bilan: Bilan) -> list[str]:
    """L'engagé tenu par l'enveloppe est la somme des engagements moins les libérations, toutes années confondues."""
    libere = func.coalesce(
        select(func.sum(Liberation.montant)).where(Liberation.enveloppe_id == Enveloppe.id).scalar_subquery(), 0
    )
    engage = func.coalesce(
        select(func.sum(Engagement.montant)).where(Engagement.enveloppe_id == Enveloppe.id).scalar_subquery(), 0
    )
    requete = (
        select(Enveloppe, LigneFinancement.code, engage - libere)
        .join(LigneFinancement, LigneFinancement.id == Enveloppe.ligne_id)
        .where(Enveloppe.contrat_id == bilan.appel.contrat_id, Enveloppe.annee >= bilan.appel.annee)
        .order_by(Enveloppe.id)
    )
    faux = []
    for enveloppe, ligne, somme in session.execute(requete):
        total = somme.centimes if isinstance(somme, Euros) else int(somme)
        if total != enveloppe.engage.centimes:
            faux.append(f"{ligne} {enveloppe.annee} : {enveloppe.engage} tenus pour {Euros(total)} écrits.")
    return faux


def rien_d_engage_sans_objet(session: Session, bilan: Bilan) -> list[str]:
    """Une demande qui n'est plus sur le chemin d'une subvention (retirée, refusée, caduque…) ne tient plus rien."""
    engage = func.coalesce(
        select(func.sum(Engagement.montant)).where(Engagement.demande_id == Demande.id).scalar_subquery(), 0
    )
    libere = func.coalesce(
        select(func.sum(Liberation.montant)).where(Liberation.demande_id == Demande.id).scalar_subquery(), 0
    )
    requete = (
        select(Dossier.numero, LigneFinancement.code, Demande.annee, Demande.etat)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .where(Dossier.appel_id == bilan.appel.id, Demande.etat.not_in(TIENNENT), engage > libere)
        .order_by(Dossier.numero, LigneFinancement.rang, Demande.annee)
    )
    return [
        f"{numero}/{ligne}/{annee} : une demande « {etat.value} » garde des crédits engagés."
        for numero, ligne, annee, etat in session.execute(requete)
    ]


def decisions_concordantes(session: Session, bilan: Bilan) -> list[str]:
    """Une demande attribuée a une décision d'attribution, une demande refusée un refus ; jamais sans décision."""
    decidables = ATTRIBUEES | {EtatDemande.REFUSEE, EtatDemande.REFUS_NOTIFIE}
    requete = (
        select(Demande.etat, Decision.sens, func.count())
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .outerjoin(Decision, Decision.demande_id == Demande.id)
        .where(Dossier.appel_id == bilan.appel.id, Demande.annee == bilan.appel.annee)
        .where(or_(Decision.id.is_not(None), Demande.etat.in_(decidables)))
        .group_by(Demande.etat, Decision.sens)
    )
    return [
        f"{n} demande(s) « {etat.value} » avec une décision « {sens.value if sens is not None else 'absente'} »."
        for etat, sens, n in session.execute(requete)
        if sens is None or (sens is SensDecision.ATTRIBUEE) != (etat in ATTRIBUEES)
    ]


def lettres_parties(session: Session, bilan: Bilan) -> list[str]:
    """Toute décision notifiée a sa lettre scellée."""
    scellee = exists().where(
        Notification.dossier_id == Demande.dossier_id,
        Notification.ligne_id == Demande.ligne_id,
        Notification.document_sha256.is_not(None),
    )
    requete = (
        select(func.count())
        .select_from(Demande)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .where(Dossier.appel_id == bilan.appel.id, Demande.etat.in_(NOTIFIEES), ~scellee)
    )
    nombre = session.scalar(requete)
    return [f"{nombre} décision(s) notifiée(s) sans lettre scellée."] if nombre else []


def tranches_tenues(session: Session, bilan: Bilan) -> list[str]:
    """Une année suivante réservée tient un montant sur l'enveloppe de son année, les autres n'en tiennent pas."""
    engage = func.coalesce(
        select(func.sum(Engagement.montant)).where(Engagement.demande_id == Demande.id).scalar_subquery(), 0
    )
    libere = func.coalesce(
        select(func.sum(Liberation.montant)).where(Liberation.demande_id == Demande.id).scalar_subquery(), 0
    )
    reservee = Demande.etat == EtatDemande.TRANCHE_RESERVEE
    suivante = and_(Dossier.appel_id == bilan.appel.id, Demande.annee > bilan.appel.annee)
    requete = (
        select(func.count())
        .select_from(Demande)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .where(suivante, (engage > libere) != reservee)
    )
    nombre = session.scalar(requete)
    return [f"{nombre} année(s) suivante(s) de CPO mal réservée(s)."] if nombre else []


def notes_rejouees(session: Session, bilan: Bilan) -> list[str]:
    """Toute note gardée, courante ou non, se rejoue au bit près avec ses faits et sa grille."""
    nombre = 0
    phrases = []
    for rejeu in rejouer_appel(session, bilan.appel.id):
        nombre += 1
        if rejeu.faute:
            phrases.append(f"Note {rejeu.lue.note.id} ({rejeu.lue.ligne}) : {rejeu.faute}")
    return phrases if nombre else ["Aucune note gardée."]


def dossiers_figes(session: Session, bilan: Bilan) -> list[str]:
    """Tout dossier déposé a son contenu figé, et il y en a."""
    non_figes = session.scalar(
        select(func.count())
        .select_from(Dossier)
        .outerjoin(DossierVersion, DossierVersion.dossier_id == Dossier.id)
        .where(Dossier.appel_id == bilan.appel.id, Dossier.numero.is_not(None), DossierVersion.id.is_(None))
    )
    phrases = [f"{non_figes} dossier(s) déposés sans contenu figé."] if non_figes else []
    if not set(bilan.dossiers) & {EtatDossier.DEPOSE.value, EtatDossier.CLOS.value}:
        phrases.append("Aucun dossier déposé.")
    return phrases


def journal_sain(session: Session, bilan: Bilan) -> list[str]:
    """La chaîne du contrat se vérifie sans anomalie et compte au moins un acte par dossier."""
    rapport = lecture.relire(session, ())
    phrases = [f"Journal : {a.phrase}" for a in rapport.anomalies if a.chaine in {None, bilan.appel.contrat_id}]
    actes = sum(c.entrees for c in rapport.chaines if c.chaine == bilan.appel.contrat_id)
    if actes < sum(bilan.dossiers.values()):
        phrases.append("Le journal compte moins d’actes que de dossiers.")
    return phrases


CONTROLES: tuple[Callable[[Session, Bilan], list[str]], ...] = (
    issues_presentes,
    enveloppes_tenues,
    choix_reel,
    sommes_egales,
    engagements_totalises,
    rien_d_engage_sans_objet,
    decisions_concordantes,
    lettres_parties,
    tranches_tenues,
    notes_rejouees,
    dossiers_figes,
    journal_sain,
)

"""Ce que le porteur lit de la suite : où en est le dossier, ce qui vient, l'année d'une ligne, une échéance."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from app.etapes.dossier.rules.etats import EtatDemande
from app.noyau.periodes import a_paris, date_longue, instant_long

LETTRE_LUE = "lettre_lue:"
"""Début du code d'un fait : le porteur a ouvert la lettre d'une ligne, écrit quand il l'ouvre."""
NOUVELLE = timedelta(days=30)
"""Une décision reste annoncée tant que sa lettre n'est pas lue, un mois au plus. Choix du projet."""


def code_lettre_lue(ligne: str) -> str:
    """Le code du fait « lettre lue » d'une ligne.

    Choix du projet : conception/architecture.md (« un fait remonte par écriture, jamais par lecture »).
    """
    return f"{LETTRE_LUE}{ligne}"


class Suite(StrEnum):
    """Ce qui vient pour un dossier déposé. Choix du projet : conception/produit.md, « ce qui vient ensuite »."""

    A_VERIFIER = "a_verifier"
    EN_COMMISSION = "en_commission"
    A_DECIDER = "a_decider"
    NOTIFIE = "notifie"
    TERMINE = "termine"


SUITES: dict[EtatDemande, Suite] = {
    EtatDemande.OUVERTE: Suite.A_VERIFIER,
    EtatDemande.EN_INSTRUCTION: Suite.EN_COMMISSION,
    EtatDemande.PROPOSEE: Suite.EN_COMMISSION,
    EtatDemande.ARBITREE: Suite.EN_COMMISSION,
    EtatDemande.AJOURNEE: Suite.EN_COMMISSION,
    EtatDemande.VALIDEE: Suite.A_DECIDER,
    EtatDemande.AVIS_RENDU: Suite.A_DECIDER,
    EtatDemande.RESERVE: Suite.A_DECIDER,
    EtatDemande.DECIDEE: Suite.A_DECIDER,
    EtatDemande.REFUSEE: Suite.A_DECIDER,
    EtatDemande.TRANCHE_DECIDEE: Suite.A_DECIDER,
    EtatDemande.NOTIFIEE: Suite.NOTIFIE,
    EtatDemande.REFUS_NOTIFIE: Suite.NOTIFIE,
    EtatDemande.TRANCHE_RESERVEE: Suite.NOTIFIE,
    EtatDemande.HORS_CHAMP: Suite.TERMINE,
    EtatDemande.IRRECEVABLE: Suite.TERMINE,
    EtatDemande.ORIENTEE: Suite.TERMINE,
    EtatDemande.RENONCEE: Suite.TERMINE,
    EtatDemande.CADUQUE: Suite.TERMINE,
    EtatDemande.RETIREE: Suite.TERMINE,
}
_AVANT_LA_COMMISSION = {
    Suite.A_VERIFIER: "Vérification par les financeurs, puis commission des élus le",
    Suite.EN_COMMISSION: "Commission des élus le",
}
_PHRASES = {
    Suite.A_VERIFIER: "Vérification par les financeurs",
    Suite.EN_COMMISSION: "Commission des élus : la prochaine date n’est pas encore fixée",
    Suite.A_DECIDER: "Décision de chaque financeur",
    Suite.NOTIFIE: "Décisions rendues : vos lettres sont là",
    Suite.TERMINE: "Rien de plus n’est attendu",
}
NOTIFIEES = frozenset({EtatDemande.NOTIFIEE, EtatDemande.REFUS_NOTIFIE, EtatDemande.TRANCHE_RESERVEE})


def suite_du_dossier(etats: Iterable[EtatDemande]) -> Suite:
    """Ce qui vient, d'après les demandes de l'année de l'appel : la moins avancée commande.

    Choix du projet : architecture, décision 5 (l'état tardif d'un dossier se déduit de ses demandes).
    """
    return min((SUITES[etat] for etat in etats), key=list(Suite).index, default=Suite.TERMINE)


def phrase_de_la_suite(
    etats: Iterable[EtatDemande], commission_le: datetime | None, maintenant: datetime
) -> tuple[str, datetime | None]:
    """(phrase, instant à dire après elle) : ce qui vient pour un dossier déposé.

    Source : reference/domaine.md, J29 (le vote de la commission ne s'annonce pas aux porteurs).
    """
    lus = tuple(etats)
    suite = suite_du_dossier(lus)
    a_venir = commission_le is not None and commission_le > maintenant
    if a_venir and suite in _AVANT_LA_COMMISSION:
        return _AVANT_LA_COMMISSION[suite], commission_le
    if suite is Suite.A_DECIDER and NOTIFIEES.intersection(lus):
        return "Décision des autres financeurs", None
    return _PHRASES[suite], None


def annee_dite(annee: int, premiere: int, *, plusieurs: bool) -> str:
    """« 2027 », ou « 2028 (2e année) » pour un dossier de plusieurs années.

    Choix du projet : les lignes d'une convention pluriannuelle se distinguent par leur année.
    """
    rang = annee - premiere + 1
    if not plusieurs or rang < 1:
        return str(annee)
    return f"{annee} ({'1re' if rang == 1 else f'{rang}e'} année)"


def jusqu_au(echeance: datetime) -> str:
    """« jusqu’au mardi 15 décembre 2026 inclus » : la borne est exclue, minuit est donc la fin de la veille.

    Source : conception/architecture.md, décision 13 (échéance = intervalle ouvert à droite).
    """
    locale = a_paris(echeance)
    if locale.time() == time():
        return f"jusqu’au {date_longue(locale.date() - timedelta(days=1))} inclus"
    return f"jusqu’au {instant_long(echeance)}"


def est_nouvelle(notifiee_le: date, aujourd_hui: date, *, lue: bool) -> bool:
    """Vrai si une décision est encore à annoncer : lettre jamais ouverte, notifiée depuis moins de 30 jours.

    Choix du projet : le porteur trouve sa lettre sans la chercher, et l'annonce s'éteint.
    """
    return not lue and aujourd_hui - notifiee_le < NOUVELLE

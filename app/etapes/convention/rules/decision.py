"""Ce qui permet de décider et de notifier ; la lettre, ses délais, les années suivantes d'une CPO. Pur."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.etapes.convention.rules.arrete import Empechement
from app.noyau.erreurs import Faute
from app.noyau.euros import Euros
from app.noyau.periodes import date_longue
from app.noyau.sources import Parametre, Source

DELAI_VERSEMENT_JOURS = Parametre(
    nom="délai de versement d’une subvention, en jours à compter de la notification",
    source=Source("loi n° 2021-875 du 1er juillet 2021", "art. 1er"),
    valeurs={date(2021, 7, 3): 60},
)
DELAI_RECOURS_MOIS = Parametre(
    nom="délai du recours contentieux, en mois à compter de la notification",
    source=Source("code de justice administrative", "art. R.421-1"),
    valeurs={date(2001, 1, 1): 2},
)
ANNEES_D_UNE_CPO = 3
"""Durée la plus longue d'une convention pluriannuelle d'objectifs. Source : contrat, l. 1756 (deux ou trois ans)."""
_STRASBOURG = "tribunal administratif de Strasbourg"
_TRIBUNAUX = {"57": _STRASBOURG, "67": _STRASBOURG, "68": _STRASBOURG}


class SensDecision(StrEnum):
    """Ce que décide l'autorité.

    Source : loi n° 2000-321 du 12 avril 2000, art. 9-1.
    """

    ATTRIBUEE = "attribuee"
    REFUSEE = "refusee"


def acte_cite(acte: str, reference: str, le: date) -> str:
    """« 2027-12, délibération du conseil municipal du 9 mars 2027 » ; une référence qui nomme l'acte ne le redit pas.

    Choix du projet : une lettre ne répète pas « décision du préfet ».
    """
    nomme = reference.casefold().startswith(acte.partition(" ")[0].casefold())
    return f"{reference}{'' if nomme else f', {acte}'} du {date_longue(le)}"


def tribunal_competent(departement: str) -> str:
    """Le tribunal à nommer dans les voies de recours, d'après le département de l'autorité (deux caractères).

    Source : code de justice administrative, art. R.221-3 et R.312-1.
    """
    return _TRIBUNAUX.get(departement, "tribunal administratif du ressort de l’autorité qui a décidé")


@dataclass(frozen=True, slots=True)
class FaitsDecision:
    """Une demande avant sa décision. `engage` : ce qui est tenu sur l'enveloppe ; `vote` : None si non retenue ;
    `ligne_arretee` : pour la phase de la demande ; `reste` : sans la part `reserve` que gardent les phases suivantes.

    Choix du projet : conception/produit.md, « Le parcours d'un dossier ».
    """

    ligne_arretee: bool
    complement_attendu: bool
    demande: Euros
    vote: Euros | None
    engage: Euros
    reste: Euros
    depose_le: date
    reserve: Euros = Euros(0)  # noqa: RUF009 -- Euros est figé


def empechements_de_la_decision(faits: FaitsDecision) -> tuple[Empechement, ...]:
    """Ce qui empêche d'enregistrer une décision, quelle qu'elle soit.

    Choix du projet : conception/produit.md (programmation arrêtée d'abord ; un complément attendu bloque la décision).
    """
    cas = (
        (not faits.ligne_arretee, "ligne_non_arretee", "Arrêtez d’abord la programmation de cette ligne."),
        (
            faits.complement_attendu,
            "complement_attendu",
            "Un complément est attendu : la décision attend sa réception, ou la fin de son délai.",
        ),
    )
    return tuple(Empechement(code, message) for est_vrai, code, message in cas if est_vrai)


@dataclass(frozen=True, slots=True)
class DecisionDite:
    """Ce qu'une personne de la ligne enregistre : le sens, le montant, l'acte de son autorité.

    Source : CGCT, art. L.2311-7 (attribution par délibération distincte du budget).
    """

    sens: SensDecision
    montant: Euros
    reference_acte: str
    acte_le: date
    motif: str = ""


def _faute_de_montant(faits: FaitsDecision, dite: DecisionDite) -> Faute | None:
    if dite.sens is SensDecision.REFUSEE:
        if dite.montant:
            return Faute("montant", "Un refus n’a pas de montant.", "refus_avec_montant")
        return None
    plafond = faits.engage if faits.engage else min(faits.demande, faits.reste)
    if dite.montant.centimes <= 0:
        return Faute("montant", "Écrivez un montant positif.", "montant_nul")
    if dite.montant <= plafond:
        return None
    if faits.engage:
        return Faute("montant", f"Au plus ce qui est engagé : {faits.engage}.", "montant_au_dela_de_l_engage")
    garde = f", sans les {faits.reserve} réservés à la phase suivante" if faits.reserve else ""
    phrase = (
        f"Rien n’est engagé pour cette demande : au plus {plafond} (demandé, et ce qui reste sur l’enveloppe{garde})."
    )
    return Faute("montant", phrase, "montant_au_dela_du_reste")


def fautes_de_la_decision(faits: FaitsDecision, dite: DecisionDite, aujourd_hui: date) -> tuple[Faute, ...]:
    """Les fautes de saisie d'une décision, champ par champ.

    Le motif est exigé pour un refus et pour un montant différent du vote. Une réserve ou un avis défavorable suivis
    d'une attribution s'engagent à la décision, dans ce qui reste de l'enveloppe.

    Choix du projet : conception/architecture.md, décision 11 ; conception/produit.md (« comprendre un refus »).
    """
    fautes = [f for f in (_faute_de_montant(faits, dite),) if f is not None]
    if not dite.reference_acte.strip():
        fautes.append(Faute("reference_acte", "Donnez la référence de l’acte de l’autorité.", "reference_absente"))
    if dite.acte_le > aujourd_hui:
        fautes.append(Faute("acte_le", "L’acte ne peut pas être daté dans l’avenir.", "acte_futur"))
    elif dite.acte_le < faits.depose_le:
        fautes.append(Faute("acte_le", "L’acte ne peut pas précéder le dépôt du dossier.", "acte_avant_depot"))
    differe = dite.sens is SensDecision.REFUSEE or dite.montant != faits.vote
    if differe and not dite.motif.strip():
        mot = (
            "pourquoi la demande est refusée"
            if dite.sens is SensDecision.REFUSEE
            else "pourquoi ce n’est pas le montant voté"
        )
        fautes.append(Faute("motif", f"Dites {mot} : le porteur le lira.", "motif_exige"))
    return tuple(fautes)


def a_liberer(engage: Euros, dite: DecisionDite) -> Euros:
    """Ce que la décision rend à l'enveloppe : l'engagé moins l'accordé, jamais moins que zéro.

    Choix du projet : conception/architecture.md, décision 11.
    """
    return max(engage - dite.montant, Euros(0))


@dataclass(frozen=True, slots=True)
class AnneeSuivante:
    """Une année suivante d'une CPO, quand l'autorité décide la première. `arbitre` : le dernier montant proposé ou
    arbitré, s'il y en a un ; `reste` : ce qui reste sur l'enveloppe de cette année, None si elle n'est pas ouverte.

    Choix du projet : docs/adr/0008-les-annees-suivantes-d-une-cpo.md.
    """

    annee: int
    demande: Euros
    arbitre: Euros | None
    reste: Euros | None


@dataclass(frozen=True, slots=True)
class Tranche:
    """Ce qui est réservé pour une année suivante (zéro : rien) et pourquoi, en une phrase que le porteur lira.

    Choix du projet : docs/adr/0008-les-annees-suivantes-d-une-cpo.md.
    """

    montant: Euros
    motif: str


def montant_de_la_tranche(suite: AnneeSuivante, demande: Euros, accorde: Euros) -> Euros:
    """Le montant à réserver : celui arbitré pour cette année ; sinon la demande, au taux accordé la première année,
    à l'euro inférieur. Jamais plus que la demande, rien si la première année n'a rien.

    Choix du projet : docs/adr/0008-les-annees-suivantes-d-une-cpo.md.
    """
    if not accorde or suite.arbitre == Euros(0):
        return Euros(0)
    if suite.arbitre is not None:
        return min(suite.arbitre, suite.demande)
    au_taux = suite.demande.centimes * min(accorde, demande).centimes // demande.centimes
    return Euros(au_taux // 100 * 100)


def tranche(suite: AnneeSuivante, demande: Euros, accorde: Euros) -> Tranche:
    """Ce qui se réserve pour une année suivante : tout le montant ou rien, et la phrase qui le dit.

    Une enveloppe absente ou trop petite n'empêche jamais de décider la première année.

    Choix du projet : docs/adr/0008-les-annees-suivantes-d-une-cpo.md.
    """
    montant, annee = montant_de_la_tranche(suite, demande, accorde), suite.annee
    rien = f"Rien n’est réservé pour {annee} : "
    if not accorde:
        return Tranche(Euros(0), f"{rien}la première année n’est pas financée.")
    if not montant:
        return Tranche(Euros(0), f"{rien}aucun montant n’est retenu pour cette année.")
    if suite.reste is None:
        phrase = f"{rien}l’enveloppe de cette année n’est pas encore ouverte. Redemandez-la à l’appel {annee}."
        return Tranche(Euros(0), phrase)
    if suite.reste < montant:
        phrase = f"{rien}l’enveloppe ne suffit pas ({suite.reste} restants). Redemandez-la à l’appel {annee}."
        return Tranche(Euros(0), phrase)
    return Tranche(montant, f"{montant} réservés pour {annee}, sous condition du bilan et du vote des crédits.")

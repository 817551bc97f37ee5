"""Ce qui permet d'arrêter une ligne, de décider, de notifier ; la lettre, ses délais, le collage d'un lot. Pur."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from app.noyau.erreurs import Faute
from app.noyau.euros import Euros, MontantIllisible
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
class Empechement:
    """Une raison de ne pas faire un acte maintenant : sa phrase, son code stable.

    Choix du projet : un refus porte toujours son motif.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class EtatDeLaLigne:
    """Une ligne avant son arrêté : numéros encore à voter, numéros dont un complément est attendu, montants votés.

    `sans_reponse` : ceux dont le complément n'est pas venu dans son délai, qui ne bloquent plus ; `reserve` : ce que
    gardent les phases suivantes ; `cloture` : la fin du dépôt de la phase en cours.

    Choix du projet : conception/architecture.md, décision 11.
    """

    deja_arretee: bool
    a_voter: tuple[str, ...]
    en_complement: tuple[str, ...]
    nombre_vote: int
    vote: Euros
    reste: Euros
    reserve: Euros
    cloture: datetime | None = None
    sans_reponse: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AvancementDeLaLigne:
    """Une ligne quand on arrête la programmation de l'appel : arrêtée ou non, demandes encore à voter ou à décider.

    Choix du projet : conception/architecture.md, décision 11.
    """

    financeur: str
    est_arretee: bool
    en_cours: int


def empechements_de_l_appel(lignes: Sequence[AvancementDeLaLigne]) -> tuple[Empechement, ...]:
    """Ce qui empêche d'arrêter la programmation d'un appel ; vide si rien.

    Une ligne que personne n'a demandée, ou dont tout est sorti avant le vote, n'a rien à arrêter.
    Choix du projet : issue 2, « programmation arrêtée line by line » : l'appel ne l'est qu'après toutes ses lignes.
    """
    if not any(ligne.est_arretee for ligne in lignes):
        return (Empechement("aucune_ligne_arretee", "Aucune ligne n’est encore arrêtée."),)
    attendues = [ligne.financeur for ligne in lignes if ligne.en_cours and not ligne.est_arretee]
    if attendues:
        return (Empechement("lignes_a_arreter", f"Lignes encore à arrêter : {', '.join(attendues)}."),)
    return ()


def _liste(numeros: Sequence[str], maximum: int = 5) -> str:
    suite = f" et {len(numeros) - maximum} de plus" if len(numeros) > maximum else ""
    return ", ".join(numeros[:maximum]) + suite


def empechements_de_l_arrete(ligne: EtatDeLaLigne) -> tuple[Empechement, ...]:
    """Ce qui empêche d'arrêter la programmation d'une ligne ; vide si rien.

    Choix du projet : conception/architecture.md, décision 11 (le solde négatif empêche d'arrêter la ligne) ;
    conception/produit.md (« une demande de complément bloque la décision, pas la lecture ») ; elle la bloque jusqu'à
    son échéance, pas au-delà.
    """
    manque = ligne.vote - ligne.reste
    entame = ligne.vote - (ligne.reste - ligne.reserve)
    cas = (
        (ligne.deja_arretee, "ligne_arretee", "La programmation de cette ligne est déjà arrêtée."),
        (bool(ligne.a_voter), "demandes_a_voter", f"Encore à voter : {_liste(ligne.a_voter)}."),
        (bool(ligne.en_complement), "complement_attendu", f"Complément attendu : {_liste(ligne.en_complement)}."),
        (not ligne.nombre_vote, "rien_a_arreter", "La commission n’a encore rien voté sur cette ligne."),
        (
            manque.centimes > 0,
            "enveloppe_depassee",
            f"{ligne.vote} sont votés, il reste {ligne.reste} : il manque {manque}. Rien n’a été engagé.",
        ),
        (
            entame.centimes > 0 >= manque.centimes,
            "part_reservee",
            f"{ligne.reserve} sont réservés à la phase suivante : {ligne.vote} votés en entameraient {entame}. "
            "Rien n’a été engagé.",
        ),
    )
    return tuple(Empechement(code, message) for est_vrai, code, message in cas if est_vrai)


@dataclass(frozen=True, slots=True)
class FaitsDecision:
    """Une demande avant sa décision. `engage` : ce qui est tenu sur l'enveloppe ; `vote` : None si non retenue.

    Choix du projet : conception/produit.md, « Le parcours d'un dossier ».
    """

    ligne_arretee: bool
    complement_attendu: bool
    demande: Euros
    vote: Euros | None
    engage: Euros
    reste: Euros
    depose_le: date


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
    phrase = f"Rien n’est engagé pour cette demande : au plus {plafond} (demandé, et ce qui reste sur l’enveloppe)."
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


@dataclass(frozen=True, slots=True)
class LigneDeLot:
    """Une ligne collée : le numéro du dossier, le montant, le sens, le motif ; `rang` : sa place dans le collage.

    Choix du projet : conception/produit.md (« sans coller ni exporter dans l'ordre de son tableur »).
    """

    rang: int
    numero: str
    montant: Euros
    sens: SensDecision
    motif: str


_SENS = {
    "attribuee": SensDecision.ATTRIBUEE,
    "attribuée": SensDecision.ATTRIBUEE,
    "accordee": SensDecision.ATTRIBUEE,
    "accordée": SensDecision.ATTRIBUEE,
    "oui": SensDecision.ATTRIBUEE,
    "refusee": SensDecision.REFUSEE,
    "refusée": SensDecision.REFUSEE,
    "non": SensDecision.REFUSEE,
}


def _lire_ligne(rang: int, cellules: Sequence[str]) -> tuple[LigneDeLot | None, tuple[Faute, ...]]:
    numero, montant_lu, sens_lu, motif = (c.strip().strip('"') for c in [*cellules, "", "", ""][:4])
    fautes = []
    sens = _SENS.get(sens_lu.lower()) if sens_lu else SensDecision.ATTRIBUEE
    if sens is None:
        fautes.append(Faute("lot", f"Ligne {rang} : le sens est « attribuée » ou « refusée ».", "sens_illisible"))
    montant = Euros(0)
    if montant_lu or sens is SensDecision.ATTRIBUEE:
        try:
            montant = Euros.lire(montant_lu)
        except MontantIllisible:
            fautes.append(
                Faute("lot", f"Ligne {rang} : le montant « {montant_lu} » est illisible.", "montant_illisible")
            )
    if not numero:
        fautes.append(Faute("lot", f"Ligne {rang} : le numéro du dossier manque.", "numero_absent"))
    if fautes or sens is None:
        return None, tuple(fautes)
    return LigneDeLot(rang, numero.upper(), montant, sens, motif), ()


def lire_lot(texte: str) -> tuple[tuple[LigneDeLot, ...], tuple[Faute, ...]]:
    """Lit un collage « numéro;montant;sens;motif » (ou tabulations) : les lignes lues et les fautes, ligne par ligne.

    Une première ligne d'en-tête et les lignes vides sont passées. Sens vide : attribuée.

    Choix du projet : conception/produit.md (« sans coller ni exporter dans l'ordre de son tableur »).
    """
    separateur = "\t" if "\t" in texte else ";"
    lues: list[LigneDeLot] = []
    fautes: list[Faute] = []
    for rang, brute in enumerate(texte.splitlines(), start=1):
        if not brute.strip(f" {separateur}") or (rang == 1 and brute.strip().lower().startswith("num")):
            continue
        cellules = brute.split(separateur, 3)
        ligne, ses_fautes = _lire_ligne(rang, cellules)
        fautes.extend(ses_fautes)
        if ligne is not None:
            lues.append(ligne)
    fautes.extend(_doublons(lues))
    if not lues and not fautes:
        fautes.append(Faute("lot", "Collez au moins une ligne « numéro;montant;sens;motif ».", "lot_vide"))
    return tuple(lues), tuple(fautes)


def _doublons(lues: Collection[LigneDeLot]) -> list[Faute]:
    vus: dict[str, int] = {}
    fautes = []
    for ligne in lues:
        if ligne.numero in vus:
            phrase = f"Ligne {ligne.rang} : {ligne.numero} est déjà à la ligne {vus[ligne.numero]}."
            fautes.append(Faute("lot", phrase, "numero_en_double"))
        vus.setdefault(ligne.numero, ligne.rang)
    return fautes

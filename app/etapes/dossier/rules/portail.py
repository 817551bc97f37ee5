"""Lire un tableau du portail de l'État (Dauphin) : colonnes reconnues, dossiers, rangées écartées."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NoReturn

from app.etapes.dossier.rules.numero_dauphin import dossier_de, normaliser
from app.noyau.erreurs import Faute, SaisieInvalide
from app.noyau.euros import Euros, MontantIllisible

Cellule = str | Decimal
Rangees = Sequence[Sequence[Cellule]]
CHAMP = "tableau"
LONGUEUR_TEXTE = 500
RANGEES_D_ENTETE = 30  # l'en-tête peut suivre un titre et des filtres
RECONNUES_MINIMUM = 2
CHIFFRES_MAX = 30  # au-delà, ni un montant, ni un numéro
EXERCICES = range(2000, 2101)
SIREN, SIRET = 9, 14
_ANNEE = re.compile(r"(?<!\d)(\d{4})(?!\d)", re.ASCII)
_ACTION_SEULE = re.compile(r"-?(\d{1,3})", re.ASCII)
_LIGATURES = str.maketrans({"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae", "ß": "ss"})
_MULTI_ACTIONS = re.compile(r"\bsubventions? multi ?actions?\b|^multi ?actions?\b.*\bprogramme 147\b|^multi ?actions?$")
_DE_L_ETAT = re.compile(r"\b(?:etat|prefecture|anct|bop ?147|programme 147)\b")


class Colonne(StrEnum):
    """Ce que l'on cherche dans un tableau du portail.

    Source : reference/domaine.md § 2.4 (colonnes d'export observées).
    """

    ACTION = "action"
    REFERENCE = "reference"
    INTITULE = "intitule"
    DEMANDEUR = "demandeur"
    SIRET = "siret"
    THEMATIQUE = "thematique"
    STATUT = "statut"
    EXERCICE = "exercice"
    FINANCEUR = "financeur"
    SOLLICITE = "sollicite"
    VOTE = "vote"


LIBELLES: Mapping[Colonne, str] = {
    Colonne.ACTION: "Référence action",
    Colonne.REFERENCE: "Référence administrative",
    Colonne.INTITULE: "Intitulé de la demande",
    Colonne.DEMANDEUR: "Libellé demandeur",
    Colonne.SIRET: "SIRET",
    Colonne.THEMATIQUE: "Thématique (dispositif)",
    Colonne.STATUT: "Statut",
    Colonne.EXERCICE: "Exercice",
    Colonne.FINANCEUR: "Financeur",
    Colonne.SOLLICITE: "Montant sollicité",
    Colonne.VOTE: "Montant voté",
}
_DE = r"(?: (?:de |du |d )?(?:la |l )?(?:demande|dossier|projet|action))?"
_EN_EUROS = r"(?: (?:en )?(?:eur|euros?))?"
_INTITULES: Mapping[Colonne, re.Pattern[str]] = {
    colonne: re.compile(forme)
    for colonne, forme in {
        Colonne.ACTION: r"(?:reference|ref|numero|no?)(?: de| d)?(?: l)? action|code action",
        Colonne.REFERENCE: r"reference(?: administrative)?|(?:reference|ref|numero|no?) (?:de |du )?(?:la )?"
        r"(?:dossier|demande|dauphin|dossier dauphin)",
        Colonne.INTITULE: rf"(?:intitule|titre|libelle){_DE}|nom (?:du projet|de l action)|action|projet",
        Colonne.DEMANDEUR: r"(?:libelle |nom |raison sociale )?(?:du |de l )?"
        r"(?:demandeur|porteur(?: de projet)?|association|tiers|beneficiaire|organisme)|raison sociale",
        Colonne.SIRET: r"(?:numero |no? )?sire[tn](?: (?:du |de l )?(?:demandeur|porteur|tiers|association))?",
        Colonne.THEMATIQUE: r"thematique(?: \(?dispositif\)?)?|dispositif|thematique dispositif",
        Colonne.STATUT: rf"(?:statut|etat){_DE}|statut financeur",
        Colonne.EXERCICE: rf"exercice(?: budgetaire)?{_DE}|annee{_DE}",
        Colonne.FINANCEUR: r"(?:libelle |nom )?(?:du )?financeur",
        Colonne.SOLLICITE: rf"(?:montant |subvention )?(?:sollicitee?|demandee?){_EN_EUROS}|"
        r".*\betat\b.*\b(?:sollicite|demande)e?",
        Colonne.VOTE: rf"(?:montant |subvention )?(?:votee?|accordee?|attribuee?|favorable){_EN_EUROS}|"
        r".*\betat\b.*\b(?:favorable|votee?|accordee?)",
    }.items()
}


@dataclass(frozen=True, slots=True)
class LigneLue:
    """Un dossier du portail, tel que son tableau le dit. `rang` : sa rangée, comptée comme dans le tableur.

    `siret` : 14 chiffres, 9 (SIREN seul) ou vide. Un montant absent ou illisible est None.

    Source : reference/domaine.md § 2.4.
    """

    rang: int
    numero: str
    intitule: str
    demandeur: str = ""
    siret: str = ""
    thematique: str = ""
    statut: str = ""
    exercice: int | None = None
    montant_sollicite: Euros | None = None
    montant_vote: Euros | None = None


@dataclass(frozen=True, slots=True)
class LigneEcartee:
    """Une rangée qui n'est pas un dossier, et pourquoi.

    Source : reference/domaine.md § 2.2 (multi-actions).
    """

    rang: int
    intitule: str
    raison: str


@dataclass(frozen=True, slots=True)
class TableauLu:
    """Ce qu'un tableau contient : ses dossiers, une fois chacun, et ce qui a été écarté.

    Règle locale : rien n'est écarté sans raison dite.
    """

    lignes: tuple[LigneLue, ...]
    ecartees: tuple[LigneEcartee, ...]


def cle(texte: str) -> str:
    """Minuscules sans accent ni ponctuation, une espace entre les mots : « L''ACCÈS à m²A » → « l acces a m2a ».

    Source : reference/domaine.md § 8 (graphies).
    """
    nu = unicodedata.normalize("NFKD", texte.translate(_LIGATURES)).casefold()
    lettres = "".join(c for c in nu if not unicodedata.combining(c))
    return " ".join("".join(c if c.isalnum() else " " for c in lettres).split())


def est_multi_actions(intitule: str) -> bool:
    """Vrai pour un paiement qui regroupe plusieurs actions d'un porteur : ce n'est pas un dossier.

    Source : reference/domaine.md § 2.2 (« Subventions Multi-actions du programme 147 »).
    """
    return _MULTI_ACTIONS.search(cle(intitule)) is not None


def reconnaitre(rangee: Sequence[Cellule]) -> dict[Colonne, int]:
    """Colonne → sa place, d'après les intitulés d'une rangée ; la première gagne.

    Règle locale : accents, casse, ponctuation et ordre des colonnes ne comptent pas.
    """
    trouvees: dict[Colonne, int] = {}
    for place, cellule in enumerate(rangee):
        intitule = cle(_texte(cellule))
        for colonne, forme in _INTITULES.items():
            if colonne not in trouvees and forme.fullmatch(intitule):
                trouvees[colonne] = place
                break
    return trouvees


def lire(feuilles: Sequence[Rangees]) -> TableauLu:
    """Les dossiers d'un tableau. Lève SaisieInvalide : la faute dit les colonnes qui manquent.

    Règle locale : la feuille et la rangée d'intitulés où l'on reconnaît le plus de colonnes sont les bonnes.
    """
    meilleure: tuple[Rangees, int, dict[Colonne, int]] = ((), 0, {})
    for feuille in feuilles:
        for rang, rangee in enumerate(feuille[:RANGEES_D_ENTETE]):
            colonnes = reconnaitre(rangee)
            if len(colonnes) > len(meilleure[2]):
                meilleure = (feuille, rang, colonnes)
    feuille, rang, colonnes = meilleure
    if len(colonnes) < RECONNUES_MINIMUM:
        _refuser(
            "Aucune ligne d’intitulés n’est reconnue dans ce tableau. Il faut au moins « Référence action » ou "
            "« Référence administrative », et « Intitulé de la demande ».",
            "sans_entete",
        )
    _exiger(colonnes)
    return _lire_rangees(feuille, rang, colonnes)


def _exiger(colonnes: Mapping[Colonne, int]) -> None:
    manquent = [LIBELLES[c] for c in (Colonne.INTITULE,) if c not in colonnes]
    if not colonnes.keys() & {Colonne.ACTION, Colonne.REFERENCE}:
        manquent.insert(0, f"{LIBELLES[Colonne.ACTION]} » ou « {LIBELLES[Colonne.REFERENCE]}")
    if manquent:
        reconnues = ", ".join(LIBELLES[c] for c in Colonne if c in colonnes)
        dites = " et ".join(f"« {m} »" for m in manquent)
        _refuser(f"Il manque une colonne au tableau : {dites}. Colonnes reconnues : {reconnues}.", "colonne_absente")


def _refuser(message: str, code: str) -> NoReturn:
    raise SaisieInvalide([Faute(CHAMP, message, code)])


def _lire_rangees(feuille: Rangees, entete: int, colonnes: Mapping[Colonne, int]) -> TableauLu:
    lignes: dict[str, LigneLue] = {}
    ecartees: list[LigneEcartee] = []
    derniere = max((rang for rang, rangee in enumerate(feuille) if any(_texte(c) for c in rangee)), default=entete)
    for rang, rangee in enumerate(feuille[entete + 1 : derniere + 1], start=entete + 2):
        valeurs = {c: rangee[place] if place < len(rangee) else "" for c, place in colonnes.items()}
        intitule = _texte(valeurs[Colonne.INTITULE])
        numero = _numero(valeurs)
        raison = _raison(rangee, valeurs, intitule, numero, lignes)
        if numero is None or raison:
            ecartees.append(LigneEcartee(rang, intitule, raison))
        else:
            lignes[numero] = _ligne(rang, numero, intitule, valeurs)
    return TableauLu(tuple(lignes.values()), tuple(ecartees))


def _raison(
    rangee: Sequence[Cellule],
    valeurs: Mapping[Colonne, Cellule],
    intitule: str,
    numero: str | None,
    lues: Mapping[str, LigneLue],
) -> str:
    """Pourquoi cette rangée n'est pas un dossier de plus ; vide si elle en est un."""
    financeur = _texte(valeurs.get(Colonne.FINANCEUR, ""))
    deja = lues.get(numero or "")
    raisons = (
        (not any(_texte(c) for c in rangee), "Ligne vide"),
        (est_multi_actions(intitule), "Multi-actions : un paiement qui regroupe plusieurs actions, pas un dossier"),
        (not cle(intitule), "Sans intitulé"),
        (numero is None, "Sans numéro de dossier lisible (DA suivi de huit chiffres)"),
        (financeur and not _DE_L_ETAT.search(cle(financeur)), f"Autre financeur que l’État ({financeur})"),
        (deja is not None, f"Même numéro qu’à la ligne {deja.rang if deja else ''} ({numero})"),
    )
    return next((raison for vraie, raison in raisons if vraie), "")


def _numero(valeurs: Mapping[Colonne, Cellule]) -> str | None:
    """Le numéro avec son action : de l'une des deux références, ou des deux quand l'une ne dit que le rang."""
    action = _texte(valeurs.get(Colonne.ACTION, ""))
    reference = normaliser(_texte(valeurs.get(Colonne.REFERENCE, "")))
    if reference is None:
        return normaliser(action)
    rang = _ACTION_SEULE.fullmatch(action)
    if rang is not None:
        return normaliser(f"{dossier_de(reference)}-{rang[1]}")
    lue = normaliser(action) if action.upper().startswith("DA") else None  # sans « DA », une référence interne
    if lue is None:
        return reference
    # Deux dossiers sur une rangée : personne ne devine lequel.
    return max(lue, reference, key=len) if dossier_de(lue) == dossier_de(reference) else None


def _ligne(rang: int, numero: str, intitule: str, valeurs: Mapping[Colonne, Cellule]) -> LigneLue:
    return LigneLue(
        rang=rang,
        numero=numero,
        intitule=intitule,
        demandeur=_texte(valeurs.get(Colonne.DEMANDEUR, "")),
        siret=lire_siret(valeurs.get(Colonne.SIRET, "")),
        thematique=_texte(valeurs.get(Colonne.THEMATIQUE, "")),
        statut=_texte(valeurs.get(Colonne.STATUT, "")),
        exercice=lire_exercice(valeurs.get(Colonne.EXERCICE, "")),
        montant_sollicite=lire_montant(valeurs.get(Colonne.SOLLICITE, "")),
        montant_vote=lire_montant(valeurs.get(Colonne.VOTE, "")),
    )


def _texte(cellule: Cellule) -> str:
    if isinstance(cellule, str):
        return cellule.strip()[:LONGUEUR_TEXTE]
    if not cellule.is_finite() or abs(cellule.adjusted()) > CHIFFRES_MAX:
        return ""
    entier = cellule == cellule.to_integral_value()
    return (f"{cellule:.0f}" if entier else f"{cellule:f}")[:LONGUEUR_TEXTE]


def lire_montant(cellule: Cellule) -> Euros | None:
    """Un montant à la française ou un nombre ; None s'il est vide, illisible ou négatif.

    Choix du projet : un montant illisible n'écarte pas un dossier, il n'est qu'un indice.
    """
    try:
        montant = Euros.lire(_texte(cellule).replace("'", "").removesuffix("EUR").removesuffix("euros"))
    except MontantIllisible:
        return None
    return montant if montant >= Euros(0) else None


def lire_exercice(cellule: Cellule) -> int | None:
    """L'année que dit la case (« 2027 », « Exercice 2027 », « 2027-01-01 ») ; None si elle n'en dit aucune.

    Source : reference/domaine.md § 2.4 (`exerciceBudgetaire`).
    """
    annees = (int(a) for a in _ANNEE.findall(_texte(cellule)))
    return next((a for a in annees if a in EXERCICES), None)


def lire_siret(cellule: Cellule) -> str:
    """Le SIRET (14 chiffres) ou le SIREN (9), espaces ôtées ; vide si la case n'en dit pas.

    Source : reference/domaine.md § 8. Un tableur mange le zéro de tête d'un SIRET pris pour un nombre : on le rend.
    """
    chiffres = "".join(_texte(cellule).split())
    if not (chiffres.isascii() and chiffres.isdigit()):
        return ""
    rendu = chiffres.zfill(SIRET) if len(chiffres) == SIRET - 1 else chiffres
    return rendu if len(rendu) in {SIREN, SIRET} else ""

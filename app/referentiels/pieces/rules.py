"""Natures des pièces, durées de validité, correspondance avec les pièces exigées d'un appel. Pur."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from app.noyau.erreurs import Faute
from app.noyau.periodes import ajouter_mois

A_RENOUVELER = timedelta(days=30)
JOUR_MIN = date(1870, 1, 1)
AVANCE_MAX = timedelta(days=366)
LONGUEUR_INTITULE = 120
PIECES_MAX = 200
"""Par organisation, remplacées comprises. Choix du projet : quinze natures, renouvelées plus de dix ans."""


class EtatFichier(StrEnum):
    """Où en est un fichier reçu ; seul « sain » se lit.

    Choix du projet : ADR 0015.
    """

    RECU = "recu"
    SAIN = "sain"
    INFECTE = "infecte"
    REFUSE = "refuse"


ECARTES = frozenset({EtatFichier.INFECTE, EtatFichier.REFUSE})


class Nature(StrEnum):
    """Ce qu'une pièce prouve.

    Source : reference/domaine.md § 1.7.
    """

    STATUTS = "statuts"
    LISTE_DIRIGEANTS = "liste_dirigeants"
    EXTRAIT_REGISTRE = "extrait_registre"
    RECEPISSE = "recepisse"
    AVIS_SIRENE = "avis_sirene"
    RIB = "rib"
    POUVOIR = "pouvoir"
    COMPTES_ANNUELS = "comptes_annuels"
    RAPPORT_CAC = "rapport_cac"
    RAPPORT_ACTIVITE = "rapport_activite"
    BUDGET_PREVISIONNEL = "budget_previsionnel"
    BILAN_N1 = "bilan_n1"
    TABLEAU_SALARIES = "tableau_salaries"
    TABLEAU_PRESTATAIRES = "tableau_prestataires"
    AUTRE = "autre"

    @property
    def libelle(self) -> str:
        """Le nom montré à l'écran."""
        return REGLES[self].libelle


@dataclass(frozen=True, slots=True)
class Regle:
    """Combien de mois une pièce vaut après sa date (None : jusqu'à la suivante), et ce que sa date veut dire."""

    libelle: str
    mois: int | None
    date_dite: str
    duree_dite: str
    source: str


_EXERCICE = "dernier jour de l’exercice"
_JOUR = "date de la pièce"
_18_MOIS = "Dix-huit mois après la fin de l’exercice : le temps d’approuver les comptes suivants."
_UN_AN = "Un an."
_SANS_FIN = "Jusqu’à ce qu’une nouvelle la remplace."
_PROJET = "Choix du projet : ADR 0015"
REGLES: Mapping[Nature, Regle] = {
    Nature.STATUTS: Regle("Statuts signés", None, "date de signature", _SANS_FIN, _PROJET),
    Nature.LISTE_DIRIGEANTS: Regle("Liste des dirigeants", 12, _JOUR, _UN_AN, _PROJET),
    Nature.EXTRAIT_REGISTRE: Regle(
        "Extrait du registre des associations (Alsace-Moselle)", 12, _JOUR, _UN_AN, "reference/domaine.md § 1.6"
    ),
    Nature.RECEPISSE: Regle("Récépissé de déclaration en préfecture", None, _JOUR, _SANS_FIN, _PROJET),
    Nature.AVIS_SIRENE: Regle("Avis de situation Sirene", 12, _JOUR, _UN_AN, _PROJET),
    Nature.RIB: Regle("Relevé d’identité bancaire", None, _JOUR, _SANS_FIN, "Cerfa 12156*06"),
    Nature.POUVOIR: Regle("Pouvoir du signataire", 12, "date du pouvoir", _UN_AN, "Cerfa 12156*06, attestations"),
    Nature.COMPTES_ANNUELS: Regle("Comptes annuels approuvés", 18, _EXERCICE, _18_MOIS, _PROJET),
    Nature.RAPPORT_CAC: Regle("Rapport du commissaire aux comptes", 18, _EXERCICE, _18_MOIS, _PROJET),
    Nature.RAPPORT_ACTIVITE: Regle("Rapport d’activité", 18, _EXERCICE, _18_MOIS, _PROJET),
    Nature.BUDGET_PREVISIONNEL: Regle("Budget prévisionnel de l’organisation", 12, "premier jour de l’exercice", _UN_AN,
                                      _PROJET),
    Nature.BILAN_N1: Regle("Bilan de l’action de l’an passé", 12, "dernier jour de l’action", _UN_AN, _PROJET),
    Nature.TABLEAU_SALARIES: Regle("Tableau des salariés, sans donnée personnelle", 12, _JOUR, _UN_AN, _PROJET),
    Nature.TABLEAU_PRESTATAIRES: Regle("Tableau des prestataires extérieurs", 12, _JOUR, _UN_AN, _PROJET),
    Nature.AUTRE: Regle("Autre pièce", None, _JOUR, _SANS_FIN, _PROJET),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Validite:
    """Du jour compris au jour compris ; sans fin si `au` est None."""

    du: date
    au: date | None


class EtatValidite(StrEnum):
    """Une pièce saine, à un jour donné.

    Choix du projet : ADR 0015.
    """

    VALABLE = "valable"
    A_RENOUVELER = "a_renouveler"
    PERIMEE = "perimee"
    A_VENIR = "a_venir"


def validite(nature: Nature, datee_du: date, jusqu_au: date | None = None) -> Validite:
    """De la date de la pièce à la fin que donne sa nature ; `jusqu_au` l'écourte, ou en donne une.

    Choix du projet : ADR 0015 ; chaque durée dit sa source dans REGLES.
    """
    mois = REGLES[nature].mois
    fin = ajouter_mois(datee_du, mois) if mois is not None else None
    bornes = [jour for jour in (fin, jusqu_au) if jour is not None]
    return Validite(datee_du, min(bornes, default=None))


def etat_validite(vaut: Validite, le: date) -> EtatValidite:
    """Où en est une pièce ce jour-là : « à renouveler » dans les trente derniers jours.

    Choix du projet : ADR 0015.
    """
    if le < vaut.du:
        return EtatValidite.A_VENIR
    if vaut.au is None:
        return EtatValidite.VALABLE
    if le > vaut.au:
        return EtatValidite.PERIMEE
    return EtatValidite.A_RENOUVELER if vaut.au - le <= A_RENOUVELER else EtatValidite.VALABLE


def verifier_dates(nature: Nature, datee_du: date, jusqu_au: date | None, le: date) -> list[Faute]:
    """Ce qu'on reproche aux dates saisies : trop vieille, dans le futur, fin avant le début.

    Choix du projet : ADR 0015 ; un budget prévisionnel se date d'un an d'avance au plus.
    """
    fautes = []
    avance = AVANCE_MAX if nature is Nature.BUDGET_PREVISIONNEL else timedelta()
    if datee_du > le + avance:
        fautes.append(Faute("datee_du", "Cette date est dans le futur : écrivez celle de la pièce.", "date_future"))
    elif datee_du < JOUR_MIN:
        fautes.append(Faute("datee_du", f"Donnez une date à partir de {JOUR_MIN.year}.", "date_ancienne"))
    if jusqu_au is not None and jusqu_au < datee_du:
        fautes.append(Faute("jusqu_au", "La fin vient avant la date de la pièce.", "fin_avant_debut"))
    return fautes


# Un mot du code ou du libellé d'une pièce exigée → les natures qui y répondent, chacune suffisante.
_MOTS: tuple[tuple[str, frozenset[Nature]], ...] = (
    (r"statuts", frozenset({Nature.STATUTS})),
    (r"dirigeants|membres_de_la_direction", frozenset({Nature.LISTE_DIRIGEANTS})),
    (r"registre|recepisse", frozenset({Nature.EXTRAIT_REGISTRE, Nature.RECEPISSE})),
    (r"sirene?\b|avis_de_situation", frozenset({Nature.AVIS_SIRENE})),
    (r"\brib\b|identite_bancaire", frozenset({Nature.RIB})),
    (r"pouvoir|delegation_de_signature|mandat", frozenset({Nature.POUVOIR})),
    (r"commissaire", frozenset({Nature.RAPPORT_CAC})),
    (r"\bcomptes\b(?!_rendu)", frozenset({Nature.COMPTES_ANNUELS})),
    (r"rapport_d_activite|rapport_activite", frozenset({Nature.RAPPORT_ACTIVITE})),
    (r"budget", frozenset({Nature.BUDGET_PREVISIONNEL})),
    (r"bilan", frozenset({Nature.BILAN_N1})),
    (r"salaries", frozenset({Nature.TABLEAU_SALARIES})),
    (r"prestataires", frozenset({Nature.TABLEAU_PRESTATAIRES})),
)


def natures_attendues(code: str, libelle: str = "") -> tuple[frozenset[Nature], ...]:
    """Les natures qui répondent à une pièce exigée d'un appel : une de chaque ensemble. Vide : aucune ne répond.

    Lit le code et le libellé : « Statuts et liste des dirigeants » attend les deux. Un rapport du commissaire aux
    comptes n'attend pas, en plus, les comptes.

    Choix du projet : ADR 0015 ; codes de l'appel, `etapes.appel.rules.code_de_piece`.
    """
    texte = _sans_accent(f"{code} {libelle}")
    trouvees = tuple(natures for motif, natures in _MOTS if re.search(motif.replace(r"\b", _BORD), texte))
    if frozenset({Nature.RAPPORT_CAC}) in trouvees:
        trouvees = tuple(n for n in trouvees if n != frozenset({Nature.COMPTES_ANNUELS}))
    return trouvees


@dataclass(frozen=True, slots=True)
class Attendue:
    """Une pièce qui répond, en tout ou partie, à une pièce exigée : ses natures ; pour « Autre pièce », son intitulé.

    Choix du projet : ADR 0015.
    """

    natures: frozenset[Nature]
    intitule: str = ""

    @property
    def libelle(self) -> str:
        """Le nom montré à l'écran."""
        return self.intitule or " ou ".join(n.libelle for n in Nature if n in self.natures)

    @property
    def a_deposer(self) -> tuple[str, str]:
        """La nature et l'intitulé que le formulaire de dépôt propose."""
        return min(n.value for n in self.natures), self.intitule

    def repond(self, nature: Nature, intitule: str) -> bool:
        """Vrai si une pièce de cette nature et de cet intitulé y répond."""
        return nature in self.natures and (not self.intitule or intitule == self.intitule)


def attendues(code: str, libelle: str) -> tuple[Attendue, ...]:
    """Ce qu'il faut déposer pour une pièce exigée : chacune. Celle qu'aucune nature ne dit s'attend sous son libellé.

    Choix du projet : ADR 0015 ; une « Autre pièce » se reconnaît à son intitulé, que le lien « Déposer » remplit.
    """
    natures = natures_attendues(code, libelle)
    if not natures:
        return (Attendue(frozenset({Nature.AUTRE}), libelle[:LONGUEUR_INTITULE].strip()),)
    return tuple(Attendue(n) for n in natures)


_BORD = r"(?:(?<![a-z])(?=[a-z])|(?<=[a-z])(?![a-z]))"  # le souligné sépare les mots d'un code


def _sans_accent(texte: str) -> str:
    nu = "".join(c for c in unicodedata.normalize("NFD", texte.lower()) if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]+", "_", nu)


def manquent(attendues: Iterable[frozenset[Nature]], presentes: Collection[Nature]) -> tuple[frozenset[Nature], ...]:
    """Parmi les ensembles attendus, ceux auxquels aucune pièce présente ne répond.

    Choix du projet : ADR 0015.
    """
    return tuple(groupe for groupe in attendues if groupe.isdisjoint(presentes))

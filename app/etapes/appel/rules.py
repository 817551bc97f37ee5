"""L'appel : états, calendrier d'une phase, garde de l'enveloppe. Pur."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from itertools import chain, pairwise
from typing import Any

from app.noyau.erreurs import Faute
from app.noyau.euros import Euros
from app.noyau.periodes import Intervalle, instant_long
from app.noyau.roles import Role


class EtatAppel(StrEnum):
    """Vie d'un appel."""

    PREPARE = "prepare"
    OUVERT = "ouvert"
    CLOS = "clos"
    ARRETE = "arrete"

    @property
    def libelle(self) -> str:
        """Le mot montré à l'écran."""
        return {"prepare": "En préparation", "ouvert": "Ouvert", "clos": "Clos", "arrete": "Programmation arrêtée"}[
            self.value
        ]


class NatureEnveloppe(StrEnum):
    """Une enveloppe est prévisionnelle, puis notifiée."""

    PREVISIONNELLE = "previsionnelle"
    NOTIFIEE = "notifiee"


class NatureEngagement(StrEnum):
    """Ce qui engage une enveloppe. Une proposition n'engage pas. Source : architecture, décision 11."""

    ARRETE = "arrete"
    DECISION = "decision"
    RESERVATION_CPO = "reservation_cpo"


class SilenceAvis(StrEnum):
    """Ce que vaut le silence d'un service à l'échéance. Choix du projet, réglable par appel."""

    SANS_REPONSE = "sans_reponse"
    FAVORABLE = "favorable"

    @property
    def libelle(self) -> str:
        """Le choix montré à qui prépare l'appel."""
        return {"sans_reponse": "Aucun avis : « sans réponse »", "favorable": "Un avis réputé favorable"}[self.value]

    def dit(self, fin: datetime | None, maintenant: datetime) -> str:
        """Ce que vaut un avis manquant à cet instant ; vide tant que la consultation n'est pas finie (ou sans fin).

        Choix du projet, réglable par appel.
        """
        if fin is None or maintenant < fin:
            return ""
        return {"sans_reponse": "sans réponse", "favorable": "réputé favorable"}[self.value]


ENVELOPPE_MAX = Euros.de(10_000_000_000)
"""Au-delà, une faute de frappe. Choix du projet."""


@dataclass(frozen=True, slots=True)
class TransitionAppel:
    """Un acte sur l'appel."""

    acte: str
    depuis: frozenset[EtatAppel]
    vers: EtatAppel
    roles: frozenset[Role]
    libelle: str


_CHARGE = frozenset({Role.CHARGE_MISSION})
ACTE_ARRETER = "arreter"
TRANSITIONS_APPEL: tuple[TransitionAppel, ...] = (
    TransitionAppel("ouvrir", frozenset({EtatAppel.PREPARE}), EtatAppel.OUVERT, _CHARGE, "Ouvrir l’appel"),
    TransitionAppel("clore", frozenset({EtatAppel.OUVERT}), EtatAppel.CLOS, _CHARGE, "Clore l’appel"),
    TransitionAppel("rouvrir", frozenset({EtatAppel.CLOS}), EtatAppel.OUVERT, _CHARGE, "Rouvrir l’appel"),
    TransitionAppel(ACTE_ARRETER, frozenset({EtatAppel.CLOS}), EtatAppel.ARRETE, _CHARGE, "Arrêter la programmation"),
)


# Ce que le chargé de mission fait sans regarder les lignes ; arrêter passe par l'étape convention, qui les voit.
ACTES_DE_CONDUITE = tuple(t for t in TRANSITIONS_APPEL if t.acte != ACTE_ARRETER)


@dataclass(frozen=True, slots=True)
class PhaseAnnoncee:
    """Une phase à créer : ses dates, son intitulé, sa part réservée (pour mille)."""

    intitule: str
    ouverture_le: datetime
    cloture_le: datetime
    consultation_du: datetime | None = None
    consultation_au: datetime | None = None
    commission_le: datetime | None = None
    notification_le: datetime | None = None
    bilans_le: datetime | None = None
    part_reservee_milliemes: int = 0


@dataclass(frozen=True, slots=True)
class PieceAnnoncee:
    """Une pièce à demander, selon la forme du porteur (« * » : toutes)."""

    code: str
    forme: str
    libelle: str
    est_obligatoire: bool
    source: str


TOUS = "*"  # une pièce demandée à toutes les formes de porteur


def code_de_piece(libelle: str) -> str:
    """Le code d'une pièce, d'après son libellé : « Statuts signés » devient « statuts_signes ».

    Choix du projet : le chargé de mission nomme les pièces, il n'invente pas de code.
    """
    nu = "".join(c for c in unicodedata.normalize("NFD", libelle.lower()) if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]+", "_", nu).strip("_")[:60] or "piece"


@dataclass(frozen=True, slots=True)
class DepotPossible:
    """Peut-on déposer maintenant ? Sinon, pourquoi."""

    possible: bool
    motif: str = ""
    code: str = ""


def depot_possible(etat: EtatAppel, phase: Intervalle, maintenant: datetime) -> DepotPossible:
    """Le dépôt est admis de l'ouverture comprise à la clôture exclue, quand l'appel est ouvert.

    Choix du projet : architecture, décision 13 (échéance = intervalle ouvert à droite, heure de réception).
    """
    if etat is EtatAppel.PREPARE or maintenant < phase.debut:
        motif = f"L’appel ouvre le {instant_long(phase.debut)}."
        return DepotPossible(False, motif, "appel_pas_encore_ouvert")
    if phase.fin is not None and maintenant >= phase.fin:
        return DepotPossible(False, f"L’appel est clos depuis le {instant_long(phase.fin)}.", "appel_clos")
    if etat is not EtatAppel.OUVERT:
        return DepotPossible(False, "L’appel est clos.", "appel_clos")
    return DepotPossible(True)


def peut_engager(montant: Euros, engage: Euros, demande: Euros) -> bool:
    """Vrai si `demande` tient dans ce qui reste de l'enveloppe. La base juge en dernier.

    Choix du projet : architecture, décision 11.
    """
    return demande.centimes > 0 and engage + demande <= montant


def verifier_dotation(montant: Euros | None, motif: str) -> list[Faute]:
    """Ce qui manque pour doter une enveloppe. `montant` None : illisible.

    Choix du projet : un crédit ne se fixe jamais sans raison écrite.
    """
    fautes = []
    if montant is None or montant.centimes < 0:
        fautes.append(Faute("montant", "Écrivez un montant en euros, par exemple 120 000.", "enveloppe_incomplete"))
    elif montant > ENVELOPPE_MAX:
        fautes.append(Faute("montant", f"Ce montant dépasse {ENVELOPPE_MAX} : vérifiez-le.", "montant_trop_grand"))
    if not motif.strip():
        fautes.append(Faute("motif", "Dites pourquoi ce montant, en une phrase.", "enveloppe_incomplete"))
    return fautes


def fautes_de_l_annee(annee: int, debut: int, fin: int) -> list[Faute]:
    """L'année d'un appel ou d'une enveloppe est une année du contrat.

    Source : contrat, durée 2024-2030.
    """
    if debut <= annee <= fin:
        return []
    return [Faute("annee", f"Le contrat va de {debut} à {fin}.", "annee_hors_contrat")]


# --- part réservée --------------------------------------------------------------------------------------------------

MILLE = 1000


def part_reservee(montant: Euros, parts: Mapping[int, int], rang: int) -> Euros:
    """Ce que les phases d'après le rang `rang` gardent d'une enveloppe, arrondi au centime inférieur.

    `parts` : rang de phase → part réservée, pour mille.
    Source : conception/produit.md, « Un appel a des phases (calendrier, part réservée : les fêtes de fin d'année ont
    leur échéance) ».
    """
    reserve = min(MILLE, sum(part for suivant, part in parts.items() if suivant > rang))
    return Euros(montant.centimes * reserve // MILLE)


# --- calendrier -----------------------------------------------------------------------------------------------------

# Ce qui suit la clôture d'une phase, dans l'ordre ; la consultation peut commencer avant.
_SUITE = {
    "cloture_le": "la clôture du dépôt", "commission_le": "la commission des élus",
    "notification_le": "les réponses aux porteurs", "bilans_le": "les bilans",
}  # fmt: skip
_DATES = tuple(f.name for f in fields(PhaseAnnoncee) if f.name.endswith(("_le", "_du", "_au")))


def fautes_des_phases(phases: Sequence[PhaseAnnoncee]) -> list[Faute]:
    """Ce qui ne tient pas dans le calendrier d'un appel à préparer.

    Choix du projet : issue 2, « phases, each with its calendar and reserved share ».
    """
    fautes = [] if phases else [Faute("phases", "Un appel a au moins une phase.", "phase_absente")]
    for rang, phase in enumerate(phases):
        champ = f"phases.{rang}"
        if phase.cloture_le <= phase.ouverture_le:
            fautes.append(Faute(f"{champ}.cloture_le", "La clôture vient après l’ouverture.", "dates_inversees"))
        if phase.consultation_du and phase.consultation_au and phase.consultation_au < phase.consultation_du:
            phrase = "La consultation finit après avoir commencé."
            fautes.append(Faute(f"{champ}.consultation_au", phrase, "dates_inversees"))
        suite = [(nom, date) for nom in _SUITE if (date := getattr(phase, nom)) is not None]
        fautes += [
            Faute(f"{champ}.{nom}", f"Cette date vient après celle-ci : {_SUITE[avant]}.", "dates_inversees")
            for (avant, tot), (nom, tard) in pairwise(suite)
            if tard < tot
        ]
        if not 0 <= phase.part_reservee_milliemes <= MILLE:
            fautes.append(Faute(f"{champ}.part_reservee", "La part réservée va de 0 à 100 %.", "part_hors_bornes"))
    if not fautes and sum(phase.part_reservee_milliemes for phase in phases) > MILLE:
        phrase = "Les parts réservées dépassent 100 % à elles toutes."
        fautes.append(Faute("phases.0.part_reservee", phrase, "part_hors_bornes"))
    return fautes


def dates_changees(avant: Sequence[PhaseAnnoncee], apres: Sequence[PhaseAnnoncee]) -> dict[str, tuple[Any, Any]]:
    """« phases.0.cloture_le » → (avant, après), pour chaque date qui change d'une phase à la même.

    Choix du projet : architecture, décision 13.
    """
    return {
        f"phases.{rang}.{date}": (getattr(ancienne, date), getattr(neuve, date))
        for rang, (ancienne, neuve) in enumerate(zip(avant, apres, strict=True))
        for date in _DATES
        if getattr(ancienne, date) != getattr(neuve, date)
    }


def fautes_des_dates(
    changees: Mapping[str, tuple[datetime | None, datetime | None]], maintenant: datetime
) -> list[Faute]:
    """Appel ouvert : une date passée ne change plus, et une date ne se déplace que vers l'avenir.

    Choix du projet : un porteur se fie à la date publiée ; on ne réécrit pas ce qui a eu lieu.
    """
    fautes = []
    for champ, (ancienne, neuve) in changees.items():
        if ancienne is not None and ancienne <= maintenant:
            fautes.append(Faute(champ, "Cette date est passée : elle ne change plus.", "date_passee"))
        elif neuve is None or neuve <= maintenant:
            fautes.append(Faute(champ, "Donnez une date à venir.", "date_passee"))
    return fautes


# --- orientations ---------------------------------------------------------------------------------------------------

RANGS_MAXI = 3
Rangs = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Orientations:
    """Ce que l'appel de l'année demande en plus du contrat.

    `textes` : montrés au public. `priorites` : ligne → codes d'objectifs, du premier rang au dernier, lus par le
    critère OBJ à la place des rangs de la grille. `nationales` : orientations de l'État. `simulation` : allumée ou non.
    Source : contrat, l. 1752-1758 ; issue 2, « orientations that may override a line's priorities ».
    """

    textes: tuple[str, ...] = ()
    priorites: Mapping[str, Rangs] = field(default_factory=dict)
    nationales: tuple[str, ...] = ()
    simulation: bool = False

    @classmethod
    def depuis(cls, donnees: Mapping[str, Any]) -> Orientations:
        """Relit ce que `en_donnees` a écrit."""
        priorites = donnees.get("priorites", {})
        return cls(
            textes=tuple(donnees.get("textes", ())),
            priorites={ligne: tuple(tuple(codes) for codes in priorites[ligne]) for ligne in sorted(priorites)},
            nationales=tuple(donnees.get("nationales", ())),
            simulation=donnees.get("simulation") is True,
        )

    def en_donnees(self) -> dict[str, Any]:
        """En données JSON, sans ce qui est vide."""
        donnees = {
            "textes": list(self.textes),
            "priorites": {ligne: [list(codes) for codes in rangs] for ligne, rangs in self.priorites.items()},
            "nationales": list(self.nationales),
            "simulation": self.simulation,
        }
        return {cle: valeur for cle, valeur in donnees.items() if valeur}


def fautes_des_orientations(
    orientations: Orientations, lignes: Collection[str], objectifs: Collection[str]
) -> list[Faute]:
    """Les priorités qui ne vont pas : ligne ou objectif hors du contrat, plus de trois rangs, objectif répété.

    Choix du projet : issue 2 ; conception/notation.md, « Priorités par ligne ».
    """
    fautes = []
    for ligne, rangs in orientations.priorites.items():
        champ, codes = f"orientations.priorites.{ligne}", list(chain.from_iterable(rangs))
        if ligne not in lignes:
            phrase = f"« {ligne} » n’est pas une ligne de financement de ce contrat."
            fautes.append(Faute(champ, phrase, "ligne_inconnue"))
        if not 0 < len(rangs) <= RANGS_MAXI or not all(rangs):
            phrase = f"Donnez de un à {RANGS_MAXI} rangs, chacun avec au moins un objectif."
            fautes.append(Faute(champ, phrase, "rangs_invalides"))
        inconnus = ", ".join(code for code in codes if code not in objectifs)
        if inconnus:
            phrase = f"Ce contrat n’a pas cet objectif : {inconnus}. Il a : {', '.join(objectifs)}."
            fautes.append(Faute(champ, phrase, "objectif_inconnu"))
        if len(set(codes)) != len(codes):
            fautes.append(Faute(champ, "Un objectif n’a qu’un rang.", "objectif_repete"))
    return fautes

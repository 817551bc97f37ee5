"""Ce qu'un contrat dit de ses objectifs pour les proposer : termes et codes du programme 147."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.etapes.contrat.rules.contenu import Json
from app.etapes.contrat.rules.suggestions.lexique import Lexique, Niveau, Terme, indexer, lire_terme
from app.etapes.contrat.rules.suggestions.modele import Modele

FORT, PARTIEL, AMBIGU = "fort", "partiel", "ambigu"
# Un objectif que nul code ne dit nettement se reconnaît à des codes voisins, comptés pour une part.
PART_VOISINE = 0.1
# Un objectif commun ne l'emporte pas parce qu'il est commun : on divise par sa fréquence, élevée à cette puissance.
TEMPERE = 0.5
PLANCHER = 0.02


@dataclass(frozen=True, slots=True)
class Correspondance:
    """Les codes qui disent un objectif et la part qu'ils comptent. Choix du projet : ADR 0014."""

    codes: tuple[str, ...]
    part: float


@dataclass(frozen=True, slots=True)
class Reperes:
    """Le lexique d'un contrat et la correspondance de ses objectifs. Choix du projet : ADR 0014."""

    lexique: Lexique
    correspondances: Mapping[str, Correspondance]
    sources: Mapping[str, str]


def lire_reperes(rubrique: Json | None) -> Reperes:
    """Ce que la rubrique du contrat dit ; sans elle, ni terme ni code : le texte du contrat suffit.

    Choix du projet : ADR 0014.
    """
    elements = (rubrique or {}).get("objectifs", [])
    return Reperes(
        indexer(terme for element in elements for terme in _termes(element)),
        {element["code"]: _correspondance(element["codes_p147"]) for element in elements},
        {element["code"]: element["source"] for element in elements},
    )


def parts(reperes: Reperes, modele: Modele, probabilites: Mapping[str, float]) -> dict[str, float]:
    """Ce que le modèle national dit de chaque objectif qui a des codes ; leur somme vaut 1. Vide : aucun code.

    Choix du projet : ADR 0014.
    """
    frequences = dict(zip(modele.codes, modele.frequences, strict=True))
    brutes: dict[str, tuple[float, float]] = {}
    for objectif, c in reperes.correspondances.items():
        attendue = sum(frequences.get(code, 0.0) for code in c.codes)
        if attendue:
            brutes[objectif] = c.part * sum(probabilites.get(code, 0.0) for code in c.codes), attendue
    toutes = sum(attendue for _, attendue in brutes.values())
    temperees = {objectif: vue / (attendue / toutes) ** TEMPERE for objectif, (vue, attendue) in brutes.items()}
    total = sum(temperees.values())
    return {objectif: part / total for objectif, part in temperees.items()}


def _termes(element: Json) -> list[Terme]:
    return [
        lire_terme(element["code"], niveau, ecrit) for niveau in Niveau for ecrit in element["termes"][niveau.value]
    ]


def _correspondance(codes: Json) -> Correspondance:
    """Les codes nets ; s'il n'y en a pas, les codes voisins. Les codes « hors » ne sont pas dits."""
    voisins = (*codes[PARTIEL], *codes[AMBIGU])
    nets = tuple(codes[FORT])
    return Correspondance(nets, 1.0) if nets else Correspondance(voisins, PART_VOISINE)

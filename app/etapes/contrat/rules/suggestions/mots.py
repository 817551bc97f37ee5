"""Découper un texte : mots pliés, racines, traits du modèle (racines, couples de racines, bouts de mots)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple, Protocol

from app.etapes.contrat.rules.recherche import MOTS_VIDES, plier

_LETTRES = re.compile(r"[^\W_]+")
_MORCEAU = re.compile(r"[a-z]+|[0-9]+")
_BOUTS = (3, 4)
NOMBRE = "0"
# Présents dans n'importe quel titre financé : ils ne disent rien de l'action.
BANALS = frozenset(
    re.findall(
        r"\w+",
        """action actions annee annuel association associations atelier ateliers avenant cdv contrat contrats convention
        cpo cv dossier edition financement fonctionnement mise oeuvre phase pole politique prioritaire prioritaires
        programmation programme projet projets qpv quartier quartiers subvention territoire ville villes""",
    )
)


class Mot(NamedTuple):
    """Un mot du texte : plié, et où il s'écrit (début compris, fin exclue). Choix du projet : ADR 0014."""

    plie: str
    debut: int
    fin: int


def mots(texte: str) -> tuple[Mot, ...]:
    """Les mots d'un texte, pliés, lettres et chiffres séparés ; apostrophes simples, doublées ou courbes coupent.

    Choix du projet : ADR 0014.
    """
    return tuple(
        Mot(morceau, trouve.start(), trouve.end())
        for trouve in _LETTRES.finditer(texte)
        for morceau in _morceaux(trouve[0])
    )


@lru_cache(maxsize=16_384)
def _morceaux(ecrit: str) -> tuple[str, ...]:
    return tuple(_MORCEAU.findall(plier(ecrit)))


class _Raciniseur(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802 - le nom de la bibliothèque


@cache
def _raciniseur() -> _Raciniseur:
    # Cette bibliothèque lit toutes ses langues à l'import, un tiers de seconde : seulement quand on s'en sert.
    import snowballstemmer  # type: ignore[import-untyped]  # noqa: PLC0415

    raciniseur: _Raciniseur = snowballstemmer.stemmer("french")
    return raciniseur


@lru_cache(maxsize=16_384)
def racine(mot: str) -> str:
    """La racine d'un mot plié ; un nombre, quel qu'il soit, est `NOMBRE`. Choix du projet : ADR 0014."""
    return _raciniseur().stemWord(mot) if mot.isalpha() else NOMBRE


def utiles(lus: Iterable[Mot]) -> tuple[Mot, ...]:
    """Les mots d'un texte découpé qui disent quelque chose : ni mots-outils, ni nombres, ni mots de tous les dossiers.

    Choix du projet : ADR 0014.
    """
    return tuple(
        mot
        for mot in lus
        if len(mot.plie) > 1 and mot.plie.isalpha() and mot.plie not in MOTS_VIDES and mot.plie not in BANALS
    )


def traits(texte: str) -> dict[str, int]:
    """Les traits du texte et leur nombre : « w: » racine, « b: » deux racines qui se suivent, « c: » bout de mot.

    Choix du projet : ADR 0014.
    """
    pleins = [mot.plie for mot in mots(texte) if mot.plie not in MOTS_VIDES]
    comptes: dict[str, int] = {}
    for trait in _traits(pleins):
        comptes[trait] = comptes.get(trait, 0) + 1
    return comptes


def _traits(pleins: list[str]) -> Iterator[str]:
    racines = [racine(mot) for mot in pleins]
    yield from (f"w:{une}" for une in racines)
    yield from (f"b:{une}_{autre}" for une, autre in pairwise(racines))
    for mot in pleins:
        if mot.isalpha():
            borde = f" {mot} "
            for taille in _BOUTS:
                yield from (f"c:{borde[i : i + taille]}" for i in range(len(borde) - taille + 1))

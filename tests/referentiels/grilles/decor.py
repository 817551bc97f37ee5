"""La grille de départ et une grille changée, pour les essais."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any

from app.referentiels.grilles.rules import Grille, grille_depuis_donnees, grille_vers_donnees
from seeds.grilles import GRILLES, lire_grille

Donnees = dict[str, Any]
Changer = Callable[[Donnees], object]
FICHIER = GRILLES / "grille-2027.yaml"


@cache
def la_grille() -> Grille:
    """Celle du contrat m2A."""
    return lire_grille(FICHIER)


def des_donnees() -> Donnees:
    """Ses données, à changer."""
    return deepcopy(grille_vers_donnees(la_grille()))


def une_grille(*changements: Changer) -> Grille:
    """La grille de départ, changée."""
    donnees = des_donnees()
    for changer in changements:
        changer(donnees)
    return grille_depuis_donnees(donnees)


def rang_de(code: str) -> int:
    """Le rang d'un critère."""
    return next(rang for rang, critere in enumerate(des_donnees()["criteres"]) if critere["code"] == code)


def poids(donnees: Donnees, ligne: int, **valeurs: int) -> None:
    """Change des poids d'une ligne."""
    donnees["lignes"][ligne]["poids"].update(valeurs)


def trois_lignes() -> Grille:
    """La grille de départ, réduite aux lignes du contrat d'essai (BOP147, M2A, MULHOUSE)."""
    return une_grille(ne_garder_que_trois_lignes)


def ne_garder_que_trois_lignes(donnees: Donnees) -> None:
    """Retire Illzach et Wittenheim."""
    donnees["lignes"] = donnees["lignes"][:3]
    gardees = {ligne["code"] for ligne in donnees["lignes"]}
    for critere in donnees["criteres"]:
        for bareme in critere["baremes"]:
            bareme["lignes"] = [ligne for ligne in bareme["lignes"] if ligne in gardees]
        critere["baremes"] = [bareme for bareme in critere["baremes"] if bareme["lignes"]]

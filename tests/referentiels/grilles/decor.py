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

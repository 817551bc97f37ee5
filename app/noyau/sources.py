"""D'où vient une règle, et ce que vaut un nombre de la loi à une date donnée."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Source:
    """Un texte et l'endroit du texte."""

    texte: str
    endroit: str = ""

    def __str__(self) -> str:
        return f"{self.texte}, {self.endroit}" if self.endroit else self.texte


CHOIX_DU_PROJET = Source("choix du projet")


class ParametreSansValeur(LookupError):
    """Aucune valeur n'était en vigueur à cette date."""


@dataclass(frozen=True, slots=True)
class Parametre(Generic[T]):
    """Un nombre de la loi ou du projet : nommé, daté, sourcé. Chaque date ouvre la valeur qui la suit."""

    nom: str
    source: Source
    valeurs: Mapping[date, T] = field(hash=False)

    def __post_init__(self) -> None:
        if not self.valeurs:
            raise ValueError(f"Le paramètre « {self.nom} » n’a aucune valeur.")
        object.__setattr__(self, "valeurs", MappingProxyType(dict(sorted(self.valeurs.items()))))

    def au(self, jour: date) -> T:
        """La valeur en vigueur ce jour-là (borne comprise). Lève ParametreSansValeur avant la première date."""
        applicables = [valeur for debut, valeur in self.valeurs.items() if debut <= jour]
        if not applicables:
            raise ParametreSansValeur(f"« {self.nom} » n’a pas de valeur au {jour:%d/%m/%Y}.")
        return applicables[-1]

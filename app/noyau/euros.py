"""L'argent : des centimes entiers, jamais de flottant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Self

# U+202F sépare les milliers, U+00A0 précède le symbole : un montant ne se coupe jamais (choix du projet : maquette).
ESPACE_MILLIERS = "\u202f"
ESPACE_UNITE = "\u00a0"
_SAISIE = re.compile(r"^(?P<signe>-?)(?P<entier>[0-9]{1,12})(?:[.,](?P<decimales>[0-9]{1,2}))?$")
_BLANCS = re.compile(r"[\s\u00a0\u202f]|€")


class MontantIllisible(ValueError):
    """Le texte saisi n'est pas un montant."""


@dataclass(frozen=True, order=True, slots=True)
class Euros:
    """Un montant, en centimes entiers. Peut être négatif (un solde)."""

    centimes: int

    def __post_init__(self) -> None:
        if isinstance(self.centimes, bool) or not isinstance(self.centimes, int):
            raise TypeError("Euros attend des centimes entiers.")

    @classmethod
    def de(cls, euros: int) -> Self:
        """Un nombre entier d'euros."""
        return cls(euros * 100)

    @classmethod
    def lire(cls, texte: str) -> Self:
        """Lit une saisie française (« 12 345,67 », « 12345.67 € »), douze chiffres au plus. Lève MontantIllisible."""
        trouve = _SAISIE.match(_BLANCS.sub("", texte).replace("−", "-"))
        if trouve is None:
            raise MontantIllisible(texte)
        decimales = (trouve["decimales"] or "").ljust(2, "0")
        valeur = int(trouve["entier"]) * 100 + int(decimales)
        return cls(-valeur if trouve["signe"] else valeur)

    @classmethod
    def somme(cls, montants: Iterable[Euros]) -> Self:
        """Total, zéro si vide."""
        return cls(sum(m.centimes for m in montants))

    def __add__(self, autre: Euros) -> Euros:
        return Euros(self.centimes + autre.centimes)

    def __sub__(self, autre: Euros) -> Euros:
        return Euros(self.centimes - autre.centimes)

    def __neg__(self) -> Euros:
        return Euros(-self.centimes)

    def __mul__(self, facteur: int) -> Euros:
        return Euros(self.centimes * facteur)

    def __bool__(self) -> bool:
        return self.centimes != 0

    def part_de(self, total: Euros) -> Fraction | None:
        """Part de ce montant dans `total`, exacte ; None si le total est nul."""
        return Fraction(self.centimes, total.centimes) if total.centimes else None

    def en_decimal(self) -> Decimal:
        """La valeur en euros, à deux décimales."""
        return Decimal(self.centimes).scaleb(-2)

    def __str__(self) -> str:
        signe = "−" if self.centimes < 0 else ""
        entier, reste = divmod(abs(self.centimes), 100)
        milliers = f"{entier:,}".replace(",", ESPACE_MILLIERS)
        decimales = f",{reste:02d}" if reste else ""
        return f"{signe}{milliers}{decimales}{ESPACE_UNITE}€"


ZERO = Euros(0)


def arrondir(valeur: Fraction, decimales: int = 1) -> Decimal:
    """Arrondit une fraction exacte, demi vers le haut (demi vers l'extérieur sous zéro).

    Source : ../reference/donnees/grille-depart.yaml, « arrondi ».
    """
    if decimales < 0:
        raise ValueError("Le nombre de décimales est positif ou nul.")
    facteur = 10**decimales
    absolue = abs(valeur) * facteur
    entier = (absolue.numerator * 2 + absolue.denominator) // (absolue.denominator * 2)
    resultat = Decimal(entier).scaleb(-decimales)
    return (-resultat if valeur < 0 and entier else resultat).quantize(Decimal(1).scaleb(-decimales), ROUND_HALF_UP)


def pourcentage(part: Fraction | None, decimales: int = 0) -> str:
    """« 47 % » ; tiret cadratin si la part est inconnue."""
    if part is None:
        return "—"
    return f"{arrondir(part * 100, decimales)}".replace(".", ",") + f"{ESPACE_UNITE}%"

"""Les faits qu'une grille peut lire : leur type, leur unité, qui les déclare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from app.noyau.euros import Euros

Valeur = bool | int | Fraction | Euros | str | frozenset[str]


class TypeFait(StrEnum):
    """La forme d'une valeur. Les nombres sont positifs ou nuls ; un montant se compte en centimes.

    Choix du projet : architecture, décision 7 (jamais de flottant).
    """

    BOOLEEN = "booleen"
    ENTIER = "entier"
    FRACTION = "fraction"
    MONTANT = "montant"
    CODE = "code"
    CODES = "codes"

    @property
    def est_un_nombre(self) -> bool:
        """Vrai si la valeur se compare à un seuil."""
        return self in (TypeFait.ENTIER, TypeFait.FRACTION, TypeFait.MONTANT)


class Declarant(StrEnum):
    """Qui apporte le fait. Ce qui vient du service ou de l'appel est vérifié d'emblée.

    Choix du projet : conception/notation.md, « Principe ».
    """

    PORTEUR = "porteur"
    INSTRUCTEUR = "instructeur"
    SERVICE = "service"
    APPEL = "appel"


class Statut(StrEnum):
    """Ce que vaut un fait : déclaré par le porteur, vérifié, ou corrigé avec un motif.

    Choix du projet : conception/notation.md, « Principe ».
    """

    DECLARE = "declare"
    VERIFIE = "verifie"
    CORRIGE = "corrige"

    @property
    def libelle(self) -> str:
        """Le mot montré à l'écran."""
        return {"declare": "déclaré", "verifie": "vérifié", "corrige": "corrigé"}[self.value]


class FaitInvalide(ValueError):
    """Une valeur qui n'a pas la forme du fait, ou un statut qui ne lui convient pas.

    Choix du projet : conception/notation.md, « Principe ».
    """


@dataclass(frozen=True, slots=True)
class Fait:
    """Une valeur et son statut. Un fait manquant n'a pas de `Fait` : il est absent.

    Choix du projet : conception/notation.md, « Principe ».
    """

    valeur: Valeur
    statut: Statut = Statut.DECLARE
    motif: str = ""

    def __post_init__(self) -> None:
        if (self.statut is Statut.CORRIGE) != (self.motif != "" and not self.motif.isspace()):
            raise FaitInvalide("Un fait corrigé a un motif, et lui seul.")


@dataclass(frozen=True, slots=True)
class DefinitionFait:
    """Un fait du catalogue. `valeurs` : les codes admis et leur libellé ; vide, tout code est admis.

    Choix du projet : conception/notation.md, colonne « faits ».
    """

    code: str
    libelle: str
    type: TypeFait
    declarant: Declarant = Declarant.PORTEUR
    unite: str = ""
    valeurs: tuple[tuple[str, str], ...] = ()

    def faute(self, fait: Fait) -> str | None:
        """Ce qui cloche dans ce fait, ou None."""
        if not _FORMES[self.type](fait.valeur):
            return f"« {self.libelle} » attend une valeur de type {self.type.value}."
        if self.valeurs and not _codes(fait.valeur) <= {code for code, _ in self.valeurs}:
            return f"« {self.libelle} » n’admet que : {', '.join(code for code, _ in self.valeurs)}."
        if fait.statut is Statut.DECLARE and self.declarant is not Declarant.PORTEUR:
            return f"« {self.libelle} » ne se déclare pas : il est établi par l’administration."
        return None


# Une fonction par forme : chaque fait noté passe par ici.
_FORMES: dict[TypeFait, Callable[[Valeur], bool]] = {
    TypeFait.BOOLEEN: lambda valeur: valeur is True or valeur is False,
    TypeFait.ENTIER: lambda valeur: type(valeur) is int and valeur >= 0,
    TypeFait.FRACTION: lambda valeur: type(valeur) is Fraction and valeur.numerator >= 0,
    TypeFait.MONTANT: lambda valeur: isinstance(valeur, Euros) and valeur.centimes >= 0,
    TypeFait.CODE: lambda valeur: type(valeur) is str and valeur != "",
    TypeFait.CODES: lambda valeur: isinstance(valeur, frozenset) and all(isinstance(c, str) and c for c in valeur),
}


def _codes(valeur: Valeur) -> frozenset[str]:
    return valeur if isinstance(valeur, frozenset) else frozenset({str(valeur)})

"""Ce que tous les fichiers d'un contrat partagent : la source de chaque élément, ses dates, les anomalies."""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, StringConstraints, model_validator
from pydantic_core import CoreSchema, core_schema

_PLAGE = re.compile(r"^(\d+)(?:-(\d+))?$")
_JOUR = re.compile(r"^\d{4}-\d{2}-\d{2}$")


class LignesSource(str):
    """Une ou plusieurs plages de lignes du document, bornes comprises : « 12-15, 20 »."""

    __slots__ = ()

    @property
    def plages(self) -> tuple[tuple[int, int], ...]:
        """Les plages (première, dernière), bornes comprises, dans l'ordre écrit."""
        return tuple(_plage(morceau.strip()) for morceau in self.split(","))

    @classmethod
    def _lire(cls, texte: str) -> Self:
        lignes = cls(texte.strip())
        if not all(1 <= premiere <= derniere for premiere, derniere in lignes.plages):
            raise ValueError(f"« {texte} » contient une plage à l’envers ou nulle")
        return lignes

    @classmethod
    def __get_pydantic_core_schema__(cls, _type: Any, _suite: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(cls._lire, core_schema.str_schema())


def _plage(morceau: str) -> tuple[int, int]:
    trouve = _PLAGE.match(morceau)
    if trouve is None:
        raise ValueError(f"« {morceau} » n’est pas un numéro de ligne ni une plage (« 12-15, 20 »)")
    premiere = int(trouve[1])
    return premiere, int(trouve[2] or premiere)


def _jour(valeur: object) -> object:
    # Sans cela, Pydantic lirait « 86400 » comme un nombre de secondes depuis 1970.
    if isinstance(valeur, str) and _JOUR.match(valeur) is None:
        raise ValueError(f"« {valeur} » n’est pas une date (AAAA-MM-JJ)")
    return valeur


def _oui_non(valeur: object) -> object:
    if isinstance(valeur, bool):
        return valeur
    if valeur not in ("oui", "non"):
        raise ValueError(f"« {valeur} » n’est ni « oui » ni « non »")
    return valeur == "oui"


Texte = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Jour = Annotated[date, BeforeValidator(_jour)]
OuiNon = Annotated[bool, BeforeValidator(_oui_non)]


class Element(BaseModel):
    """Un ensemble de champs figé ; un champ inconnu est une faute."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ElementSource(Element):
    """Un élément qui dit où il se trouve dans le document. Sans dates : celles de la version du contrat."""

    source: LignesSource
    valide_du: Jour | None = None
    valide_au: Jour | None = None

    @model_validator(mode="after")
    def _dates_en_ordre(self) -> Self:
        if self.valide_du is not None and self.valide_au is not None and self.valide_au < self.valide_du:
            raise ValueError("« valide_au » précède « valide_du »")
        return self


class NatureAnomalie(StrEnum):
    """Ce qui cloche dans le document."""

    COQUILLE = "coquille"
    MOT_ALTERE = "mot_altere"
    COPIE = "copie"
    CONTRADICTION = "contradiction"
    CHIFFRE = "chiffre"
    DATE = "date"
    GRAPHIE = "graphie"
    LACUNE = "lacune"
    TITRE_MULTIPLE = "titre_multiple"


class Anomalie(ElementSource):
    """Un défaut du document : ce qu'il dit, ce qui a été chargé à la place, pourquoi."""

    code: Annotated[str, StringConstraints(pattern=r"^A-[A-Z0-9]+-\d{2,3}$")]
    nature: NatureAnomalie
    dit: Texte
    charge: Texte
    pourquoi: Texte

"""suggestions.yaml : les codes du programme 147 et les termes qui disent chaque objectif. Facultatif."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from seeds.schemas.commun import Code, Element, ElementSource

_DEBUT = re.compile(r"(?<![a-z0-9])[a-z0-9]{0,2}\*")


def _terme(ecrit: str) -> str:
    if _DEBUT.search(ecrit):
        raise ValueError(f"« {ecrit} » : un début de mot a au moins trois lettres avant l’astérisque")
    return ecrit


# Sans accent ni majuscule, comme on les compare : ce qui est écrit est ce qui se cherche.
Terme = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9' *]*$"), AfterValidator(_terme)]
CodeP147 = Annotated[str, StringConstraints(pattern=r"^\d{4}$")]


class CodesP147(Element):
    """Les codes d'un objectif, par qualité de la correspondance."""

    fort: tuple[CodeP147, ...] = ()
    partiel: tuple[CodeP147, ...] = ()
    ambigu: tuple[CodeP147, ...] = ()


class Termes(Element):
    """Les termes d'un objectif, des plus parlants aux simples indices."""

    dedies: tuple[Terme, ...] = ()
    forts: tuple[Terme, ...] = ()
    nets: tuple[Terme, ...] = ()
    indices: tuple[Terme, ...] = ()


class ReperesObjectif(ElementSource):
    """Ce qui dit un objectif : codes budgétaires et termes. `code` renvoie à l'objectif."""

    code: Code
    codes_p147: CodesP147 = CodesP147()
    termes: Termes = Termes()


class FichierSuggestions(Element):
    """suggestions.yaml."""

    objectifs: tuple[ReperesObjectif, ...]

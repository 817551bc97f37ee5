"""Où était un dossier parmi ceux d'une ligne : une tranche, jamais un rang exact ni un nom. Pur."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from math import floor

MINIMUM = 8
"""En dessous, une tranche dirait presque le rang d'un autre. Choix du projet : le seuil des dossiers comparables."""
RETENUS_MINIMUM = 3
PAS_DU_SEUIL = 5
"""La note du dernier dossier retenu se dit à cinq points près. Choix du projet : ADR 0021."""


class Tranche(StrEnum):
    """Le quart où se trouve un dossier, du plus haut noté au plus bas.

    Choix du projet : issue 4, « where the dossier stood (bands, not others' names) ».
    """

    PREMIER_QUART = "premier_quart"
    MOITIE_HAUTE = "moitie_haute"
    MOITIE_BASSE = "moitie_basse"
    DERNIER_QUART = "dernier_quart"

    @property
    def libelle(self) -> str:
        """« dans le premier quart »."""
        return {
            "premier_quart": "dans le premier quart",
            "moitie_haute": "dans la moitié haute, après le premier quart",
            "moitie_basse": "dans la moitié basse, avant le dernier quart",
            "dernier_quart": "dans le dernier quart",
        }[self.value]


@dataclass(frozen=True, slots=True)
class Place:
    """Ce qu'on sait d'une ligne : combien de dossiers notés, combien avant celui-ci, et les retenus déjà notifiés.

    `seuil` : la plus basse note parmi les retenus notifiés ; None s'il n'y en a pas.
    Choix du projet : issue 4, « bands, not others' names ».
    """

    nombre: int
    avant: int
    retenus: int = 0
    seuil: Decimal | None = None

    @property
    def tranche(self) -> Tranche | None:
        """La tranche ; None s'il y a moins de huit dossiers. À note égale, la meilleure place compte."""
        if self.nombre < MINIMUM:
            return None
        quart = min(4 * self.avant // self.nombre, 3)
        return tuple(Tranche)[quart]

    @property
    def seuil_dit(self) -> tuple[int, int] | None:
        """La note du dernier retenu, à cinq points près (« entre 60 et 65 ») ; None si trop peu de dossiers."""
        if self.nombre < MINIMUM or self.retenus < RETENUS_MINIMUM or self.seuil is None:
            return None
        bas = min(floor(self.seuil / PAS_DU_SEUIL) * PAS_DU_SEUIL, 100 - PAS_DU_SEUIL)
        return bas, bas + PAS_DU_SEUIL

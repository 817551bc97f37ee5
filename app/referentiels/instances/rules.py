"""Natures de service consulté : énumération."""

from __future__ import annotations

from enum import StrEnum


class NatureService(StrEnum):
    """D'où vient un avis."""

    ETAT = "etat"
    PARTENAIRE = "partenaire"
    DIRECTION = "direction"

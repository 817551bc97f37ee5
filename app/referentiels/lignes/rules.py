"""Natures d'autorité et portée de l'acte de la commission : énumérations."""

from __future__ import annotations

from enum import StrEnum


class NatureAutorite(StrEnum):
    """Qui décide : l'État, l'agglomération ou une commune."""

    ETAT = "etat"
    EPCI = "epci"
    COMMUNE = "commune"


class ActeCommission(StrEnum):
    """Ce que vaut le vote de la commission sur cette ligne. Source : contrat, l. 1691-1694."""

    VALIDE = "valide"
    AVIS = "avis"

"""Degrés d'avis, avis recevable, synthèse. Pur."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from app.noyau.erreurs import Faute


class Degre(StrEnum):
    """Le degré d'un avis. Source : reference/domaine.md § 6."""

    FAVORABLE = "favorable"
    FAVORABLE_AVEC_RESERVE = "favorable_avec_reserve"
    RESERVE = "reserve"
    DEFAVORABLE = "defavorable"
    HORS_CHAMP = "hors_champ"

    @property
    def libelle(self) -> str:
        """Le mot montré à l'écran."""
        return {
            "favorable": "Favorable",
            "favorable_avec_reserve": "Favorable avec réserve",
            "reserve": "Réservé",
            "defavorable": "Défavorable",
            "hors_champ": "Hors champ",
        }[self.value]


class EtatRencontre(StrEnum):
    """Vie d'une rencontre des services."""

    PREPAREE = "preparee"
    CONVOQUEE = "convoquee"
    TENUE = "tenue"

    @property
    def libelle(self) -> str:
        """Le mot montré à l'écran."""
        return {"preparee": "En préparation", "convoquee": "Convoquée", "tenue": "Tenue"}[self.value]


SANS_MOTIF = frozenset({Degre.FAVORABLE, Degre.HORS_CHAMP})
AVERTISSEMENT = (
    "Votre avis pourra être communiqué à l’association après la décision, si elle le demande (code des relations entre "
    "le public et l’administration, art. L. 311-1)."
)


def verifier_avis(degre: Degre, motif: str) -> tuple[Faute, ...]:
    """Un motif est exigé, sauf avis favorable ou hors champ.

    Source : reference/domaine.md § 6, avis proposés.
    """
    if degre not in SANS_MOTIF and not motif.strip():
        return (Faute("motif", f"Dites pourquoi votre avis est « {degre.libelle.lower()} ».", "motif_exige"),)
    return ()


def synthese(degres: Iterable[Degre]) -> tuple[tuple[Degre, int], ...]:
    """Nombre d'avis par degré, dans l'ordre des degrés, sans les degrés absents.

    Choix du projet : conception/maquette/seance.html.
    """
    liste = list(degres)
    return tuple((degre, liste.count(degre)) for degre in Degre if degre in liste)

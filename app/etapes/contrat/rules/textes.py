"""Mettre en blocs les textes du document, dire d'où ils viennent, lire une valeur avec son unité."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from app.etapes.contrat.rules.contenu import Json

PUCE = "- "


@dataclass(frozen=True, slots=True)
class Bloc:
    """Un paragraphe, ou les puces d'une liste. Choix du projet : le texte du document, sans mise en forme de plus."""

    texte: str = ""
    puces: tuple[str, ...] = ()


def blocs(texte: str | None) -> tuple[Bloc, ...]:
    """Paragraphes et listes d'un texte ; des puces qui se suivent font une seule liste.

    Choix du projet : le texte du document, sans mise en forme de plus.
    """
    rendu: list[Bloc] = []
    for brute in (texte or "").split("\n"):
        ligne = brute.strip()
        if ligne.startswith(PUCE):
            puce = ligne.removeprefix(PUCE).strip()
            if rendu and rendu[-1].puces:
                rendu[-1] = Bloc(puces=(*rendu[-1].puces, puce))
            else:
                rendu.append(Bloc(puces=(puce,)))
        elif ligne:
            rendu.append(Bloc(texte=ligne))
    return tuple(rendu)


def dire_source(lignes: str) -> str:
    """« contrat, l. 419-433 ».

    Choix du projet : toute donnée du contrat dit où la retrouver.
    """
    return f"contrat, l. {lignes}"


_UNITES = {"%": " %", "euros": " €", "indice": "", "points": " points"}


def dire_valeur(mesure: Json) -> str:
    """« environ 53,6 % », « entre 36 et 48 % », « plus de 52 % », « moins de 14 000 € ».

    Choix du projet : une valeur bornée se dit comme le document la dit.
    """
    unite = _UNITES.get(mesure["unite"], f" {mesure['unite']}")
    if mesure["valeur"] is not None:
        tete = "environ " if mesure["est_approchee"] else ""
        return f"{tete}{_nombre(mesure['valeur'])}{unite}"
    mini, maxi = mesure["mini"], mesure["maxi"]
    if mini is None:
        return f"moins de {_nombre(maxi)}{unite}"
    if maxi is None:
        return f"plus de {_nombre(mini)}{unite}"
    return f"entre {_nombre(mini)} et {_nombre(maxi)}{unite}"


def _nombre(texte: str) -> str:
    """Milliers séparés d'une espace fine insécable, virgule décimale, signe moins vrai."""
    return f"{Decimal(texte):,}".replace(",", "\u202f").replace(".", ",").replace("-", "−")

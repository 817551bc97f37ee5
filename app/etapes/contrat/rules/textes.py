"""Mettre en blocs les textes du document, dire d'où ils viennent, lire une valeur avec son unité."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass, replace
from decimal import Decimal
from typing import TypeVar, cast

from app.etapes.contrat.rules.contenu import Json

T = TypeVar("T")
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


def dire_sources(sources: Iterable[str]) -> str:
    """« contrat, l. 12-15, 20 » : plusieurs sources réunies, plages triées et jointes.

    Choix du projet : toute donnée du contrat dit où la retrouver.
    """
    bornes = sorted(tuple(int(b) for b in plage.split("-")) for source in sources for plage in source.split(","))
    plages: list[tuple[int, int]] = []
    for borne in bornes:
        debut, fin = borne[0], borne[-1]
        if plages and debut <= plages[-1][1] + 1:
            plages[-1] = (plages[-1][0], max(plages[-1][1], fin))
        else:
            plages.append((debut, fin))
    return dire_source(", ".join(str(debut) if debut == fin else f"{debut}-{fin}" for debut, fin in plages))


def typographier(valeur: T) -> T:
    """La même valeur, apostrophes typographiques partout. Le document mêle les deux ; l'API le rend tel quel.

    Choix du projet : conventions, textes montrés aux gens.
    """
    return cast(T, _typographier(valeur))


def _typographier(valeur: object) -> object:
    if isinstance(valeur, str):
        return valeur.replace("'", "’")
    if isinstance(valeur, dict):
        return {nom: _typographier(element) for nom, element in valeur.items()}
    if isinstance(valeur, list):
        return [_typographier(element) for element in valeur]
    if isinstance(valeur, tuple):
        return tuple(_typographier(element) for element in valeur)
    if is_dataclass(valeur) and not isinstance(valeur, type):
        return replace(valeur, **{champ.name: _typographier(getattr(valeur, champ.name)) for champ in fields(valeur)})
    return valeur


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

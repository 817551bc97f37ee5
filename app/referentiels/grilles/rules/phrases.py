"""Les phrases de motif : du texte et des renvois {fait}, {fait:statut}, {mesure}, {mesure:liste}. Rien d'autre."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from string import Formatter


class Forme(StrEnum):
    """Ce qu'un renvoi écrit : la valeur, le statut du fait, la liste des faits vrais d'un compte.

    Choix du projet : issue 4, « no code in data ».
    """

    VALEUR = ""
    STATUT = "statut"
    LISTE = "liste"


@dataclass(frozen=True, slots=True)
class Renvoi:
    """Un renvoi dans une phrase.

    Choix du projet : issue 4, « no code in data ».
    """

    code: str
    forme: Forme


def morceaux(motif: str) -> tuple[str | Renvoi, ...]:
    """La phrase découpée en textes et renvois. Lève ValueError si elle est mal formée.

    Choix du projet : issue 4, « no code in data ».
    """
    try:
        bruts = list(Formatter().parse(motif))
    except ValueError as erreur:
        raise ValueError("phrase mal formée : une accolade n’est pas fermée ou pas ouverte") from erreur
    parties: list[str | Renvoi] = []
    for texte, code, forme, conversion in bruts:
        if texte:
            parties.append(texte)
        if code is None:
            continue
        if conversion or not code.isidentifier():
            raise ValueError(f"renvoi mal formé : « {code} »")
        parties.append(Renvoi(code, _forme(forme or "")))
    return tuple(parties)


def _forme(texte: str) -> Forme:
    try:
        return Forme(texte)
    except ValueError as erreur:
        raise ValueError(f"« {texte} » n’est pas une forme de renvoi (statut, liste)") from erreur

"""La vie d'une grille en préparation : états, numéro de version, ce qu'il faut pour l'adopter."""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import StrEnum

from app.noyau.erreurs import Faute

VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


class EtatBrouillon(StrEnum):
    """Une grille en préparation se change, s'essaie, puis s'adopte (elle se fige) ou s'abandonne.

    Choix du projet : issue 4, « draft → tested → pinned to an appel; never modified after ».
    """

    EN_PREPARATION = "en_preparation"
    ADOPTE = "adopte"
    ABANDONNE = "abandonne"

    @property
    def libelle(self) -> str:
        """Le mot montré à l'écran."""
        return {"en_preparation": "En préparation", "adopte": "Adoptée", "abandonne": "Abandonnée"}[self.value]


def fautes_de_la_version(version: str, prises: Collection[str]) -> list[Faute]:
    """Ce que le numéro d'une version nouvelle a de faux. `prises` : ceux du contrat.

    Choix du projet : issue 4, « versions compared » (un numéro ne désigne qu'une grille).
    """
    if not version:
        return [Faute("version", "Donnez un numéro à la nouvelle grille, par exemple 2028.0.", "version_absente")]
    if VERSION.fullmatch(version) is None:
        phrase = "Écrivez des lettres, des chiffres, « . », « - » ou « _ », 40 au plus, par exemple 2028.0."
        return [Faute("version", phrase, "version_refusee")]
    if version in prises:
        phrase = f"Une grille ou un brouillon de ce contrat porte déjà le numéro {version}."
        return [Faute("version", phrase, "version_prise")]
    return []


def version_suivante(version: str, prises: Collection[str]) -> str:
    """Un numéro libre, proposé d'après celui de l'origine : « 2027.0 » donne « 2027.1 », « m2a » donne « m2a.1 ».

    Choix du projet : issue 4, « versions compared ».
    """
    racine, point, fin = version.rpartition(".")
    rang, racine = (int(fin), racine) if point and fin.isdecimal() else (0, version)
    while (proposee := f"{racine}.{rang + 1}") in prises:
        rang += 1
    return proposee


def raison_de_ne_pas_adopter(*, est_essayee: bool, a_des_notes: bool, change: bool) -> str | None:
    """Pourquoi ce brouillon ne s'adopte pas encore, ou None. `est_essayee` : un essai fini porte sur ce contenu exact.

    Choix du projet : issue 4, « compares a grid on a whole appel before adoption ».
    """
    if not change:
        return "Cette grille ne change rien à celle dont elle part : changez-la d’abord."
    if a_des_notes and not est_essayee:
        return "Essayez d’abord cette grille, telle qu’elle est maintenant, sur un appel : vous verrez qui bouge."
    return None

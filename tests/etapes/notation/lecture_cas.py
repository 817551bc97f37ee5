"""Lire les cas : un dossier de départ, ce qui change, ce qu'on attend."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from app.etapes.notation.rules import FaitsDossier
from app.noyau.euros import Euros
from app.referentiels.grilles.rules import CATALOGUE, Fait, Grille, Statut, TypeFait, Valeur, lire_nombre
from seeds.grilles import GRILLES, lire_grille

ICI = Path(__file__).parent
CAS = ICI / "cas"
FICHES_DE_LA_LIGNE = {"MULHOUSE": {"DROUOT"}, "ILLZACH": {"JONQUILLES"}, "WITTENHEIM": {"MARKSTEIN"}}
MANQUANT = "?"


@dataclass(frozen=True)
class Cas:
    """Un cas d'un fichier, pour une ligne de financement."""

    nom: str
    ligne: str
    critere: str | None
    faits: Mapping[str, Any]
    attendu: Mapping[str, Any]


@cache
def la_grille() -> Grille:
    """La grille de départ."""
    return lire_grille(GRILLES / "grille-2027.yaml")


def des_faits(statut: Statut = Statut.VERIFIE, **changements: Any) -> FaitsDossier:
    """Les faits du dossier de départ, ceux-ci changés (« ? » : manquant)."""
    bruts = tomllib.loads((ICI / "dossier-type.toml").read_text(encoding="utf-8")) | changements
    return FaitsDossier({code: un_fait(code, brut, statut) for code, brut in bruts.items() if brut != MANQUANT})


def un_fait(code: str, brut: Any, statut: Statut = Statut.VERIFIE) -> Fait:
    """Un fait écrit comme dans les cas : « 60 % », « 3 000 € », listes."""
    declarable = CATALOGUE[code].declarant.value == "porteur"
    return Fait(_valeur(code, brut), statut if declarable else Statut.VERIFIE)


def _valeur(code: str, brut: Any) -> Valeur:
    match CATALOGUE[code].type:
        case TypeFait.FRACTION:
            return lire_nombre(str(brut))
        case TypeFait.MONTANT:
            return Euros(int(lire_nombre(brut)))
        case TypeFait.CODES:
            return frozenset(brut)
        case _:
            return brut  # type: ignore[no-any-return]


def lire_cas() -> list[Cas]:
    """Tous les cas, un par ligne de financement citée."""
    return [cas for fichier in sorted(CAS.glob("*.toml")) for cas in _du_fichier(fichier)]


def _du_fichier(fichier: Path) -> list[Cas]:
    donnees = tomllib.loads(fichier.read_text(encoding="utf-8"))
    critere = donnees.get("critere")
    communes = donnees.get("lignes") or [ligne.code for ligne in la_grille().lignes]
    tous = []
    for brut in donnees["cas"]:
        lignes = [brut["ligne"]] if "ligne" in brut else brut.get("lignes", communes)
        for ligne in lignes:
            nom = f"{fichier.stem} · {ligne} · {brut['quand']}"
            tous.append(Cas(nom, ligne, critere, dict(brut.get("faits", {})), brut))
    return tous


def faits_du_cas(cas: Cas) -> FaitsDossier:
    """Les faits ; un cas qui juge un critère d'une ligne communale vise une fiche de sa commune s'il n'en dit rien."""
    changements = dict(cas.faits)
    if cas.critere is not None and cas.ligne in FICHES_DE_LA_LIGNE and "fiches_visees" not in changements:
        changements["fiches_visees"] = FICHES_DE_LA_LIGNE[cas.ligne]
    return des_faits(**changements)


def points(texte: str) -> Fraction:
    """« 7,5 »."""
    return lire_nombre(texte)

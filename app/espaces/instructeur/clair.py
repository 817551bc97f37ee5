"""Le contenu d'un dossier tel que l'instructeur le lit : textes et tables prêts à montrer, codes tels quels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.etapes.dossier.rules.champs import Champ, Colonne, Forme, FormeColonne, Section, champs_de
from app.infra.gabarits import date_longue, euros

CHIFFRES = frozenset({FormeColonne.MONTANT, FormeColonne.ENTIER})


@dataclass(frozen=True, slots=True)
class ChampMontre:
    """Un champ rempli : un texte, ou une table. Une cellule et un en-tête : (texte, aligné comme un nombre)."""

    libelle: str
    texte: str = ""
    entetes: tuple[tuple[str, bool], ...] = ()
    lignes: Sequence[Sequence[tuple[str, bool]]] = ()


def sections_montrees(contenu: Mapping[str, Any]) -> Sequence[tuple[Section, Sequence[ChampMontre]]]:
    """Les sections où quelque chose est rempli, dans l'ordre du formulaire."""
    toutes = ((section, _remplis(section, contenu)) for section in Section)
    return [(section, champs) for section, champs in toutes if champs]


def _remplis(section: Section, contenu: Mapping[str, Any]) -> Sequence[ChampMontre]:
    return [_montrer(c, contenu[c.code]) for c in champs_de(section) if contenu.get(c.code) not in (None, "", [])]


def _montrer(champ: Champ, valeur: Any) -> ChampMontre:
    if champ.forme is not Forme.TABLE:
        return ChampMontre(champ.libelle, _texte(champ, valeur))
    colonnes = [(c, c.forme in CHIFFRES) for c in champ.colonnes]
    lignes = [[(_cellule(c, rangee.get(c.code, "")), chiffre) for c, chiffre in colonnes] for rangee in valeur]
    return ChampMontre(champ.libelle, entetes=_entetes(champ), lignes=lignes)


@cache  # une trentaine de champs, qui ne changent pas
def _entetes(champ: Champ) -> tuple[tuple[str, bool], ...]:
    return tuple((c.libelle, c.forme in CHIFFRES) for c in champ.colonnes)


@cache
def _options(options: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return dict(options)


def _texte(champ: Champ, valeur: Any) -> str:
    if isinstance(valeur, bool):
        return "Oui" if valeur else "Non"
    if champ.forme is Forme.CODES:
        return ", ".join(valeur)
    if champ.forme is Forme.DATE:
        return date_longue(valeur)
    return _options(champ.options).get(valeur, str(valeur))


def _cellule(colonne: Colonne, valeur: Any) -> str:
    if colonne.forme is FormeColonne.MONTANT and valeur != "":
        return euros(valeur)
    if isinstance(valeur, bool):
        return "Oui" if valeur else "Non"
    return _options(colonne.options).get(valeur, str(valeur))

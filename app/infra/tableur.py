"""Exports pour tableur : CSV en flux et XLSX à mémoire constante. Les montants sont des nombres, jamais du texte."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from io import StringIO
from typing import BinaryIO

from app.noyau.euros import Euros

Valeur = Euros | Decimal | int | str | None
RANGEES_PAR_MORCEAU = 200
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"
LONGUEUR_MAX_XLSX = 32_767
_FORMULES = ("=", "+", "-", "@", "\t", "\r")


class Genre(StrEnum):
    """Ce que contient une colonne ; règle la largeur et le format de nombre du XLSX."""

    TEXTE = "texte"
    LONG = "long"
    MONTANT = "montant"
    NOMBRE = "nombre"


@dataclass(frozen=True, slots=True)
class Colonne:
    """Une colonne d'export."""

    libelle: str
    genre: Genre = Genre.TEXTE


_LARGEURS = {Genre.TEXTE: 18, Genre.LONG: 42, Genre.MONTANT: 14, Genre.NOMBRE: 10}


def neutraliser(texte: str) -> str:
    """Préfixe d'une apostrophe un texte qu'un tableur prendrait pour une formule."""
    return f"'{texte}" if texte.startswith(_FORMULES) else texte


def _cellule_csv(valeur: Valeur) -> str:
    """Un nombre s'écrit à la française, sans séparateur de milliers : « 1250,50 »."""
    match valeur:
        case None:
            return ""
        case str():
            return neutraliser(valeur)
        case Euros():
            return str(valeur.en_decimal()).replace(".", ",")
        case Decimal():
            return str(valeur).replace(".", ",")
        case _:
            return str(valeur)


def csv_en_flux(colonnes: Sequence[Colonne], rangees: Iterable[Sequence[Valeur]]) -> Iterator[bytes]:
    """Le fichier, morceau par morceau : UTF-8 avec BOM, point-virgule, virgule décimale (tableurs français)."""
    tampon = StringIO(newline="")
    tampon.write("\ufeff")
    redacteur = csv.writer(tampon, delimiter=";", lineterminator="\r\n")
    redacteur.writerow([neutraliser(c.libelle) for c in colonnes])
    for rang, rangee in enumerate(rangees, start=1):
        redacteur.writerow([_cellule_csv(v) for v in rangee])
        if rang % RANGEES_PAR_MORCEAU == 0:
            yield tampon.getvalue().encode()
            tampon.seek(0)
            tampon.truncate()
    yield tampon.getvalue().encode()


def ecrire_xlsx(
    fichier: BinaryIO, colonnes: Sequence[Colonne], rangees: Iterable[Sequence[Valeur]], *, feuille: str
) -> int:
    """Écrit un classeur d'une feuille, rangée par rangée ; rend le nombre de rangées (sans l'en-tête)."""
    import xlsxwriter  # noqa: PLC0415 -- 10 Mo, chargés au premier export

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(fichier, options) as classeur:
        page = classeur.add_worksheet(feuille[:31])
        entete = classeur.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        formats = {
            Genre.MONTANT: classeur.add_format({"num_format": '#,##0.00\\ "€"'}),
            Genre.NOMBRE: classeur.add_format({"num_format": "#,##0.##"}),
        }
        for rang, colonne in enumerate(colonnes):
            page.set_column(rang, rang, _LARGEURS[colonne.genre], formats.get(colonne.genre))
            page.write_string(0, rang, neutraliser(colonne.libelle), entete)
        page.freeze_panes(1, 1)
        ecrites = 0
        for ecrites, rangee in enumerate(rangees, start=1):
            for rang, valeur in enumerate(rangee):
                match valeur:
                    case None | "":
                        continue
                    case str():
                        page.write_string(ecrites, rang, neutraliser(valeur)[:LONGUEUR_MAX_XLSX])
                    case Euros():
                        page.write_number(ecrites, rang, valeur.en_decimal(), formats[Genre.MONTANT])
                    case _:
                        page.write_number(ecrites, rang, valeur)
        page.autofilter(0, 0, ecrites, len(colonnes) - 1)
    return ecrites

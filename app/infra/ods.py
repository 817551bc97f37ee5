"""Exports OpenDocument (ODS) : un classeur d'une feuille, écrit rangée par rangée, sans rien garder en mémoire."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import BinaryIO
from xml.sax.saxutils import escape, quoteattr

from app.infra.tableur import LONGUEUR_MAX_XLSX, Colonne, Valeur, neutraliser
from app.noyau.euros import Euros

ODS = "application/vnd.oasis.opendocument.spreadsheet"
_ESPACES = " ".join(
    f'xmlns:{nom}="urn:oasis:names:tc:opendocument:xmlns:{suite}:1.0"'
    for nom, suite in (
        ("office", "office"), ("table", "table"), ("text", "text"), ("style", "style"),
        ("number", "datastyle"), ("fo", "xsl-fo-compatible"),
    )
)  # fmt: skip
_TETE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    f'<office:document-content {_ESPACES} office:version="1.3"><office:automatic-styles>'
    '<number:currency-style style:name="euros"><number:number number:decimal-places="2" '
    'number:min-decimal-places="2" number:min-integer-digits="1" number:grouping="true"/>'
    "<number:text>\u00a0</number:text><number:currency-symbol>€</number:currency-symbol></number:currency-style>"
    '<style:style style:name="montant" style:family="table-cell" style:data-style-name="euros"/>'
    '<style:style style:name="entete" style:family="table-cell"><style:text-properties fo:font-weight="bold"/>'
    "</style:style></office:automatic-styles><office:body><office:spreadsheet>"
)
_PIED = "</table:table></office:spreadsheet></office:body></office:document-content>"
_MANIFESTE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.3">'
    f'<manifest:file-entry manifest:full-path="/" manifest:version="1.3" manifest:media-type="{ODS}"/>'
    '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
)
_INSTANT = (1980, 1, 1, 0, 0, 0)  # le même contenu donne les mêmes octets


def ecrire_ods(
    fichier: BinaryIO, colonnes: Sequence[Colonne], rangees: Iterable[Sequence[Valeur]], *, feuille: str
) -> int:
    """Écrit un classeur d'une feuille, rangée par rangée ; rend le nombre de rangées (sans l'en-tête)."""
    with zipfile.ZipFile(fichier, "w", zipfile.ZIP_DEFLATED) as classeur:
        # La norme veut « mimetype » en premier, sans compression.
        classeur.writestr(zipfile.ZipInfo("mimetype", _INSTANT), ODS, zipfile.ZIP_STORED)
        classeur.writestr(zipfile.ZipInfo("META-INF/manifest.xml", _INSTANT), _MANIFESTE, zipfile.ZIP_DEFLATED)
        contenu = zipfile.ZipInfo("content.xml", _INSTANT)
        contenu.compress_type = zipfile.ZIP_DEFLATED
        ecrites = 0
        with classeur.open(contenu, "w", force_zip64=True) as flux:
            entete = "".join(_texte(colonne.libelle, style="entete") for colonne in colonnes)
            flux.write(f"{_TETE}<table:table table:name={quoteattr(feuille[:31])}>".encode())
            flux.write(f'<table:table-column table:number-columns-repeated="{len(colonnes)}"/>'.encode())
            flux.write(f"<table:table-header-rows><table:table-row>{entete}</table:table-row>".encode())
            flux.write(b"</table:table-header-rows>")
            for ecrites, rangee in enumerate(rangees, start=1):  # noqa: B007 -- rendu après la boucle
                cellules = "".join(_cellule(valeur) for valeur in rangee)
                flux.write(f"<table:table-row>{cellules}</table:table-row>".encode())
            flux.write(_PIED.encode())
    return ecrites


def _cellule(valeur: Valeur) -> str:
    match valeur:
        case None | "":
            return "<table:table-cell/>"
        case str():
            return _texte(valeur)
        case Euros():
            nombre = valeur.en_decimal()
            return (
                f'<table:table-cell table:style-name="montant" office:value-type="currency" office:currency="EUR" '
                f'office:value="{nombre}"><text:p>{escape(str(valeur))}</text:p></table:table-cell>'
            )
        case Decimal() | int():
            dit = str(valeur).replace(".", ",")
            return (
                f'<table:table-cell office:value-type="float" office:value="{valeur}">'
                f"<text:p>{dit}</text:p></table:table-cell>"
            )


def _texte(valeur: str, *, style: str = "") -> str:
    """Un texte ; chaque ligne est un paragraphe. Une formule possible est neutralisée, comme dans les autres formes."""
    nomme = f' table:style-name="{style}"' if style else ""
    lignes = neutraliser(valeur)[:LONGUEUR_MAX_XLSX].splitlines() or [""]
    paragraphes = "".join(f"<text:p>{escape(_lisible(ligne))}</text:p>" for ligne in lignes)
    return f'<table:table-cell{nomme} office:value-type="string">{paragraphes}</table:table-cell>'


def _lisible(ligne: str) -> str:
    """Sans les caractères que XML n'admet pas ; des espaces qui se suivent y seraient réunis, l'un reste insécable."""
    admis = "".join(c for c in ligne if c == "\t" or (c >= " " and c not in "\ufffe\uffff"))
    return admis.replace("  ", " \u00a0")

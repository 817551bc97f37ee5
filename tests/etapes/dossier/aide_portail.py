"""Fabrique les tableaux du portail de l'État, comme son export : xlsx, ods, csv."""

from __future__ import annotations

import io
from typing import Any

import xlsxwriter

from tests import factories as f
from tests.fichiers.aide_fichiers import un_odf

ENTETE = ("Référence action", "Référence administrative", "Intitulé de la demande", "Libellé demandeur", "SIRET",
          "Statut", "Exercice", "Montant sollicité", "Montant voté")  # fmt: skip
NUMERO = "DA00012345-1"
Rangee = list[Any]


def une_rangee(numero: str = NUMERO, intitule: str = "CAFE DES PARENTS", **change: Any) -> Rangee:
    """Un dossier du portail : celui de l'association porteuse 001."""
    valeurs = {
        "action": numero, "reference": numero.split("-", maxsplit=1)[0], "intitule": intitule,
        "demandeur": "ASSOCIATION PORTEUSE 001", "siret": f.siret_fictif(1), "statut": "Transmise", "exercice": 2027,
        "sollicite": 3000, "vote": "",
    }  # fmt: skip
    return list((valeurs | change).values())


def en_xlsx(*rangees: Rangee, entete: tuple[str, ...] = ENTETE) -> bytes:
    """Un classeur Excel."""
    tampon = io.BytesIO()
    with xlsxwriter.Workbook(tampon, {"in_memory": True}) as classeur:
        page = classeur.add_worksheet()
        for rang, rangee in enumerate((entete, *rangees)):
            page.write_row(rang, 0, rangee)
    return tampon.getvalue()


def en_csv(*rangees: Rangee, separateur: str = ";", codage: str = "utf-8") -> bytes:
    """Un texte à séparateurs."""
    return "\r\n".join(separateur.join(str(c) for c in r) for r in (ENTETE, *rangees)).encode(codage)


def en_ods(*rangees: Rangee) -> bytes:
    """Un classeur LibreOffice."""
    espaces = " ".join(
        f'xmlns:{nom}="urn:oasis:names:tc:opendocument:xmlns:{nom}:1.0"' for nom in ("office", "table", "text")
    )
    case = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    lignes = "".join(
        f"<table:table-row>{''.join(case.format(c) for c in rangee)}</table:table-row>" for rangee in (ENTETE, *rangees)
    )
    corps = f'<office:spreadsheet><table:table table:name="A">{lignes}</table:table></office:spreadsheet>'
    contenu = f"<office:document-content {espaces}><office:body>{corps}</office:body></office:document-content>"
    return un_odf("spreadsheet", plus={"content.xml": contenu.encode()})

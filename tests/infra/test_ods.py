"""Export ODS : se relit, garde des nombres, aucune formule, mêmes octets pour le même contenu."""

from __future__ import annotations

import zipfile
from decimal import Decimal
from io import BytesIO

from python_calamine import CalamineWorkbook

from app.infra.files.controle import controler
from app.infra.ods import ODS, ecrire_ods
from app.infra.tableur import Colonne, Genre, Valeur
from app.noyau.euros import Euros

COLONNES = (Colonne("Nom"), Colonne("Montant", Genre.MONTANT), Colonne("Note", Genre.NOMBRE))
RANGEES: list[tuple[Valeur, ...]] = [
    ("=1+1", Euros(-125_050), Decimal("61.5")),
    ("Éloïse & <b>  deux espaces\nsur deux lignes\x01", Euros(0), None),
    ("", None, 12),
]


def _ecrit(rangees: list[tuple[Valeur, ...]], feuille: str = "Classement") -> bytes:
    fichier = BytesIO()
    assert ecrire_ods(fichier, COLONNES, rangees, feuille=feuille) == len(rangees)
    return fichier.getvalue()


def test_l_ods_se_relit_avec_ses_nombres() -> None:
    classeur = CalamineWorkbook.from_filelike(BytesIO(_ecrit(RANGEES, "Une feuille au nom bien trop long pour tous")))
    assert classeur.sheet_names == ["Une feuille au nom bien trop lo"]
    assert classeur.get_sheet_by_index(0).to_python() == [
        ["Nom", "Montant", "Note"],
        ["'=1+1", -1250.5, 61.5],
        ["Éloïse & <b> \u00a0deux espaces\nsur deux lignes", 0.0, ""],
        ["", "", 12.0],
    ]


def test_l_ods_est_un_ods_sans_formule_et_toujours_le_meme() -> None:
    octets = _ecrit(RANGEES)
    assert octets == _ecrit(RANGEES)
    assert controler(octets, "classement.ods").genre.code == "ods"
    with zipfile.ZipFile(BytesIO(octets)) as archive:
        premier = archive.infolist()[0]
        assert (premier.filename, premier.compress_type, archive.read(premier)) == ("mimetype", 0, ODS.encode())
        contenu = archive.read("content.xml").decode()
    assert "table:formula" not in contenu
    assert "'=1+1" in contenu
    assert "\x01" not in contenu


def test_un_ods_vide_a_son_entete() -> None:
    assert CalamineWorkbook.from_filelike(BytesIO(_ecrit([]))).get_sheet_by_index(0).to_python() == [
        ["Nom", "Montant", "Note"]
    ]

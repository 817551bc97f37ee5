"""Exports pour tableur : formules neutralisées, nombres, accents, morceaux."""

from __future__ import annotations

import csv
import zipfile
from decimal import Decimal
from io import BytesIO, StringIO

import pytest

from app.infra.tableur import RANGEES_PAR_MORCEAU, Colonne, Genre, Valeur, csv_en_flux, ecrire_xlsx, neutraliser
from app.noyau.euros import Euros

COLONNES = (Colonne("Nom"), Colonne("Montant", Genre.MONTANT), Colonne("Note", Genre.NOMBRE))
RANGEES: list[tuple[Valeur, ...]] = [
    ("=1+1", Euros(-125_050), Decimal("61.5")),
    ("Éloïse ; « guillemets \"droits\" »\nsur deux lignes", Euros(0), None),
    ("", None, 12),
]  # fmt: skip


@pytest.mark.parametrize("debut", ["=", "+", "-", "@", "\t", "\r"])
def test_un_texte_qui_ferait_une_formule_est_neutralise(debut: str) -> None:
    assert neutraliser(f"{debut}SOMME(A1)") == f"'{debut}SOMME(A1)"
    assert neutraliser(f"a{debut}") == f"a{debut}"
    assert neutraliser("") == ""


def test_le_csv_se_relit_a_l_identique() -> None:
    brut = b"".join(csv_en_flux(COLONNES, RANGEES))
    assert brut.startswith("\ufeffNom;Montant;Note\r\n".encode())
    assert list(csv.reader(StringIO(brut.decode("utf-8-sig"), newline=""), delimiter=";"))[1:] == [
        ["'=1+1", "-1250,50", "61,5"],
        ["Éloïse ; « guillemets \"droits\" »\nsur deux lignes", "0,00", ""],
        ["", "", "12"],
    ]  # fmt: skip


def test_le_csv_part_par_morceaux_sans_attendre_la_fin() -> None:
    lues = 0

    def rangees() -> object:
        nonlocal lues
        for lues in range(1, 3 * RANGEES_PAR_MORCEAU + 1):
            yield ("x", Euros(lues), None)

    flux = csv_en_flux(COLONNES, rangees())  # type: ignore[arg-type]
    premier = next(flux)
    assert lues == RANGEES_PAR_MORCEAU
    assert (premier + b"".join(flux)).count(b"\r\n") == 1 + 3 * RANGEES_PAR_MORCEAU


def test_un_csv_vide_a_son_entete() -> None:
    assert b"".join(csv_en_flux(COLONNES, [])).decode("utf-8-sig") == "Nom;Montant;Note\r\n"


def test_le_xlsx_garde_des_nombres_et_aucune_formule() -> None:
    fichier = BytesIO()
    assert ecrire_xlsx(fichier, COLONNES, RANGEES, feuille="Un nom de feuille bien trop long pour Excel") == 3
    with zipfile.ZipFile(fichier) as archive:
        feuille = archive.read("xl/worksheets/sheet1.xml").decode()
        classeur = archive.read("xl/workbook.xml").decode()
    assert "<v>-1250.50</v>" in feuille
    assert "<v>61.5</v>" in feuille
    assert "'=1+1" in feuille
    assert "<f>" not in feuille
    assert feuille.count("<row ") == 4
    assert 'name="Un nom de feuille bien trop lon"' in classeur
    assert ecrire_xlsx(BytesIO(), COLONNES, [], feuille="Vide") == 0

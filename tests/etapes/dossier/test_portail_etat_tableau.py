"""Lire un tableau reçu : n'importe quels octets donnent des rangées ou un refus français, jamais autre chose."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
import xlsxwriter
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.etapes.dossier.rules.portail import lire
from app.infra.files.refus import FichierRefuse
from app.infra.files.tableau import lire_tableau
from app.noyau.erreurs import SaisieInvalide
from tests.etapes.dossier.aide_portail import ENTETE, en_csv, en_ods, en_xlsx, une_rangee
from tests.fichiers.aide_fichiers import une_archive

VRAI = en_xlsx(une_rangee())


def lire_ou_refuser(contenu: bytes, nom: str) -> str:
    """« lu », ou la phrase du refus."""
    try:
        lire(lire_tableau(contenu, nom))
    except FichierRefuse as refus:
        return refus.message
    except SaisieInvalide as refus:
        return refus.fautes[0].message
    return "lu"


@given(st.binary(max_size=400), st.sampled_from(("a.csv", "a.xlsx", "a.ods", "a.pdf", "a", "", ".csv")))
@example(b'"', "a.csv")
@example(b"\xff\xfe\x00", "a.csv")
def test_propriete_des_octets_quelconques(contenu: bytes, nom: str) -> None:
    assert lire_ou_refuser(contenu, nom)


@given(st.text(max_size=300), st.sampled_from((";", ",", "\t")))
def test_propriete_un_texte_quelconque_sous_le_bon_en_tete(texte: str, separateur: str) -> None:
    contenu = separateur.join(ENTETE) + "\r\n" + texte
    assert lire_ou_refuser(contenu.encode("utf-8", "surrogatepass"), "export.csv")


@settings(max_examples=25)
@given(st.integers(0, len(VRAI) - 1), st.integers(1, 255))
def test_propriete_un_classeur_abime(place: int, bascule: int) -> None:
    abime = VRAI[:place] + bytes([VRAI[place] ^ bascule]) + VRAI[place + 1 :]
    assert lire_ou_refuser(abime, "export.xlsx")


def test_les_nombres_les_dates_et_les_textes_d_un_classeur() -> None:
    tampon = io.BytesIO()
    with xlsxwriter.Workbook(tampon, {"in_memory": True}) as classeur:
        page = classeur.add_worksheet()
        page.write_row(1, 1, ["L''accès\x0b", 12.5, True, ""])
        page.write_datetime(2, 0, date(2027, 1, 31), classeur.add_format({"num_format": "d/m/y"}))
        page.write_formula(2, 1, "=1/0", None, "#DIV/0!")
    (feuille,) = lire_tableau(tampon.getvalue(), "x.xlsx")
    assert feuille[1] == ["", "L''accès", Decimal("12.5"), "oui"]
    assert str(feuille[2][0]).startswith("2027-01-31")
    (ods,) = lire_tableau(en_ods(une_rangee()), "x.ods")
    assert ods[0][0] == "Référence action"


@pytest.mark.parametrize(("separateur", "codage"), [(";", "utf-8-sig"), ("\t", "utf-8"), (",", "cp1252")])
def test_un_csv_se_lit_quels_que_soient_son_codage_et_son_separateur(separateur: str, codage: str) -> None:
    (feuille,) = lire_tableau(en_csv(une_rangee(), separateur=separateur, codage=codage), "x.csv")
    assert list(feuille[0]) == list(ENTETE)


def un_classeur_au_texte_repete() -> bytes:
    """Cent mille cases qui montrent le même texte de trente mille caractères : trois milliards une fois lu."""
    tampon = io.BytesIO()
    with xlsxwriter.Workbook(tampon, {"in_memory": True}) as classeur:
        page = classeur.add_worksheet()
        long = "Z" * 32_000
        for rang in range(1000):
            page.write_row(rang, 0, [long] * 100)
    return tampon.getvalue()


def un_classeur_aux_feuilles_sans_nombre() -> bytes:
    tampon = io.BytesIO()
    with xlsxwriter.Workbook(tampon, {"in_memory": True}) as classeur:
        for _ in range(25):
            classeur.add_worksheet()
    return tampon.getvalue()


@pytest.mark.parametrize("fabriquer", [un_classeur_au_texte_repete, un_classeur_aux_feuilles_sans_nombre])
def test_un_classeur_hostile_n_emporte_que_le_processus_qui_le_lit(fabriquer: Callable[[], bytes]) -> None:
    assert "trop grand" in lire_ou_refuser(fabriquer(), "export.xlsx")


def test_une_archive_quelconque_n_est_pas_un_tableau() -> None:
    assert "archive" in lire_ou_refuser(une_archive({"a.txt": b"a"}), "export.xlsx")

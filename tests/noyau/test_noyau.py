"""Le noyau : argent, dates, identifiants, sources."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.noyau.erreurs import ActeImpossible, Faute, SaisieInvalide, VersionPerimee
from app.noyau.euros import Euros, MontantIllisible, arrondir, pourcentage
from app.noyau.identifiants import (
    est_un_numero_de_dossier,
    normaliser_rna,
    normaliser_siren,
    normaliser_siret,
    numero_de_dossier,
)
from app.noyau.periodes import (
    PARIS,
    Intervalle,
    a_paris,
    ajouter_mois,
    date_longue,
    heure_courte,
    instant_a_ecrire,
    instant_long,
    jours_francs_avant,
)
from app.noyau.roles import Role
from app.noyau.sources import CHOIX_DU_PROJET, Parametre, ParametreSansValeur, Source


@pytest.mark.parametrize(
    ("texte", "centimes"),
    [
        ("12 345,67", 1_234_567),
        ("12\u202f345,67\u00a0€", 1_234_567),
        ("12345.6", 1_234_560),
        ("0", 0),
        ("-3", -300),
        ("−1 000 €", -100_000),
    ],
)
def test_un_montant_francais_se_lit(texte: str, centimes: int) -> None:
    assert Euros.lire(texte).centimes == centimes


@pytest.mark.parametrize("texte", ["", "abc", "1,234", "1.234,56", "12,3,4", "1e3", "١٢", "--3"])
def test_un_texte_qui_n_est_pas_un_montant_est_refuse(texte: str) -> None:
    with pytest.raises(MontantIllisible):
        Euros.lire(texte)


@given(st.integers(-(10**12), 10**12))
def test_un_montant_ecrit_se_relit(centimes: int) -> None:
    assert Euros.lire(str(Euros(centimes))).centimes == centimes


def test_un_montant_ne_se_coupe_jamais() -> None:
    assert str(Euros(123_456_789)) == "1\u202f234\u202f567,89\u00a0€"
    assert str(Euros.de(-1200)) == "−1\u202f200\u00a0€"
    assert " " not in str(Euros.de(1_000_000))


def test_l_argent_se_calcule_en_centimes_entiers() -> None:
    assert Euros.somme([Euros.de(2), Euros(50)]) == Euros(250)
    assert Euros.somme([]) == Euros(0)
    assert Euros.de(3) - Euros.de(5) == -Euros.de(2)
    assert Euros.de(3) + Euros(5) == Euros(305)
    assert Euros.de(3) * 2 == Euros.de(6)
    assert Euros(1)
    assert not Euros(0)
    assert Euros.de(1).part_de(Euros.de(4)) == Fraction(1, 4)
    assert Euros.de(1).part_de(Euros(0)) is None
    assert Euros(150).en_decimal() == Decimal("1.50")
    for faux in (1.5, True, "3"):
        with pytest.raises(TypeError):
            Euros(faux)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("valeur", "attendu"),
    [(Fraction(785, 10), "78.5"), (Fraction(1, 20), "0.1"), (Fraction(149, 1000), "0.1"), (Fraction(-1, 20), "-0.1"),
     (Fraction(-1, 100), "0.0"), (Fraction(2, 3), "0.7")],
)  # fmt: skip
def test_l_arrondi_va_au_demi_superieur(valeur: Fraction, attendu: str) -> None:
    assert str(arrondir(valeur)) == attendu


def test_l_arrondi_refuse_un_nombre_de_decimales_negatif() -> None:
    assert str(arrondir(Fraction(5, 2), 0)) == "3"
    with pytest.raises(ValueError):
        arrondir(Fraction(1), -1)


def test_une_part_s_ecrit_en_pourcentage() -> None:
    assert pourcentage(Fraction(47, 100)) == "47\u00a0%"
    assert pourcentage(Fraction(1, 3), 1) == "33,3\u00a0%"
    assert pourcentage(None) == "—"


@pytest.mark.parametrize(
    ("jour", "mois", "attendu"),
    [
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2027, 8, 31), 6, date(2028, 2, 29)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2027, 3, 15), -3, date(2026, 12, 15)),
    ],
)
def test_ajouter_des_mois_ramene_au_dernier_jour(jour: date, mois: int, attendu: date) -> None:
    assert ajouter_mois(jour, mois) == attendu


def test_les_jours_francs_ne_comptent_ni_l_envoi_ni_la_seance() -> None:
    assert jours_francs_avant(date(2027, 3, 9), 5) == date(2027, 3, 3)


def test_un_intervalle_est_ouvert_a_droite() -> None:
    debut, fin = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 12, 11, 17, tzinfo=UTC)
    intervalle = Intervalle(debut, fin)
    assert intervalle.contient(debut)
    assert not intervalle.contient(fin)
    assert Intervalle(debut, None).contient(fin)
    assert not Intervalle(fin, None).contient(debut)
    with pytest.raises(ValueError):
        Intervalle(fin, debut)
    with pytest.raises(ValueError):
        Intervalle(datetime(2026, 1, 1), None)  # noqa: DTZ001
    with pytest.raises(ValueError):
        Intervalle(debut, datetime(2027, 1, 1))  # noqa: DTZ001


def test_les_dates_s_ecrivent_en_francais() -> None:
    assert date_longue(date(2027, 3, 1)) == "lundi 1er mars 2027"
    assert date_longue(date(2026, 12, 4)) == "vendredi 4 décembre 2026"
    assert [heure_courte(datetime(2026, 12, 4, h, 5, tzinfo=UTC)) for h in (8, 22)] == ["9 h 05", "23 h 05"]
    assert instant_long(datetime(2026, 12, 4, 22, 59, tzinfo=UTC)) == "vendredi 4 décembre 2026 à 23 h 59"
    assert instant_a_ecrire(datetime(2026, 12, 4, 22, 59, tzinfo=UTC)) == "2026-12-04T23:59"
    assert instant_a_ecrire(None) == ""
    assert a_paris(datetime(2026, 7, 1, 12, tzinfo=UTC)).hour == 14
    assert a_paris(datetime(2026, 7, 1, 12, tzinfo=PARIS)).hour == 12
    with pytest.raises(ValueError):
        a_paris(datetime(2026, 7, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("texte", "attendu"),
    [
        ("216 802 249 00013", "21680224900013"),
        ("40751453800021", "40751453800021"),
        ("20006600900012", None),
        ("12000123400023", None),
        ("23350001600040", "23350001600040"),
        ("35600000000048", "35600000000048"),
        ("35600000049837", "35600000049837"),
        ("35600000000049", None),
        ("abc", None),
        ("", None),
    ],
)
def test_un_siret_se_verifie(texte: str, attendu: str | None) -> None:
    assert normaliser_siret(texte) == attendu


def test_siren_rna_et_numero_de_dossier() -> None:
    assert normaliser_siren("200 066 009") == "200066009"
    assert normaliser_siren("200066008") is None
    assert normaliser_rna("w681 002 345") == "W681002345"
    assert normaliser_rna("W2A1002345") == "W2A1002345"
    assert normaliser_rna("681002345") is None
    assert numero_de_dossier("M2A", 2027, 93) == "M2A-2027-0093"
    assert numero_de_dossier("M2A", 2027, 12345) == "M2A-2027-12345"
    assert est_un_numero_de_dossier("M2A-2027-0093")
    assert not est_un_numero_de_dossier("B-ABCD")
    with pytest.raises(ValueError):
        numero_de_dossier("M2A", 2027, 0)


def test_un_parametre_a_une_valeur_a_chaque_date() -> None:
    seuil = Parametre("seuil", Source("décret", "art. 1er"), {date(2010, 1, 1): 2, date(2001, 6, 6): 1})
    assert seuil.au(date(2001, 6, 6)) == 1
    assert seuil.au(date(2009, 12, 31)) == 1
    assert seuil.au(date(2010, 1, 1)) == 2
    with pytest.raises(ParametreSansValeur):
        seuil.au(date(2001, 6, 5))
    with pytest.raises(ValueError):
        Parametre("vide", CHOIX_DU_PROJET, {})
    assert str(seuil.source) == "décret, art. 1er"
    assert str(CHOIX_DU_PROJET) == "choix du projet"


def test_chaque_role_a_un_libelle() -> None:
    assert all(role.libelle for role in Role)


def test_un_refus_porte_une_phrase_et_un_code() -> None:
    assert ActeImpossible("Non.").code == "acte_impossible"
    assert ActeImpossible("Non.", code="appel_clos").code == "appel_clos"
    assert SaisieInvalide([Faute("siret", "Faux.")]).fautes[0].code == "invalide"
    assert VersionPerimee("Changé.").conflits == {}

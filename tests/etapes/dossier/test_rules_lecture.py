"""Lire une saisie : ce qui est accepté, refusé, et avec quels mots."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.etapes.dossier.rules.champs import CHAMPS, champ, champs_de
from app.etapes.dossier.rules.formes import Forme, Section
from app.etapes.dossier.rules.lecture import Domaines, lire_montant, lire_simple, lire_table
from app.noyau.euros import Euros

DOMAINES = Domaines(
    {"objectifs": frozenset({"E1.1", "E2.2"}), "lignes": frozenset({"M2A"}), "fiches": frozenset({"COTEAUX"})}
)


def lire(code: str, *textes: str) -> object:
    trouve = champ(code)
    assert trouve is not None
    valeur, fautes = lire_simple(trouve, textes, DOMAINES)
    return fautes[0].message if fautes else valeur


def test_chaque_champ_appartient_a_une_section() -> None:
    assert [c for s in Section for c in champs_de(s)] == list(CHAMPS)
    assert len({c.code for c in CHAMPS}) == len(CHAMPS)
    assert all(s.libelle for s in Section)
    assert all(bool(c.colonnes) == (c.forme is Forme.TABLE) for c in CHAMPS)
    assert all(c.options or c.domaine for c in CHAMPS if c.forme in {Forme.CODE, Forme.CODES})
    assert champ("inconnu") is None


@pytest.mark.parametrize(
    ("code", "textes", "valeur"),
    [
        ("titre", ("  Café des parents ",), "Café des parents"),
        ("titre", ("",), None),
        ("titre", (), None),
        ("beneficiaires", ("1 200",), 1200),
        ("beneficiaires", ("0",), 0),
        ("debut", ("2027-03-15",), "2027-03-15"),
        ("a_jour", ("oui",), True),
        ("a_jour", ("non",), False),
        ("objectif_principal", ("E2.2",), "E2.2"),
        ("objectifs_secondaires", ("E1.1", "E1.1", "E2.2"), ["E1.1", "E2.2"]),
        ("participation_degre", ("concertation",), "concertation"),
        ("duree", ("2",), "2"),
    ],
)
def test_une_bonne_saisie_donne_sa_valeur(code: str, textes: tuple[str, ...], valeur: object) -> None:
    assert lire(code, *textes) == valeur


@pytest.mark.parametrize(
    ("code", "textes", "morceau"),
    [
        ("titre", ("x" * 121,), "au plus 120"),
        ("beneficiaires", ("douze",), "nombre entier"),
        ("beneficiaires", ("-3",), "nombre entier"),
        ("beneficiaires", ("3,5",), "nombre entier"),
        ("beneficiaires", ("2000000",), "trop grand"),
        ("debut", ("15/03/2027",), "Écrivez une date"),
        ("debut", ("2027-02-30",), "Écrivez une date"),
        ("a_jour", ("peut-être",), "oui ou par non"),
        ("objectif_principal", ("E9.9",), "pas dans la liste"),
        ("objectifs_secondaires", ("E1.1", "E2.2", "E1.2"), "2 au plus"),
        ("participation_degre", ("autre",), "pas dans la liste"),
        ("budget_charges", ("12",), "tableau"),
    ],
)
def test_une_mauvaise_saisie_dit_comment_faire(code: str, textes: tuple[str, ...], morceau: str) -> None:
    assert morceau in str(lire(code, *textes))


@pytest.mark.parametrize(
    ("texte", "morceau"),
    [
        ("beaucoup", "montant en euros"),
        ("-5", "négatif"),
        ("10 000 001", "dix millions"),
        ("12 50", "groupes de trois chiffres"),
        ("1 250 5", "groupes de trois chiffres"),
        ("1\u202f250,5\u00a00 €", "groupes de trois chiffres"),
    ],
)
def test_un_montant_absurde_est_refuse(texte: str, morceau: str) -> None:
    with pytest.raises(ValueError, match=morceau):
        lire_montant(texte)


@pytest.mark.parametrize(
    "texte", ["1250", " 1 250 ", "1\u202f250\u00a0€", "1250 €", "€ 1250", "1 250,00", "1 250, 00", "1250.0"]
)
def test_les_facons_d_ecrire_un_montant_se_lisent(texte: str) -> None:
    assert lire_montant(texte) == Euros.de(1250)


def test_le_budget_de_l_organisation_a_sa_propre_borne() -> None:
    """Une fondation paie plus de dix millions de salaires ; une action, non."""
    for colonne in ("asso_charges", "asso_produits"):
        compte = "64" if colonne == "asso_charges" else "74"
        valeur, fautes = table(colonne, {"compte": compte, "montant": "412 000 000"})
        assert (valeur, fautes) == ([{"compte": compte, "montant": 41_200_000_000}], [])
        _, fautes = table(colonne, {"compte": compte, "montant": "1 000 000 001"})
        assert [m for _, m in fautes] == ["Ce montant dépasse un milliard d’euros : vérifiez-le."]
    _, fautes = table("budget_charges", {"compte": "64", "montant": "10 000 001"})
    assert [m for _, m in fautes] == ["Ce montant dépasse dix millions d’euros : vérifiez-le."]


@given(st.integers(0, 10**9))
def test_un_montant_possible_se_lit(centimes: int) -> None:
    assert lire_montant(str(Euros(centimes))).centimes == centimes


def table(code: str, *rangees: dict[str, str]) -> tuple[object, list[tuple[str, str]]]:
    trouve = champ(code)
    assert trouve is not None
    valeur, fautes = lire_table(trouve, rangees, DOMAINES)
    return valeur, [(f.champ, f.message) for f in fautes]


def test_une_table_garde_ses_rangees_remplies() -> None:
    valeur, fautes = table(
        "budget_charges",
        {"compte": "60", "libelle": "Fournitures", "montant": "1 250,50"},
        {"compte": "60", "libelle": "", "montant": ""},
        {},
        {"compte": "64", "montant": "300"},
    )
    assert fautes == []
    assert valeur == [
        {"compte": "60", "libelle": "Fournitures", "montant": 125_050},
        {"compte": "64", "montant": 30_000},
    ]


def test_une_table_vide_efface_le_champ() -> None:
    assert table("budget_charges", {"compte": "60"}) == (None, [])
    assert table("demandes", {"ligne": "M2A", "annee": "2027", "montant": ""}) == (None, [])


def test_une_case_fautive_se_designe_elle_meme() -> None:
    valeur, fautes = table(
        "demandes",
        {"ligne": "M2A", "annee": "2027", "montant": "5 000"},
        {"ligne": "INCONNUE", "annee": "bientôt", "montant": "x"},
        {"ligne": "", "annee": "2027", "montant": "3"},
    )
    assert [champ_fautif for champ_fautif, _ in fautes] == [
        "demandes.1.ligne", "demandes.1.annee", "demandes.1.montant", "demandes.2.ligne",
    ]  # fmt: skip
    assert valeur is not None


def test_une_table_lit_ses_oui_ses_codes_et_ses_textes() -> None:
    valeur, fautes = table("partenaires", {"nom": "CSC (fictif)", "apport": "Salle", "confirme": "oui"})
    assert (valeur, fautes) == ([{"nom": "CSC (fictif)", "apport": "Salle", "confirme": True}], [])
    assert table("partenaires", {"nom": "x" * 501})[1][0][0] == "partenaires.0.nom"
    assert table("budget_produits", {"compte": "70", "montant": "5", "statut": "promis"})[1][0][0].endswith("statut")


def test_une_table_trop_longue_est_refusee() -> None:
    _, fautes = table("partenaires", *({"nom": "x"} for _ in range(61)))
    assert fautes == [("partenaires", "Au plus 60 lignes.")]


@pytest.mark.parametrize(("texte", "centiemes"), [("1", 100), ("0,5", 50), ("1.25", 125), ("1 234,5", 123_450)])
def test_un_nombre_a_virgule_se_garde_en_centiemes(texte: str, centiemes: int) -> None:
    lue, fautes = table("moyens_humains", {"categorie": "cdi", "nombre": "2", "etpt": texte})
    assert (lue, fautes) == ([{"categorie": "cdi", "nombre": 2, "etpt": centiemes}], [])


@pytest.mark.parametrize("texte", ["un", "1,234", "-1", "1,"])
def test_un_nombre_a_virgule_illisible_se_dit(texte: str) -> None:
    assert "0,5" in table("moyens_humains", {"categorie": "cdi", "nombre": "2", "etpt": texte})[1][0][1]


def test_une_rangee_fixe_sans_rien_d_autre_est_vide() -> None:
    assert table("moyens_humains", {"categorie": "cdi", "nombre": "", "etpt": ""}) == (None, [])

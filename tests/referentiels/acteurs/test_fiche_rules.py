"""La fiche d'une organisation : ce que ses sections refusent, ce qui lui manque ; ce que l'annuaire laisse deviner."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.noyau.erreurs import Faute
from app.referentiels.acteurs.rules import FormeOrganisation as F
from app.referentiels.acteurs.rules import annuaire, fiche
from app.referentiels.acteurs.rules.fiche import Compte, FaitsFiche, Moyens, Section

JOUR = date(2026, 11, 6)
JUSTE = "FR7630006000011234567890189"
MOYENS = Moyens(12, 1, 3, 1, 250, 0, 80)
REPRESENTANT = {"fonction": "Présidence", "prenom": "Camille", "nom": "Fictif", "courriel": "c@exemple.fr"}
COMPLETE = FaitsFiche(
    forme=F.ASSOCIATION, a_un_registre=True, siege={"adresse": "1 rue X", "code_postal": "68100", "commune": "M."},
    representant=REPRESENTANT, relations={"est_reconnue_utilite": False, "est_assujettie": False}, a_des_moyens=True,
    a_un_compte=True, est_engagee=True, a_un_signataire=True,
)  # fmt: skip


def champs(fautes: tuple[Faute, ...]) -> list[str]:
    return [f.champ for f in fautes]


@pytest.mark.parametrize(
    ("nature", "forme"),
    [
        ("9220", F.ASSOCIATION), ("9260", F.ASSOCIATION), ("9300", F.FONDATION), ("7210", F.COLLECTIVITE),
        ("7346", F.COLLECTIVITE), ("7361", F.ETABLISSEMENT_PUBLIC), ("7113", F.ETABLISSEMENT_PUBLIC),
        ("4140", F.ETABLISSEMENT_PUBLIC), ("5546", F.BAILLEUR_PRIVE), ("5458", F.ENTREPRISE_ESS),
        ("8210", F.ENTREPRISE_ESS), ("5710", None), ("", None), ("92", None), ("92X0", None),
    ],
)  # fmt: skip
def test_la_categorie_juridique_laisse_deviner_la_forme(nature: str, forme: F | None) -> None:
    assert annuaire.forme_devinee(nature) is forme


@pytest.mark.parametrize(
    ("code_postal", "nature", "attendu"),
    [("68100", "", True), ("67000", "", True), ("57000", "", True), ("75020", "9260", True), ("75020", "9220", False),
     ("", "", True)],
)  # fmt: skip
def test_le_registre_local_se_propose_d_abord_en_alsace_moselle(code_postal: str, nature: str, attendu: bool) -> None:
    assert annuaire.est_de_droit_local(code_postal, nature) is attendu


def test_l_engagement_republicain_ne_concerne_que_les_associations_et_les_fondations() -> None:
    concernees = {forme for forme in F if Section.ENGAGEMENT in fiche.sections_de(forme)}
    assert concernees == {F.ASSOCIATION, F.FONDATION}
    assert len(fiche.sections_de(F.COLLECTIVITE)) == len(Section) - 1
    assert all(section.libelle for section in Section)


@pytest.mark.parametrize(
    ("utilite", "agrements", "repute"), [(True, 0, True), (False, 1, True), (False, 0, False), (None, 0, False)]
)
def test_l_engagement_est_repute_satisfait_si_reconnue_ou_agreee(
    utilite: bool | None, agrements: int, repute: bool
) -> None:
    assert fiche.engagement_repute(est_reconnue_utilite=utilite, agrements=agrements) is repute


@pytest.mark.parametrize(
    ("texte", "valeur"),
    [("2,5", 250), ("2.25", 225), ("0", 0), (" 3 ", 300), ("0,05", 5), ("2,555", None), ("-1", None), ("", None)],
)
def test_un_etpt_s_ecrit_avec_une_virgule_ou_un_point(texte: str, valeur: int | None) -> None:
    assert fiche.centiemes(texte) == valeur


@given(st.integers(min_value=0, max_value=999_999))
def test_un_etpt_ecrit_se_relit(valeur: int) -> None:
    assert fiche.centiemes(fiche.en_etpt(valeur)) == valeur


def test_les_moyens_sont_ceux_du_dernier_31_decembre() -> None:
    assert fiche.annee_des_moyens(date(2026, 1, 1)) == fiche.annee_des_moyens(date(2026, 12, 31)) == 2025


def test_aides_et_etpt_comptent_parmi_les_salaries() -> None:
    assert fiche.verifier_moyens(MOYENS) == ()
    assert champs(fiche.verifier_moyens(replace(MOYENS, emplois_aides=4))) == ["emplois_aides"]
    assert champs(fiche.verifier_moyens(replace(MOYENS, etpt_centiemes=301))) == ["etpt"]
    assert fiche.verifier_moyens(replace(MOYENS, etpt_centiemes=300)) == ()


@pytest.mark.parametrize(
    ("texte", "iban"),
    [
        ("FR14 2004 1010 0505 0001 3M02 606", "FR1420041010050500013M02606"), (JUSTE.lower(), JUSTE),
        ("FR76 3000 6000 0112 3456 7890 188", None), ("FR76", None), ("", None), ("\u0663" * 27, None),
    ],
)  # fmt: skip
def test_un_iban_se_juge_par_sa_cle(texte: str, iban: str | None) -> None:
    assert fiche.normaliser_iban(texte) == iban


def test_un_iban_masque_ne_se_reconstitue_pas() -> None:
    masque = fiche.masquer_iban(JUSTE)
    assert masque == "FR76 •••• 189"
    assert fiche.grouper_iban(JUSTE) == "FR76 3000 6000 0112 3456 7890 189"


def test_un_compte_dit_toutes_ses_fautes() -> None:
    assert fiche.verifier_compte(Compte("Association", "Banque", JUSTE, "AGRIFRPP")) == ()
    faux = Compte(" ", "", "FR00", "AGR")
    assert champs(fiche.verifier_compte(faux)) == ["titulaire", "banque", "iban", "bic"]


def test_le_representant_a_une_fonction_un_prenom_un_nom() -> None:
    assert fiche.verifier_representant(REPRESENTANT) == ()
    assert champs(fiche.verifier_representant({"nom": " "})) == ["fonction", "prenom", "nom"]


RELATIONS: dict[str, Any] = {
    "est_reconnue_utilite": True, "utilite_jo_le": date(1998, 5, 4), "a_aides_minimis": False, "aides_minimis": "",
    "agrements": [{"type": "Jeunesse", "par": "DRAJES", "date": "2024-01-09"}], "aujourd_hui": JOUR,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "fautifs"),
    [
        ({}, []),
        ({"utilite_jo_le": None}, ["utilite_jo_le"]),
        ({"est_reconnue_utilite": False}, ["utilite_jo_le"]),
        ({"est_reconnue_utilite": None, "utilite_jo_le": None}, []),
        ({"utilite_jo_le": date(2026, 11, 7)}, ["utilite_jo_le"]),
        ({"utilite_jo_le": JOUR}, []),
        ({"a_aides_minimis": True}, ["aides_minimis"]),
        ({"a_aides_minimis": True, "aides_minimis": "Ville, 2024, 500 €"}, []),
        ({"agrements": [{"type": "", "par": "", "date": "2024-01-09"}]}, ["agrement_type_0", "agrement_par_0"]),
        ({"agrements": [{"type": "T", "par": "P", "date": ""}]}, ["agrement_date_0"]),
        ({"agrements": [{"type": "T", "par": "P", "date": "hier"}]}, ["agrement_date_0"]),
        ({"agrements": [{"type": "T", "par": "P", "date": "2026-11-07"}]}, ["agrement_date_0"]),
    ],
)
def test_les_relations_avec_l_administration_se_disent_entieres(change: dict[str, Any], fautifs: list[str]) -> None:
    assert champs(fiche.verifier_relations(**{**RELATIONS, **change})) == fautifs


@pytest.mark.parametrize(
    ("change", "manque"),
    [
        ({}, []),
        ({"a_un_registre": False}, [Section.IDENTITE]),
        ({"a_un_registre": False, "forme": F.COLLECTIVITE}, []),
        ({"siege": {"adresse": "1 rue X"}}, [Section.ADRESSES, Section.ADRESSES]),
        ({"representant": {}}, [Section.REPRESENTANT]),
        ({"representant": {**REPRESENTANT, "courriel": ""}}, [Section.REPRESENTANT]),
        ({"representant": {**REPRESENTANT, "courriel": "", "telephone": "0389000000"}}, []),
        ({"relations": {}}, [Section.ADMINISTRATION]),
        ({"relations": {"est_reconnue_utilite": True}}, [Section.ADMINISTRATION]),
        ({"relations": {}, "forme": F.BAILLEUR_PRIVE}, []),
        ({"a_des_moyens": False}, [Section.MOYENS]),
        ({"a_un_compte": False}, [Section.BANQUE]),
        ({"est_engagee": False}, [Section.ENGAGEMENT]),
        ({"est_engagee": False, "est_agreee": True}, []),
        ({"est_engagee": False, "forme": F.COLLECTIVITE}, []),
        ({"a_un_signataire": False}, [Section.REPRESENTANT]),
    ],
)
def test_ce_qui_manque_se_dit_avec_sa_section(change: dict[str, Any], manque: list[Section]) -> None:
    fautes = fiche.verifier_fiche(replace(COMPLETE, **change))
    assert [fiche.section_de(f) for f in fautes] == manque
    assert all(f.code == "fiche_incomplete" for f in fautes)

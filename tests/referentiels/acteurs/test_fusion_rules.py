"""Écrire la fiche à plusieurs : ce qui est intact, ce qui change, ce qui se choisit. Sans base."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.referentiels.acteurs.rules.fusion import Conflit, code_de, en_reponses, fusionner, version, versions

NOMS = ("adresse", "commune", "telephone", "agrement_type_0", "agrement_par_0")
TEXTES = st.fixed_dictionaries({}, optional={nom: st.sampled_from(["", "A", "B", " A "]) for nom in NOMS})


def remplis(champs: dict[str, str]) -> dict[str, str]:
    return {nom: texte.strip() for nom, texte in champs.items() if texte.strip()}


def test_un_champ_vide_absent_ou_plein_d_espaces_dit_la_meme_chose() -> None:
    assert versions({"adresse": "  "}) == versions({"adresse": ""}) == {"adresse": ""}
    assert version({"adresse": "A"}) != version({"adresse": "B"})
    assert en_reponses({"a": "1\r\n2"}) == {"a": {"a": "1\n2"}}


def test_les_agrements_se_comparent_d_un_bloc() -> None:
    assert (code_de("agrement_type_3"), code_de("commune")) == ("agrements", "commune")
    montres = {"agrement_type_0": "", "agrement_par_0": ""}
    autre = {"agrement_type_0": "Jeunesse", "agrement_par_0": "Préfecture"}
    mien = {"agrement_type_0": "Sport", "agrement_par_0": ""}
    (conflit,) = fusionner(mien, autre, versions(montres), {}).conflits
    assert conflit == Conflit("agrements", autre, {"agrement_type_0": "Sport"}, version(autre))


@given(TEXTES, TEXTES)
def test_sans_rien_toucher_on_n_ecrase_rien(montres: dict[str, str], enregistres: dict[str, str]) -> None:
    fusion = fusionner(montres, enregistres, versions(montres), {})
    assert (fusion.champs, fusion.conflits) == (remplis(enregistres), ())


@given(TEXTES, TEXTES)
def test_seul_a_ecrire_on_enregistre_tout(montres: dict[str, str], saisis: dict[str, str]) -> None:
    fusion = fusionner(saisis, montres, versions({**dict.fromkeys(NOMS, ""), **montres}), {})
    assert (fusion.champs, fusion.conflits) == (remplis(saisis), ())


@given(TEXTES, TEXTES, TEXTES)
def test_un_conflit_tranche_ne_revient_pas(
    montres: dict[str, str], enregistres: dict[str, str], saisis: dict[str, str]
) -> None:
    lues = versions({**dict.fromkeys(NOMS, ""), **montres})
    premier = fusionner(saisis, enregistres, lues, {})
    relues = lues | {c.code: c.version for c in premier.conflits}
    for choix in ("mien", "enregistre"):
        second = fusionner(saisis, enregistres, relues, {c.code: choix for c in premier.conflits})
        assert second.conflits == ()
        for c in premier.conflits:
            voulu = c.saisi if choix == "mien" else c.enregistre
            assert {n: t for n, t in second.champs.items() if code_de(n) == c.code} == voulu


def test_un_troisieme_auteur_pendant_le_choix_fait_rechoisir() -> None:
    lues = versions({"commune": "Mulhouse"})
    for choix in ("mien", "enregistre"):
        fusion = fusionner({"commune": "Illzach"}, {"commune": "Rixheim"}, lues, {"commune": choix})
        assert [c.code for c in fusion.conflits] == ["commune"]


def test_ce_qui_n_etait_pas_sur_la_page_reste() -> None:
    assert fusionner({}, {"recepisse": "W9"}, {}, {}).champs == {"recepisse": "W9"}
    assert fusionner({"recepisse": "W8"}, {"recepisse": "W9"}, {}, {}).champs == {"recepisse": "W8"}

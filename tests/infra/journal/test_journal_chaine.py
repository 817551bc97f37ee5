"""La chaîne pure : forme canonique, contenus admis, vérification sans base."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.infra.journal.chaine import Contenu, Entree, Tete, canonique, empreinte_salee, enchainer, normaliser
from app.infra.journal.verification import Ancre, Nature, dire, verifier
from tests.infra.journal.aide_journal import INSTANT, ancre_de, chaine_pure, fautes

TEXTES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
CONTENUS = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTES,
    lambda feuille: st.lists(feuille, max_size=3) | st.dictionaries(TEXTES, feuille, max_size=3),
    max_leaves=8,
)


class Etat(StrEnum):
    DEPOSE = "depose"


def test_la_forme_canonique_ne_depend_pas_de_l_ordre_des_cles() -> None:
    assert canonique({"b": 1, "a": "é"}) == canonique({"a": "é", "b": 1}) == '{"a":"é","b":1}'.encode()


def test_la_meme_heure_dite_dans_un_autre_fuseau_donne_la_meme_empreinte() -> None:
    (entree, *_), _ = chaine_pure(1)
    ailleurs = replace(entree, instant=entree.instant.astimezone(timezone(timedelta(hours=2))))
    assert ailleurs.empreinte_au_rang(1) == entree.empreinte
    plus_tard = replace(entree, instant=entree.instant + timedelta(microseconds=1))
    assert plus_tard.empreinte_au_rang(1) != entree.empreinte


def test_un_contenu_efface_ne_dit_pas_s_il_avait_change() -> None:
    entree, _ = enchainer(
        Tete(0, bytes(32)),
        chaine=1,
        instant=INSTANT,
        acte="a.b",
        objet="o",
        acteur="c",
        sel=b"s" * 16,
        avant=1,
        apres=1,
    )
    assert entree.empreinte_avant != entree.empreinte_apres
    assert empreinte_salee(b"1" * 16, "avant", 1) != empreinte_salee(b"2" * 16, "avant", 1)


def test_un_contenu_se_normalise_comme_la_base_le_rendra() -> None:
    assert normaliser({"etat": Etat.DEPOSE, "suite": (1, True, None)}) == {"etat": "depose", "suite": [1, True, None]}
    assert type(normaliser(Etat.DEPOSE)) is str


@pytest.mark.parametrize("valeur", [1.5, {1: "a"}, INSTANT, b"octets", {"a": [{2: 3}]}, {"a": float("nan")}])
def test_un_contenu_que_la_base_changerait_est_refuse(valeur: object) -> None:
    with pytest.raises(TypeError):
        normaliser(valeur)


@pytest.mark.parametrize("texte", ["a\0b", "\ud800"])
def test_un_texte_que_la_base_refuse_est_refuse_avant_elle(texte: str) -> None:
    with pytest.raises(ValueError, match="Le journal"):
        normaliser({"nom": texte})
    with pytest.raises(ValueError, match="Le journal"):
        normaliser({texte: 1})


@given(CONTENUS)
def test_un_contenu_normalise_traverse_le_json_a_l_identique(valeur: Any) -> None:
    normal = normaliser(valeur)
    assert json.loads(canonique(normal)) == normal
    assert canonique(json.loads(canonique(normal))) == canonique(normal)


def test_une_chaine_intacte_est_saine_et_sa_queue_sans_ancre_est_dite() -> None:
    entrees, contenus = chaine_pure(12)
    rapport = verifier(entrees, contenus, [ancre_de(entrees[8])])
    assert rapport.est_sain
    (etat,) = rapport.chaines
    assert (etat.entrees, etat.effaces, etat.couverture.non_couvertes) == (12, 0, 3)
    assert (
        "  Les 3 dernières entrées, depuis le vendredi 6 novembre 2026 à 14 h 22, ne sont couvertes par aucune ancre."
        in list(dire(rapport, {}))
    )


def test_sans_aucune_ancre_toute_la_chaine_est_dite_non_couverte() -> None:
    entrees, contenus = chaine_pure(2)
    phrases = list(dire(verifier(entrees, contenus, []), {1: "1 « m2a »"}))
    assert phrases[0] == "Chaîne 1 « m2a » : 2 entrées."
    assert "Aucune de ses entrées" in phrases[1]
    assert "La dernière entrée" in list(dire(verifier(entrees, contenus, [ancre_de(entrees[0])]), {}))[2]


def test_une_ancre_gardee_dans_la_base_ne_vaut_pas_une_ancre_gardee_ailleurs() -> None:
    entrees, contenus = chaine_pure(5)
    ancres = [ancre_de(entrees[1]), ancre_de(entrees[4], hors_base=False)]
    (etat,) = verifier(entrees, contenus, ancres).chaines
    assert (etat.couverture.non_couvertes, etat.hors_base.non_couvertes) == (0, 3)
    assert any("hors de la base" in phrase for phrase in dire(verifier(entrees, contenus, ancres), {}))


def test_un_contenu_efface_est_admis_et_compte() -> None:
    entrees, contenus = chaine_pure(5)
    rapport = verifier(entrees, contenus[:1] + contenus[3:], [])
    assert rapport.est_sain
    assert rapport.chaines[0].effaces == 2


def test_une_entree_retiree_au_milieu_est_dite_avec_son_rang() -> None:
    entrees, contenus = chaine_pure(6)
    rapport = verifier(entrees[:2] + entrees[4:], contenus[:2] + contenus[4:], [])
    assert [a.phrase for a in rapport.anomalies] == ["Les entrées 3 à 4 manquent au milieu de la chaîne."]


def test_une_entree_renumerotee_pour_cacher_un_trou_est_dite_deplacee() -> None:
    entrees, _ = chaine_pure(6)
    serrees = [e if e.rang < 3 else replace(e, rang=e.rang - 1) for e in entrees if e.rang != 3]
    trouvees = fautes(verifier(serrees, [], []))
    assert {("deplacee", 3), ("deplacee", 4), ("modifiee", 5)} <= trouvees


def test_la_queue_retiree_se_voit_par_l_ancre_et_par_le_contenu_reste() -> None:
    entrees, contenus = chaine_pure(6)
    assert verifier(entrees[:4], contenus[:4], []).est_sain
    assert fautes(verifier(entrees[:4], contenus[:4], [ancre_de(entrees[5])])) == {("retiree", 5)}
    assert fautes(verifier(entrees[:4], contenus, [])) == {("retiree", 5), ("retiree", 6)}


def test_une_chaine_entiere_retiree_se_voit_par_son_ancre() -> None:
    entrees, contenus = chaine_pure(3)
    autre, _ = chaine_pure(2, chaine=2)
    rapport = verifier(entrees, contenus, [ancre_de(entrees[2]), ancre_de(autre[1])])
    assert [a.phrase for a in rapport.anomalies] == [
        "La chaîne entière manque : l’ancre « jour:2026-11-06 » garde l’entrée 2."
    ]


def test_une_reecriture_complete_ne_se_voit_que_par_une_ancre() -> None:
    entrees, _ = chaine_pure(6)
    reecrites = _reecrire(entrees, 3, acte="dossier.retire")
    assert verifier(reecrites, [], []).est_sain
    assert fautes(verifier(reecrites, [], [ancre_de(entrees[1]), ancre_de(entrees[4])])) == {("reecrite", 5)}


def test_une_entree_recalculee_seule_casse_le_lien_de_la_suivante() -> None:
    entrees, _ = chaine_pure(6)
    changee = replace(entrees[2], acteur="c-autre")
    changee = replace(changee, empreinte=changee.empreinte_au_rang(3))
    assert fautes(verifier([*entrees[:2], changee, *entrees[3:]], [], [])) == {("modifiee", 3)}


def test_une_chaine_qui_ne_part_pas_de_l_origine_est_vue() -> None:
    entrees, _ = chaine_pure(3)
    fausse = replace(entrees[0], precedente=b"\1" * 32)
    fausse = replace(fausse, empreinte=fausse.empreinte_au_rang(1))
    assert fautes(verifier([fausse], [], [])) == {("retiree", 1)}


def test_deux_chaines_entremelees_se_lisent_chacune_pour_soi() -> None:
    (a1, a2), (b1, b2) = chaine_pure(2)[0], chaine_pure(2, chaine=7)[0]
    rapport = verifier([a1, b1, b2, a2], [], [])
    assert rapport.est_sain
    assert [etat.chaine for etat in rapport.chaines] == [1, 7]


def test_une_ancre_recopiee_a_la_main_se_compare_par_son_debut() -> None:
    entrees, _ = chaine_pure(2)
    debut = Ancre(1, 2, entrees[1].empreinte[:8], "lue", hors_base=True)
    assert verifier(entrees, [], [debut]).chaines[0].couverture.non_couvertes == 0
    trop_court = replace(debut, empreinte=entrees[1].empreinte[:2])
    assert not verifier(entrees, [], [trop_court]).est_sain


def test_beaucoup_d_anomalies_se_resument() -> None:
    entrees, _ = chaine_pure(300)
    rapport = verifier([replace(entree, acteur="c-x") for entree in entrees], [], [])
    assert {a.nature for a in rapport.anomalies} == {Nature.MODIFIEE}
    assert len(rapport.anomalies) == 300
    phrases = list(dire(rapport, {}, limite=5))
    assert phrases[-2:] == ["… et 295 autres anomalies.", "300 anomalies au total."]


def _reecrire(entrees: list[Entree], rang: int, **champs: Any) -> list[Entree]:
    """Change une entrée et recalcule toutes les suivantes : ce que peut qui tient la base, sans la clé."""
    neuves = list(entrees[: rang - 1])
    precedente = entrees[rang - 1].precedente
    for entree in entrees[rang - 1 :]:
        neuve = replace(entree, precedente=precedente, **(champs if entree.rang == rang else {}))
        neuve = replace(neuve, empreinte=neuve.empreinte_au_rang(neuve.rang))
        precedente = neuve.empreinte
        neuves.append(neuve)
    return neuves


MUTATIONS = st.sampled_from(
    ["instant", "acte", "objet", "acteur", "empreinte_avant", "empreinte_apres", "precedente", "empreinte", "chaine"]
)


def _muter(entree: Entree, champ: str) -> Entree:
    valeur = getattr(entree, champ)
    if isinstance(valeur, bytes):
        return replace(entree, **{champ: bytes([valeur[0] ^ 1]) + valeur[1:]})
    if isinstance(valeur, str):
        return replace(entree, **{champ: valeur + "x"})
    if isinstance(valeur, int):
        return replace(entree, **{champ: valeur + 1})
    return replace(entree, **{champ: valeur + timedelta(microseconds=1)})


@given(st.integers(1, 8), st.data(), MUTATIONS)
def test_tout_champ_change_se_voit(nombre: int, tirage: st.DataObject, champ: str) -> None:
    entrees, contenus = chaine_pure(nombre)
    place = tirage.draw(st.integers(0, nombre - 1))
    entrees[place] = _muter(entrees[place], champ)
    assert not verifier(entrees, contenus, []).est_sain


@given(st.integers(2, 8), st.data())
def test_toute_entree_retiree_echangee_ou_doublee_se_voit_sous_une_ancre(nombre: int, tirage: st.DataObject) -> None:
    entrees, contenus = chaine_pure(nombre)
    ancre = ancre_de(entrees[-1])
    assert verifier(entrees, contenus, [ancre]).est_sain
    i, j = sorted(tirage.draw(st.lists(st.integers(0, nombre - 1), min_size=2, max_size=2, unique=True)))
    sans = [entree for place, entree in enumerate(entrees) if place != i]
    echangees = list(entrees)
    echangees[i], echangees[j] = replace(entrees[j], rang=i + 1), replace(entrees[i], rang=j + 1)
    doublees = [*entrees[: i + 1], entrees[i], *entrees[i + 1 :]]
    assert not verifier(sans, [], [ancre]).est_sain
    assert ("deplacee", i + 1) in fautes(verifier(echangees, [], [ancre]))
    assert ("inseree", i + 1) in fautes(verifier(doublees, [], [ancre]))


@given(st.integers(1, 8), st.data())
def test_toute_reecriture_recalculee_se_voit_si_une_ancre_la_suit(nombre: int, tirage: st.DataObject) -> None:
    entrees, _ = chaine_pure(nombre)
    rang = tirage.draw(st.integers(1, nombre))
    ancree = tirage.draw(st.integers(1, nombre))
    rapport = verifier(_reecrire(entrees, rang, objet="autre"), [], [ancre_de(entrees[ancree - 1])])
    assert rapport.est_sain == (ancree < rang)
    if rapport.est_sain:
        assert rapport.chaines[0].couverture.non_couvertes == nombre - ancree >= 1


@given(st.integers(1, 6), st.data(), CONTENUS)
def test_tout_contenu_change_se_voit(nombre: int, tirage: st.DataObject, autre: Any) -> None:
    entrees, contenus = chaine_pure(nombre)
    place = tirage.draw(st.integers(0, nombre - 1))
    cote = tirage.draw(st.sampled_from(["avant", "apres"]))
    ancien: Contenu = contenus[place]
    contenus[place] = replace(ancien, **{cote: autre})
    change = canonique(getattr(ancien, cote)) != canonique(autre)
    assert fautes(verifier(entrees, contenus, [])) == ({("contenu", place + 1)} if change else set())

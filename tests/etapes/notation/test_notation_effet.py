"""L'effet d'une autre grille : qui bouge, de combien, les rangs, les distributions, et l'aller-retour en JSON."""

from __future__ import annotations

from fractions import Fraction

from app.etapes.notation.rules import EffetLigne, mesurer_effet, noter
from app.etapes.notation.rules.effet import Bornes, bornes, effet_vers_donnees, placement_depuis, repartir
from tests.etapes.notation.lecture_cas import des_faits, la_grille


def n(bas: int, haut: int | None = None) -> Bornes:
    """Une note en points."""
    return bas * 10, (bas if haut is None else haut) * 10


def effet(*couples: tuple[str, Bornes | None, Bornes | None]) -> EffetLigne:
    (rendu,) = mesurer_effet(("M2A", dossier, avant, apres) for dossier, avant, apres in couples)
    return rendu


def test_les_bornes_sont_celles_que_l_on_montre_et_un_hors_champ_n_en_a_pas() -> None:
    note = noter(la_grille(), "BOP147", des_faits())
    assert bornes(note) == tuple(int(borne * 10) for borne in note.intervalle)
    assert bornes(noter(la_grille(), "ILLZACH", des_faits(fiches_visees=["COTEAUX"]))) is None


def test_l_effet_dit_qui_bouge_de_combien_et_les_rangs() -> None:
    mesure = effet(("D1", n(80), n(80)), ("D2", n(70), n(90)), ("D3", n(70), n(65)), ("D4", None, n(50)))
    assert [(p.dossier, p.ecart, p.rang_avant, p.rang_apres) for p in mesure.placements] == [
        ("D2", 200, 2, 1),
        ("D3", -50, 2, 3),
        ("D4", 0, None, 4),
        ("D1", 0, 1, 2),
    ]
    assert [p.dossier for p in mesure.bougent] == ["D2", "D3", "D4"]
    assert [(p.dossier, p.places) for p in mesure.touches] == [("D2", 1), ("D3", -1), ("D4", 0), ("D1", -1)]
    assert mesure.changent_de_rang == 4
    assert mesure.ecart_moyen == Fraction(25, 3)


def test_a_note_basse_egale_la_plus_haute_possible_depart_puis_meme_rang() -> None:
    mesure = effet(("D1", n(60), n(60)), ("D2", n(60, 70), n(60, 70)), ("D3", n(60), n(60)))
    rangs = {p.dossier: p.rang_avant for p in mesure.placements}
    assert rangs == {"D2": 1, "D1": 2, "D3": 2}
    assert mesure.bougent == mesure.touches == ()


def test_sans_note_des_deux_cotes_il_n_y_a_pas_d_ecart() -> None:
    assert effet(("D1", None, None)).ecart_moyen == 0
    assert mesurer_effet([]) == ()


def test_la_distribution_range_chaque_note_dans_sa_tranche_cent_dans_la_derniere() -> None:
    assert repartir([n(0), (99, 120), n(10), n(95), n(100), None]) == (2, 1, 0, 0, 0, 0, 0, 0, 0, 2)
    mesure = effet(("D1", n(5), n(55)), ("D2", None, n(99)))
    assert mesure.distribution == ((1, *[0] * 9), (0, 0, 0, 0, 0, 1, 0, 0, 0, 1))


def test_l_effet_se_garde_en_json_et_se_relit() -> None:
    mesure = effet(("D1", n(80), n(80)), ("D2", n(70), n(90, 95)), ("D3", n(70), None), ("D4", n(1), n(1)))
    donnees = effet_vers_donnees([mesure])
    (resume,) = donnees["resume"]
    assert resume == {
        "ligne": "M2A", "dossiers": 4, "bougent": 2, "montent": 1, "descendent": 0, "changent_de_rang": 4,
        "ecart_moyen_centiemes": 667, "touches": 4, "avant": [1, 0, 0, 0, 0, 0, 0, 2, 1, 0],
        "apres": [1, 0, 0, 0, 0, 0, 0, 0, 1, 1],
    }  # fmt: skip
    rangees = donnees["touches"]["M2A"]
    assert rangees[0] == ["D2", 700, 700, 900, 950, 2, 1]
    assert tuple(placement_depuis(rangee) for rangee in rangees) == mesure.touches

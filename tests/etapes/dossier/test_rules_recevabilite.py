"""La liste de contrôle : ce qui manque se dit, un point inconnu se refuse."""

from __future__ import annotations

from app.etapes.dossier.rules.recevabilite import POINTS, tous_verifies, verifier_points


def test_tout_verifie_laisse_conclure_recevable() -> None:
    assert verifier_points(tous_verifies(), recevable=True) == ()


def test_recevable_exige_chaque_point_et_nomme_ce_qui_reste() -> None:
    dernier = POINTS[-1]
    (faute,) = verifier_points(tous_verifies() | {dernier.code: False}, recevable=True)
    assert (faute.champ, faute.code) == ("points", "points_a_verifier")
    assert dernier.libelle in faute.message
    assert POINTS[0].libelle not in faute.message


def test_une_autre_conclusion_n_exige_rien() -> None:
    assert verifier_points({}, recevable=False) == ()


def test_un_point_inconnu_est_refuse_par_son_nom() -> None:
    (faute,) = verifier_points({"humeur": True, **tous_verifies()}, recevable=False)
    assert (faute.code, faute.message) == ("point_inconnu", "Point inconnu : humeur.")

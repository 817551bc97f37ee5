"""Avis : degrés, motif exigé, synthèse."""

from __future__ import annotations

import pytest

from app.etapes.consultation.rules import Degre, EtatRencontre, synthese, verifier_avis


@pytest.mark.parametrize("degre", [Degre.FAVORABLE, Degre.HORS_CHAMP])
def test_un_avis_favorable_ou_hors_champ_se_passe_de_motif(degre: Degre) -> None:
    assert verifier_avis(degre, " ") == ()


@pytest.mark.parametrize("degre", [Degre.FAVORABLE_AVEC_RESERVE, Degre.RESERVE, Degre.DEFAVORABLE])
def test_un_avis_qui_retient_se_motive(degre: Degre) -> None:
    assert [f.code for f in verifier_avis(degre, " ")] == ["motif_exige"]
    assert verifier_avis(degre, "Le public n’est pas décrit.") == ()


def test_la_synthese_compte_dans_l_ordre_des_degres() -> None:
    degres = [Degre.DEFAVORABLE, Degre.FAVORABLE, Degre.FAVORABLE]
    assert synthese(degres) == ((Degre.FAVORABLE, 2), (Degre.DEFAVORABLE, 1))
    assert synthese([]) == ()


def test_chaque_mot_a_un_libelle() -> None:
    assert all(d.libelle for d in Degre)
    assert all(e.libelle for e in EtatRencontre)

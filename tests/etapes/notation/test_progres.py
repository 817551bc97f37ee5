"""Ce qui renforcerait la prochaine demande, et la place d'un dossier : tables, sans base."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from app.etapes.notation.rules import Ajustement, Note, Priorites, appliquer_ajustements, noter
from app.etapes.notation.rules.correspondance import CORRESPONDANCES
from app.etapes.notation.rules.place import Place, Tranche
from app.etapes.notation.rules.progres import DU_PORTEUR, Progres, progres
from app.referentiels.grilles.rules import CATALOGUE, Declarant
from tests.etapes.notation.lecture_cas import des_faits, faits_du_cas, la_grille, lire_cas


def chercher(ligne: str = "M2A", priorites: Priorites | None = None, **faits: Any) -> dict[str, Progres]:
    note = noter(la_grille(), ligne, des_faits(**faits), priorites=priorites or {})
    assert isinstance(note, Note)
    return {un.critere: un for un in progres(la_grille(), note)}


def lisible(voies: tuple[str, ...]) -> list[str]:
    return [voie.replace("\u00a0", " ").replace("\u202f", " ") for voie in voies]


# --- le palier au-dessus --------------------------------------------------------------------------------------------


def test_un_nombre_dit_le_seuil_et_ou_l_on_en_est() -> None:
    qpv = chercher(part_qpv="45 %")["QPV"]
    assert lisible(qpv.voies) == ["part de bénéficiaires habitant un QPV : au moins 60 % (dans cette demande : 45 %)"]
    assert (qpv.gain, qpv.possibles, qpv.a_preciser) == (Fraction(36, 10), 12, False)
    assert qpv.sur_cent == Fraction(360, 97)


def test_des_cases_disent_celles_qui_restent() -> None:
    fai = chercher(calendrier=False, mode_de_mesure=False)["FAI"]
    assert fai.voies == ("faits de faisabilité : au moins 3 (il reste : mode de mesure, calendrier)",)


def test_plusieurs_voies_menent_au_meme_palier() -> None:
    egalite = chercher(indicateur_sexue=False, action_de_rattrapage=False)["EGA"]
    assert egalite.voies[0] == "action de rattrapage"
    assert egalite.voies[1].startswith("faits d’égalité : au moins 3 (il reste : ")


def test_les_codes_du_contrat_se_nomment_s_ils_sont_peu_nombreux() -> None:
    note = noter(la_grille(), "M2A", des_faits(objectif_principal="E1.3"))
    assert isinstance(note, Note)
    sans = {un.critere: un for un in progres(la_grille(), note)}["OBJ"]
    avec = {un.critere: un for un in progres(la_grille(), note, {"objectif_principal": {"E2.2": "Emploi"}})}["OBJ"]
    assert sans.voies == ("objectif principal : E2.2",)
    assert avec.voies == ("objectif principal : « Emploi »",)


def test_une_condition_composee_dit_tout_ce_qui_manque() -> None:
    objectif = chercher("BOP147", objectifs_operationnels=[], orientation_nationale=False, objectif_principal="T.2")[
        "OBJ"
    ]
    assert objectif.gain == 8
    assert "ou" in objectif.voies[0]


def test_les_priorites_de_l_appel_comptent_a_la_place_de_la_grille() -> None:
    priorites: Priorites = {"M2A": (("E1.2",), ("E2.2",))}
    assert chercher(priorites=priorites, objectif_principal="E2.2")["OBJ"].voies == ("objectif principal : E1.2",)


def test_le_palier_d_a_cote_qui_ne_depend_pas_du_porteur_est_passe() -> None:
    """INT : sous deux communes, le palier de 30 % dépend de l'instruction ; le suivant, d'une commune de plus."""
    intercommunal = chercher(communes_touchees=["68224"], competence_m2a_etablie=False)["INT"]
    assert lisible(intercommunal.voies) == ["communes touchées : au moins 2 (dans cette demande : 1)"]
    assert intercommunal.gain == Fraction(84, 10)


def test_on_ne_conseille_pas_d_avoir_moins_de_salaries() -> None:
    cofinancement = chercher(etp_porteur="5", produits_acquis="0 €", produits_sollicites="0 €")["DRC"]
    assert not any("salariés" in voie for voie in cofinancement.voies)


def test_ni_le_bilan_ni_les_cibles_ni_le_cout_ne_se_conseillent() -> None:
    """Le bilan et les cibles viennent du service ; le coût se compare à d'autres ; réduire l'action serait pervers."""
    assert "PLU" not in chercher(premiere_demande=False, bilan_precedent="hors_delai")
    assert "PLU" not in chercher(premiere_demande=False, bilan_precedent="accepte", cibles_atteintes="1/2")
    assert "COU" not in chercher(comparables=20, mediane_cout="5000")
    petit = chercher(charges_total="12000 €", etp_porteur="1", produits_acquis="0 €", produits_sollicites="0 €")["DRC"]
    assert not any("coût" in voie or "petite structure" in voie for voie in petit.voies)


# --- ce qui n'y est pas ---------------------------------------------------------------------------------------------


def test_un_critere_plein_ou_sans_objet_n_y_est_pas() -> None:
    trouves = chercher(part_qpv="90 %", premiere_demande=True)
    assert "QPV" not in trouves
    assert "PLU" not in trouves
    assert "COU" not in trouves


def test_du_plus_gros_gain_au_plus_petit() -> None:
    gains = [un.gain for un in chercher(part_qpv="10 %", calendrier=False, communes_touchees=["68224"]).values()]
    assert len(gains) > 3
    assert gains == sorted(gains, reverse=True)


def test_une_donnee_du_porteur_qui_manque_se_demande() -> None:
    note = noter(la_grille(), "M2A", des_faits().sans("part_qpv", "competence_m2a_etablie"))
    assert isinstance(note, Note)
    qpv = {un.critere: un for un in progres(la_grille(), note)}["QPV"]
    assert qpv.a_preciser
    assert qpv.voies == ("part de bénéficiaires habitant un QPV",)
    assert qpv.gain > 0


def test_une_donnee_de_l_instruction_qui_manque_n_est_pas_demandee_au_porteur() -> None:
    note = noter(la_grille(), "M2A", des_faits(communes_touchees=["68224"]).sans("competence_m2a_etablie"))
    assert isinstance(note, Note)
    assert "INT" not in {un.critere for un in progres(la_grille(), note)}


def test_un_ajustement_part_des_points_retenus() -> None:
    note = noter(la_grille(), "M2A", des_faits(part_qpv="45 %"))
    assert isinstance(note, Note)
    a_zero = appliquer_ajustements(note, [Ajustement("QPV", Fraction(0), "Pas de preuve.", "c-x")])
    assert {un.critere: un for un in progres(la_grille(), a_zero)}["QPV"].gain == 12
    pleine = appliquer_ajustements(note, [Ajustement("QPV", Fraction(12), "Vérifié sur place.", "c-x")])
    assert "QPV" not in {un.critere for un in progres(la_grille(), pleine)}


def test_une_valeur_inconnue_ne_se_dit_pas() -> None:
    """Budget à zéro : la part n'a pas de valeur, la phrase s'arrête au seuil."""
    part = chercher(charges_total="0 €", etp_porteur="5")["DRC"]
    assert not any("dans cette demande" in voie for voie in part.voies)


def test_chaque_cas_de_la_grille_a_des_gains_dans_l_echelle() -> None:
    for cas in lire_cas():
        note = noter(la_grille(), cas.ligne, faits_du_cas(cas))
        if isinstance(note, Note):
            for un in progres(la_grille(), note):
                assert 0 < un.gain <= un.possibles, (cas.nom, un)
                assert all(un.voies), (cas.nom, un)
                assert note.minimum + un.sur_cent <= 100, (cas.nom, un)


def test_seuls_des_faits_que_le_porteur_ecrit_se_conseillent() -> None:
    ecrits = {c.fait for c in CORRESPONDANCES if c.champs}
    assert ecrits >= DU_PORTEUR
    assert all(CATALOGUE[code].declarant is Declarant.PORTEUR for code in DU_PORTEUR)
    ailleurs = {"etp_porteur", "charges_total", "asl_assiduite", "pistes_transversales", "actions_feuille_de_route"}
    assert not DU_PORTEUR & ailleurs


# --- la place -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nombre", "avant", "tranche"),
    [
        (7, 0, None),
        (8, 0, Tranche.PREMIER_QUART),
        (8, 1, Tranche.PREMIER_QUART),
        (8, 2, Tranche.MOITIE_HAUTE),
        (8, 4, Tranche.MOITIE_BASSE),
        (8, 6, Tranche.DERNIER_QUART),
        (8, 7, Tranche.DERNIER_QUART),
        (10, 2, Tranche.PREMIER_QUART),
        (10, 3, Tranche.MOITIE_HAUTE),
    ],
)
def test_la_place_se_dit_en_quarts_jamais_sous_huit_dossiers(nombre: int, avant: int, tranche: Tranche | None) -> None:
    assert Place(nombre, avant).tranche is tranche


def test_chaque_tranche_se_dit() -> None:
    assert [tranche.libelle.split(",")[0] for tranche in Tranche] == [
        "dans le premier quart", "dans la moitié haute", "dans la moitié basse", "dans le dernier quart",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("place", "dit"),
    [
        (Place(7, 0, 5, Decimal("61.2")), None),
        (Place(8, 0, 2, Decimal("61.2")), None),
        (Place(8, 0, 3, None), None),
        (Place(8, 0, 3, Decimal("61.2")), (60, 65)),
        (Place(8, 0, 3, Decimal("65")), (65, 70)),
        (Place(8, 0, 3, Decimal("100")), (95, 100)),
    ],
)
def test_le_seuil_se_dit_a_cinq_points_pres(place: Place, dit: tuple[int, int] | None) -> None:
    assert place.seuil_dit == dit

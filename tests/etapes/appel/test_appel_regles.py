"""Orientations, part réservée, dates : les règles pures de l'appel."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.etapes.appel.rules import (
    Orientations,
    PhaseAnnoncee,
    SilenceAvis,
    code_de_piece,
    dates_changees,
    fautes_de_l_annee,
    fautes_des_dates,
    fautes_des_orientations,
    fautes_des_phases,
    part_reservee,
    verifier_dotation,
)
from app.noyau.euros import Euros

OUVRE, CLOT = datetime(2026, 10, 1, 6, tzinfo=UTC), datetime(2026, 12, 11, 17, tzinfo=UTC)
PHASE = PhaseAnnoncee("Phase 1", OUVRE, CLOT)
MILIEU = OUVRE + timedelta(days=10)


def test_les_phases_d_apres_gardent_leur_part() -> None:
    parts = {1: 100, 2: 30, 3: 20}
    montant = Euros.de(1_000)
    assert [part_reservee(montant, parts, rang) for rang in (1, 2, 3)] == [Euros.de(50), Euros.de(20), Euros(0)]
    assert part_reservee(montant, {2: 800, 3: 700}, 1) == montant
    assert part_reservee(Euros(999), {2: 30}, 1) == Euros(29)


def test_des_parts_reservees_ne_depassent_pas_le_tout() -> None:
    fautes = fautes_des_phases([replace(PHASE, part_reservee_milliemes=600)] * 2)
    assert [f.code for f in fautes] == ["part_hors_bornes"]
    assert fautes_des_phases([PHASE, replace(PHASE, part_reservee_milliemes=30)]) == []


def test_une_phase_se_tient_dans_l_ordre() -> None:
    envers = replace(
        PHASE, cloture_le=OUVRE, consultation_du=CLOT, consultation_au=MILIEU, part_reservee_milliemes=1001
    )
    assert [(f.champ, f.code) for f in fautes_des_phases([envers])] == [
        ("phases.0.cloture_le", "dates_inversees"),
        ("phases.0.consultation_au", "dates_inversees"),
        ("phases.0.part_reservee", "part_hors_bornes"),
    ]
    assert [f.code for f in fautes_des_phases([])] == ["phase_absente"]


def test_seules_les_dates_a_venir_changent() -> None:
    neuve = replace(PHASE, cloture_le=CLOT + timedelta(days=1), commission_le=CLOT + timedelta(days=30))
    changees = dates_changees([PHASE], [neuve])
    assert sorted(changees) == ["phases.0.cloture_le", "phases.0.commission_le"]
    assert fautes_des_dates(changees, MILIEU) == []
    assert {f.champ for f in fautes_des_dates(changees, CLOT)} == {"phases.0.cloture_le"}
    for passee in (MILIEU, None):
        fautes = fautes_des_dates({"phases.0.bilans_le": (CLOT, passee)}, MILIEU)
        assert [f.message for f in fautes] == ["Donnez une date à venir."]


def test_des_orientations_se_gardent_et_se_relisent() -> None:
    dites = Orientations(("Jeunesse",), {"M2A": (("E2.2",), ("E1.1", "E1.2"))}, ("langue",), True)
    assert Orientations.depuis(dites.en_donnees()) == dites
    assert Orientations().en_donnees() == {}
    assert Orientations.depuis({}) == Orientations()
    assert not Orientations.depuis({"simulation": "oui"}).simulation


@pytest.mark.parametrize(
    ("priorites", "codes"),
    [
        ({"M2A": (("E1.1",),)}, []),
        ({"AILLEURS": (("E1.1",),)}, ["ligne_inconnue"]),
        ({"M2A": ()}, ["rangs_invalides"]),
        ({"M2A": ((),)}, ["rangs_invalides"]),
        ({"M2A": (("E1.1",), ("E1.2",), ("E2.2",), ("T.1",))}, ["rangs_invalides", "objectif_inconnu"]),
        ({"M2A": (("E9.9",),)}, ["objectif_inconnu"]),
        ({"M2A": (("E1.1",), ("E1.1",))}, ["objectif_repete"]),
    ],
)
def test_des_priorites_se_jugent_contre_le_contrat(
    priorites: dict[str, tuple[tuple[str, ...], ...]], codes: list[str]
) -> None:
    fautes = fautes_des_orientations(Orientations(priorites=priorites), ("M2A",), ("E1.1", "E1.2", "E2.2"))
    assert [f.code for f in fautes] == codes


def test_le_code_d_une_piece_vient_de_son_libelle() -> None:
    assert code_de_piece("Statuts signés (à jour)") == "statuts_signes_a_jour"
    assert code_de_piece("…") == "piece"


@pytest.mark.parametrize(
    ("regle", "dit"), [(SilenceAvis.SANS_REPONSE, "sans réponse"), (SilenceAvis.FAVORABLE, "réputé favorable")]
)
def test_le_silence_d_un_service_ne_se_lit_qu_une_fois_la_consultation_finie(regle: SilenceAvis, dit: str) -> None:
    assert regle.dit(CLOT, CLOT) == dit
    assert dit in regle.libelle
    assert regle.dit(CLOT, CLOT - timedelta(minutes=1)) == ""
    assert regle.dit(None, CLOT) == ""


def test_ce_qui_suit_la_cloture_vient_dans_l_ordre() -> None:
    apres = {nom: CLOT + timedelta(days=30 * n) for n, nom in enumerate(("commission_le", "notification_le"), 1)}
    bonne = replace(PHASE, **apres, bilans_le=CLOT + timedelta(days=400))
    assert fautes_des_phases([bonne]) == []
    fausse = replace(bonne, commission_le=MILIEU, bilans_le=CLOT)
    assert [(f.champ, f.message) for f in fautes_des_phases([fausse])] == [
        ("phases.0.commission_le", "Cette date vient après celle-ci : la clôture du dépôt."),
        ("phases.0.bilans_le", "Cette date vient après celle-ci : les réponses aux porteurs."),
    ]


def test_un_credit_se_donne_avec_un_montant_lisible_et_une_raison() -> None:
    assert verifier_dotation(Euros.de(10_000_000_000), "Budget") == []
    assert [f.code for f in verifier_dotation(Euros.de(10_000_000_001), " ")] == [
        "montant_trop_grand", "enveloppe_incomplete",
    ]  # fmt: skip
    for montant in (None, Euros(-1)):
        assert [f.champ for f in verifier_dotation(montant, "Budget")] == ["montant"]


def test_une_annee_est_une_annee_du_contrat() -> None:
    assert [fautes_de_l_annee(annee, 2024, 2030) for annee in (2024, 2030)] == [[], []]
    assert [f.code for annee in (2023, 2031) for f in fautes_de_l_annee(annee, 2024, 2030)] == [
        "annee_hors_contrat"
    ] * 2

"""Figer un scénario, garder des réglages : exact, relisible, sans solveur chargé pour rien."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction

import pytest

from app.etapes.programmation import rules
from app.etapes.programmation.rules import (
    DemandeASimuler,
    DossierASimuler,
    EnveloppeASimuler,
    NatureVerrou,
    Probleme,
    Verrou,
    optimiser,
)
from app.etapes.programmation.rules.figer import Attendus, Repere, figer
from app.noyau.euros import Euros

REPERES = {
    "A": Repere("o-1", ("COTEAUX", "DROUOT"), "E1.2", ("68224",)),
    "B": Repere("o-2", ("DROUOT",), "E2.2", ("68224",)),
}


def un_probleme(*verrous: Verrou, enveloppe: int = 6_000) -> Probleme:
    return Probleme(
        demandes=(
            DemandeASimuler("A", "M2A", Euros.de(5_000), Fraction(123, 2), Fraction(70)),
            DemandeASimuler("B", "M2A", Euros.de(4_000), Fraction(50), Fraction(50)),
        ),
        dossiers=(DossierASimuler("A", Euros.de(10_000)), DossierASimuler("B", Euros.de(10_000))),
        enveloppes=(EnveloppeASimuler("M2A", Euros.de(enveloppe)),),
        verrous=verrous,
    )


def test_un_scenario_fige_garde_montants_faits_et_equite() -> None:
    probleme = un_probleme()
    fige = figer(probleme, optimiser(probleme), REPERES, Attendus(quartiers=("COTEAUX", "DROUOT", "OUBLIE")))
    assert json.loads(json.dumps(fige)) == fige
    assert [(m["dossier"], m["montant_centimes"], m["note_basse"], m["note_haute"]) for m in fige["montants"]] == [
        ("A", 500_000, "123/2", "70"), ("B", 100_000, "50", "50"),
    ]  # fmt: skip
    assert fige["soldes"] == [
        {"ligne": "M2A", "enveloppe_centimes": 600_000, "engage_centimes": 0, "propose_centimes": 600_000,
         "reste_centimes": 0}
    ]  # fmt: skip
    assert (fige["statut"], fige["objectif"], fige["ecart"]) == ("optimal", "357500", "0")
    assert fige["equite"]["quartiers"] == [
        {"repere": "COTEAUX", "montant_centimes": 250_000, "dossiers": 1},
        {"repere": "DROUOT", "montant_centimes": 350_000, "dossiers": 2},
        {"repere": "OUBLIE", "montant_centimes": 0, "dossiers": 0},
    ]
    assert fige["equite"]["concentration"]["premier"] == "5/6"
    assert [s["dossier"] for s in fige["signalements"]] == ["A"]


def test_un_scenario_impossible_se_fige_sans_montant() -> None:
    doit, ne_doit_pas = (Verrou("A", "M2A", n) for n in (NatureVerrou.DOIT, NatureVerrou.NE_DOIT_PAS))
    probleme = un_probleme(doit, ne_doit_pas)
    fige = figer(probleme, optimiser(probleme), REPERES)
    assert {m["montant_centimes"] for m in fige["montants"]} == {None}
    assert (fige["objectif"], fige["borne"], fige["ecart"]) == (None, None, None)
    assert len(fige["conflit"]) == 2
    assert fige["equite"]["concentration"] is None


def test_un_scenario_ou_rien_n_est_finance_se_fige() -> None:
    probleme = un_probleme(enveloppe=0)
    fige = figer(probleme, optimiser(probleme), REPERES)
    assert {m["montant_centimes"] for m in fige["montants"]} == {0}
    assert fige["equite"] == {"quartiers": [], "objectifs": [], "communes": [], "concentration": None}


def test_un_dossier_sans_repere_est_une_faute_de_programme() -> None:
    probleme = un_probleme()
    with pytest.raises(KeyError):
        figer(probleme, optimiser(probleme), {})


def test_les_regles_n_offrent_rien_d_inconnu() -> None:
    assert rules.MoteurHighs().version.startswith("HiGHS")
    with pytest.raises(AttributeError):
        rules.Inconnu  # noqa: B018


def test_le_processus_web_ne_charge_ni_solveur_ni_tableur() -> None:
    """Vingt et dix mégaoctets : le solveur ne sert qu'au worker, le tableur au premier export."""
    lourds = "print([m for m in ('highspy', 'numpy', 'xlsxwriter') if m in sys.modules])"
    dit = subprocess.run(
        [sys.executable, "-c", f"import sys, app.main; {lourds}"], capture_output=True, text=True, check=True
    )
    assert dit.stdout.strip() == "[]"

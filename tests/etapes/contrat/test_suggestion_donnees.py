"""suggestions.yaml : facultatif, lu avec le contrat, ses fautes dites avec fichier et ligne."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.etapes.contrat.rules.contenu import SUGGESTIONS
from seeds.chargement import CONTRATS, chargement_de
from seeds.contrat import lire_contrat
from seeds.lecture import ErreurDeDonnees


@pytest.fixture
def dossier(tmp_path: Path) -> Path:
    copie = tmp_path / "colmar"
    shutil.copytree(CONTRATS / "colmar-exemple", copie)
    return copie


def ecrire(dossier: Path, ligne: str) -> None:
    (dossier / "suggestions.yaml").write_text(f"objectifs:\n{ligne}\n", encoding="utf-8")


def test_le_fichier_est_facultatif(dossier: Path) -> None:
    (dossier / "suggestions.yaml").unlink()
    assert SUGGESTIONS not in chargement_de(lire_contrat(dossier)).contenu.rubriques


def test_ce_qui_est_ecrit_est_charge_avec_la_version(dossier: Path) -> None:
    ecrire(dossier, "  - {code: E1.1, source: '13', termes: {dedies: [pied d'immeuble, jardin*]}}")
    (lu,) = chargement_de(lire_contrat(dossier)).contenu.rubriques[SUGGESTIONS]["objectifs"]
    assert lu["termes"] == {"dedies": ["pied d'immeuble", "jardin*"], "forts": [], "nets": [], "indices": []}
    assert lu["codes_p147"] == {"fort": [], "partiel": [], "ambigu": []}


@pytest.mark.parametrize(
    ("ligne", "raison"),
    [
        ("  - {code: E9.9, source: '13'}", "« E9.9 » n’est pas connu (objectif)"),
        ("  - {code: E1.1, source: '13', termes: {forts: [ab*]}}", "trois lettres avant l’astérisque"),
        ("  - {code: E1.1, source: '13', termes: {forts: [mobilité]}}", "suggestions.yaml, ligne 2"),
        ("  - {code: E1.1, source: '13', codes_p147: {fort: ['12']}}", "suggestions.yaml, ligne 2"),
        ("  - {code: E1.1, source: '9999'}", "dépasse le document"),
    ],
)
def test_une_faute_dit_son_fichier_et_sa_raison(dossier: Path, ligne: str, raison: str) -> None:
    ecrire(dossier, ligne)
    with pytest.raises(ErreurDeDonnees) as faute:
        lire_contrat(dossier)
    assert raison in str(faute.value)
    assert faute.value.fichier == "suggestions.yaml"

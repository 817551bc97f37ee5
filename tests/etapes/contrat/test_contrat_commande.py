"""« charger » : tout ou rien, rejouable, une donnée fausse dit où elle est."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.__main__ import principal
from app.commandes.base import Base
from app.infra.db import creer_fabrique, creer_moteur
from app.infra.journal import ecriture
from app.referentiels.contrats import repository as contrats
from seeds.chargement import CONTRATS, charger_contrat
from tests.conftest import MAINTENANT

COLMAR = CONTRATS / "colmar-exemple"


@pytest.fixture
def moteur_jetable(base_propre: Base, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """La base que la ligne de commande trouve dans son environnement."""
    monkeypatch.setenv("DATABASE_URL", base_propre.url)
    monkeypatch.setenv("DATABASE_URL_PROPRIETAIRE", base_propre.url_proprietaire)
    moteur = creer_moteur(base_propre.url)
    yield moteur
    moteur.dispose()


def codes_charges(moteur: Engine) -> list[str]:
    with Session(moteur) as session:
        return [contrat.code for contrat in contrats.list_contrats(session)]


def copie(tmp_path: Path, fichier: str, changer: Callable[[str], str]) -> Path:
    dossier = tmp_path / "contrat"
    shutil.copytree(COLMAR, dossier)
    place = dossier / fichier
    place.write_text(changer(place.read_text(encoding="utf-8")), encoding="utf-8")
    return dossier


def test_la_reference_se_charge_puis_ne_change_plus(moteur_jetable: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert principal(["charger", "reference"]) == 0
    dit = capsys.readouterr().out
    assert "Contrat m2a-2024-2030, version 2024 : commune 3, quartier 7" in dit
    assert "Contrat m2a-2024-2030, grille 2027.0 : ajoutée." in dit
    assert codes_charges(moteur_jetable) == ["colmar-exemple", "m2a-2024-2030"]
    assert principal(["charger", "reference"]) == 0
    assert capsys.readouterr().out.count("rien à changer") == 4


def test_un_contrat_se_charge_puis_se_corrige(
    moteur_jetable: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert principal(["charger", "contrat", str(COLMAR)]) == 0
    dit = capsys.readouterr().out
    assert "objectif 3" in dit
    assert "Contrat colmar-exemple, grille 2027.0 : ajoutée." in dit
    corrige = copie(tmp_path, "enjeux.yaml", lambda texte: texte.replace("Trouver sa voie", "Trouver son chemin"))
    assert principal(["charger", "contrat", str(corrige)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Contrat colmar-exemple, version 2024 : enjeu 1 (changements).",
        "Contrat colmar-exemple, grille 2027.0 : déjà là, rien à changer.",
    ]


@pytest.mark.parametrize(
    ("avant", "apres", "dit"),
    [
        ("code: CA\n", "code: M2A\n", "la somme des poids|ligne|M2A"),
        ("lignes: [BOP147, CA]", "lignes: [BOP147]", "CA"),
        ("intitule: Grille", "intitulé: Grille", "intitul"),
    ],
)
def test_une_grille_fausse_dit_fichier_et_ligne_et_ne_charge_pas_le_contrat(
    moteur_jetable: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], avant: str, apres: str, dit: str
) -> None:
    faux = copie(tmp_path, "grilles/grille-2027.yaml", lambda texte: texte.replace(avant, apres))
    assert principal(["charger", "contrat", str(faux)]) == 1
    erreurs = capsys.readouterr().err
    assert re.match(r"grilles/grille-2027\.yaml, ligne \d+ : ", erreurs)
    assert re.search(dit, erreurs)
    assert codes_charges(moteur_jetable) == []


def test_une_grille_ne_note_que_les_lignes_de_son_contrat(
    moteur_jetable: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faux = copie(tmp_path, "grilles/grille-2027.yaml", lambda texte: re.sub(r"\bCA\b", "MULHOUSE", texte))
    assert principal(["charger", "contrat", str(faux)]) == 1
    assert "la ligne « MULHOUSE » n’est pas dans le contrat" in capsys.readouterr().err
    double = tmp_path / "double"
    shutil.copytree(COLMAR, double)
    shutil.copy(double / "grilles" / "grille-2027.yaml", double / "grilles" / "grille-bis.yaml")
    assert principal(["charger", "contrat", str(double)]) == 1
    assert "grilles/grille-bis.yaml, ligne 1 : une autre grille" in capsys.readouterr().err
    assert codes_charges(moteur_jetable) == []


def test_une_donnee_fausse_dit_fichier_ligne_et_raison_et_ne_change_rien(
    moteur_jetable: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faux = copie(tmp_path, "quartiers.yaml", lambda texte: texte.replace("habitants: 2100", "habitants: beaucoup"))
    assert principal(["charger", "contrat", str(faux)]) == 1
    dit = capsys.readouterr()
    assert dit.out == ""
    assert dit.err.startswith("quartiers.yaml, ligne 10 : ")
    assert "Rien n’a été changé." in dit.err
    assert codes_charges(moteur_jetable) == []


def test_plusieurs_fautes_se_disent_toutes(
    moteur_jetable: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faux = copie(tmp_path, "lignes.yaml", lambda texte: texte.replace("objectifs: [E2.1]", "objectifs: [E7.1, E8.1]"))
    assert principal(["charger", "contrat", str(faux)]) == 1
    assert capsys.readouterr().err.count("lignes.yaml, ligne ") == 2


def test_un_siege_d_une_instance_inconnue_se_refuse(
    moteur_jetable: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faux = copie(tmp_path, "reglages.yaml", lambda texte: texte.replace("instance: COMMISSION", "instance: CONSEIL"))
    assert principal(["charger", "contrat", str(faux)]) == 1
    assert "reglages.yaml, ligne 3 : « CONSEIL » n’est pas connu (instance)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("avant", "apres", "raison"),
    [
        ("a_voix: oui, preside: oui", "a_voix: non, preside: oui", "ce siège a une voix"),
        ("a_voix: oui, source", "a_voix: oui, preside: oui, source", "plusieurs présidences"),
        ("deuxième siège", "premier siège", "est écrit deux fois"),
    ],
)
def test_des_sieges_incoherents_se_refusent(
    moteur_jetable: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], avant: str, apres: str, raison: str
) -> None:
    faux = copie(tmp_path, "reglages.yaml", lambda texte: texte.replace(avant, apres))
    assert principal(["charger", "contrat", str(faux)]) == 1
    assert raison in capsys.readouterr().err


def test_un_objectif_retire_se_refuse_en_disant_lequel(
    moteur_jetable: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert principal(["charger", "contrat", str(COLMAR)]) == 0
    faux = copie(tmp_path, "enjeux.yaml", lambda texte: texte[: texte.index("          - {code: E2.1.2")])
    assert principal(["charger", "contrat", str(faux)]) == 1
    assert "objectif opérationnel E2.1.2" in capsys.readouterr().err


def test_deux_chargements_a_la_fois_n_en_font_qu_un(moteur_jetable: Engine) -> None:
    ecriture.installer()
    fabrique = creer_fabrique(moteur_jetable)

    def charger() -> bool:
        with fabrique.begin() as session:
            return charger_contrat(session, COLMAR, MAINTENANT).deja_charge

    with ThreadPoolExecutor(4) as fils:
        deja = list(fils.map(lambda _: charger(), range(4)))
    assert sorted(deja) == [False, True, True, True]
    assert codes_charges(moteur_jetable) == ["colmar-exemple"]

"""`programmer` et `exporter` : ce qu'ils impriment, leurs codes de sortie."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.__main__ import construire
from app.commandes.base import Base
from app.etapes.programmation import service
from app.etapes.programmation.models import EtatScenario, ScenarioEnregistre
from app.etapes.programmation.rules.reglages import Reglages
from app.infra.config import RACINE, Config, Mode
from app.infra.db import creer_fabrique, creer_moteur
from app.infra.journal import ecriture
from app.noyau.erreurs import Introuvable
from tests.etapes.programmation.donnees import un_decor, un_dossier_depose
from tests.factories import MAINTENANT

Lancer = Callable[..., int]


@pytest.fixture
def lancer(base_propre: Base, tmp_path: Path) -> Lancer:
    """Une base avec trois dossiers à 60 000 € pour 100 000 € d'enveloppe, et la ligne de commande dessus."""
    ecriture.installer()
    moteur = creer_moteur(base_propre.url)
    with creer_fabrique(moteur).begin() as session:
        decor = un_decor(session, orientations={})
        for rang in (1, 2, 3):
            un_dossier_depose(session, decor, rang, {"M2A": 8_000}, notes={"M2A": (f"{rang}0.0", f"{rang}0.0")})
    moteur.dispose()
    urls: dict[str, Any] = {
        "DATABASE_URL": base_propre.url,
        "DATABASE_URL_PROPRIETAIRE": base_propre.url_proprietaire,
    }
    config = Config(mode=Mode.ESSAI, donnees=tmp_path / "donnees", _env_file=None, **urls)

    def agir(*arguments: str) -> int:
        lus = construire(arguments[0]).parse_args(arguments)
        code: int = lus.agir(config, lus)
        return code

    return agir


def test_programmer_imprime_montants_ecart_et_contraintes(
    lancer: Lancer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fichier = tmp_path / "contraintes.yaml"
    fichier.write_text(
        "pas: 500\n"
        "verrous:\n"
        "  - {dossier: ESS-2027-0003, ligne: M2A, nature: exact, montant: 1 500}\n"
        "  - {dossier: ESS-2027-0002, nature: ne_doit_pas}\n"
        "viabilite:\n"
        "  ESS-2027-0001: 3 000\n",
        encoding="utf-8",
    )
    assert lancer("programmer", "--appel", "ess-2027", "--contraintes", str(fichier)) == 0
    dit = capsys.readouterr().out.replace("\u202f", " ").replace("\xa0", " ")
    for attendu in (
        "Le meilleur scénario sous ces contraintes.", "ESS-2027-0003  M2A", "1 500 €", "8 000 €",
        "M2A : enveloppe 100 000 €, engagé ou voté 0 €, simulé 9 500 €, reste 90 500 €.", "Écart prouvé : 0,0000 %",
        "reçoit exactement 1 500 €",
    ):  # fmt: skip
        assert attendu in dit, attendu


def test_programmer_en_json(lancer: Lancer, capsys: pytest.CaptureFixture[str]) -> None:
    assert lancer("programmer", "--appel", "ess-2027", "--json") == 0
    lu = json.loads(capsys.readouterr().out)
    assert (lu["appel"], lu["statut"], lu["ecart"]) == ("ess-2027", "optimal", "0")
    assert {m["dossier"]: m["montant_centimes"] for m in lu["montants"]} == {
        f"ESS-2027-000{rang}": 800_000 for rang in (1, 2, 3)
    }


def test_programmer_impossible_nomme_le_conflit_et_rend_1(
    lancer: Lancer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fichier = tmp_path / "contraintes.yaml"
    fichier.write_text(
        "verrous:\n  - {dossier: ESS-2027-0001, nature: doit}\n  - {dossier: ESS-2027-0001, nature: ne_doit_pas}\n",
        encoding="utf-8",
    )
    assert lancer("programmer", "--appel", "ess-2027", "--contraintes", str(fichier)) == 1
    dit = capsys.readouterr().out
    assert "il suffit d’en lever une" in dit
    assert "ne doit pas être financé" in dit


@pytest.mark.parametrize(
    ("contenu", "attendus"),
    [
        ("pas: beaucoup\n", ["contraintes.yaml, ligne 1 : Écrivez un montant"]),
        ("pas: 100\nverrou: []\n", ["ligne 2", "« verrou » n’est pas prévu"]),
        ("verrous:\n  - {dossier: A, nature: peut_etre}\n", ["ligne 2", "peut_etre"]),
        ("verrous:\n  - {dossier: ESS-2027-0001, nature: exact}\n", ["portent un montant positif"]),
        ("viabilite:\n  ESS-2027-0042: 100\n", ["Aucune demande à simuler pour ESS-2027-0042"]),
        ("", ["le fichier est vide"]),
    ],
)
def test_un_fichier_de_contraintes_faux_dit_ou_et_rend_1(
    lancer: Lancer, tmp_path: Path, capsys: pytest.CaptureFixture[str], contenu: str, attendus: list[str]
) -> None:
    fichier = tmp_path / "contraintes.yaml"
    fichier.write_text(contenu, encoding="utf-8")
    assert lancer("programmer", "--appel", "ess-2027", "--contraintes", str(fichier)) == 1
    dit = capsys.readouterr().err
    for attendu in attendus:
        assert attendu in dit


def test_un_appel_inconnu_est_refuse(lancer: Lancer, tmp_path: Path) -> None:
    with pytest.raises(Introuvable):
        lancer("programmer", "--appel", "nulle-part")
    with pytest.raises(Introuvable):
        lancer("exporter", "programmation", "--appel", "nulle-part", "--format", "csv", "--vers", str(tmp_path / "x"))
    assert not (tmp_path / "x").exists()


def test_exporter_ecrit_toute_la_programmation(lancer: Lancer, tmp_path: Path) -> None:
    for forme in ("csv", "xlsx", "ods"):
        vers = tmp_path / f"p.{forme}"
        vers.write_text("ancien")
        appel = ("--appel", "ess-2027", "--format", forme, "--vers", str(vers))
        assert lancer("exporter", "programmation", *appel) == 0
        assert vers.stat().st_mode & 0o777 == 0o600
    rangees = list(csv.DictReader(StringIO((tmp_path / "p.csv").read_text("utf-8-sig"), newline=""), delimiter=";"))
    assert [(r["Numéro"], r["Ligne"], r["Demandé"]) for r in rangees] == [
        (f"ESS-2027-000{rang}", "M2A", "8000,00") for rang in (1, 2, 3)
    ]
    assert (tmp_path / "p.xlsx").read_bytes().startswith(b"PK")
    assert b"application/vnd.oasis.opendocument.spreadsheet" in (tmp_path / "p.ods").read_bytes()[:120]


def test_exporter_ecrit_les_dossiers_et_les_donnees_essentielles(lancer: Lancer, tmp_path: Path) -> None:
    for quoi, forme in (("dossiers", "csv"), ("dossiers", "xlsx"), ("dossiers", "ods"), ("scdl", "csv")):
        vers = tmp_path / f"{quoi}.{forme}"
        assert lancer("exporter", quoi, "--appel", "ess-2027", "--format", forme, "--vers", str(vers)) == 0
    lu = (tmp_path / "dossiers.csv").read_text("utf-8-sig")
    rangees = list(csv.DictReader(StringIO(lu, newline=""), delimiter=";"))
    assert [r["Numéro"] for r in rangees] == [f"ESS-2027-000{rang}" for rang in (1, 2, 3)]
    assert {r["Lignes et années demandées"] for r in rangees} == {"M2A 2027"}
    assert {r["Demandé, toutes lignes et années"] for r in rangees} == {"8000,00"}
    assert (tmp_path / "dossiers.xlsx").read_bytes().startswith(b"PK")
    assert (tmp_path / "scdl.csv").read_text().split(",")[:2] == ["nomAttribuant", "idAttribuant"]
    assert len((tmp_path / "scdl.csv").read_text().splitlines()) == 1, "rien n'est notifié"


def test_un_format_ou_un_export_inconnu_est_une_erreur_d_usage(lancer: Lancer, tmp_path: Path) -> None:
    for arguments in (
        ("exporter", "programmation", "--appel", "ess-2027", "--format", "pdf", "--vers", "x"),
        ("exporter", "lune", "--appel", "ess-2027", "--format", "csv", "--vers", "x"),
        ("programmer",),
    ):
        with pytest.raises(SystemExit) as sortie:
            lancer(*arguments)
        assert sortie.value.code == 2


def test_le_vrai_worker_calcule_une_simulation(base_propre: Base, tmp_path: Path) -> None:
    ecriture.installer()
    moteur = creer_moteur(base_propre.url)
    fabrique = creer_fabrique(moteur)
    with fabrique.begin() as session:
        decor = un_decor(session)
        un_dossier_depose(session, decor, 1, {"M2A": 8_000}, notes={"M2A": ("50.0", "50.0")})
        service.demander_scenario(
            session, "ess-2027", intitule="Au worker", motif="Voir.", reglages=Reglages(),
            acteur=decor.qui(session, "equipe"), maintenant=MAINTENANT,
        )  # fmt: skip
    environnement = {**os.environ, "DATABASE_URL": base_propre.url, "IQ_MODE": "essai", "IQ_DONNEES": str(tmp_path)}
    commande = [sys.executable, "-m", "app", "worker", "--une-fois"]
    subprocess.run(commande, cwd=RACINE, env=environnement, check=True, timeout=120)
    with fabrique() as session:
        scenario = session.query(ScenarioEnregistre).one()
        assert (scenario.etat, scenario.calcule_at) == (EtatScenario.CALCULE, MAINTENANT)
        assert scenario.resultat is not None
        assert scenario.resultat["montants"][0]["montant_centimes"] == 800_000
        journal = [acte for (acte,) in session.execute(text("SELECT acte FROM journal_entree ORDER BY rang"))]
        assert journal[-2:] == ["scenario.demande", "scenario.calcule"]
    moteur.dispose()

"""La commande `noter`, et les tâches de fond : renoter un appel, comparer une grille sans rien écrire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from app.__main__ import construire, principal
from app.commandes.base import Base, fabrique_de
from app.commandes.noter import noter
from app.etapes.dossier.models import Dossier
from app.etapes.notation import tasks
from app.etapes.notation.models import NoteEnregistree
from app.infra.config import Config, Mode
from app.infra.jobs import Atelier
from app.noyau.erreurs import Introuvable
from seeds.grilles import GRILLES
from tests.etapes.notation.aide_dossier import PLUS_TARD, Scene, un_dossier, une_scene

GRILLE = GRILLES / "grille-2027.yaml"


@pytest.fixture
def fabrique(base_propre: Base) -> Iterator[sessionmaker[Session]]:
    with fabrique_de(base_propre) as fabrique:
        yield fabrique


@pytest.fixture
def scene(fabrique: sessionmaker[Session]) -> Scene:
    with fabrique.begin() as session:
        scene = une_scene(session)
        un_dossier(session, scene)
        un_dossier(session, scene, beneficiaires_qpv=10)
    return scene


@pytest.fixture
def config(base_propre: Base, tmp_path: Path) -> Config:
    return Config(
        mode=Mode.ESSAI, donnees=tmp_path, secret=SecretStr("secret-d-essai-de-plus-de-32-octets!"), _env_file=None,
        database_url=base_propre.url, database_url_proprietaire=base_propre.url_proprietaire,
    )  # fmt: skip


def compter(fabrique: sessionmaker[Session]) -> int:
    with fabrique() as session:
        return session.scalar(select(func.count()).select_from(NoteEnregistree)) or 0


def autre_grille(dossier: Path) -> Path:
    """La grille de départ, le public des quartiers passé à 0 pour m2A et donné à la langue."""
    ancien = "M2A\n    libelle: m2A\n    poids: {OBJ: 24, QUA: 4, QPV: 12, EGA: 5, LAN: 5,"
    texte = GRILLE.read_text(encoding="utf-8")
    assert ancien in texte
    fichier = dossier / "autre.yaml"
    fichier.write_text(texte.replace(ancien, ancien.replace("QPV: 12", "QPV: 0").replace("LAN: 5", "LAN: 17")))
    return fichier


def test_renoter_un_appel_puis_rien_de_neuf(
    config: Config, scene: Scene, fabrique: sessionmaker[Session], capsys: pytest.CaptureFixture[str]
) -> None:
    assert noter(config, scene.appel.code, None, en_json=False) == 0
    assert capsys.readouterr().out == "Appel ess-2027 : 4 notes ajoutées, 0 inchangées, 0 lignes hors champ.\n"
    assert noter(config, scene.appel.code, None, en_json=True) == 0
    assert json.loads(capsys.readouterr().out) == {
        "appel": "ess-2027", "ajoutees": 0, "inchangees": 4, "hors_champ": 0,
    }  # fmt: skip
    assert compter(fabrique) == 4
    with fabrique() as session:
        assert set(session.scalars(select(NoteEnregistree.acteur))) == {"ligne-de-commande"}


def test_comparer_une_grille_dit_qui_bouge_sans_rien_ecrire(
    config: Config, scene: Scene, fabrique: sessionmaker[Session], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fichier = autre_grille(tmp_path)
    assert noter(config, scene.appel.code, fichier, en_json=False) == 0
    sortie = capsys.readouterr().out
    assert "M2A (2 dossiers) : note changée pour 1, rang changé pour 1, écart moyen" in sortie
    assert "ESS-2027-0001 : " in sortie
    assert "(−12,4), rang 1 → 1" in sortie
    assert "BOP147 (2 dossiers) : note changée pour 0" in sortie
    assert noter(config, scene.appel.code, fichier, en_json=True) == 0
    m2a = next(e for e in json.loads(capsys.readouterr().out)["lignes"] if e["ligne"] == "M2A")
    assert [(p["dossier"], p["ecart"], p["rang_avant"]) for p in m2a["bougent"]] == [("ESS-2027-0001", "-12.4", 1)]
    assert compter(fabrique) == 0


def test_la_meme_grille_ne_fait_bouger_personne(
    config: Config, scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    assert noter(config, scene.appel.code, GRILLE, en_json=True) == 0
    assert all(e["bougent"] == [] for e in json.loads(capsys.readouterr().out)["lignes"])


def test_une_grille_fausse_dit_fichier_ligne_et_raison(
    config: Config, scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fichier = tmp_path / "fausse.yaml"
    fichier.write_text(GRILLE.read_text(encoding="utf-8").replace("OBJ: 24", "OBJ: 25"))
    assert noter(config, scene.appel.code, fichier, en_json=False) == 1
    erreurs = capsys.readouterr().err
    assert "fausse.yaml, ligne " in erreurs
    assert "101" in erreurs


def test_un_appel_inconnu_est_un_refus(
    config: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Introuvable):
        noter(config, "nulle-part", None, en_json=False)
    monkeypatch.setattr("app.__main__.Config", lambda: config)
    assert principal(["noter", "--appel", "nulle-part"]) == 1
    assert "« nulle-part » n’existe pas" in capsys.readouterr().err


def test_la_commande_exige_un_appel(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as sortie:
        construire("noter").parse_args(["noter"])
    assert sortie.value.code == 2
    assert "--appel" in capsys.readouterr().err


def test_les_taches_notent_et_se_rejouent_sans_rien_ajouter(
    config: Config, scene: Scene, fabrique: sessionmaker[Session]
) -> None:
    atelier = Atelier(config, fabrique)
    for _ in range(2):
        tasks.noter_appel(atelier, maintenant=PLUS_TARD, appel_id=scene.appel.id)
        assert compter(fabrique) == 4
    with fabrique.begin() as session:
        premier = session.scalars(select(Dossier.id).order_by(Dossier.id)).first()
        assert premier is not None
        tasks.noter_dossier(session, maintenant=PLUS_TARD, dossier_id=premier)
    assert compter(fabrique) == 4

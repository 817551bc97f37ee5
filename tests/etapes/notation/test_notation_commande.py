"""La commande `noter`, et les tâches de fond : renoter un appel, comparer une grille sans rien écrire."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import NullPool, create_engine, func, select, text, update
from sqlalchemy.orm import Session, sessionmaker

from app.__main__ import construire, principal
from app.commandes.base import Base, fabrique_de
from app.commandes.noter import noter
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.notation import tasks
from app.etapes.notation.models import NoteEnregistree
from app.etapes.notation.service import lancer_renotation
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
    assert [(p["dossier"], p["rang_avant"], p["rang_apres"]) for p in m2a["changent_seulement_de_rang"]] == [
        ("ESS-2027-0002", 2, 1)
    ]
    assert sum(m2a["distribution"]["avant"]) == sum(m2a["distribution"]["apres"]) == 2
    assert compter(fabrique) == 0


def test_la_meme_grille_ne_fait_bouger_personne(
    config: Config, scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    assert noter(config, scene.appel.code, GRILLE, en_json=True) == 0
    assert all(e["bougent"] == [] for e in json.loads(capsys.readouterr().out)["lignes"])


def test_une_ligne_que_l_autre_grille_n_a_pas_ou_ajoute_se_dit(
    config: Config, scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fichier = tmp_path / "autre.yaml"
    texte = GRILLE.read_text(encoding="utf-8").replace("- code: WITTENHEIM\n", "- code: WITTELSHEIM\n")
    fichier.write_text(re.sub(r"(lignes: \[[^\]]*)WITTENHEIM", r"\1WITTELSHEIM", texte), encoding="utf-8")
    assert noter(config, scene.appel.code, fichier, en_json=False) == 0
    sortie = capsys.readouterr().out
    assert "WITTENHEIM : absente de l’autre grille, ses dossiers ne se comparent pas.\n" in sortie
    assert "WITTELSHEIM : ajoutée par l’autre grille, rien à comparer.\n" in sortie
    assert noter(config, scene.appel.code, fichier, en_json=True) == 0
    lu = json.loads(capsys.readouterr().out)
    assert (lu["lignes_absentes"], lu["lignes_ajoutees"]) == (["WITTENHEIM"], ["WITTELSHEIM"])
    assert noter(config, scene.appel.code, GRILLE, en_json=True) == 0
    assert json.loads(capsys.readouterr().out)["lignes_absentes"] == []


def test_rejouer_dit_combien_et_nomme_ce_qui_a_ete_altere(
    config: Config, scene: Scene, base_propre: Base, capsys: pytest.CaptureFixture[str]
) -> None:
    assert noter(config, scene.appel.code, None, en_json=False) == 0
    capsys.readouterr()
    assert noter(config, scene.appel.code, None, en_json=False, est_rejeu=True) == 0
    assert capsys.readouterr().out == "Appel ess-2027 : 4 notes rejouées, 4 à l’identique.\n"
    altere = (
        "SET minimum = minimum - 1", "SET empreinte = repeat('0', 64)",
        "SET criteres = jsonb_set(criteres, '{0,taux}', '[0, 0]')",
    )  # fmt: skip
    moteur = create_engine(base_propre.url_proprietaire, poolclass=NullPool)
    with moteur.begin() as connexion:
        connexion.execute(text("ALTER TABLE note DISABLE TRIGGER ajout_seul"))
        cles = connexion.execute(text("SELECT id FROM note ORDER BY id")).scalars().all()
        for cle, changement in zip(cles, altere, strict=False):
            connexion.execute(text("UPDATE note " + changement + " WHERE id = :cle"), {"cle": cle})
        connexion.execute(text("ALTER TABLE note ENABLE TRIGGER ajout_seul"))
    assert noter(config, scene.appel.code, None, en_json=True, est_rejeu=True) == 1
    dites = {faute["note"]: faute["faute"] for faute in json.loads(capsys.readouterr().out)["fautes"]}
    assert dites[cles[0]].startswith("Le total rejoué est ")
    assert dites[cles[1]] == "L’empreinte de la note n’est plus la sienne."
    assert "ne se rejoue pas à l’identique" in dites[cles[2]]
    assert len(dites) == 3
    assert noter(config, scene.appel.code, None, en_json=False, est_rejeu=True) == 1
    assert "4 notes rejouées, 1 à l’identique.\n    note " in capsys.readouterr().out


def test_comparer_lit_aussi_les_demandes_decidees(
    config: Config, scene: Scene, fabrique: sessionmaker[Session], capsys: pytest.CaptureFixture[str]
) -> None:
    with fabrique.begin() as session:
        session.execute(update(Demande).values(etat=EtatDemande.NOTIFIEE))
    assert noter(config, scene.appel.code, GRILLE, en_json=False) == 0
    assert "M2A (2 dossiers)" in capsys.readouterr().out
    assert noter(config, scene.appel.code, None, en_json=True) == 0
    assert json.loads(capsys.readouterr().out)["ajoutees"] == 0, "une demande décidée ne se renote pas"


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
    with fabrique.begin() as session:
        lancer_renotation(session, scene.appel, acteur="c-x", maintenant=PLUS_TARD)
    for _ in range(2):
        tasks.noter_appel(atelier, maintenant=PLUS_TARD, appel_id=scene.appel.id)
        assert compter(fabrique) == 4
    with fabrique.begin() as session:
        premier = session.scalars(select(Dossier.id).order_by(Dossier.id)).first()
        assert premier is not None
        tasks.noter_dossier(session, maintenant=PLUS_TARD, dossier_id=premier)
    assert compter(fabrique) == 4

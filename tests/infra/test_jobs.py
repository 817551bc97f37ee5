"""Les tâches de fond : en file dans la transaction du métier, exécutées une fois, reprises après un kill -9."""

from __future__ import annotations

import ast
import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from procrastinate import jobs as en_file
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

import app.taches
from app.commandes.base import Base
from app.commandes.worker import Reglages, vider_la_file
from app.infra import jobs
from app.infra import postgres_embarque as pg
from app.infra.config import RACINE, Config
from app.infra.db import creer_fabrique, creer_moteur
from app.infra.jobs import Bilan, Essais, chaque_jour, differer, noms_enregistres, toutes_les
from app.noyau.erreurs import ActeImpossible
from tests.infra import taches_essai
from tests.infra.aide_grappe import attendre

MIDI = datetime(2026, 11, 6, 12, tzinfo=UTC)


class Banc:
    """Une base jetable, sa table d'effets, de quoi mettre en file et exécuter."""

    def __init__(self, base: Base, moteur: Engine, config: Config) -> None:
        self.base, self.moteur, self.config = base, moteur, config
        self.fabrique = creer_fabrique(moteur)
        self.transaction = self.fabrique.begin

    def vider(self) -> Bilan:
        return vider_la_file(self.config, self.base.url, taches_essai.VIFS)

    def lire(self, sql: str, **valeurs: Any) -> list[Any]:
        with self.moteur.connect() as connexion:
            return list(connexion.execute(text(sql), valeurs).all())

    def agir(self, sql: str, **valeurs: Any) -> None:
        with self.moteur.begin() as connexion:
            connexion.execute(text(sql), valeurs)

    def effets(self) -> list[str]:
        return [mot for (mot,) in self.lire("SELECT mot FROM essai_effet ORDER BY a, mot")]

    def etats(self) -> list[str]:
        """Les états des tâches d'essai (un worker qui dure ajoute les siennes, périodiques)."""
        essais = "SELECT status::text FROM procrastinate_jobs WHERE task_name LIKE 'essai.%' ORDER BY id"
        return [etat for (etat,) in self.lire(essais)]

    @contextmanager
    def worker(self, dossier: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """Un vrai worker, dans son processus."""
        commande = [sys.executable, "-m", "tests.infra.taches_essai", self.base.url, str(dossier), *options]
        processus = subprocess.Popen(commande, cwd=RACINE, stderr=subprocess.PIPE)
        try:
            yield processus
        finally:
            processus.kill()
            processus.communicate()


@pytest.fixture
def banc(base_jetable: Base, config_essai: Config) -> Iterator[Banc]:
    taches_essai.preparer(base_jetable)
    moteur = creer_moteur(base_jetable.url)
    yield Banc(base_jetable, moteur, config_essai)
    moteur.dispose()


def test_une_tache_validee_reste_en_file_et_s_execute(banc: Banc) -> None:
    with banc.transaction() as session:
        differer(session, "essai.ecrire", mot="bonjour")
    assert banc.etats() == ["todo"]
    bilan = banc.vider()
    assert (bilan.faites, bilan.echecs) == (1, 0)
    assert banc.effets() == ["bonjour"]
    assert banc.etats() == ["succeeded"]


def test_une_transaction_annulee_ne_laisse_rien_en_file(banc: Banc) -> None:
    with banc.fabrique() as session:
        differer(session, "essai.ecrire", mot="jamais")
        assert session.scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 1
        session.rollback()
    assert banc.etats() == []
    assert banc.vider().faites == 0


def test_un_point_de_sauvegarde_annule_emporte_sa_tache_seulement(banc: Banc) -> None:
    with banc.transaction() as session:
        differer(session, "essai.ecrire", mot="dehors")
        with session.begin_nested() as point:
            differer(session, "essai.ecrire", mot="dedans")
            point.rollback()
    banc.vider()
    assert banc.effets() == ["dehors"]


def test_un_nom_inconnu_est_refuse_tout_de_suite(session: Session) -> None:
    with pytest.raises(jobs.TacheInconnue, match=r"essai\.absente"):
        differer(session, "essai.absente")


def test_un_nom_mal_forme_ou_deja_pris_ne_se_declare_pas() -> None:
    with pytest.raises(ValueError, match=r"étape\.acte"):
        jobs.tache("sansetape")(taches_essai.echouer)
    with pytest.raises(Exception, match="already registered"):
        jobs.tache("essai.echouer")(taches_essai.echouer)


def _constantes(module: ast.Module) -> dict[str, str]:
    """Les textes nommés en tête du module : NOM = "valeur"."""
    return {
        cible.id: noeud.value.value
        for noeud in module.body
        if isinstance(noeud, ast.Assign) and isinstance(noeud.value, ast.Constant)
        for cible in noeud.targets
        if isinstance(cible, ast.Name) and isinstance(noeud.value.value, str)
    }


def _differes(racine: Path) -> dict[str, list[str]]:
    """Nom différé → endroits, d'après le code source ; « ? » pour un nom qui ne s'y lit pas."""
    trouves: dict[str, list[str]] = {}
    for fichier in sorted(racine.rglob("*.py")):
        module = ast.parse(fichier.read_text(encoding="utf-8"))
        constantes = _constantes(module)
        for noeud in ast.walk(module):
            if not isinstance(noeud, ast.Call):
                continue
            appele = noeud.func.attr if isinstance(noeud.func, ast.Attribute) else getattr(noeud.func, "id", "")
            if appele == "differer":
                place = noeud.args[1] if len(noeud.args) > 1 else None
                nom = "?"
                if isinstance(place, ast.Constant):
                    nom = str(place.value)
                elif isinstance(place, ast.Name):
                    nom = constantes.get(place.id, "?")
                trouves.setdefault(nom, []).append(f"{fichier}:{noeud.lineno}")
    return trouves


def test_tout_nom_differe_dans_le_code_est_enregistre() -> None:
    assert app.taches.MODULES
    enregistres = {nom for nom in noms_enregistres() if not nom.startswith(taches_essai.PREFIXE)}
    differes = _differes(RACINE / "app") | _differes(RACINE / "seeds")
    assert "courriel.envoyer" in differes
    assert {nom: ou for nom, ou in differes.items() if nom not in enregistres} == {}


def test_tout_module_de_taches_est_importe_par_app_taches() -> None:
    fichiers = {fichier.resolve() for fichier in (RACINE / "app").rglob("tasks.py")}
    importes = {Path(module.__file__ or "").resolve() for module in app.taches.MODULES}
    assert fichiers <= importes


def test_une_tache_rejouee_ne_refait_pas_son_effet(banc: Banc) -> None:
    with banc.transaction() as session:
        differer(session, "essai.ecrire", mot="une fois")
    banc.vider()
    banc.agir("UPDATE procrastinate_jobs SET status = 'todo'")
    assert banc.vider().faites == 1
    assert banc.effets() == ["une fois"]
    assert banc.etats() == ["succeeded"]


def test_le_journal_est_ecrit_par_la_transaction_de_la_tache(banc: Banc) -> None:
    with banc.transaction() as session:
        differer(session, "essai.ecrire", mot="acte", maintenant=MIDI)
    banc.vider()
    assert banc.lire("SELECT acte, objet, instant FROM journal_entree") == [("essai.ecrit", "acte", MIDI)]


def test_l_instant_du_metier_passe_par_l_argument_sinon_l_heure_de_la_machine(banc: Banc) -> None:
    avant = datetime.now(UTC)
    with banc.transaction() as session:
        differer(session, "essai.ecrire", mot="metier", maintenant=MIDI - timedelta(days=900))
        differer(session, "essai.ecrire", mot="machine")
    banc.vider()
    instants = dict(banc.lire("SELECT mot, a FROM essai_effet"))
    assert instants["metier"] == MIDI - timedelta(days=900)
    assert avant < instants["machine"] <= datetime.now(UTC)


def test_une_tache_prevue_pour_plus_tard_attend(banc: Banc) -> None:
    with banc.transaction() as session:
        differer(session, "essai.ecrire", mot="demain", pour=datetime.now(UTC) + timedelta(days=1))
        differer(session, "essai.ecrire", mot="hier", pour=datetime.now(UTC) - timedelta(days=1))
    banc.vider()
    assert banc.effets() == ["hier"]
    assert banc.etats() == ["todo", "succeeded"]


def test_vider_la_file_execute_aussi_ce_que_les_taches_y_mettent(banc: Banc) -> None:
    with banc.transaction() as session:
        differer(session, "essai.enchainer", reste=3, maintenant=MIDI)
    assert banc.vider().faites == 4
    assert banc.effets() == [f"maillon {reste}" for reste in range(4)]


def test_une_tache_longue_ouvre_ses_transactions(banc: Banc) -> None:
    with banc.transaction() as session:
        differer(session, "essai.par_etapes", maintenant=MIDI)
    banc.vider()
    assert banc.effets() == ["après", "avant"]


def test_un_echec_se_rejoue_jusqu_a_reussir_et_n_ecrit_qu_une_fois(banc: Banc, tmp_path: Path) -> None:
    with banc.transaction() as session:
        differer(session, "essai.manquer", dossier=str(tmp_path))
    bilan = banc.vider()
    assert (bilan.faites, bilan.echecs) == (1, 2)
    assert banc.effets() == ["manque"]
    assert banc.lire("SELECT status::text, attempts FROM procrastinate_jobs") == [("succeeded", 3)]


def test_un_echec_attend_avant_le_nouvel_essai_un_refus_du_metier_non(banc: Banc) -> None:
    with banc.transaction() as session:
        differer(session, "essai.echouer")
        differer(session, "essai.refuser")
    assert banc.vider().echecs == 2
    assert banc.effets() == []
    assert banc.etats() == ["todo", "failed"]
    [(attente,)] = banc.lire("SELECT scheduled_at - now() FROM procrastinate_jobs WHERE status = 'todo'")
    assert timedelta(seconds=5) < attente <= timedelta(seconds=10)


def test_l_attente_double_puis_plafonne_puis_s_arrete() -> None:
    essais = Essais(nombre=5, premiere_attente=timedelta(seconds=10), attente_maximale=timedelta(seconds=30))

    def attente(passes: int, erreur: Exception) -> int | None:
        tache = en_file.Job(queue="q", lock=None, queueing_lock=None, task_name="t", attempts=passes)
        decision = essais.get_retry_decision(exception=erreur, job=tache)
        if decision is None or decision.retry_at is None:
            return None
        return round((decision.retry_at - datetime.now(UTC)).total_seconds())

    assert [attente(passes, RuntimeError()) for passes in range(5)] == [10, 20, 30, 30, None]
    assert attente(0, ActeImpossible("Non.")) is None


def test_une_cle_unique_ne_garde_qu_une_tache_en_attente(banc: Banc) -> None:
    with banc.transaction() as session:
        premiere = differer(session, "essai.ecrire", cle_unique="a", mot="un")
        assert differer(session, "essai.ecrire", cle_unique="a", mot="deux") == premiere
        assert differer(session, "essai.ecrire", cle_unique="b", mot="trois") != premiere
    with banc.transaction() as session:
        assert differer(session, "essai.ecrire", cle_unique="a", mot="quatre") == premiere
    banc.vider()
    assert sorted(banc.effets()) == ["trois", "un"]
    with banc.transaction() as session:
        assert differer(session, "essai.ecrire", cle_unique="a", mot="cinq") != premiere


def test_la_tache_retenue_par_une_cle_attend_la_fin_de_la_transaction(banc: Banc) -> None:
    with banc.transaction() as session:
        differer(session, "essai.ecrire", cle_unique="a", mot="un")
    with banc.transaction() as session:
        differer(session, "essai.ecrire", cle_unique="a", mot="un")
        assert banc.vider().faites == 0
    assert banc.vider().faites == 1


def test_deux_actes_simultanes_sous_la_meme_cle_n_en_laissent_qu_une(banc: Banc) -> None:
    numeros: list[int] = []

    def second() -> None:
        with banc.transaction() as autre:
            numeros.append(differer(autre, "essai.ecrire", cle_unique="a", mot="deux"))

    with banc.transaction() as session:
        premiere = differer(session, "essai.ecrire", cle_unique="a", mot="un")
        fil = threading.Thread(target=second)
        fil.start()
        time.sleep(0.2)
        assert numeros == []
    fil.join(5)
    assert numeros == [premiere]
    assert banc.etats() == ["todo"]


def test_le_nouvel_essai_d_une_tache_a_cle_ne_heurte_pas_la_suivante(banc: Banc) -> None:
    with banc.transaction() as session:
        differer(session, "essai.echouer", cle_unique="a")
    banc.vider()
    with banc.transaction() as session:
        differer(session, "essai.ecrire", cle_unique="a", mot="suivante")
    banc.agir("UPDATE procrastinate_jobs SET scheduled_at = NULL")
    banc.vider()
    assert banc.effets() == ["suivante"]
    assert banc.etats() == ["todo", "succeeded"]


def _jusqu_a(banc: Banc, condition: Callable[[], bool]) -> None:
    def essayer() -> bool:
        banc.vider()
        return condition()

    assert attendre(essayer, 40)


def test_kill_9_pendant_une_tache_puis_relance_elle_finit_avec_un_seul_effet(banc: Banc, tmp_path: Path) -> None:
    with banc.transaction() as session:
        differer(session, "essai.durer", mot="fini", dossier=str(tmp_path))
    with banc.worker(tmp_path) as processus:
        assert attendre((tmp_path / "commence").exists, 40)
        processus.kill()
    assert banc.etats() == ["doing"]
    assert banc.effets() == []
    (tmp_path / "finir").touch()
    _jusqu_a(banc, lambda: banc.etats() == ["succeeded"])
    assert banc.effets() == ["fini"]


def test_kill_9_juste_apres_le_commit_puis_relance_l_effet_n_est_pas_refait(banc: Banc, tmp_path: Path) -> None:
    with banc.transaction() as session:
        differer(session, "essai.ecrire", mot="une fois")
    with banc.worker(tmp_path, "mourir_avant_de_ranger") as processus:
        assert processus.wait(40) == -signal.SIGKILL
    assert (banc.etats(), banc.effets()) == (["doing"], ["une fois"])
    _jusqu_a(banc, lambda: banc.etats() == ["succeeded"])
    assert banc.effets() == ["une fois"]
    assert banc.lire("SELECT attempts FROM procrastinate_jobs WHERE task_name = 'essai.ecrire'") == [(2,)]


def test_une_tache_d_un_worker_vivant_n_est_pas_relancee(banc: Banc, tmp_path: Path) -> None:
    with banc.transaction() as session:
        differer(session, "essai.durer", mot="fini", dossier=str(tmp_path))
    with banc.worker(tmp_path):
        assert attendre((tmp_path / "commence").exists, 40)
        time.sleep(2 * taches_essai.VIFS.mort_apres)
        assert banc.vider().faites == 0
        assert banc.etats()[0] == "doing"
        (tmp_path / "finir").touch()
        assert attendre(lambda: banc.etats()[0] == "succeeded")
    assert banc.effets() == ["fini"]


def test_une_tache_qui_tue_son_worker_a_chaque_fois_finit_en_echec(banc: Banc) -> None:
    with banc.transaction() as session:
        differer(session, "essai.ecrire", mot="poison")
    banc.agir("UPDATE procrastinate_jobs SET status = 'doing', attempts = :n", n=jobs.RELANCES_ADMISES)
    banc.vider()
    assert (banc.etats(), banc.effets()) == (["failed"], [])


def test_la_tache_d_un_worker_mort_cede_a_celle_qui_attend_sous_la_meme_cle(banc: Banc) -> None:
    with banc.transaction() as session:
        differer(session, "essai.ecrire", cle_unique="a", mot="ancienne")
    banc.agir("UPDATE procrastinate_jobs SET status = 'doing'")
    with banc.transaction() as session:
        differer(session, "essai.ecrire", cle_unique="a", mot="nouvelle")
    banc.vider()
    assert (banc.etats(), banc.effets()) == (["aborted", "succeeded"], ["nouvelle"])


def test_sigterm_laisse_finir_la_tache_en_cours(banc: Banc, tmp_path: Path) -> None:
    with banc.transaction() as session:
        differer(session, "essai.durer", mot="fini", dossier=str(tmp_path))
        differer(session, "essai.durer", mot="attend", dossier=str(tmp_path / "absent"))
    with banc.worker(tmp_path) as processus:
        assert attendre((tmp_path / "commence").exists, 40)
        processus.terminate()
        time.sleep(0.3)
        (tmp_path / "finir").touch()
        assert processus.wait(30) == 0
    assert banc.etats()[0] == "succeeded"
    assert banc.lire("SELECT id FROM procrastinate_workers") == []


def test_sigterm_n_attend_pas_une_tache_sans_fin_et_elle_est_relancee(banc: Banc, tmp_path: Path) -> None:
    with banc.transaction() as session:
        differer(session, "essai.durer", mot="fini", dossier=str(tmp_path))
    with banc.worker(tmp_path) as processus:
        assert attendre((tmp_path / "commence").exists, 40)
        debut = time.monotonic()
        processus.terminate()
        assert processus.wait(30) == 0
        assert time.monotonic() - debut < 15, "la tâche, qui dure 20 s, a été attendue"
    (tmp_path / "finir").touch()
    _jusqu_a(banc, lambda: banc.etats()[0] == "succeeded")
    assert banc.effets() == ["fini"]


def test_le_worker_survit_a_une_base_qui_refuse_puis_revient(banc: Banc, grappe: pg.Grappe, tmp_path: Path) -> None:
    with banc.transaction() as session:
        differer(session, "essai.ecrire", mot="avant")
    ailleurs = create_engine(grappe.url("postgres", pg.PROPRIETAIRE), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    ouverture = f"ALTER DATABASE {banc.base.nom} ALLOW_CONNECTIONS"
    with banc.worker(tmp_path) as processus, ailleurs.connect() as connexion:
        assert attendre(lambda: banc.effets() == ["avant"], 40)
        with banc.moteur.connect() as tueur:
            connexion.execute(text(f"{ouverture} false"))
            tueur.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
            time.sleep(2)
            connexion.execute(text(f"{ouverture} true"))
        assert processus.poll() is None
        banc.moteur.dispose()
        with banc.transaction() as session:
            differer(session, "essai.ecrire", mot="pres")
        assert attendre(lambda: banc.effets() == ["avant", "pres"], 60)


def test_chaque_echeance_periodique_n_entre_en_file_qu_une_fois(banc: Banc) -> None:
    async def passer(maintenant: datetime) -> int:
        app_worker = jobs.app_du_worker(banc.base.url)
        async with app_worker.open_async():
            return await jobs.mettre_en_file_les_echeances(app_worker.job_manager, maintenant)

    noms = [periodique.nom for periodique in jobs.periodiques()]
    assert {"taches.relancer", "taches.purger", "acteurs.purger_sessions"} <= set(noms)
    assert asyncio.run(passer(MIDI)) == len(noms)
    assert asyncio.run(passer(MIDI + timedelta(seconds=20))) == 0
    assert asyncio.run(passer(MIDI + timedelta(minutes=1))) == 1
    banc.vider()
    assert banc.lire("SELECT DISTINCT status::text FROM procrastinate_jobs") == [("succeeded",)]


def test_l_echeance_quotidienne_suit_l_heure_de_paris_au_changement_d_heure() -> None:
    nuit = chaque_jour(3, 10)
    assert nuit(datetime(2026, 3, 28, 12, tzinfo=UTC)) == datetime(2026, 3, 28, 2, 10, tzinfo=UTC)
    assert nuit(datetime(2026, 3, 29, 1, 9, tzinfo=UTC)) == datetime(2026, 3, 28, 2, 10, tzinfo=UTC)
    assert nuit(datetime(2026, 3, 29, 1, 10, tzinfo=UTC)) == datetime(2026, 3, 29, 1, 10, tzinfo=UTC)
    assert toutes_les(timedelta(minutes=5))(MIDI + timedelta(minutes=7)) == MIDI + timedelta(minutes=5)


def test_la_purge_efface_les_vieilles_taches_et_leurs_marques_seulement(banc: Banc) -> None:
    with banc.transaction() as session:
        for mot in ("vieille", "neuve"):
            differer(session, "essai.ecrire", mot=mot)
        differer(session, "essai.refuser")
    banc.vider()
    banc.agir("UPDATE procrastinate_events SET at = at - interval '31 days' WHERE job_id IN (1, 3)")
    with banc.transaction() as session:
        differer(session, "taches.purger")
    banc.vider()
    assert banc.lire("SELECT id FROM procrastinate_jobs ORDER BY id") == [(2,), (3,), (4,)]
    assert banc.lire("SELECT tache_id FROM tache_faite ORDER BY tache_id") == [(2,)]


def test_les_sessions_expirees_sont_effacees_la_nuit(banc: Banc) -> None:
    banc.agir(
        "INSERT INTO compte (acteur, courriel, nom_affiche, mot_de_passe, est_actif, est_demonstration, cree_at) "
        "VALUES ('c-1', 'a@exemple.fr', 'A', 'x', true, false, now())"
    )
    banc.agir(
        "INSERT INTO session_web (empreinte, compte_id, cree_at, vue_at, expire_at, limite_at, agent) "
        "SELECT decode(e, 'hex'), id, now() - interval '9 days', now() - interval '3 days', now() + d::interval, "
        "now() + interval '1 day', '' FROM "
        "compte, (VALUES ('aa', '-2 days'), ('bb', '1 hour')) AS v (e, d)"
    )
    with banc.transaction() as session:
        differer(session, "acteurs.purger_sessions")
    assert banc.vider().faites == 1
    assert banc.lire("SELECT encode(empreinte, 'hex') FROM session_web") == [("bb",)]


def test_rien_n_est_ouvert_a_l_import() -> None:
    code = (
        "import threading, app.taches\n"
        "from app.infra.jobs import FILE\n"
        "print(threading.active_count(), FILE.connector._pool)"
    )
    sortie = subprocess.run([sys.executable, "-c", code], cwd=RACINE, capture_output=True, text=True, check=True)
    assert sortie.stdout.split() == ["1", "None"]


def test_une_file_en_echec_se_voit_dans_le_bilan() -> None:
    bilan = Bilan()
    bilan.compter("a.b")
    bilan.compter("c.d", RuntimeError("non"))
    assert (bilan.faites, bilan.echecs, bilan.erreurs) == (1, 1, ["c.d : RuntimeError : non"])
    assert Reglages().delai_arret < 10


def test_le_journal_est_ancre_chaque_nuit_et_un_journal_rompu_arrete_la_tache(banc: Banc) -> None:
    with banc.transaction() as session:
        differer(session, "essai.ecrire", mot="acte", maintenant=MIDI)
        differer(session, "journal.ancrer", maintenant=MIDI)
    assert banc.vider().erreurs == []
    fichier = banc.config.donnees / "ancres" / "2026-11-06.json"
    assert fichier.is_file()
    assert banc.lire("SELECT chaine, rang, support FROM journal_ancre") == [(0, 1, "jour:2026-11-06")]
    with banc.transaction() as session:
        differer(session, "journal.ancrer", maintenant=MIDI + timedelta(days=1))
    moteur = create_engine(banc.base.url_proprietaire, poolclass=NullPool)
    with moteur.begin() as connexion:
        connexion.execute(text("ALTER TABLE journal_entree DISABLE TRIGGER USER"))
        connexion.execute(text("UPDATE journal_entree SET empreinte = sha256('faux')"))
    assert banc.vider().echecs == 1
    assert banc.lire("SELECT status::text FROM procrastinate_jobs WHERE id = 3") == [("failed",)]

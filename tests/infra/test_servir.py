"""`servir` : lance le web et les tâches, dit son adresse, arrête tout, ne laisse rien derrière lui."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from app.commandes.base import Base
from app.infra.config import RACINE
from app.infra.db import creer_moteur
from tests.infra.aide_grappe import attendre

MARQUE = "IQ_ESSAI_MARQUE"


class Service:
    """Un vrai `python -m app servir` ; tout ce qu'il lance hérite d'une marque, par quoi on le retrouve dans /proc."""

    def __init__(self, base: Base, donnees: Path, *options: str) -> None:
        self.marque = uuid4().hex
        environnement = {
            **{nom: valeur for nom, valeur in os.environ.items() if not nom.startswith(("IQ_", "DATABASE_URL"))},
            MARQUE: self.marque,
            "DATABASE_URL": base.url,
            "DATABASE_URL_PROPRIETAIRE": base.url_proprietaire,
            "IQ_MODE": "essai",
            "IQ_DONNEES": str(donnees),
        }
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "app", "servir", *options],
            cwd=RACINE,
            env=environnement,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def adresse(self) -> str:
        assert self.popen.stdout is not None
        ligne = self.popen.stdout.readline()
        trouvee = re.search(r"http://127\.0\.0\.1:\d+", ligne)
        assert trouvee, ligne
        return trouvee[0]

    def processus(self) -> dict[int, str]:
        """Numéro → ligne de commande de tout ce qui porte la marque."""
        cherche = f"{MARQUE}={self.marque}".encode()
        trouves = {}
        for entree in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entree.name.isdigit() and cherche in (entree / "environ").read_bytes().split(b"\0"):
                    trouves[int(entree.name)] = (entree / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        return trouves

    def enfant(self, motif: str) -> int:
        """Le processus dont la commande contient ce motif."""
        assert attendre(lambda: any(motif in commande for commande in self.processus().values()), 60)
        return min(pid for pid, commande in self.processus().items() if motif in commande)  # le superviseur d'abord

    def finir(self, delai: float = 60) -> tuple[int, str]:
        _, erreurs = self.popen.communicate(timeout=delai)
        return self.popen.returncode, erreurs

    def fermer(self) -> None:
        for pid in self.processus():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.popen.communicate()


@pytest.fixture
def lancer(base_propre: Base, tmp_path: Path) -> Iterator[type[Service]]:
    services: list[Service] = []

    def creer(*options: str) -> Service:
        services.append(Service(base_propre, tmp_path, *options))
        return services[-1]

    yield creer  # type: ignore[misc]
    for service in services:
        service.fermer()


def _ouvrir(adresse: str) -> int:
    with urllib.request.urlopen(f"{adresse}/sante", timeout=60) as reponse:  # noqa: S310 - adresse locale
        return int(reponse.status)


def test_servir_repond_execute_les_taches_puis_sigterm_arrete_tout(lancer: type[Service], base_propre: Base) -> None:
    service = lancer("--port", "0", "--ouvriers", "2")
    adresse = service.adresse()
    assert not adresse.endswith(":0")
    assert _ouvrir(adresse) == 200
    service.enfant("-m app worker")
    moteur = creer_moteur(base_propre.url)
    faites = text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'")
    with moteur.connect().execution_options(isolation_level="AUTOCOMMIT") as connexion:
        assert attendre(lambda: connexion.scalar(faites), 60), "aucune tâche périodique n'est passée"
    moteur.dispose()
    assert len(service.processus()) >= 5  # servir, superviseur, deux ouvriers, worker
    service.popen.terminate()
    code, erreurs = service.finir()
    assert code == 0, erreurs
    assert service.processus() == {}


def test_kill_9_du_parent_ne_laisse_rien(lancer: type[Service]) -> None:
    service = lancer("--port", "0", "--ouvriers", "2")
    assert _ouvrir(service.adresse()) == 200
    service.enfant("-m app worker")
    service.popen.kill()
    service.popen.wait()
    assert attendre(lambda: not service.processus(), 40), service.processus()


def test_un_ouvrier_tue_est_remplace_et_le_superviseur_tue_n_en_laisse_aucun(lancer: type[Service]) -> None:
    service = lancer("--port", "0", "--ouvriers", "1")
    adresse = service.adresse()
    assert _ouvrir(adresse) == 200
    ouvriers = [pid for pid, commande in service.processus().items() if "-m app.commandes.ouvriers" in commande]
    tue = max(ouvriers)
    os.kill(tue, signal.SIGKILL)
    assert _ouvrir(adresse) == 200
    assert tue not in service.processus()
    assert service.popen.poll() is None
    os.kill(service.enfant("-m app.commandes.ouvriers"), signal.SIGKILL)
    code, erreurs = service.finir()
    assert code == 1
    assert "Le serveur web s’est arrêté (signal 9)" in erreurs
    assert attendre(lambda: not service.processus(), 40), service.processus()


def test_un_worker_tue_se_dit_et_arrete_le_service(lancer: type[Service]) -> None:
    service = lancer("--port", "0", "--ouvriers", "1")
    service.adresse()
    os.kill(service.enfant("-m app worker"), signal.SIGKILL)
    code, erreurs = service.finir()
    assert code == 1
    assert "Le processus des tâches s’est arrêté (signal 9) : le service s’arrête." in erreurs
    assert attendre(lambda: not service.processus(), 40), service.processus()


def test_un_port_pris_se_dit_en_une_phrase(lancer: type[Service]) -> None:
    with socket.socket() as prise:
        prise.bind(("127.0.0.1", 0))
        prise.listen()
        port = prise.getsockname()[1]
        service = lancer("--port", str(port))
        code, erreurs = service.finir()
    assert code == 1
    assert f"Impossible d’écouter sur 127.0.0.1:{port}" in erreurs
    assert "Traceback" not in erreurs


def test_une_base_qui_ne_repond_pas_se_dit_et_le_web_qui_l_attendait_s_arrete(tmp_path: Path) -> None:
    injoignable = "postgresql+psycopg://personne@/rien?host=/nulle-part"
    service = Service(Base(injoignable, injoignable, "rien", None), tmp_path, "--port", "0")
    code, erreurs = service.finir()
    assert code == 1
    assert "La base ne répond pas. Vérifiez DATABASE_URL" in erreurs
    assert "Traceback" not in erreurs
    assert service.processus() == {}


def test_worker_une_fois_vide_la_file_et_rend_un_bilan(base_propre: Base, tmp_path: Path) -> None:
    def lancer_le_worker() -> subprocess.CompletedProcess[str]:
        environnement = {
            **os.environ,
            "DATABASE_URL": base_propre.url,
            "IQ_MODE": "essai",
            "IQ_DONNEES": str(tmp_path),
        }
        commande = [sys.executable, "-m", "app", "worker", "--une-fois"]
        return subprocess.run(
            commande, cwd=RACINE, env=environnement, capture_output=True, text=True, check=False, timeout=60
        )

    moteur = creer_moteur(base_propre.url)
    tache = "('default', :nom, 0, NULL, NULL, :args, NULL)::procrastinate_job_to_defer_v1"
    sql = f"SELECT procrastinate_defer_jobs_v1(ARRAY[{tache}])"
    with moteur.begin() as connexion:
        connexion.execute(text(sql), {"nom": "acteurs.purger_sessions", "args": "{}"})
    sortie = lancer_le_worker()
    assert (sortie.returncode, sortie.stdout) == (0, "Tâches faites : 1 ; en échec : 0.\n"), sortie.stderr
    with moteur.begin() as connexion:
        connexion.execute(text(sql), {"nom": "courriel.envoyer", "args": '{"inattendu": 1}'})
    moteur.dispose()
    sortie = lancer_le_worker()
    assert (sortie.returncode, sortie.stdout) == (1, "Tâches faites : 0 ; en échec : 1.\n")
    assert "courriel.envoyer : TypeError" in sortie.stderr
    assert all(ligne.startswith("{") for ligne in sortie.stderr.splitlines()[:-1])

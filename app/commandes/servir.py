"""`servir` : prépare la base pendant que le web lit son code, lance les tâches, arrête tout avant la base."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

from app.commandes.base import Base, base_ouverte
from app.infra import lien_parent
from app.infra.config import RACINE, Config
from app.noyau.erreurs import ErreurMetier

DELAI_ARRET = 10.0
SIGNAUX = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Arret(Exception):
    """Un signal demande l'arrêt."""


class AdresseIndisponible(ErreurMetier):
    """Le port est pris, ou l'adresse n'est pas à cette machine."""

    code = "adresse_indisponible"


@dataclass(frozen=True, slots=True)
class Processus:
    """Les processus d'un service et l'adresse où il répond."""

    adresse: str
    web: subprocess.Popen[bytes]
    worker: subprocess.Popen[bytes] | None = None


def _ouvrir_prise(hote: str, port: int) -> socket.socket:
    prise = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    prise.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Hérité par chaque connexion : uvicorn, qui reçoit la prise par son numéro, ne le pose pas, et le second paquet
    # d'une réponse attendrait l'accusé du premier (40 ms, mesuré).
    prise.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        prise.bind((hote, port))
    except OSError as erreur:
        prise.close()
        raise AdresseIndisponible(f"Impossible d’écouter sur {hote}:{port} : {erreur.strerror}.") from erreur
    prise.listen(2048)
    prise.set_inheritable(True)
    return prise


def _environnement(config: Config, adresse: str) -> Mapping[str, str]:
    plus = {"IQ_DONNEES": str(config.donnees), "IQ_MODE": config.mode.value}
    plus[lien_parent.VARIABLE] = "1"
    # Une seule arène : chaque fil d'un ouvrier en ouvrirait une, dont la mémoire ne revient jamais.
    plus["MALLOC_ARENA_MAX"] = os.environ.get("MALLOC_ARENA_MAX", "1")
    if "IQ_URL_PUBLIQUE" not in os.environ:
        plus["IQ_URL_PUBLIQUE"] = adresse
    return {**os.environ, **plus}


def _lancer(
    arguments: list[str],
    environnement: Mapping[str, str],
    descripteurs: tuple[int, ...] = (),
    *,
    attend_la_base: bool = False,
) -> subprocess.Popen[bytes]:
    """Lance un enfant que le noyau arrête si ce processus meurt, même par kill -9. À appeler du fil principal.

    `attend_la_base` : il lira l'adresse de la base sur son entrée (`_donner_la_base`).
    """
    lanceur = [sys.executable, "-I", "-S", lien_parent.__file__, str(os.getpid())]
    return subprocess.Popen(
        [*lanceur, sys.executable, *arguments],
        cwd=RACINE,
        env=dict(environnement),
        pass_fds=descripteurs,
        start_new_session=True,
        stdin=subprocess.PIPE if attend_la_base else subprocess.DEVNULL,
    )


def _donner_la_base(processus: subprocess.Popen[bytes], base: Base) -> None:
    """Dit à un enfant qui a fini de lire son code où est la base, maintenant prête."""
    if processus.stdin is not None:
        with suppress(BrokenPipeError), processus.stdin as entree:  # mort avant : `_surveiller` le dira
            entree.write(base.url.encode() + b"\n")


def _arreter(processus: subprocess.Popen[bytes]) -> None:
    if processus.poll() is not None:
        return
    processus.terminate()
    try:
        processus.wait(DELAI_ARRET)
    except subprocess.TimeoutExpired:
        os.killpg(processus.pid, signal.SIGKILL)
        processus.wait()


def _arreter_tous(lances: Iterable[subprocess.Popen[bytes]]) -> None:
    for processus in lances:
        _arreter(processus)


@contextmanager
def service_lance(
    config: Config,
    base: AbstractContextManager[Base],
    *,
    hote: str = "127.0.0.1",
    port: int = 0,
    ouvriers: int = 1,
    taches: bool = True,
) -> Iterator[Processus]:
    """Lance le service ; à la sortie, arrête le web puis les tâches, puis rend la base. `port` 0 : un port libre.

    Le web lit son code (le plus long) pendant que `base` s'ouvre.
    """
    prise = _ouvrir_prise(hote, port)
    adresse = f"http://{hote}:{prise.getsockname()[1]}"
    environnement = _environnement(config, adresse)
    arguments = ["-m", "app.commandes.ouvriers", "--fd", str(prise.fileno()), "--ouvriers", str(ouvriers)]
    with prise:
        web = _lancer(arguments, environnement, (prise.fileno(),), attend_la_base=True)
    lances = [web]
    try:
        with base as ouverte:
            try:
                _donner_la_base(web, ouverte)
                if taches:
                    lances.append(_lancer(["-m", "app", "worker"], {**environnement, "DATABASE_URL": ouverte.url}))
                yield Processus(adresse, *lances)
            finally:
                _arreter_tous(lances)
    finally:
        _arreter_tous(lances)


def _sur_signal(_numero: int, _cadre: FrameType | None) -> None:
    for numero in SIGNAUX:  # un second signal n'interrompt pas l'arrêt
        signal.signal(numero, signal.SIG_IGN)
    raise Arret


def _fin(nom: str, code: int) -> str:
    cause = f"signal {-code}" if code < 0 else f"code {code}"
    return f"{nom} s’est arrêté ({cause}) : le service s’arrête."


def _surveiller(processus: Processus) -> str:
    """Attend qu'un processus s'éteigne tout seul ; rend la phrase qui le dit."""
    while True:
        if (code := processus.web.poll()) is not None:
            return _fin("Le serveur web", code)
        if processus.worker is not None and (code := processus.worker.poll()) is not None:
            return _fin("Le processus des tâches", code)
        time.sleep(0.2)


def servir(config: Config, *, hote: str, port: int, ouvriers: int) -> int:
    """Sert jusqu'à un signal. Rend 0 à l'arrêt demandé, 1 si un processus s'est éteint tout seul."""
    for numero in SIGNAUX:
        signal.signal(numero, _sur_signal)
    try:
        with service_lance(config, base_ouverte(config), hote=hote, port=port, ouvriers=ouvriers) as processus:
            print(f"Le service répond sur {processus.adresse} (arrêt : Ctrl-C).", flush=True)
            print(_surveiller(processus), file=sys.stderr, flush=True)
            return 1
    except Arret:
        return 0


def brancher(analyseur: argparse.ArgumentParser) -> None:
    """Ce que `servir` accepte."""
    analyseur.add_argument("--hote", default="127.0.0.1", help="adresse d’écoute (127.0.0.1)")
    analyseur.add_argument("--port", type=int, default=8000, help="port d’écoute, 0 pour un port libre (8000)")
    analyseur.add_argument("--ouvriers", type=int, default=2, help="nombre de processus web (2)")
    analyseur.set_defaults(agir=lambda config, lus: servir(config, hote=lus.hote, port=lus.port, ouvriers=lus.ouvriers))

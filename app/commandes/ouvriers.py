"""Les ouvriers web : un processus assemble le service une fois, puis se dédouble ; un ouvrier mort est remplacé.

Lancé par `servir` (`python -m app.commandes.ouvriers --fd PRISE --ouvriers 2`), qui lui donne l'adresse de la base sur
son entrée quand elle est prête. Le superviseur d'uvicorn fait lire le
code à chaque ouvrier : ici on le lit une fois, et les ouvriers partagent la mémoire de ce qu'ils ne changent pas.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from app.infra import lien_parent

if TYPE_CHECKING:
    from fastapi import FastAPI

PAUSE = 0.2  # secondes avant de remplacer un ouvrier


class Ouvriers:
    """Des ouvriers identiques sur une prise déjà ouverte. Aucun fil, aucune connexion n'existe avant de dédoubler."""

    def __init__(self, service: FastAPI, prise: socket.socket, nombre: int) -> None:
        self.service = service
        self.prise = prise
        self.nombre = nombre
        self.lances: set[int] = set()
        self.arret = False

    def mener(self) -> int:
        """Lance, remplace ceux qu'un signal a tués. Rend 0 à l'arrêt demandé, 1 si un ouvrier échoue de lui-même."""
        for numero in (signal.SIGTERM, signal.SIGINT):
            signal.signal(numero, self._arreter)
        for _ in range(self.nombre):
            self._dedoubler()
        code = 0
        while self.lances:
            pid, etat = os.wait()
            self.lances.discard(pid)
            if self.arret:
                continue
            if os.waitstatus_to_exitcode(etat) > 0:
                code = 1
                self._arreter(signal.SIGTERM, None)
            else:
                time.sleep(PAUSE)
                self._dedoubler()
        return code

    def _dedoubler(self) -> None:
        pid = os.fork()
        if pid == 0:
            self._servir()
        self.lances.add(pid)
        if self.arret:  # l'arrêt est arrivé pendant le dédoublement
            os.kill(pid, signal.SIGTERM)

    def _servir(self) -> NoReturn:
        """Ce que fait un ouvrier, jusqu'à SIGTERM. Il ne survit pas à son superviseur."""
        for numero in (signal.SIGTERM, signal.SIGINT):
            signal.signal(numero, signal.SIG_DFL)
        superviseur = os.getppid()
        lien_parent.lier()
        if os.getppid() != superviseur:
            os._exit(1)
        gc.enable()
        import uvicorn  # noqa: PLC0415 -- lu avant de dédoubler ; `principal` dit pourquoi pas en tête

        reglages = uvicorn.Config(self.service, access_log=False, log_level="warning", server_header=False)
        try:
            uvicorn.Server(reglages).run(sockets=[self.prise])
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)

    def _arreter(self, _numero: int, _cadre: FrameType | None) -> None:
        self.arret = True
        for pid in self.lances:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def principal() -> int:
    """Lit le code, attend la base, assemble, fige, dédouble."""
    analyseur = argparse.ArgumentParser(prog="python -m app.commandes.ouvriers", description=__doc__)
    analyseur.add_argument("--fd", type=int, required=True, help="la prise ouverte par servir")
    analyseur.add_argument("--ouvriers", type=int, default=2)
    lus = analyseur.parse_args()
    # Rien de ce qui se lit au démarrage n'est jeté : le ramasse-miettes y perdrait un cinquième du temps (mesuré).
    gc.disable()
    import uvicorn  # noqa: F401, PLC0415 -- lu une fois, avant de dédoubler, ramasse-miettes arrêté

    from app.main import create_app  # noqa: PLC0415 -- de même : c'est presque tout le temps du démarrage

    base = sys.stdin.readline().strip()
    if not base:  # `servir` a renoncé
        return 0
    os.environ["DATABASE_URL"] = base
    service = create_app()
    gc.freeze()  # ce qui est lu reste où il est : la mémoire partagée n'est pas recopiée
    prise = socket.socket(fileno=lus.fd)
    prise.listen(2048)
    return Ouvriers(service, prise, lus.ouvriers).mener()


if __name__ == "__main__":
    raise SystemExit(principal())

"""Ce que le noyau dit des processus : enfants, mémoire, temps de processeur, à qui est une connexion."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TIC = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


def enfants(pid: int) -> list[int]:
    """Les enfants directs d'un processus."""
    try:
        taches = list((PROC / str(pid) / "task").iterdir())
        return sorted(int(e) for t in taches for e in (t / "children").read_text().split())
    except OSError:
        return []


def ouvriers_de(pid: int, nombre: int) -> list[int]:
    """Les ouvriers d'un superviseur : ses enfants, sans le traqueur de ressources. Vide s'ils manquent encore."""
    lances = [p for p in enfants(pid) if b"resource_tracker" not in _commande(p)]
    return lances if len(lances) == nombre else []


def _commande(pid: int) -> bytes:
    try:
        return (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""


@dataclass(frozen=True, slots=True)
class Memoire:
    """En octets. `residente` compte en entier ce qui est partagé ; `part` le divise entre ceux qui le partagent."""

    residente: int
    part: int


def memoire(pid: int) -> Memoire:
    """Ce qu'un processus occupe (RSS et PSS, /proc/PID/smaps_rollup)."""
    lus = {}
    for ligne in (PROC / str(pid) / "smaps_rollup").read_text().splitlines()[1:]:
        nom, _, reste = ligne.partition(":")
        lus[nom] = int(reste.split()[0]) * 1024
    return Memoire(lus["Rss"], lus["Pss"])


def processeur(pids: Iterable[int]) -> float:
    """Temps de processeur consommé par ces processus, en secondes."""
    total = 0
    for pid in pids:
        try:
            champs = (PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += int(champs[11]) + int(champs[12])
    return total / TIC


def _prise(port_service: int, port_client: int) -> str | None:
    """L'inode de la prise acceptée pour cette connexion, None tant que personne ne l'a acceptée."""
    hexa = (f"{port_service:04X}", f"{port_client:04X}")
    for ligne in (PROC / "net" / "tcp").read_text().splitlines()[1:]:
        champs = ligne.split()
        if (champs[1].rpartition(":")[2], champs[2].rpartition(":")[2]) == hexa and champs[9] != "0":
            return champs[9]
    return None


async def repartition(port_service: int, port_client: int, ouvriers: Iterable[int]) -> int | None:
    """L'ouvrier qui a accepté cette connexion."""
    for _ in range(200):
        inode = _prise(port_service, port_client)
        if inode is not None:
            for pid in ouvriers:
                if any(_vise(lien, inode) for lien in (PROC / str(pid) / "fd").iterdir()):
                    return pid
        await asyncio.sleep(0.01)
    return None


def _vise(lien: Path, inode: str) -> bool:
    try:
        return str(lien.readlink()) == f"socket:[{inode}]"
    except OSError:
        return False

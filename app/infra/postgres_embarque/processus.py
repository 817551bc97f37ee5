"""Qui tourne sur un dossier de données : lecture de postmaster.pid et de /proc."""

import os
from dataclasses import dataclass
from pathlib import Path

from app.infra.postgres_embarque.lieux import Lieux

PROC = Path("/proc")


@dataclass(frozen=True)
class Maitre:
    """Ce que dit postmaster.pid : numéro du processus, état (« starting », « ready », « stopping »)."""

    pid: int
    etat: str


def lire_maitre(grappe: Path) -> Maitre | None:
    """Le contenu de postmaster.pid, ou None s’il est absent ou en cours d’écriture."""
    try:
        lignes = (grappe / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return None
    if not lignes or not lignes[0].strip().lstrip("-").isdigit():
        return None
    lignes += [""] * (8 - len(lignes))
    return Maitre(abs(int(lignes[0])), lignes[7].strip())


def processus_de(lieux: Lieux) -> set[int]:
    """Numéros de tous les processus PostgreSQL vivants sur ces données, serveur et sessions (pas les zombies)."""
    numeros = (int(entree.name) for entree in PROC.iterdir() if entree.name.isdigit())
    return {numero for numero in numeros if est_de(numero, lieux)}


def est_de(pid: int, lieux: Lieux) -> bool:
    """Ce numéro est-il celui d’un PostgreSQL de ces données ? Un numéro réemployé par un autre programme ne l’est pas.

    Le dossier courant fait foi ; s’il est illisible (root sans CAP_SYS_PTRACE), la ligne de commande, que tous lisent.
    """
    dossier = PROC / str(pid)
    try:
        if (dossier / "comm").read_text(encoding="utf-8", errors="replace").strip() != "postgres":
            return False
        commande = (dossier / "cmdline").read_bytes()
    except OSError:
        return False
    try:
        return (dossier / "cwd").readlink() == lieux.grappe
    except OSError:
        arguments = commande.split(b"\0")
        return os.fsencode(lieux.grappe) in arguments or commande.startswith(f"postgres: {lieux.etiquette}: ".encode())

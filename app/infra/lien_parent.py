"""Ne pas survivre à son parent : le noyau envoie SIGTERM à l'enfant quand le parent meurt, même par kill -9.

Sert aussi de lanceur (`python -I -S lien_parent.py PARENT COMMANDE…`, bibliothèque standard seulement) : un processus
neuf évite `preexec_fn`, dangereux quand le parent a plusieurs fils. L'`exec` garde la liaison.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
VARIABLE = "IQ_LIE_AU_PARENT"


def lier() -> None:
    """Demande SIGTERM à la mort du fil du parent qui nous a créés. Sans effet hors de Linux."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def suivre_le_parent() -> None:
    """Pour un ouvrier web lancé par `servir` (variable posée par lui) : suivre aussi le superviseur d'uvicorn."""
    if VARIABLE not in os.environ:
        return
    lier()
    superviseur = multiprocessing.parent_process()
    if superviseur is not None and not superviseur.is_alive():
        sys.exit("Le superviseur est déjà mort.")


def principal() -> None:
    """Lier, vérifier que le parent vit encore, devenir la commande."""
    parent, *commande = sys.argv[1:]
    lier()
    if os.getppid() != int(parent):
        sys.exit("Le processus parent est déjà mort.")
    os.execv(commande[0], commande)  # noqa: S606 - pas d'interpréteur : c'est le but


if __name__ == "__main__":
    principal()

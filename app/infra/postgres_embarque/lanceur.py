"""Lance une commande sous l’utilisateur sans droits, liée à la vie de son parent (script autonome, stdlib seulement).

Appelé par son chemin (`python -I -S lanceur.py '{…}'`) : un processus neuf évite `preexec_fn`, dangereux dès que le
parent a plusieurs fils. L’ordre compte : `setuid` efface PR_SET_PDEATHSIG, donc descendre, puis lier, puis vérifier que
le parent vit encore (il a pu mourir entre-temps), puis `exec`, qui garde la liaison.
"""

import ctypes
import json
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def descendre(uid: int, gid: int) -> None:
    """Quitter root sans retour possible ; sans effet quand on n’est pas root."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def lier_au_parent(libc: ctypes.CDLL, parent: int) -> None:
    """Recevoir SIGINT (arrêt rapide de PostgreSQL) quand meurt le fil du parent qui nous a créés."""
    if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0) != 0:
        sys.exit("prctl(PR_SET_PDEATHSIG) a échoué : " + os.strerror(ctypes.get_errno()))
    if os.getppid() != parent:
        sys.exit("le processus parent est déjà mort")


def ecrire(chemin: str, texte: str) -> None:
    """Écrire un fichier de configuration, avec les droits de l’utilisateur sans droits et sans suivre de lien."""
    fd = os.open(chemin, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as fichier:
        fichier.write(texte)


def main() -> None:
    """Lire l’ordre (uid, gid, parent, fichiers, commande) et devenir la commande."""
    ordre = json.loads(sys.argv[1])
    libc = ctypes.CDLL(None, use_errno=True)
    os.umask(0o077)
    descendre(ordre["uid"], ordre["gid"])
    lier_au_parent(libc, ordre["parent"])
    for chemin, texte in ordre["fichiers"].items():
        ecrire(chemin, texte)
    commande = ordre["commande"]
    try:
        os.execv(commande[0], commande)  # noqa: S606 — pas d’interpréteur : c’est le but
    except OSError as erreur:
        sys.exit(f"{commande[0]} : {erreur.strerror}")


if __name__ == "__main__":
    main()

"""Verrou de fichier (flock), relâché par le noyau à la mort du processus et jamais transmis aux enfants."""

import fcntl
import os
import weakref
from pathlib import Path

from app.infra.postgres_embarque.lieux import Compte


class Verrou:
    """Un verrou sur un fichier ; deux objets s’excluent même dans un seul processus."""

    def __init__(self, chemin: Path, compte: Compte) -> None:
        self.chemin = chemin
        self._compte = compte
        self._fd: int | None = None
        _OUVERTS.add(self)

    def essayer(self, *, partage: bool = False) -> bool:
        """Prendre le verrou sans attendre ; vrai s’il est tenu au retour."""
        if self._fd is None:
            self._fd = os.open(self.chemin, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            if os.geteuid() == 0:
                os.fchown(self._fd, self._compte.uid, self._compte.gid)
        try:
            fcntl.flock(self._fd, (fcntl.LOCK_SH if partage else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def signer(self) -> None:
        """Écrire dans le fichier le numéro du processus qui tient le verrou, pour les messages."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def signature(self) -> str:
        """Numéro du dernier processus à avoir signé, ou « inconnu »."""
        try:
            return self.chemin.read_text(encoding="utf-8").strip() or "inconnu"
        except OSError:
            return "inconnu"

    def relacher(self) -> None:
        """Rendre le verrou ; sans effet s’il n’est pas tenu."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


_OUVERTS: "weakref.WeakSet[Verrou]" = weakref.WeakSet()


def _oublier_apres_fork() -> None:
    """Un enfant né par fork partagerait le verrou et le garderait après la mort du parent : il le ferme aussitôt."""
    for verrou in list(_OUVERTS):
        verrou.relacher()


os.register_at_fork(after_in_child=_oublier_apres_fork)

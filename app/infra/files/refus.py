"""Un fichier refusé à l'envoi : une phrase, et comment réparer."""

from __future__ import annotations

import io
from mmap import mmap
from typing import TYPE_CHECKING, BinaryIO

from app.noyau.erreurs import ErreurMetier

if TYPE_CHECKING:
    from typing_extensions import Buffer

PDF_ET_RECOMMENCEZ = "enregistrez-le en PDF, puis recommencez."
Octets = bytes | mmap
"""Un fichier reçu, lu sans le charger : projeté en mémoire, ou déjà en octets s'il est petit."""


class FichierRefuse(ErreurMetier):
    """Le contenu n'est pas admis. `code` dit quoi, la phrase dit comment réparer."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, code=code)


class Fenetre(io.RawIOBase):
    """Des octets projetés, lus comme un fichier, sans copie ; la fermer ne ferme pas la projection."""

    def __init__(self, contenu: Octets) -> None:
        super().__init__()
        self._contenu, self._ou = contenu, 0

    def readable(self) -> bool:
        """Toujours."""
        return True

    def seekable(self) -> bool:
        """Toujours."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Comme un fichier."""
        depuis = (0, self._ou, len(self._contenu))[whence]
        if depuis + offset < 0:
            raise ValueError("On ne lit pas avant le début.")
        self._ou = depuis + offset
        return self._ou

    def tell(self) -> int:
        """La place courante."""
        return self._ou

    def readinto(self, tampon: Buffer) -> int:
        """Copie au plus la taille du tampon."""
        vue = memoryview(tampon)
        lu = self._contenu[self._ou : self._ou + len(vue)]
        vue[: len(lu)] = lu
        self._ou += len(lu)
        return len(lu)


def ouvrir(contenu: Octets) -> BinaryIO:
    """Les octets comme un fichier à lire."""
    return io.BufferedReader(Fenetre(contenu))

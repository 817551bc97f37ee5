"""Écrire un fichier en entier ou pas du tout."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class FichierDejaLa(FileExistsError):
    """Le fichier à écrire existe, et n'est pas à remplacer."""


def _fixer_le_dossier(dossier: Path) -> None:
    descripteur = os.open(dossier, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descripteur)
    finally:
        os.close(descripteur)


@contextmanager
def ecrire_entier(chemin: Path, *, droits: int = 0o600, remplacer: bool = False) -> Iterator[BinaryIO]:
    """Écrit à côté, puis nomme : un lecteur ne voit jamais un fichier à moitié fait, un échec ne laisse rien.

    Lève FichierDejaLa si le fichier existe et que `remplacer` est faux.
    """
    if not remplacer and chemin.exists():
        raise FichierDejaLa(chemin)
    chemin.parent.mkdir(parents=True, exist_ok=True)
    provisoire = chemin.with_name(f".{chemin.name}.{secrets.token_hex(4)}")
    descripteur = os.open(provisoire, os.O_WRONLY | os.O_CREAT | os.O_EXCL, droits)
    try:
        with os.fdopen(descripteur, "wb") as fichier:
            yield fichier
            fichier.flush()
            os.fsync(fichier.fileno())
        if remplacer:
            provisoire.replace(chemin)
        else:
            try:
                chemin.hardlink_to(provisoire)
            except FileExistsError as erreur:
                raise FichierDejaLa(chemin) from erreur
        _fixer_le_dossier(chemin.parent)
    finally:
        provisoire.unlink(missing_ok=True)

"""Le magasin sur disque : <donnees>/fichiers/ab/cd/<sha256>, lisibles du service seul."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from app.infra.atomique import FichierDejaLa, ecrire_entier
from app.infra.files import (
    FORME_CLE,
    MORCEAU,
    FichierAbsent,
    MagasinIndisponible,
    Range,
    morceaux_verifies,
    verifier_cle,
)

DOSSIER = "fichiers"


def dossier_de(donnees: Path) -> Path:
    """Le dossier du magasin dans les données du service."""
    return donnees / DOSSIER


class Disque:
    """Un fichier par contenu, écrit à côté puis nommé : un lecteur n'en voit jamais la moitié."""

    def __init__(self, dossier: Path) -> None:
        self._dossier = dossier

    def _place(self, sha256: str) -> Path:
        cle = verifier_cle(sha256)
        return self._dossier / cle[:2] / cle[2:4] / cle

    def ranger(self, sha256: str, flux: BinaryIO) -> None:
        """Écrit le fichier s'il n'est pas déjà là. Lève EmpreinteDifferente, et ne laisse alors rien."""
        place = self._place(sha256)
        if place.exists():
            return
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with ecrire_entier(place) as sortie:
                for morceau in morceaux_verifies(sha256, flux):
                    sortie.write(morceau)
        except FichierDejaLa:  # un autre envoi du même contenu vient de le ranger
            return
        except ConnectionError:  # le flux reçu s'est coupé : le disque n'y est pour rien
            raise
        except OSError as erreur:  # plein, en lecture seule, démonté
            raise MagasinIndisponible(erreur.strerror or type(erreur).__name__) from erreur

    def lire(self, sha256: str) -> Iterator[bytes]:
        """Les octets, par morceaux. Lève FichierAbsent dès l'appel ; rien n'est ouvert avant le premier morceau."""
        place = self._place(sha256)
        if not place.is_file():
            raise FichierAbsent(sha256)
        return _morceaux(place)

    def supprimer(self, sha256: str) -> None:
        """Retire le fichier ; absent, ne fait rien."""
        self._place(sha256).unlink(missing_ok=True)

    def lister(self) -> Iterator[Range]:
        """Les fichiers rangés ; ceux qu'on est en train d'écrire n'en sont pas."""
        for chemin in sorted(self._dossier.glob("??/??/*")):
            if FORME_CLE.fullmatch(chemin.name):
                try:
                    etat = chemin.stat()
                except FileNotFoundError:  # retiré entre-temps
                    continue
                yield Range(chemin.name, etat.st_size, datetime.fromtimestamp(etat.st_mtime, UTC))

    def balayer(self, avant: datetime) -> int:
        """Retire les écritures abandonnées (processus tué) d'avant cet instant ; rend combien."""
        restes = [c for c in self._dossier.glob("??/??/.*") if c.stat().st_mtime < avant.timestamp()]
        for chemin in restes:
            chemin.unlink(missing_ok=True)
        return len(restes)


def _morceaux(place: Path) -> Iterator[bytes]:
    with place.open("rb") as entree:
        while morceau := entree.read(MORCEAU):
            yield morceau

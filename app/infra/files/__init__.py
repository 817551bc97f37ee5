"""Le magasin : les octets reçus, rangés sous leur SHA-256. Sur disque par défaut, dans un bac S3 par configuration.

Écrire avant COMMIT, supprimer après (décision 16) : un fichier sans rangée est un reste qu'on ramasse, une rangée sans
fichier serait une perte.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

from app.infra.config import Config, Rangement

MORCEAU = 256 * 1024
FORME_CLE = re.compile(r"[0-9a-f]{64}")


class FichierAbsent(LookupError):
    """Le magasin n'a rien sous cette clé."""


class MagasinIndisponible(RuntimeError):
    """Le magasin ne répond pas, refuse, ou n'a plus de place : rien n'est rangé, il faut réessayer plus tard."""


class EmpreinteDifferente(ValueError):
    """Les octets lus ne sont pas ceux qu'annonce la clé."""


@dataclass(frozen=True, slots=True)
class Televersement:
    """Un fichier envoyé : le nom que donne le navigateur, et un flux où l'on peut revenir en arrière."""

    nom: str
    flux: BinaryIO


@dataclass(frozen=True, slots=True)
class Range:
    """Un fichier du magasin."""

    sha256: str
    octets: int
    modifie_at: datetime


class Magasin(Protocol):
    """Ranger et lire en flux. La clé est le SHA-256 des octets : ranger deux fois le même fichier n'en fait qu'un."""

    def ranger(self, sha256: str, flux: BinaryIO) -> None:
        """Écrit en entier ou pas du tout. Lève EmpreinteDifferente (ce ne sont pas les octets de la clé) ou
        MagasinIndisponible."""

    def lire(self, sha256: str) -> Iterator[bytes]:
        """Les octets, par morceaux. Lève FichierAbsent ou MagasinIndisponible dès l'appel."""
        ...

    def supprimer(self, sha256: str) -> None:
        """Retire le fichier ; absent, ne fait rien."""

    def lister(self) -> Iterator[Range]:
        """Tous les fichiers rangés, dans un ordre quelconque."""
        ...

    def balayer(self, avant: datetime) -> int:
        """Retire les écritures abandonnées (processus tué) d'avant cet instant ; rend combien."""
        ...


def verifier_cle(sha256: str) -> str:
    """La clé telle quelle. Lève ValueError si elle n'en a pas la forme : elle ne deviendra jamais un chemin."""
    if not FORME_CLE.fullmatch(sha256):
        raise ValueError("Une clé de fichier est un SHA-256 en hexadécimal.")
    return sha256


def mesurer(flux: BinaryIO) -> tuple[str, int]:
    """(SHA-256, taille) du flux, lu depuis son début et remis au début."""
    flux.seek(0)
    empreinte, octets = hashlib.sha256(), 0
    while morceau := flux.read(MORCEAU):
        empreinte.update(morceau)
        octets += len(morceau)
    flux.seek(0)
    return empreinte.hexdigest(), octets


def morceaux_verifies(sha256: str, flux: BinaryIO) -> Iterator[bytes]:
    """Les octets du flux, depuis son début. Lève EmpreinteDifferente à la fin si ce ne sont pas ceux de la clé."""
    flux.seek(0)
    empreinte = hashlib.sha256()
    while morceau := flux.read(MORCEAU):
        empreinte.update(morceau)
        yield morceau
    if empreinte.hexdigest() != sha256:
        raise EmpreinteDifferente(sha256)


def magasin_de(config: Config) -> Magasin:
    """Le magasin que dit la configuration. Le client S3, long à importer, ne l'est que s'il sert."""
    if config.fichiers is Rangement.S3:
        from app.infra.files.s3 import bac_de  # noqa: PLC0415 -- obstore, seulement s'il sert

        return bac_de(config)
    from app.infra.files.disque import Disque, dossier_de  # noqa: PLC0415 -- symétrique du précédent

    return Disque(dossier_de(config.donnees))

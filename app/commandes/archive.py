"""L'archive d'une sauvegarde : un tar, un manifeste en tête, l'empreinte de chaque fichier. Sans base."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

from app.infra.atomique import FichierDejaLa, ecrire_entier
from app.noyau.erreurs import ErreurMetier

FORME = 1
MANIFESTE = "manifeste.json"
BASE = "base.dump"
MORCEAU = 1 << 20
TAILLE_MANIFESTE_MAX = 16 << 20


class ArchiveInvalide(ErreurMetier):
    """L'archive n'est pas entière, ou pas celle qui a été écrite : rien n'a été touché."""

    code = "archive_invalide"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Piece(_Strict):
    """Un fichier de l'archive."""

    sha256: str
    octets: int


class TeteGardee(_Strict):
    """La tête d'une chaîne du journal au moment de la sauvegarde. `empreinte` en hexadécimal."""

    chaine: int
    rang: int
    empreinte: str


class EtatBase(_Strict):
    """Ce que la base contenait, vu dans le même instantané que sa copie."""

    postgresql: str
    migration: str
    tetes: tuple[TeteGardee, ...]
    lignes: dict[str, int]
    droits: tuple[str, ...]
    declencheurs: tuple[str, ...]


class Manifeste(_Strict):
    """Ce que l'archive contient."""

    forme: int
    version: str
    cree_le: datetime
    avec_cles: bool
    base: EtatBase
    fichiers: dict[str, Piece]


def mesurer(chemin: Path) -> Piece:
    """L'empreinte et la taille d'un fichier."""
    with chemin.open("rb") as fichier:
        empreinte = hashlib.file_digest(fichier, "sha256").hexdigest()
        return Piece(sha256=empreinte, octets=fichier.tell())


def ecrire_archive(vers: Path, manifeste: Manifeste, pieces: Mapping[str, Path]) -> None:
    """Écrit l'archive en entier ou pas du tout, lisible de son seul auteur. Lève ErreurMetier si le nom est pris."""
    try:
        with ecrire_entier(vers) as sortie, tarfile.open(fileobj=sortie, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            corps = manifeste.model_dump_json(indent=2).encode()
            _ajouter(tar, MANIFESTE, len(corps), io.BytesIO(corps), manifeste.cree_le)
            for nom, chemin in pieces.items():
                with chemin.open("rb") as fichier:
                    _ajouter(tar, nom, manifeste.fichiers[nom].octets, fichier, manifeste.cree_le)
    except FichierDejaLa as erreur:
        raise ErreurMetier(f"{vers} existe déjà : une sauvegarde n’en remplace pas une autre.") from erreur


def _ajouter(tar: tarfile.TarFile, nom: str, taille: int, contenu: BinaryIO, quand: datetime) -> None:
    entete = tarfile.TarInfo(nom)
    entete.size, entete.mode, entete.mtime = taille, 0o600, int(quand.timestamp())
    tar.addfile(entete, contenu)


@contextmanager
def _lisible(depuis: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(depuis, mode="r:") as tar:
            yield tar
    except OSError as erreur:
        raise ArchiveInvalide(f"{depuis} ne se lit pas : {erreur.strerror}.") from erreur
    except (tarfile.TarError, EOFError) as erreur:
        raise ArchiveInvalide(f"{depuis} n’est pas une sauvegarde, ou elle est coupée.") from erreur


def deballer(depuis: Path, atelier: Path) -> Manifeste:
    """Contrôle toute l'archive et la déballe dans `atelier`. Lève ArchiveInvalide au premier écart au manifeste."""
    with _lisible(depuis) as tar:
        membre = tar.next()
        if membre is None or membre.name != MANIFESTE or membre.size > TAILLE_MANIFESTE_MAX:
            raise ArchiveInvalide(f"{depuis} n’est pas une sauvegarde : son manifeste manque.")
        manifeste = _lire_manifeste(_flux(tar, membre).read())
        vus: set[str] = set()
        while (membre := tar.next()) is not None:
            attendue = manifeste.fichiers.get(membre.name)
            if attendue is None or membre.name in vus:
                raise ArchiveInvalide(f"« {membre.name} » est en trop dans l’archive.")
            vus.add(membre.name)
            if _copier(_flux(tar, membre), atelier / membre.name) != attendue:
                raise ArchiveInvalide(f"« {membre.name} » n’a plus l’empreinte du manifeste : l’archive est abîmée.")
    manquants = sorted(manifeste.fichiers.keys() - vus)
    if manquants:
        raise ArchiveInvalide(f"L’archive est incomplète : « {manquants[0]} » manque.")
    return manifeste


def _lire_manifeste(octets: bytes) -> Manifeste:
    try:
        manifeste = Manifeste.model_validate_json(octets)
    except ValidationError as erreur:
        raise ArchiveInvalide("Le manifeste de l’archive est illisible.") from erreur
    if manifeste.forme != FORME:
        raise ArchiveInvalide(f"Cette archive est de forme {manifeste.forme} ; ce service lit la forme {FORME}.")
    for nom in manifeste.fichiers:
        chemin = PurePosixPath(nom)
        if chemin.is_absolute() or ".." in chemin.parts or not chemin.parts or nom == MANIFESTE:
            raise ArchiveInvalide(f"Le nom « {nom} » n’est pas admis dans une sauvegarde.")
    if BASE not in manifeste.fichiers:
        raise ArchiveInvalide("L’archive ne contient pas de base.")
    return manifeste


def _flux(tar: tarfile.TarFile, membre: tarfile.TarInfo) -> IO[bytes]:
    flux = tar.extractfile(membre) if membre.isreg() else None
    if flux is None:
        raise ArchiveInvalide(f"« {membre.name} » n’est pas un simple fichier.")
    return flux


def _copier(flux: IO[bytes], vers: Path) -> Piece:
    vers.parent.mkdir(parents=True, exist_ok=True)
    empreinte, octets = hashlib.sha256(), 0
    with vers.open("xb") as sortie:
        while morceau := flux.read(MORCEAU):
            empreinte.update(morceau)
            octets += len(morceau)
            sortie.write(morceau)
    return Piece(sha256=empreinte.hexdigest(), octets=octets)

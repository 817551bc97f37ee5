"""Sous quel compte et dans quels dossiers vit la grappe : choix, repli quand un parent est fermé, contrôles."""

import hashlib
import os
import pwd
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.infra.postgres_embarque.erreurs import GrappeIndisponible

TEMPORAIRE_COURT = Path("/tmp")  # noqa: S108 — les dossiers créés dessous sont fermés (0700) et leur propriétaire vérifié
TEMPORAIRE_DURABLE = Path("/var/tmp")  # noqa: S108 — idem ; survit au redémarrage de la machine
CONTENU = {"grappe", "grappe.neuf", "hote.verrou", "presence.verrou", "journal.log", "journal.log.1"}


@dataclass(frozen=True)
class Compte:
    """Le compte système qui possède les données et fait tourner PostgreSQL ; jamais root."""

    uid: int
    gid: int
    nom: str


@dataclass(frozen=True)
class Lieux:
    """Tous les chemins d’une grappe ; tout sauf la socket vit sous `donnees`."""

    donnees: Path
    socket: Path

    @property
    def grappe(self) -> Path:
        """Le dossier de données au sens de PostgreSQL (PGDATA)."""
        return self.donnees / "grappe"

    @property
    def journal(self) -> Path:
        """Le journal par défaut de PostgreSQL."""
        return self.donnees / "journal.log"

    @property
    def etiquette(self) -> str:
        """Nom de la grappe, visible dans la liste des processus."""
        return self.socket.name


def empreinte(chemin: Path) -> str:
    """Douze caractères stables pour un chemin."""
    return hashlib.sha256(os.fsencode(chemin)).hexdigest()[:12]


def installer(demande: Path, dire: Callable[[str], None]) -> tuple[Lieux, Compte]:
    """Choisir le compte et le dossier, le créer fermé au besoin ; GrappeIndisponible si c’est impossible."""
    demande = demande.resolve()
    try:
        compte = _choisir_compte(demande)
        donnees = _choisir_dossier(demande, compte, dire) if os.geteuid() == 0 else demande
        _preparer(donnees, compte)
    except OSError as erreur:
        raise GrappeIndisponible(
            f"Le dossier de données {demande} ne peut pas être préparé ({erreur.strerror} : {erreur.filename}). "
            "Donnez un dossier où vous pouvez écrire, ou une base par DATABASE_URL."
        ) from erreur
    return Lieux(donnees, TEMPORAIRE_COURT / f"iq-{empreinte(donnees)}-{compte.uid}"), compte


def preparer_socket(lieux: Lieux, compte: Compte) -> None:
    """Créer le dossier de la socket, fermé à tous sauf au compte ; refuser celui qu’un autre aurait posé là.

    À n’appeler que lorsque plus aucun processus ne tourne sur ces données : le verrou de socket laissé par un `kill -9`
    est effacé, car PostgreSQL le croirait tenu si son numéro de processus a été repris depuis.
    """
    try:
        lieux.socket.mkdir(mode=0o700, exist_ok=True)
        _donner(lieux.socket, compte)
        lieux.socket.chmod(0o700)
        for reste in lieux.socket.glob(".s.PGSQL.*"):
            reste.unlink()
    except OSError as erreur:
        raise GrappeIndisponible(
            f"Le dossier de la socket {lieux.socket} ne peut pas être préparé ({erreur.strerror}). Supprimez-le s’il "
            f"existe, et vérifiez que {TEMPORAIRE_COURT} est ouvert en écriture."
        ) from erreur


def parent_ferme(chemin: Path, compte: Compte) -> Path | None:
    """Premier dossier au-dessus de `chemin` que le compte ne peut pas traverser, ou None."""
    for dossier in reversed(chemin.parents):
        if dossier.exists() and not permis(dossier, compte, stat.S_IXOTH):
            return dossier
    return None


def permis(chemin: Path, compte: Compte, droit: int) -> bool:
    """Le compte a-t-il ce droit (S_IROTH, S_IXOTH) d’après le propriétaire et les bits du fichier ?"""
    infos = chemin.stat()
    decalage = 6 if infos.st_uid == compte.uid else 3 if infos.st_gid == compte.gid else 0
    return bool(infos.st_mode & (droit << decalage))


def _choisir_compte(demande: Path) -> Compte:
    """Soi-même ; en root, le propriétaire des données déjà là, sinon l’auteur du sudo, sinon « nobody »."""
    if os.geteuid() != 0:
        return _compte(os.geteuid())
    if _peuple(demande) and (uid := _proprietaire(demande)):
        return _compte(uid)
    candidats = [int(os.environ.get("SUDO_UID") or 0) or pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_uid]
    repli = _repli(demande)
    if _peuple(repli) and _proprietaire(repli) in candidats:
        return _compte(_proprietaire(repli))
    return _compte(candidats[0])


def _compte(uid: int) -> Compte:
    try:
        entree = pwd.getpwuid(uid)
    except KeyError as erreur:
        raise GrappeIndisponible(
            f"Le numéro d’utilisateur {uid} n’a pas de nom sur cette machine, et PostgreSQL en exige un : "
            "ajoutez-le à /etc/passwd, ou donnez une base par DATABASE_URL."
        ) from erreur
    return Compte(uid, entree.pw_gid, entree.pw_name)


def _choisir_dossier(demande: Path, compte: Compte, dire: Callable[[str], None]) -> Path:
    """Le dossier demandé, ou le repli durable si un parent est fermé au compte (root seulement)."""
    ferme, repli = parent_ferme(demande, compte), _repli(demande)
    if ferme is not None and _peuple(demande):
        raise GrappeIndisponible(
            f"Les données de {demande} existent, mais {ferme} est fermé à l’utilisateur « {compte.nom} » qui fait "
            f"tourner PostgreSQL : rendez ce dossier traversable (chmod o+x {ferme}) ou déplacez les données."
        )
    if ferme is None and (_peuple(demande) or not _peuple(repli) or _proprietaire(repli) != compte.uid):
        return demande
    raison = f"{ferme} est fermé à l’utilisateur « {compte.nom} »" if ferme else "elles y sont déjà"
    dire(
        f"Les données de la base sont dans {repli} et non dans {demande} : {raison}. "
        "Elles sont gardées d’un lancement à l’autre ; pour un usage réel, choisissez un dossier ouvert."
    )
    return repli


def _repli(demande: Path) -> Path:
    return TEMPORAIRE_DURABLE.resolve() / f"iq-donnees-{empreinte(demande)}"


def _peuple(donnees: Path) -> bool:
    return (donnees / "grappe").is_dir()


def _proprietaire(chemin: Path) -> int:
    return chemin.lstat().st_uid


def _preparer(donnees: Path, compte: Compte) -> None:
    """Créer le dossier de données fermé (0700) ; refuser un dossier d’autrui ou qui contient autre chose."""
    for parent in reversed(donnees.parents):
        if not parent.exists():
            parent.mkdir(exist_ok=True)
            parent.chmod(0o755)  # un umask strict de root fermerait le chemin à l’utilisateur sans droits
    donnees.mkdir(mode=0o700, exist_ok=True)
    etrangers = {fichier.name for fichier in donnees.iterdir()} - CONTENU
    if etrangers and not _peuple(donnees):
        raise GrappeIndisponible(
            f"{donnees} contient déjà autre chose ({', '.join(sorted(etrangers)[:3])}) : "
            "donnez un dossier vide ou absent."
        )
    _donner(donnees, compte)
    donnees.chmod(0o700)


def _donner(dossier: Path, compte: Compte) -> None:
    """Faire de `compte` le propriétaire d’un dossier de root ; refuser un lien ou le dossier d’un autre."""
    infos = dossier.lstat()
    if infos.st_uid == 0 and os.geteuid() == 0 and stat.S_ISDIR(infos.st_mode):
        os.chown(dossier, compte.uid, compte.gid, follow_symlinks=False)
    elif infos.st_uid != compte.uid or not stat.S_ISDIR(infos.st_mode):
        raise GrappeIndisponible(
            f"{dossier} n’appartient pas à l’utilisateur « {compte.nom} » (numéro {compte.uid}, trouvé "
            f"{infos.st_uid}) : relancez sous le compte qui l’a créé, ou supprimez-le s’il ne sert plus."
        )

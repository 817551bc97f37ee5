"""Le processus `postgres` : créer ses données, le lancer, reprendre celui qui tourne déjà, l’arrêter."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from app.infra.postgres_embarque import binaires, roles
from app.infra.postgres_embarque.erreurs import GrappeIndisponible
from app.infra.postgres_embarque.lieux import Compte, Lieux, preparer_socket
from app.infra.postgres_embarque.processus import est_de, lire_maitre, processus_de

LANCEUR = Path(__file__).with_name("lanceur.py")
DELAI_DEMARRAGE = 120.0  # secondes ; une reprise après coupure peut relire beaucoup de journal
DELAI_ARRET = 60.0  # secondes ; l’arrêt rapide écrit un point de reprise
DELAI_STABLE = 0.3  # secondes ; une orpheline qui vient de recevoir son arrêt ne doit pas passer pour vivante
JOURNAL_MAXIMUM = 10_000_000  # octets


@dataclass(frozen=True)
class Reglages:
    """Ce que l’appelant choisit ; `durable=False` (essais) ne survit pas à une coupure de courant."""

    journal: Path | None
    durable: bool
    dire: Callable[[str], None]


class Serveur:
    """Un seul objet à la fois agit sur la grappe : celui dont le gardien tient le verrou d’hôte."""

    def __init__(self, lieux: Lieux, compte: Compte, reglages: Reglages) -> None:
        self._lieux = lieux
        self._compte = compte
        self._reglages = reglages
        self._journal = reglages.journal or lieux.journal
        self._enfant: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None

    def demarrer(self) -> None:
        """Au retour la grappe répond et a ses rôles : reprise si une orpheline tournait, lancée sinon."""
        self._enfant = None
        self._pid = self._reprendre()
        if self._pid is None:
            self._lancer()
        with self._connexion() as connexion:
            roles.assurer_les_roles(connexion)

    def version(self) -> str | None:
        """La version du serveur s’il répond, None sinon."""
        maitre = lire_maitre(self._lieux.grappe)
        if maitre is None or maitre.etat != "ready":
            return None
        with contextlib.suppress(psycopg.OperationalError), self._connexion() as connexion:
            return str(connexion.info.parameter_status("server_version"))
        return None

    def vit(self) -> bool:
        """Le processus lancé ou repris tourne-t-il encore ?"""
        if self._enfant is not None:
            return self._enfant.poll() is None
        return self._pid is not None and est_de(self._pid, self._lieux)

    def arreter(self) -> None:
        """Arrêt rapide (sessions coupées, tout écrit), immédiat s’il traîne ; efface le dossier de la socket."""
        for ordre, delai in ((signal.SIGINT, DELAI_ARRET), (signal.SIGQUIT, 10.0)):
            if self._pid is None or not self.vit():
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, ordre)
            self._attendre_la_fin(delai)
        self._enfant, self._pid = None, None
        with contextlib.suppress(OSError):
            self._lieux.socket.rmdir()

    def _attendre_la_fin(self, delai: float) -> None:
        for _ in _chaque(0.02, delai):
            if not self.vit():
                return

    def _connexion(self) -> psycopg.Connection:
        return roles.connecter(self._lieux, self._compte)

    def _reprendre(self) -> int | None:
        """Numéro de l’orpheline reprise, ou None quand plus rien ne tourne, postmaster.pid nettoyé.

        Une orpheline injoignable ou réglée autrement est arrêtée proprement. postmaster.pid n’est effacé qu’une fois
        tous les processus partis : une session qui survit à son serveur écrirait dans les fichiers du suivant.
        """
        arret_demande = False
        for _ in _chaque(0.05, DELAI_ARRET):
            vivants = processus_de(self._lieux)
            if not vivants:
                self._nettoyer()
                return None
            maitre = lire_maitre(self._lieux.grappe)
            if maitre is None or maitre.pid not in vivants or maitre.etat != "ready" or arret_demande:
                continue
            if self._orpheline_convient():
                self._reglages.dire(
                    f"Une base laissée en marche (processus {maitre.pid}) est reprise ; elle sera arrêtée à la fin."
                )
                return maitre.pid
            arret_demande = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(maitre.pid, signal.SIGINT)
        raise GrappeIndisponible(
            f"Des processus PostgreSQL tiennent encore {self._lieux.grappe} : arrêtez-les, puis relancez."
        )

    def _orpheline_convient(self) -> bool:
        """Répond-elle sur notre socket, deux fois à quelques instants d’écart, avec la durabilité demandée ?"""
        for attente in (DELAI_STABLE, 0.0):
            try:
                with self._connexion() as connexion:
                    fsync = connexion.execute("SHOW fsync").fetchone()
            except psycopg.OperationalError:
                return False
            if fsync != ("on" if self._reglages.durable else "off",):
                return False
            time.sleep(attente)
        return True

    def _nettoyer(self) -> None:
        perime = self._lieux.grappe / "postmaster.pid"
        with contextlib.suppress(FileNotFoundError):
            perime.unlink()
            self._reglages.dire("La base n’avait pas été arrêtée proprement : elle se remet en état.")

    def _lancer(self) -> None:
        """Créer les données au besoin, lancer `postgres` et attendre qu’il réponde."""
        installes = binaires.rendre_lisibles(binaires.trouver(), self._compte, self._reglages.dire)
        self._dire_le_compte()
        if not self._lieux.grappe.exists():
            self._initialiser(installes)
        self._verifier_la_version(installes)
        preparer_socket(self._lieux, self._compte)
        commande = [str(installes.outil("postgres")), "-D", str(self._lieux.grappe), *self._options()]
        with self._ouvrir_le_journal() as (sortie, debut):
            fichiers = roles.fichiers_d_acces(self._lieux, self._compte)
            self._enfant = self._executer(installes, commande, fichiers, sortie)
            self._pid = self._enfant.pid
        for _ in _chaque(0.02, DELAI_DEMARRAGE):
            if not self.vit() or self.version() is not None:
                break
        if not self.vit() or self.version() is None:
            raise GrappeIndisponible(
                f"PostgreSQL n’a pas démarré. Son journal ({self._journal}) dit :\n{self._fin_du_journal(debut)}"
            )

    def _dire_le_compte(self) -> None:
        if os.geteuid() == 0:
            self._reglages.dire(
                f"PostgreSQL refuse de tourner en root : il tourne sous l’utilisateur « {self._compte.nom} »."
            )

    def _verifier_la_version(self, installes: binaires.Binaires) -> None:
        try:
            donnees = (self._lieux.grappe / "PG_VERSION").read_text(encoding="utf-8").strip()
        except OSError as erreur:
            raise GrappeIndisponible(
                f"{self._lieux.grappe} n’est pas un dossier de données PostgreSQL (PG_VERSION manque) : déplacez-le."
            ) from erreur
        if donnees != str(installes.majeure):
            raise GrappeIndisponible(
                f"Les données de {self._lieux.donnees} viennent de PostgreSQL {donnees}, mais la version installée est "
                f"{installes.version}. Sauvegardez-les avec PostgreSQL {donnees} (pg_dump) et rechargez-les dans un "
                f"dossier neuf, ou réinstallez PostgreSQL {donnees}."
            )

    def _initialiser(self, installes: binaires.Binaires) -> None:
        """initdb dans un dossier voisin renommé à la fin : un arrêt au milieu ne laisse rien à moitié fait."""
        neuf = self._lieux.donnees / "grappe.neuf"
        if neuf.exists():
            shutil.rmtree(neuf)
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if installes.majeure < 17:
            locale = ["--locale=C.UTF-8"]
        commande = [str(installes.outil("initdb")), f"--pgdata={neuf}", f"--username={roles.INTERNE}"]
        commande += [
            "--auth=peer",
            "--encoding=UTF8",
            *locale,
            "--no-instructions",
            *([] if self._reglages.durable else ["--no-sync"]),
        ]
        enfant = self._executer(installes, commande, {}, subprocess.PIPE)
        sortie = enfant.communicate()[0]
        if enfant.returncode != 0:
            raise GrappeIndisponible(
                f"La création de la base a échoué dans {neuf} :\n{sortie.decode(errors='replace').strip()}"
            )
        neuf.rename(self._lieux.grappe)

    def _executer(
        self, installes: binaires.Binaires, commande: list[str], fichiers: dict[str, str], sortie: int
    ) -> subprocess.Popen[bytes]:
        """Lancer par `lanceur.py`, dans une session à part (un signal au groupe du parent n’atteint pas PostgreSQL)."""
        ordre = {
            "uid": self._compte.uid,
            "gid": self._compte.gid,
            "parent": os.getpid(),
            "fichiers": fichiers,
            "commande": commande,
        }
        gardees = {nom: os.environ[nom] for nom in ("PATH", "LD_LIBRARY_PATH") if nom in os.environ}
        environnement = {**gardees, "LC_ALL": "C"}
        icu = installes.dossier.parent / "share" / "icu"
        if icu.is_dir():
            environnement["ICU_DATA"] = str(icu)
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(LANCEUR), json.dumps(ordre)],
            stdin=subprocess.DEVNULL,
            stdout=sortie,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
            env=environnement,
        )

    def _options(self) -> list[str]:
        """Réglages donnés en ligne de commande : ils l’emportent sur tout fichier du dossier de données.

        Fuseau : GMT est le seul nom d’UTC que PostgreSQL connaisse sans tzdata du système ; avec « UTC » il refuse.
        """
        reglages = {
            "listen_addresses": "",
            "port": str(roles.PORT),
            "unix_socket_directories": str(self._lieux.socket),
            "unix_socket_permissions": "0700",
            "cluster_name": self._lieux.etiquette,
            "hba_file": str(self._lieux.grappe / "pg_hba.conf"),
            "ident_file": str(self._lieux.grappe / "pg_ident.conf"),
            "timezone": "GMT",
            "log_timezone": "GMT",
            "shared_buffers": "128MB",
            "max_connections": "100",
            "jit": "off",
            "logging_collector": "off",
            "log_min_messages": "warning",
            "log_line_prefix": "%m [%p] %u %d ",
        }
        if not self._reglages.durable:
            reglages |= dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "off")
            reglages |= {"wal_level": "minimal", "max_wal_senders": "0", "max_connections": "200"}
        return [morceau for nom, valeur in reglages.items() for morceau in ("-c", f"{nom}={valeur}")]

    @contextlib.contextmanager
    def _ouvrir_le_journal(self) -> Iterator[tuple[int, int]]:
        """Descripteur du journal et position où commence ce lancement ; le précédent est mis de côté s’il est gros."""
        journal = self._journal
        with contextlib.suppress(FileNotFoundError):
            if journal.stat().st_size > JOURNAL_MAXIMUM:
                journal.rename(journal.with_name(f"{journal.name}.1"))
        try:
            fd = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as erreur:
            raise GrappeIndisponible(f"Le journal {journal} ne peut pas être écrit : {erreur.strerror}.") from erreur
        try:
            if os.geteuid() == 0:
                os.fchown(fd, self._compte.uid, self._compte.gid)
            yield fd, os.fstat(fd).st_size
        finally:
            os.close(fd)

    def _fin_du_journal(self, debut: int) -> str:
        with self._journal.open("rb") as fichier:
            fichier.seek(debut)
            return "\n".join(fichier.read().decode(errors="replace").strip().splitlines()[-8:])


def _chaque(pas: float, delai: float) -> Iterator[None]:
    """Un tour tout de suite, puis un toutes les `pas` secondes, pendant `delai` secondes."""
    limite = time.monotonic() + delai
    while True:
        yield
        if time.monotonic() >= limite:
            return
        time.sleep(pas)

"""Ouvrir une grappe : le gestionnaire de contexte que tout le monde emploie."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

from psycopg.conninfo import make_conninfo

from app.infra.postgres_embarque import binaires, roles
from app.infra.postgres_embarque.erreurs import GrappeIndisponible
from app.infra.postgres_embarque.gardien import Gardien
from app.infra.postgres_embarque.lieux import Compte, Lieux, installer
from app.infra.postgres_embarque.serveur import Reglages


def dire_a_l_ecran(phrase: str) -> None:
    """Ce qu’il faut savoir au lancement, sur la sortie d’erreur."""
    sys.stderr.write(f"{phrase}\n")


@dataclass(frozen=True)
class Grappe:
    """Une grappe qui répond ; valable dans le bloc `with` qui l’a ouverte."""

    lieux: Lieux
    compte: Compte
    version: str
    _gardien: Gardien = field(repr=False, compare=False)

    @property
    def est_hote(self) -> bool:
        """Ce processus tient-il la grappe (lancée, reprise ou relevée) et l’arrêtera-t-il ?"""
        return self._gardien.est_hote

    @property
    def donnees(self) -> Path:
        """Le dossier réellement employé : celui demandé, ou son repli durable."""
        return self.lieux.donnees

    @property
    def dossier_socket(self) -> Path:
        """Dossier de la socket, fermé, le même pour tous les processus et tous les lancements."""
        return self.lieux.socket

    def conninfo(self, base: str, role: str = roles.SERVICE) -> str:
        """Chaîne de connexion pour psycopg."""
        return make_conninfo(**roles.parametres(self.lieux, self.compte, base, role))

    def url(self, base: str, role: str = roles.SERVICE) -> str:
        """Adresse pour SQLAlchemy (`postgresql+psycopg`), qu’un processus enfant peut recevoir telle quelle."""
        reste = roles.parametres(self.lieux, self.compte, base, role)
        utilisateur, nom = quote(reste.pop("user"), safe=""), quote(reste.pop("dbname"), safe="")
        return f"postgresql+psycopg://{utilisateur}@/{nom}?{urlencode(reste)}"


@contextmanager
def grappe(
    donnees: Path,
    *,
    journal: Path | None = None,
    durable: bool = True,
    attente_invites: float = 3.0,
    dire: Callable[[str], None] = dire_a_l_ecran,
) -> Iterator[Grappe]:
    """Lancer la grappe de `donnees`, ou rejoindre celle qu’un autre processus tient déjà.

    `journal` : par défaut `journal.log` dans le dossier de données. `durable=False` : essais seulement, sans effet si
    la grappe tourne déjà. `attente_invites` : secondes laissées à la sortie aux autres processus. À la sortie, l’hôte
    arrête PostgreSQL : sortir du bloc APRÈS avoir arrêté et attendu les ouvriers. Le bloc ne pose aucun traitement de
    signal ; si le processus meurt sans en sortir, le noyau arrête PostgreSQL. Lève GrappeIndisponible.
    """
    if not sys.platform.startswith("linux"):
        raise GrappeIndisponible("La base embarquée ne marche que sous Linux : donnez une base par DATABASE_URL.")
    lieux, compte = installer(donnees, dire)
    gardien = Gardien(lieux, compte, Reglages(journal, durable, dire), attente_invites)
    gardien.start()
    try:
        yield Grappe(lieux, compte, gardien.attendre(), gardien)
    finally:
        gardien.terminer()


def donnees_par_defaut(dossier: Path) -> Path:
    """`pg17` sous le dossier des données du projet (`.data`) ; le nombre est la version majeure installée."""
    return dossier / f"pg{binaires.trouver().majeure}"


def outil(nom: str) -> Path:
    """Un outil de la même version que le serveur (`pg_dump`, `pg_restore`, `psql`)."""
    return binaires.trouver().outil(nom)

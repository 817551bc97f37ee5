"""Migrer, vérifier, descendre : Alembic sur une connexion du propriétaire de la base."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from app.infra.config import RACINE

DOSSIER = RACINE / "migrations"
VERROU = 7_204_115_001


def _configuration(connexion: Connection | None = None) -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(DOSSIER))
    configuration.set_main_option("version_locations", str(DOSSIER / "versions"))
    configuration.set_main_option("path_separator", "os")
    if connexion is not None:
        configuration.attributes["connection"] = connexion
    return configuration


@contextmanager
def _connexion(url: str) -> Iterator[Connection]:
    moteur = create_engine(url, poolclass=NullPool)
    with moteur.begin() as connexion:
        connexion.execute(text("SELECT pg_advisory_xact_lock(:v)"), {"v": VERROU})
        yield connexion
    moteur.dispose()


def migrer(url: str, cible: str = "head") -> None:
    """Monte la base jusqu'à `cible` ; deux migrations lancées ensemble attendent leur tour. Idempotente."""
    with _connexion(url) as connexion:
        command.upgrade(_configuration(connexion), cible)


def descendre(url: str, cible: str) -> None:
    """Redescend jusqu'à `cible` (« base » : tout)."""
    with _connexion(url) as connexion:
        command.downgrade(_configuration(connexion), cible)


def verifier(url: str) -> None:
    """Lève si les tables diffèrent des modèles."""
    with _connexion(url) as connexion:
        command.check(_configuration(connexion))


def engendrer(url: str, numero: str, titre: str) -> None:
    """Écrit une migration d'après l'écart entre la base et les modèles, à relire."""
    with _connexion(url) as connexion:
        command.revision(_configuration(connexion), titre, autogenerate=True, rev_id=numero)


def tetes() -> tuple[str, ...]:
    """Les têtes des migrations écrites : une seule attendue."""
    return tuple(ScriptDirectory.from_config(_configuration()).get_heads())

"""Alembic : les migrations tournent sur la connexion donnée par `app.infra.migrations`."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection, Enum

from app.infra.db import TypeEuros
from app.modeles import METADONNEES


def inclure(nom: str | None, genre: str, _parents: object) -> bool:
    """Les tables de procrastinate ne sont pas les nôtres."""
    return not (genre == "table" and nom is not None and nom.startswith("procrastinate_"))


def ecrire(genre: str, objet: Any, _contexte: object) -> str | Literal[False]:
    """Une migration ne dépend pas du code de l'application : types de base seulement."""
    if genre == "type" and isinstance(objet, TypeEuros):
        return "sa.BigInteger()"
    if genre == "type" and isinstance(objet, Enum):
        return f"sa.String(length={objet.length})"
    return False


connexion: Connection = context.config.attributes["connection"]
context.configure(
    connection=connexion,
    target_metadata=METADONNEES,
    include_name=inclure,
    compare_type=True,
    render_item=ecrire,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()

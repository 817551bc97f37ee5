"""Où en est une base : la migration qu'elle porte, celle que le code attend. Sans lire Alembic ni les modèles."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from app.infra.config import RACINE

FICHIER_TETE = RACINE / "migrations" / ".tete"


def tete_ecrite(fichier: Path = FICHIER_TETE) -> str:
    """La tête notée dans `migrations/.tete` : deux branches entrent en conflit dans git, pas en production."""
    return fichier.read_text(encoding="utf-8").strip()


def est_a_la_tete(url: str) -> bool:
    """Vrai si la base porte la dernière migration écrite ; faux si elle n'en a reçu aucune."""
    moteur = create_engine(url, poolclass=NullPool)
    try:
        with moteur.connect() as connexion:
            portees = connexion.scalars(text("SELECT version_num FROM alembic_version")).all()
    except ProgrammingError:
        return False
    finally:
        moteur.dispose()
    return portees == [tete_ecrite()]

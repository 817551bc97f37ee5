"""Une seule base pour tous les essais du journal, vidée après chacun : cloner coûte bien plus que vider."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.commandes.base import Base
from app.infra import postgres_embarque as pg
from tests.conftest import un_clone
from tests.infra.journal.aide_journal import superutilisateur


@pytest.fixture(scope="session")
def base_du_journal(grappe: pg.Grappe) -> Iterator[Base]:
    """Un clone à nous, pour tout le processus d'essai."""
    with un_clone(grappe) as base:
        yield base


@pytest.fixture
def base_jetable(base_du_journal: Base) -> Iterator[Base]:
    """La base commune, rendue vide."""
    try:
        yield base_du_journal
    finally:
        with superutilisateur(base_du_journal) as connexion:
            for table in ("journal_ancre", "journal_contenu", "journal_entree", "compte"):
                connexion.execute(f"DELETE FROM {table}")  # noqa: S608

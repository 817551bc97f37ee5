"""L'horloge de la machine : le seul endroit qui la lit."""

from __future__ import annotations

from datetime import UTC, datetime


def heure_machine() -> datetime:
    """L'instant vrai, en temps universel."""
    return datetime.now(UTC)

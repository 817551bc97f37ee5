"""Tâches de fond : effacer les sessions expirées."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.infra.jobs import chaque_jour, tache
from app.referentiels.acteurs import service


@tache("acteurs.purger_sessions", cadence=chaque_jour(3, 20))
def purger_sessions(session: Session, *, maintenant: datetime) -> None:
    """Chaque nuit."""
    service.purger_sessions(session, maintenant)

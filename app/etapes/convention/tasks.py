"""Tâche de fond : sceller une lettre de notification et prévenir le porteur."""

from __future__ import annotations

from datetime import datetime

from app.etapes.convention.service import lettre
from app.infra.jobs import Atelier, tache_longue


@tache_longue("convention.sceller_notification")
def sceller_notification(atelier: Atelier, *, maintenant: datetime, notification_id: int) -> None:
    """Après la notification ; rejouable : une lettre déjà scellée ne l'est pas deux fois."""
    with atelier.transaction() as session:
        lettre.sceller_et_envoyer(
            session, notification_id, url_publique=atelier.config.url_publique, maintenant=maintenant
        )

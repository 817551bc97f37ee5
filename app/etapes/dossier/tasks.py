"""Tâches de fond du dossier : l'accusé de réception, l'annonce d'un complément."""

from __future__ import annotations

from datetime import datetime

from app.etapes.dossier.service import accuse
from app.infra.jobs import Atelier, tache_longue


@tache_longue("dossier.accuser_reception")
def accuser_reception(atelier: Atelier, *, maintenant: datetime, dossier_id: int) -> None:
    """Après un dépôt. Une transaction : le PDF imprime la tête du journal que son ancre garde."""
    with atelier.transaction() as session:
        accuse.accuser_reception(session, dossier_id, url_publique=atelier.config.url_publique, maintenant=maintenant)


@tache_longue("dossier.annoncer_complement")
def annoncer_complement(atelier: Atelier, *, maintenant: datetime, complement_id: int) -> None:
    """Après une demande de complément."""
    with atelier.transaction() as session:
        accuse.annoncer_complement(
            session, complement_id, url_publique=atelier.config.url_publique, maintenant=maintenant
        )

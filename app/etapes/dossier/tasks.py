"""Tâches de fond du dossier : accusé de réception, demande scellée, compléments, messages, rappels."""

from __future__ import annotations

from datetime import datetime

from app.etapes.dossier.service import accuse, demande_ecrite, echanges
from app.infra.jobs import Atelier, chaque_jour, tache_longue


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


@tache_longue("dossier.sceller_demande")
def sceller_demande(atelier: Atelier, *, maintenant: datetime, dossier_id: int, rang: int) -> None:
    """Après un dépôt ou un complément : le PDF du contenu figé."""
    with atelier.transaction() as session:
        demande_ecrite.sceller_demande(session, dossier_id, rang, maintenant=maintenant)


@tache_longue("dossier.annoncer_message")
def annoncer_message(atelier: Atelier, *, maintenant: datetime, message_id: int) -> None:
    """Après un message : l'autre côté est prévenu."""
    with atelier.transaction() as session:
        echanges.annoncer_message(session, message_id, url_publique=atelier.config.url_publique, maintenant=maintenant)


@tache_longue("dossier.rappeler", cadence=chaque_jour(8))
def rappeler(atelier: Atelier, *, maintenant: datetime) -> None:
    """Chaque matin : ce qui approche de son échéance."""
    with atelier.transaction() as session:
        echanges.rappeler(session, url_publique=atelier.config.url_publique, maintenant=maintenant)

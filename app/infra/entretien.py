"""Les tâches périodiques de l'infrastructure : relancer ce qu'un worker mort a laissé, purger, ancrer le journal."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from procrastinate import JobContext
from sqlalchemy import delete, text

from app.infra import jobs
from app.infra.jobs import Atelier, TacheFaite, chaque_jour, tache_longue, toutes_les
from app.infra.journal import ancres

GARDE_FAITES = timedelta(days=30)
GARDE_ECHOUEES = timedelta(days=180)


def _heures(duree: timedelta) -> int:
    return int(duree.total_seconds()) // 3600


async def relancer(contexte: JobContext, **_: Any) -> None:
    """Toutes les minutes : remet en file les tâches d'un worker mort."""
    await jobs.relancer_les_abandonnees(contexte.app.job_manager, jobs.atelier_de(contexte).mort_apres)


async def purger(contexte: JobContext, **_: Any) -> None:
    """Chaque nuit : efface les tâches réussies depuis 30 jours, les échouées depuis 180 jours, et leurs marques."""
    gestion = contexte.app.job_manager
    await gestion.delete_old_jobs(_heures(GARDE_FAITES))
    await gestion.delete_old_jobs(
        _heures(GARDE_ECHOUEES), include_failed=True, include_cancelled=True, include_aborted=True
    )
    await asyncio.to_thread(_purger_les_marques, jobs.atelier_de(contexte))


def _purger_les_marques(atelier: Atelier) -> None:
    orpheline = text("NOT EXISTS (SELECT 1 FROM procrastinate_jobs j WHERE j.id = tache_faite.tache_id)")
    with atelier.transaction() as session:
        session.execute(delete(TacheFaite).where(orpheline))


@tache_longue("journal.ancrer", cadence=chaque_jour(2))
def ancrer_le_journal(atelier: Atelier, *, maintenant: datetime) -> None:
    """Chaque nuit : le fichier signé du jour dans <donnees>/ancres. Un journal rompu l'arrête, sans nouvel essai."""
    donnees = atelier.config.donnees
    with atelier.transaction() as session:
        ancres.ancrer_le_jour(session, donnees / ancres.DOSSIER_ANCRES, ancres.cle_du_journal(donnees), maintenant)


jobs.inscrire("taches.relancer", relancer, None, toutes_les(timedelta(minutes=1)))
jobs.inscrire("taches.purger", purger, None, chaque_jour(3, 10))

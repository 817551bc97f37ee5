"""Tâches : noter un dossier, renoter un appel entier. Rejouables : une note ne s'ajoute que si elle diffère."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.appel import repository as appels
from app.etapes.notation import service
from app.infra.jobs import Atelier, tache, tache_longue


@tache("notation.noter_dossier")
def noter_dossier(session: Session, *, maintenant: datetime, dossier_id: int) -> None:
    """Après un examen, un fait établi, un complément."""
    service.noter_dossier(session, dossier_id, acteur=service.SERVICE, maintenant=maintenant)


@tache_longue("notation.noter_appel")
def noter_appel(atelier: Atelier, *, maintenant: datetime, appel_id: int) -> None:
    """Après la clôture de la recevabilité : une transaction par lot, reprise sans dommage où qu'elle s'arrête."""
    apres: int | None = 0
    while apres is not None:
        with atelier.transaction() as session:
            appel = appels.get_appel(session, appel_id)
            bilan = service.noter_appel(session, appel, acteur=service.SERVICE, maintenant=maintenant, apres=apres)
        apres = None if bilan is None else bilan.dernier

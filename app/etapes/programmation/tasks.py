"""Tâche de fond : calculer une simulation. Lire, calculer hors de toute transaction, ranger."""

from __future__ import annotations

from datetime import datetime

from app.etapes.programmation import service
from app.etapes.programmation.repository.scenarios import Donnees
from app.etapes.programmation.rules import SolveurEnDefaut, optimiser
from app.infra.jobs import Atelier, tache_longue
from app.noyau.erreurs import SaisieInvalide


@tache_longue(service.TACHE_CALCUL)
def calculer_scenario(atelier: Atelier, *, maintenant: datetime, scenario_id: int) -> None:
    """Rejouable : un scénario déjà rangé ne change plus. Un refus est rangé avec sa raison, il ne se réessaie pas."""
    try:
        donnees = _lire(atelier, scenario_id)
        if donnees is None:
            return
        calcule = optimiser(donnees.probleme)
    except (SaisieInvalide, SolveurEnDefaut) as refus:
        with atelier.transaction() as session:
            service.ranger_echec(session, scenario_id, _raison(refus), maintenant=maintenant)
        return
    with atelier.transaction() as session:
        service.ranger_calcul(session, scenario_id, donnees, calcule, maintenant=maintenant)


def _lire(atelier: Atelier, scenario_id: int) -> Donnees | None:
    """Une seule photo de la base : demandes, notes et enveloppes du même instant."""
    with atelier.transaction() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        return service.preparer_calcul(session, scenario_id)


def _raison(refus: SaisieInvalide | SolveurEnDefaut) -> str:
    if isinstance(refus, SaisieInvalide):
        return " ".join(faute.message for faute in refus.fautes)
    return "Le solveur n’a pas rendu de solution sûre : rien n’est montré. Changez les réglages, puis recommencez."

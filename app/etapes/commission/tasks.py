"""Tâches de fond : convoquer les membres, sceller le procès-verbal."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.commission import repository
from app.etapes.commission.models import Seance
from app.etapes.commission.service import proces_verbal
from app.infra.jobs import Atelier, tache, tache_longue
from app.infra.mail import prevenir
from app.noyau.periodes import instant_long
from app.referentiels.instances.models import Instance


@tache_longue("commission.convoquer")
def convoquer(atelier: Atelier, *, maintenant: datetime, seance_id: int) -> None:
    """Écrit à chaque membre qui a un compte ; rejouable : un courriel par convocation et par compte."""
    with atelier.transaction() as session:
        seance = session.get_one(Seance, seance_id)
        contexte = {
            "instance": session.get_one(Instance, seance.instance_id).nom,
            "date": instant_long(seance.prevue_le),
            "lieu": seance.lieu,
            "points": len(repository.list_points(session, seance.id)),
            "url": f"{atelier.config.url_publique}/seances/{seance.code}",
        }
        envoi = seance.convoquee_le or maintenant
        comptes, cle = repository.list_comptes_des_membres(session, seance), f"seance:{seance.code}:{envoi.isoformat()}"
        prevenir(session, comptes, "convocation_commission", contexte, cle=cle, maintenant=maintenant)


@tache("commission.sceller_proces_verbal")
def sceller_proces_verbal(session: Session, *, maintenant: datetime, seance_id: int) -> None:
    """Une fois la séance close."""
    proces_verbal.sceller(session, seance_id, maintenant=maintenant)

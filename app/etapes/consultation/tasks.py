"""Tâches : envoyer les convocations d'une rencontre."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.consultation import repository
from app.etapes.consultation.models import Rencontre
from app.infra.jobs import tache
from app.infra.mail import prevenir
from app.noyau.periodes import instant_long
from app.noyau.roles import Portee, Role
from app.referentiels.acteurs import repository as acteurs


@tache("consultation.convoquer")
def convoquer(session: Session, *, maintenant: datetime, rencontre_id: int, **_: Any) -> None:
    """Écrit au référent de chaque service convoqué ; rejouable : un courriel par rencontre et par compte."""
    rencontre = session.get_one(Rencontre, rencontre_id)
    contexte = {
        "intitule": rencontre.intitule,
        "date": instant_long(rencontre.prevue_le),
        "lieu": rencontre.lieu,
        "autorite": rencontre.autorite,
        "code": rencontre.code,
    }
    for service in repository.list_services_convoques(session, rencontre.id):
        comptes = acteurs.list_comptes_du_contrat(
            session, rencontre.contrat_id, Role.REFERENT_SERVICE, Portee.SERVICE, service.code, maintenant
        )
        cle = f"rencontre:{rencontre.code}"
        prevenir(session, comptes, "convocation_rencontre", contexte, cle=cle, maintenant=maintenant)

"""Un service consulté de plus, dans un contrat d'essai."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.referentiels.instances.models import ServiceConsulte
from app.referentiels.instances.rules import NatureService
from tests.factories import UnContrat


def un_service(session: Session, contrat: UnContrat, code: str) -> ServiceConsulte:
    """Un service de l'État qui existe au contrat, convoqué ou non."""
    service = ServiceConsulte(contrat_id=contrat.id, code=code, nom=f"Service {code}", nature=NatureService.ETAT)
    session.add(service)
    session.flush()
    return service

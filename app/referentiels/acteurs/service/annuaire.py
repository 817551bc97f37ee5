"""Acte : demander à l'annuaire ce qu'il sait d'un SIRET, sans le harceler."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy.orm import Session

from app.infra import sirene
from app.infra.identite import Identite
from app.referentiels.acteurs import repository, service
from app.referentiels.acteurs.models import EchecConnexion

CONSULTATIONS_ADMISES = 30


def consulter(
    session: Session, annuaire: sirene.Annuaire, siret: str, *, acteur: Identite, machine: datetime
) -> sirene.Lecture:
    """Ce que dit l'annuaire (aucune transaction ne l'attend). Lève TropDEssais après trente en un quart d'heure.

    Chacun peut se créer un compte : sans borne, n'importe qui interrogerait l'annuaire public à notre nom.
    """
    cle = hashlib.sha256(b"annuaire\x1f" + acteur.acteur.encode()).digest()
    if repository.compter_echecs(session, cle, machine - service.FENETRE_ESSAIS) >= CONSULTATIONS_ADMISES:
        raise service.TropDEssais("Trop de recherches. Réessayez dans un quart d’heure.")
    lecture = sirene.consulter(session, annuaire, siret, machine)
    session.add(EchecConnexion(cle=cle, a=machine))
    return lecture

"""Clore la recevabilité : figer les coûts médians, puis faire renoter l'appel."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.appel import repository as appels
from app.etapes.appel import service as service_appel
from app.etapes.appel.models import Appel
from app.etapes.notation import repository
from app.etapes.notation.rules import CoutDossier, medianes_par_type, medianes_vers_donnees
from app.etapes.notation.service.notes import TAILLE_LOT
from app.etapes.notation.service.travaux import lancer_renotation
from app.infra.identite import Identite
from app.noyau.erreurs import ActeInterdit, Introuvable
from app.noyau.euros import Euros
from app.noyau.roles import Role
from app.referentiels.grilles.rules import Fait


def clore_recevabilite(session: Session, code: str, *, acteur: Identite, maintenant: datetime) -> Appel:
    """Fige les médianes de coût des dossiers recevables, une fois, puis fait renoter l'appel en tâche de fond."""
    appel = appels.get_appel_par_code(session, code)
    if appel is None:
        raise Introuvable("Cet appel n’existe pas.")
    if not acteur.tient(Role.CHARGE_MISSION, contrat_id=appel.contrat_id):
        raise ActeInterdit("Seul le chargé de mission du contrat clôt la recevabilité.")
    medianes = medianes_vers_donnees(medianes_par_type(_couts(session, appel)))
    appel = service_appel.clore_recevabilite(session, code, medianes=medianes, acteur=acteur, maintenant=maintenant)
    lancer_renotation(session, appel, acteur=acteur.acteur, maintenant=maintenant)
    return appel


def _couts(session: Session, appel: Appel) -> Iterator[CoutDossier]:
    apres = 0
    while lot := repository.list_lot(session, appel.id, apres=apres, taille=TAILLE_LOT, recevables=True):
        for faits in repository.faits_du_dossier(session, lot).values():
            type_action, charges, personnes = (
                faits.fait(fait) for fait in ("type_action", "charges_total", "beneficiaires")
            )
            match type_action, charges, personnes:
                case Fait(str(action)), Fait(Euros() as cout), Fait(int(nombre)):
                    yield CoutDossier(action, cout, nombre)
        apres = lot[-1]

"""Un contrat minimal muni de la vraie grille, un appel, et les gens qui instruisent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.recevabilite import tous_verifies
from app.etapes.dossier.service import recevabilite
from app.infra.identite import Identite
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte, Organisation
from app.referentiels.grilles.rules import Grille
from tests.etapes.notation.lecture_cas import la_grille
from tests.factories import (
    MAINTENANT,
    UnContrat,
    identite,
    un_appel,
    un_compte,
    un_contrat,
    un_dossier_complet,
    une_organisation,
)
from tests.factories import un_porteur as fabrique_porteur

PLUS_TARD = datetime(2027, 1, 20, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Scene:
    """Un appel à noter et ceux qui y travaillent."""

    contrat: UnContrat
    appel: Appel
    organisation: Organisation
    porteur: Identite
    instructeur: Compte
    charge: Compte

    def agent(self, session: Session) -> Identite:
        """L'instructeur de la ligne m2A."""
        return identite(session, self.instructeur)


def une_scene(
    session: Session,
    code: str = "essai-2024-2030",
    prefixe: str = "ESS",
    grille: Grille | None = None,
    **appel: Any,
) -> Scene:
    """Un contrat muni de la grille de départ, un appel, un porteur, l'instructeur de m2A, le chargé de mission."""
    contrat = un_contrat(session, code=code, prefixe=prefixe, grille=grille or la_grille())
    organisation = une_organisation(session)
    return Scene(
        contrat=contrat,
        appel=un_appel(session, contrat, **appel),
        organisation=organisation,
        porteur=fabrique_porteur(session, organisation),
        instructeur=un_compte(session, Role.INSTRUCTEUR, contrat=contrat, ligne="M2A"),
        charge=un_compte(session, Role.CHARGE_MISSION, contrat=contrat),
    )


def un_dossier(session: Session, scene: Scene, **champs: Any) -> Dossier:
    """Un dossier déposé, sur le chemin complet sauf mention contraire."""
    return un_dossier_complet(session, scene.appel, scene.organisation, scene.porteur, **champs)


def declarer_recevable(session: Session, scene: Scene, dossier: Dossier, ligne: str = "M2A") -> None:
    """L'instructeur de la ligne m2A déclare la demande recevable."""
    recevabilite.examiner(
        session, str(dossier.numero), ligne=ligne, annee=scene.appel.annee, conclusion="recevable",
        points=tous_verifies(),
        motif="", acteur=scene.agent(session), maintenant=MAINTENANT,
    )  # fmt: skip
    session.flush()

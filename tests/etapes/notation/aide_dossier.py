"""Un contrat minimal muni de la vraie grille, un appel, et les gens qui instruisent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.contrat import repository as contenus
from app.etapes.contrat.models import Objectif, ObjectifOperationnel, RubriqueContrat
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.recevabilite import tous_verifies
from app.etapes.dossier.service import recevabilite
from app.infra.identite import Identite
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte, Organisation
from app.referentiels.grilles.rules import Grille
from app.referentiels.territoires.models import Fiche, PrioriteFiche
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


def completer_le_contrat(session: Session, contrat: UnContrat) -> None:
    """Ajoute au contrat minimal tous les codes que cite la grille de départ : objectifs, pistes, fiches, actions."""
    version, coteaux = contrat.version.id, contrat.fiches["COTEAUX"]
    dans = {"contrat_id": contrat.id, "version_id": version}
    connus = {objectif.code: objectif for objectif in contenus.list_objectifs(session, version)}
    fins = {o.code for o in contenus.list_operationnels(session, version)}
    enjeu = connus["E1.1"].enjeu_id
    vide = {"source": "1", "enjeux": {"texte": "", "source": "1"}, "reperes": [], "definitions": []}
    for rang, code in enumerate(["E1.3", "E1.4", "E2.1", "E2.3", "E2.4", "T.1", "T.2", "C.1", "C.2"], 10):
        pistes = [{"code": f"{code}.P1", "intitule": "x", "texte": "x", "source": "1"}] if code[0] == "T" else []
        connus[code] = Objectif(
            enjeu_id=enjeu, code=code, rang=rang, intitule=code, contenu={**vide, "pistes": pistes}, **dans
        )
        session.add(connus[code])
    session.flush()
    rangs_voulus = {"E1.1": "256", "E1.3": "1", "E1.4": "1", "E2.1": "1346", "E2.3": "1", "E2.4": "4"}
    par_objectif = {**rangs_voulus, "C.1": "1", "C.2": "1"}
    voulus = {f"{objectif}.{rang}" for objectif, rangs in par_objectif.items() for rang in rangs}
    for rang, code in enumerate(sorted(voulus - fins), 10):
        sous_actions = [{"code": f"{code}.1", "intitule": "x", "details": [], "source": "1"}]
        session.add(
            ObjectifOperationnel(
                objectif_id=connus[code.rpartition(".")[0]].id, code=code, rang=rang, intitule=code, source="essai",
                contenu={"sous_actions": sous_actions}, **dans,
            )
        )  # fmt: skip
    for rang, code in enumerate(["JONQUILLES", "BOURTZWILLER", "BRUSTLEIN", "DROUOT", "FONDERIE", "BRIAND", "D8"], 10):
        fiche = Fiche(
            quartier_id=coteaux.quartier_id, commune_id=coteaux.commune_id, code=code, nom=code, rang=rang,
            contenu={"priorites": []}, **dans,
        )  # fmt: skip
        session.add(fiche)
        session.flush()
        session.add(
            PrioriteFiche(contrat_id=contrat.id, fiche_id=fiche.id, rang=1, intitule="x", texte="x", source="essai")
        )
    feuilles = [
        {"code": code, "intitule": code, "rangees": [{"axes": [{"actions": [{"code": f"{code}-A1.1", "texte": "x"}]}]}]}
        for code in ("ILLZACH", "WITTENHEIM")
    ]
    session.add(RubriqueContrat(code="feuilles_de_route", contenu={"elements": feuilles}, **dans))
    session.flush()


def declarer_recevable(session: Session, scene: Scene, dossier: Dossier, ligne: str = "M2A") -> None:
    """L'instructeur de la ligne m2A déclare la demande recevable."""
    recevabilite.examiner(
        session, str(dossier.numero), ligne=ligne, annee=scene.appel.annee, conclusion="recevable",
        points=tous_verifies(),
        motif="", acteur=scene.agent(session), maintenant=MAINTENANT,
    )  # fmt: skip
    session.flush()

"""API de l'appel : lecture publique, préparation, actes, enveloppes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends

from app.etapes.appel import repository, service
from app.etapes.appel.models import Appel, Phase
from app.etapes.appel.rules import ACTES_DE_CONDUITE, EtatAppel
from app.etapes.appel.schemas import AppelEntrant, DatesEntrantes, EnveloppeEntrante
from app.infra.acces import PUBLIQUE, Acteur, Visiteur, exiger
from app.infra.clock import Maintenant
from app.infra.identite import Identite
from app.infra.web import SessionDep
from app.noyau.erreurs import Faute, Introuvable, SaisieInvalide
from app.noyau.euros import Euros
from app.noyau.periodes import a_paris
from app.noyau.roles import ROLES_AGENT, ROLES_COMMISSION, Role
from app.referentiels.contrats import repository as contrats
from app.referentiels.grilles import repository as grilles

routeur = APIRouter(prefix="/api/v1", tags=["appel"])
CONDUIT = exiger(Role.CHARGE_MISSION)
LIT_LES_ENVELOPPES = exiger(*ROLES_AGENT, *ROLES_COMMISSION)


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant is not None else None


def montrer_phase(phase: Phase) -> dict[str, Any]:
    """Une phase, ses instants en ISO 8601."""
    return {
        "rang": phase.rang,
        "intitule": phase.intitule,
        "ouverture_le": _iso(phase.ouverture_le),
        "cloture_le": _iso(phase.cloture_le),
        "consultation_du": _iso(phase.consultation_du),
        "consultation_au": _iso(phase.consultation_au),
        "commission_le": _iso(phase.commission_le),
        "notification_le": _iso(phase.notification_le),
        "bilans_le": _iso(phase.bilans_le),
        "part_reservee_milliemes": phase.part_reservee_milliemes,
    }


def _get_appel(session: SessionDep, code: str, visiteur: Identite | None) -> Appel:
    """L'appel ; en préparation, seuls les agents de son contrat le lisent, comme sur les pages. Lève Introuvable."""
    appel = repository.get_appel_par_code(session, code)
    if appel is None or not (appel.etat is not EtatAppel.PREPARE or _est_agent(visiteur, appel)):
        raise Introuvable("Cet appel n’existe pas, ou n’est pas encore publié.")
    return appel


def _est_agent(visiteur: Identite | None, appel: Appel) -> bool:
    return visiteur is not None and visiteur.tient(*ROLES_AGENT, contrat_id=appel.contrat_id)


def _montrer(session: SessionDep, appel: Appel) -> dict[str, Any]:
    return {
        "code": appel.code,
        "contrat": contrats.get_contrat(session, appel.contrat_id).code,
        "annee": appel.annee,
        "intitule": appel.intitule,
        "etat": appel.etat.value,
        "seuil_court_centimes": appel.seuil_court.centimes,
        "orientations": appel.orientations,
        "phases": [montrer_phase(p) for p in repository.list_phases(session, appel.id)],
        "pieces": [
            {"code": p.code, "forme": p.forme, "libelle": p.libelle, "obligatoire": p.est_obligatoire}
            for p in repository.list_pieces(session, appel.id)
        ],
    }


@routeur.get("/appels/{code}", name="api:appel", dependencies=[Depends(PUBLIQUE)])
def get_appel(session: SessionDep, visiteur: Visiteur, code: str) -> dict[str, Any]:
    """Un appel publié, ses phases et ses pièces."""
    return _montrer(session, _get_appel(session, code, visiteur))


@routeur.get("/appels/{code}/enveloppes", name="api:enveloppes", dependencies=[Depends(LIT_LES_ENVELOPPES)])
def get_enveloppes(session: SessionDep, acteur: Acteur, code: str) -> dict[str, Any]:
    """Par ligne d'un appel : enveloppe, engagé, reste, en centimes. L'engagé n'est pas public avant les décisions."""
    appel = _get_appel(session, code, acteur)
    if appel.contrat_id not in acteur.contrats(ROLES_AGENT | ROLES_COMMISSION):
        raise Introuvable("Cet appel n’existe pas, ou vous n’y avez pas accès.")
    elements = [
        {
            "ligne": ligne.code,
            "annee": e.annee,
            "nature": e.nature.value,
            "montant_centimes": e.montant.centimes,
            "engage_centimes": e.engage.centimes,
            "reste_centimes": (e.montant - e.engage).centimes,
            "fictive": e.est_fictive,
        }
        for e, ligne in repository.list_enveloppes(session, appel.contrat_id, appel.annee)
    ]
    return {"elements": elements, "suivant": None}


@routeur.post("/appels", name="api:preparer_appel", status_code=201, dependencies=[Depends(CONDUIT)])
def preparer(session: SessionDep, acteur: Acteur, entree: AppelEntrant, maintenant: Maintenant) -> dict[str, Any]:
    """Prépare un appel : grille épinglée, phases, pièces."""
    contrat = contrats.get_contrat_par_code(session, entree.contrat)
    if contrat is None or not acteur.tient(Role.CHARGE_MISSION, contrat_id=contrat.id):
        raise Introuvable("Ce contrat n’existe pas, ou vous n’y avez pas accès.")
    version = contrats.version_en_vigueur(session, contrat.id, a_paris(maintenant).date())
    grille = grilles.get_grille_par_version(session, contrat.id, entree.grille)
    if version is None or grille is None:
        champ = "contrat" if version is None else "grille"
        raise SaisieInvalide([Faute(champ, "Cette version n’est pas chargée.", "version_inconnue")])
    appel = service.preparer(
        session, contrat=contrat, version=version, grille=grille, code=entree.code, annee=entree.annee,
        intitule=entree.intitule, phases=[p.phase() for p in entree.phases], pieces=[p.piece() for p in entree.pieces],
        seuil_court=Euros(entree.seuil_court_centimes), silence_avis=entree.silence_avis,
        orientations=entree.orientations.orientations(), acteur=acteur, maintenant=maintenant,
    )  # fmt: skip
    return _montrer(session, appel)


@routeur.post("/appels/{code}/enveloppes", name="api:doter", dependencies=[Depends(CONDUIT)])
def doter(
    session: SessionDep, acteur: Acteur, code: str, entree: EnveloppeEntrante, maintenant: Maintenant
) -> dict[str, Any]:
    """Fixe le montant d'une enveloppe."""
    appel = _get_appel(session, code, acteur)
    enveloppe = service.doter(
        session, contrat_id=appel.contrat_id, ligne=entree.ligne, annee=entree.annee,
        montant=Euros(entree.montant_centimes), nature=entree.nature, motif=entree.motif, acteur=acteur,
        maintenant=maintenant, est_fictive=entree.est_fictive,
    )  # fmt: skip
    return {"ligne": entree.ligne, "annee": enveloppe.annee, "montant_centimes": enveloppe.montant.centimes}


def _route_acte(acte: str, libelle: str) -> Callable[..., dict[str, Any]]:
    def agir(session: SessionDep, acteur: Acteur, code: str, maintenant: Maintenant) -> dict[str, Any]:
        _get_appel(session, code, acteur)
        return _montrer(session, service.passer(session, code, acte, acteur=acteur, maintenant=maintenant))

    agir.__name__ = f"{acte}_appel"
    agir.__doc__ = f"{libelle}."
    return agir


@routeur.post("/appels/{code}/dates", name="api:deplacer_dates", dependencies=[Depends(CONDUIT)])
def deplacer_dates(
    session: SessionDep, acteur: Acteur, code: str, entree: DatesEntrantes, maintenant: Maintenant
) -> dict[str, Any]:
    """Déplace des dates à venir d'un appel ouvert, avec motif."""
    appel = _get_appel(session, code, acteur)
    phases = [repository.annonce(phase) for phase in repository.list_phases(session, appel.id)]
    neuves = entree.appliquer(phases)
    service.deplacer_dates(session, code, neuves, motif=entree.motif, acteur=acteur, maintenant=maintenant)
    return _montrer(session, appel)


for _t in ACTES_DE_CONDUITE:
    routeur.post(f"/appels/{{code}}/{_t.acte}", name=f"api:appel:{_t.acte}", dependencies=[Depends(CONDUIT)])(
        _route_acte(_t.acte, _t.libelle)
    )

"""Déclarer un déport : par le membre lui-même, ou par le secrétariat en séance."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.commission import repository
from app.etapes.commission.pages.communs import cadre
from app.etapes.commission.schemas import DeportEntrant
from app.etapes.commission.service import presences
from app.infra.acces import Acteur, exiger
from app.infra.db import Session
from app.infra.envoi import EnvoiDep
from app.infra.forms import valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import Introuvable
from app.noyau.roles import ROLES_COMMISSION, Role

routeur = APIRouter()
SE_DEPORTE = exiger(*ROLES_COMMISSION, Role.CHARGE_MISSION)
DEPORTE = annoncer("deport", "Le déport est enregistré : ni travaux préparatoires, ni débat, ni vote sur ce dossier.")


def _contexte(session: Session, code: str, rang: int, acteur: Identite, saisie: dict[str, str]) -> dict[str, Any]:
    seance = repository.get_seance(session, code, acteur)
    points = repository.list_points(session, seance.id, rangs=[rang])
    if not points:
        raise Introuvable("Ce point n’est pas à l’ordre du jour.")
    membres = repository.list_membres(session, seance)
    siens = repository.sieges_de(membres, acteur)
    return cadre(seance, "ordre", acteur, "Déport") | {
        "lu": points[0],
        "mien": siens[0] if siens else None,
        "sieges": [(m.rang, m.qualite) for m in membres],
        "saisie": saisie,
    }


@routeur.get("/seances/{code}/points/{rang}/deport", name="seance:deport", dependencies=[Depends(SE_DEPORTE)])
def page_deport(request: Request, session: SessionDep, acteur: Acteur, code: str, rang: int) -> Response:
    """Ce que vaut un déport, et le formulaire pour le dire."""
    return rendre(request, "commission/deport.html", _contexte(session, code, rang, acteur, {}))


@routeur.post("/seances/{code}/points/{rang}/deport", name="seance:deporter", dependencies=[Depends(SE_DEPORTE)])
def deporter(envoi: EnvoiDep, code: str, rang: int) -> Response:
    """Enregistre le déport ; il vaut pour tous les points du dossier."""
    with envoi.sinon(
        lambda: ("commission/deport.html", _contexte(envoi.session, code, rang, envoi.acteur, envoi.saisie))
    ):
        entree = valider(DeportEntrant, {"motif": "", **envoi.formulaire.en_dict()})
        presences.deporter(envoi.session, code, rang, motif=entree.motif, siege=entree.siege, **envoi.qui)
    return envoi.vers("seance", code=code, fait=DEPORTE)

"""L'écran de séance : les blocs à voter, le quorum, les enveloppes."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.commission import repository
from app.etapes.commission.models import EtatSeance, Seance
from app.etapes.commission.pages.communs import LIT, TIENT, cadre, lire_bulletins, points_deportes, titres_masques
from app.etapes.commission.repository import PointLu
from app.etapes.commission.rules import Deport
from app.etapes.commission.schemas import BlocEntrant
from app.etapes.commission.service import votes
from app.infra.acces import Acteur
from app.infra.clock import Maintenant
from app.infra.db import Session
from app.infra.direct import rendre_en_direct
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.forms import valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer
from app.noyau.euros import Euros

routeur = APIRouter()
VOTE = annoncer("bloc-vote", "Le bloc est voté et proclamé.")
VOTE_EN_PARTIE = annoncer("bloc-vote-en-partie", "Le bloc est voté. Des points restent à voter un par un.")


def _bloc(nom: str, membres: list[PointLu], deports: dict[str, int]) -> dict[str, Any]:
    ouverts = [p for p in membres if p.resultat is None and not p.est_retiree]
    a_part = [p for p in ouverts if str(p.point.rang) in deports]
    return {
        "nom": nom,
        "ligne": membres[0].ligne,
        "nature": membres[0].nature,
        "points": membres,
        "ensemble": [p for p in ouverts if p not in a_part],
        "a_part": a_part,
        "soumis": Euros.somme(p.point.montant_soumis for p in ouverts),
        "vote": Euros.somme(p.resultat.montant for p in membres if p.resultat is not None),
        "proclames": sum(p.resultat is not None for p in membres),
    }


def _par_point(deports: list[Deport]) -> dict[str, int]:
    return {point: len(list(groupe)) for point, groupe in groupby(deports, key=lambda d: d.point)}


def _contexte(session: Session, seance: Seance, acteur: Identite, maintenant: datetime) -> dict[str, Any]:
    points = list(repository.list_points(session, seance.id))
    salle = repository.lire_salle(session, seance)
    deports = list(repository.deports_de(session, seance.id))
    combien = _par_point(deports)
    caches = points_deportes(salle, deports, acteur)
    return cadre(seance, "votes", acteur, "Votes") | {
        "blocs": [_bloc(n, list(g), combien) for n, g in groupby(points, key=lambda p: p.point.bloc)],
        "prochain": next((p for p in points if p.resultat is None and not p.est_retiree), None),
        "reste": sum(p.resultat is None and not p.est_retiree for p in points),
        "nombre": len(points),
        "quorum": salle.quorum(maintenant),
        "montrer_quorum": seance.etat is not EtatSeance.CLOSE,
        "soldes": repository.soldes_de_seance(session, seance),
        "caches": caches,
        "titres": titres_masques(points, caches),
        "classe_page": "projection",
    }


@routeur.get("/seances/{code}/votes", name="seance:votes", dependencies=[Depends(LIT)])
def page_votes(request: Request, session: SessionDep, acteur: Acteur, code: str, maintenant: Maintenant) -> Response:
    """Où en est le vote, bloc par bloc."""
    seance = repository.get_seance(session, code, acteur)
    return rendre_en_direct(
        request, session, seance.contrat_id, "commission/votes.html",
        lambda: _contexte(session, seance, acteur, maintenant),
    )  # fmt: skip


def _page(envoi: Envoi, code: str) -> Page:
    seance = repository.get_seance(envoi.session, code, envoi.acteur)
    return "commission/votes.html", _contexte(envoi.session, seance, envoi.acteur, envoi.maintenant)


@routeur.post("/seances/{code}/votes", name="seance:voter_bloc", dependencies=[Depends(TIENT)])
def voter_bloc(envoi: EnvoiDep, code: str) -> Response:
    """Vote et proclame un bloc ; les points d'un membre déporté restent à voter un par un."""
    recu = envoi.formulaire
    with envoi.sinon(lambda: _page(envoi, code)):
        brut = {"bloc": recu.get("bloc"), "sauf": recu.liste("sauf"), **lire_bulletins(recu)}
        entree = valider(BlocEntrant, brut)
        fait = votes.voter_bloc(
            envoi.session, code, entree.bloc, bulletins=entree.bulletins(), sauf=entree.sauf, **envoi.qui
        )
    reste = fait.disjoints or fait.ouverts
    return envoi.vers("seance:votes", code=code, fait=VOTE_EN_PARTIE if reste else VOTE)

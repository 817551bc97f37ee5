"""Les données ouvertes : le fichier des subventions, et la page qui l'explique."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response, StreamingResponse

from app.etapes.publication import repository
from app.etapes.publication.rules import COLONNES
from app.etapes.publication.service import scdl_en_flux
from app.infra.acces import PUBLIQUE
from app.infra.web import SessionDep, rendre

routeur = APIRouter()


@routeur.get("/donnees/subventions.csv", name="donnees:subventions", dependencies=[Depends(PUBLIQUE)])
def telecharger(request: Request) -> Response:
    """Les subventions attribuées et notifiées, au schéma SCDL 2.1.1."""
    return StreamingResponse(
        scdl_en_flux(repository.lire_lignes(request.app.state.fabrique)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="subventions.csv"'},
    )


@routeur.get("/donnees", name="donnees", dependencies=[Depends(PUBLIQUE)])
def page_donnees(request: Request, session: SessionDep) -> Response:
    """Ce que contient le fichier, d'où il vient, ce qui n'y est pas encore."""
    contexte = {
        "totaux": repository.list_totaux(session),
        "colonnes": COLONNES,
        "fil": (("Données ouvertes", None),),
    }
    return rendre(request, "publication/donnees.html", contexte)

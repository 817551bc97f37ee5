"""Pages : accueil public."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.infra.acces import PUBLIQUE
from app.infra.web import rendre

routeur = APIRouter()


@routeur.get("/", name="accueil_public", dependencies=[Depends(PUBLIQUE)])
def accueil_public(request: Request) -> Response:
    """L'accueil : à quoi sert le service, par où commencer."""
    return rendre(request, "espaces/public/accueil.html", {})

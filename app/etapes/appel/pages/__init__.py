"""Pages de l'appel : la page publique, la conduite de la campagne, les coordonnées des autorités."""

from __future__ import annotations

from fastapi import APIRouter

from app.etapes.appel.pages import autorites, conduite

routeur = APIRouter()
for _partie in (conduite, autorites):
    routeur.include_router(_partie.routeur)

"""Pages de la programmation : vue d'ensemble, tableau d'une ligne, montants, exports, simulations."""

from __future__ import annotations

from fastapi import APIRouter

from app.etapes.programmation.pages import exports, montants, scenarios, tableaux

routeur = APIRouter()
for _partie in (tableaux, montants, exports, scenarios):
    routeur.include_router(_partie.routeur)

"""Pages de la commission : séances, ordre du jour, présences, votes, procès-verbal."""

from __future__ import annotations

from fastapi import APIRouter

from app.etapes.commission.pages import deports, points, preparation, presences, proces_verbal, votes

routeur = APIRouter()
for _partie in (preparation, presences, votes, points, deports, proces_verbal):
    routeur.include_router(_partie.routeur)

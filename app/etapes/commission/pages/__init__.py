"""Pages de la commission : séances, ordre du jour, présences, votes, procès-verbal."""

from __future__ import annotations

from app.etapes.commission.pages import deports, points, preparation, presences, proces_verbal, votes
from app.infra.web import reunir

routeur = reunir(
    preparation.routeur, presences.routeur, votes.routeur, points.routeur, deports.routeur, proces_verbal.routeur
)

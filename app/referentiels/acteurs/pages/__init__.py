"""Pages des acteurs : connexion et jetons, organisation et ses membres, lien de première connexion."""

from __future__ import annotations

from fastapi import APIRouter

from app.referentiels.acteurs.pages import acces, connexion, membres, organisation, oubli

routeur = APIRouter()
for _partie in (connexion, oubli, acces, organisation, membres):
    routeur.include_router(_partie.routeur)

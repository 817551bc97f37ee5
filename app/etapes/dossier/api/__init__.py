"""API des dossiers : créer, lire, changer, chercher ; une route par acte, engendrée des tables de transitions."""

from __future__ import annotations

from fastapi import APIRouter

from app.etapes.dossier.api import actes, dossiers

routeur = APIRouter()
routeur.include_router(dossiers.routeur)
routeur.include_router(actes.routeur)

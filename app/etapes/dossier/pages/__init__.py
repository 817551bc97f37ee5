"""Pages du dossier, côté porteur. L'ordre compte : « /dossiers/nouveau » avant « /dossiers/{identifiant} »."""

from __future__ import annotations

from fastapi import APIRouter

from app.etapes.dossier.pages import porteur_actes, porteur_dossier, porteur_etapes, porteur_listes

routeur = APIRouter()
for _partie in (porteur_listes, porteur_dossier, porteur_etapes, porteur_actes):
    routeur.include_router(_partie.routeur)

"""Pages de la décision : les lignes, la décision d'une demande, le lot, la notification, les exports."""

from __future__ import annotations

from fastapi import APIRouter

from app.etapes.convention.pages import decision, exports, lignes, notification

routeur = APIRouter()
for _partie in (exports, lignes, decision, notification):
    routeur.include_router(_partie.routeur)

"""Pages de la décision : les lignes, la décision d'une demande, le lot, la notification, les exports."""

from __future__ import annotations

from app.etapes.convention.pages import decision, exports, lignes, notification
from app.infra.web import reunir

routeur = reunir(exports.routeur, lignes.routeur, decision.routeur, notification.routeur)

"""Toutes les tâches de fond, réunies pour le service et le worker. Importer ce module suffit à les déclarer."""

from __future__ import annotations

from app.infra import entretien, mail
from app.referentiels.acteurs import tasks as acteurs

MODULES = (entretien, mail, acteurs)

"""Toutes les tâches de fond, réunies pour le service et le worker. Importer ce module suffit à les déclarer."""

from __future__ import annotations

from app.etapes.commission import tasks as commission
from app.etapes.consultation import tasks as consultation
from app.etapes.convention import tasks as convention
from app.etapes.dossier import tasks as dossier
from app.etapes.notation import tasks as notation
from app.etapes.programmation import tasks as programmation
from app.infra import entretien, mail
from app.referentiels.acteurs import tasks as acteurs
from app.referentiels.pieces import tasks as pieces

MODULES = (commission, consultation, convention, dossier, notation, programmation, entretien, mail, acteurs, pieces)

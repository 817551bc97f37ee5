"""Charger un contrat, version après version."""

from app.etapes.contrat.service.chargement import Bilan, charger

__all__ = ["Bilan", "charger"]

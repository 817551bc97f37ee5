"""API des dossiers : créer, lire, changer, chercher ; une route par acte, engendrée des tables de transitions."""

from __future__ import annotations

from app.etapes.dossier.api import actes, dossiers
from app.infra.web import reunir

routeur = reunir(dossiers.routeur, actes.routeur)

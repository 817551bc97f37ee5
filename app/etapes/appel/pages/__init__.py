"""Pages de l'appel : la page publique, la conduite de la campagne, les coordonnées des autorités."""

from __future__ import annotations

from app.etapes.appel.pages import autorites, conduite
from app.infra.web import reunir

routeur = reunir(conduite.routeur, autorites.routeur)

"""Pages de la programmation : vue d'ensemble, tableau d'une ligne, montants, exports, simulations."""

from __future__ import annotations

from app.etapes.programmation.pages import exports, montants, scenarios, tableaux
from app.infra.web import reunir

routeur = reunir(tableaux.routeur, montants.routeur, exports.routeur, scenarios.routeur)

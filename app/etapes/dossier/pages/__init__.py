"""Pages du dossier, côté porteur. L'ordre compte : « /dossiers/nouveau » avant « /dossiers/{identifiant} »."""

from __future__ import annotations

from app.etapes.dossier.pages import porteur_actes, porteur_dossier, porteur_etapes, porteur_listes
from app.infra.web import reunir

routeur = reunir(porteur_listes.routeur, porteur_dossier.routeur, porteur_etapes.routeur, porteur_actes.routeur)

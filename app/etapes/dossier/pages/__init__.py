"""Pages du dossier. L'ordre compte : « /dossiers/nouveau » avant « /dossiers/{identifiant} »."""

from __future__ import annotations

from app.etapes.dossier.pages import (
    archive,
    echanges,
    portail_etat,
    porteur_actes,
    porteur_dossier,
    porteur_edition,
    porteur_etapes,
    porteur_listes,
    porteur_portail,
    porteur_priorites,
)
from app.infra.web import reunir

routeur = reunir(
    porteur_listes.routeur,
    porteur_dossier.routeur,
    porteur_etapes.routeur,
    porteur_edition.routeur,
    porteur_actes.routeur,
    porteur_priorites.routeur,
    porteur_portail.routeur,
    echanges.routeur,
    archive.routeur,
    portail_etat.routeur,
)

"""Pages des acteurs : connexion, compte et jetons, organisation, sa fiche et ses membres, liens à usage unique."""

from __future__ import annotations

from app.infra.web import reunir
from app.referentiels.acteurs.pages import (
    acces,
    compte,
    connexion,
    fiche,
    inscription,
    membres,
    nominations,
    organisation,
    oubli,
    relais,
)

# « /organisations/nouvelle » avant « /organisations/{organisation} » : la première route qui convient sert.
routeur = reunir(
    connexion.routeur,
    inscription.routeur,
    compte.routeur,
    oubli.routeur,
    acces.routeur,
    organisation.routeur,
    membres.routeur,
    relais.routeur,
    fiche.routeur,
    nominations.routeur,
)

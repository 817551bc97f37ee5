"""Pages des acteurs : connexion et jetons, organisation et ses membres, lien de première connexion."""

from __future__ import annotations

from app.infra.web import reunir
from app.referentiels.acteurs.pages import acces, connexion, membres, organisation, oubli

routeur = reunir(connexion.routeur, oubli.routeur, acces.routeur, organisation.routeur, membres.routeur)

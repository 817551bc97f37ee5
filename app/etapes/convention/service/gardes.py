"""Qui agit pour une autorité : les personnes habilitées sur sa ligne."""

from __future__ import annotations

from app.etapes.dossier.rules.etats import DECIDE
from app.infra.identite import Identite
from app.noyau.erreurs import ActeInterdit


def decide_sur(acteur: Identite, contrat_id: int, ligne: str) -> bool:
    """Vrai si la personne enregistre les arrêtés et les décisions de l'autorité de cette ligne, et d'elle seule."""
    return bool(acteur.roles_sur_ligne(contrat_id, ligne) & DECIDE)


def exiger_la_ligne(acteur: Identite, contrat_id: int, ligne: str) -> None:
    """Lève ActeInterdit si la personne n'est pas de cette ligne."""
    if not decide_sur(acteur, contrat_id, ligne):
        raise ActeInterdit(f"Les arrêtés et décisions de la ligne {ligne} reviennent aux personnes de son autorité.")

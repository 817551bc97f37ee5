"""Qui agit pour une autorité : les personnes habilitées sur sa ligne."""

from __future__ import annotations

from app.etapes.dossier.rules.etats import DECIDE
from app.infra.identite import Identite
from app.noyau.erreurs import ActeInterdit
from app.noyau.roles import Role


def decide_sur(acteur: Identite, contrat_id: int, ligne: str) -> bool:
    """Vrai si la personne enregistre les décisions de l'autorité de cette ligne."""
    return bool(acteur.roles_sur_ligne(contrat_id, ligne) & DECIDE)


def arrete_sur(acteur: Identite, contrat_id: int, ligne: str) -> bool:
    """Vrai si la personne peut arrêter la programmation de cette ligne."""
    return bool(acteur.roles_sur_ligne(contrat_id, ligne) & (DECIDE | {Role.CHARGE_MISSION}))


def exiger_la_ligne(acteur: Identite, contrat_id: int, ligne: str) -> None:
    """Lève ActeInterdit si la personne n'est pas de cette ligne."""
    if not decide_sur(acteur, contrat_id, ligne):
        raise ActeInterdit(f"Les décisions de la ligne {ligne} reviennent aux personnes de son autorité.")


def exiger_l_arrete(acteur: Identite, contrat_id: int, ligne: str) -> None:
    """Lève ActeInterdit si la personne ne peut pas arrêter cette ligne."""
    if not arrete_sur(acteur, contrat_id, ligne):
        raise ActeInterdit(f"La ligne {ligne} est arrêtée par les personnes de son autorité ou le chargé de mission.")

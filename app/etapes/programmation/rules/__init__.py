"""Les règles de la programmation : soldes, contraintes, simulation, équité."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.etapes.programmation.rules.contraintes import (
    Contrainte,
    Domaine,
    contraintes,
    domaines,
    plafond_public,
    verifier,
)
from app.etapes.programmation.rules.equite import (
    Concentration,
    Financement,
    Part,
    concentration,
    par_commune,
    par_habitant,
    par_objectif,
    par_quartier,
    partager,
)
from app.etapes.programmation.rules.modele import Etat, Limites, Modele, Moteur, Reponse, SolveurEnDefaut, poser
from app.etapes.programmation.rules.probleme import (
    Couple,
    DemandeASimuler,
    DossierASimuler,
    EnveloppeASimuler,
    NatureVerrou,
    Probleme,
    Verrou,
)
from app.etapes.programmation.rules.simulation import (
    LIMITES,
    MontantSimule,
    Scenario,
    Signalement,
    Statut,
    optimiser,
)
from app.etapes.programmation.rules.soldes import Solde, Verdict, fautes_du_montant, peut_arreter, solde

if TYPE_CHECKING:
    from app.etapes.programmation.rules.moteur import MoteurHighs

__all__ = [
    "LIMITES", "Concentration", "Contrainte", "Couple", "DemandeASimuler", "Domaine", "DossierASimuler",
    "EnveloppeASimuler", "Etat", "Financement", "Limites", "Modele", "MontantSimule", "Moteur", "MoteurHighs",
    "NatureVerrou", "Part", "Probleme", "Reponse", "Scenario", "Signalement", "Solde", "SolveurEnDefaut", "Statut",
    "Verdict", "Verrou", "concentration", "contraintes", "domaines", "fautes_du_montant", "optimiser",
    "par_commune", "par_habitant", "par_objectif", "par_quartier", "partager", "peut_arreter", "plafond_public",
    "poser", "solde", "verifier",
]  # fmt: skip


def __getattr__(nom: str) -> Any:
    """Le solveur se charge à la demande, jamais à l'import des règles."""
    if nom == "MoteurHighs":
        from app.etapes.programmation.rules.moteur import MoteurHighs  # noqa: PLC0415

        return MoteurHighs
    raise AttributeError(nom)

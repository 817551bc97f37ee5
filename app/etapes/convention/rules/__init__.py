"""Les règles de la convention : arrêter, décider, notifier, coller un lot."""

from __future__ import annotations

from app.etapes.convention.rules.arrete import (
    AvancementDeLaLigne,
    Empechement,
    EtatDeLaLigne,
    Votee,
    empechements_de_l_appel,
    empechements_de_l_arrete,
    phase_a_arreter,
)
from app.etapes.convention.rules.decision import (
    ANNEES_D_UNE_CPO,
    DELAI_RECOURS_MOIS,
    DELAI_VERSEMENT_JOURS,
    AnneeSuivante,
    DecisionDite,
    FaitsDecision,
    SensDecision,
    Tranche,
    a_liberer,
    acte_cite,
    empechements_de_la_decision,
    fautes_de_la_decision,
    montant_de_la_tranche,
    tranche,
    tribunal_competent,
)
from app.etapes.convention.rules.lot import (
    LigneDeLot,
    lire_lot,
)

__all__ = [
    "ANNEES_D_UNE_CPO",
    "DELAI_RECOURS_MOIS",
    "DELAI_VERSEMENT_JOURS",
    "AnneeSuivante",
    "AvancementDeLaLigne",
    "DecisionDite",
    "Empechement",
    "EtatDeLaLigne",
    "FaitsDecision",
    "LigneDeLot",
    "SensDecision",
    "Tranche",
    "Votee",
    "a_liberer",
    "acte_cite",
    "empechements_de_l_appel",
    "empechements_de_l_arrete",
    "empechements_de_la_decision",
    "fautes_de_la_decision",
    "lire_lot",
    "montant_de_la_tranche",
    "phase_a_arreter",
    "tranche",
    "tribunal_competent",
]

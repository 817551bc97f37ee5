"""Actes de la notation : noter, ajuster, établir un fait, clore la recevabilité, comparer une grille."""

from app.etapes.notation.service.ajustements import ajuster, peut_ajuster
from app.etapes.notation.service.comparaison import comparer_grille
from app.etapes.notation.service.faits import etablir_fait, faire_noter, verifier_faits
from app.etapes.notation.service.grilles import (
    adopter,
    brouillon_en_vue,
    contrat_en_vue,
    fautes_des_usages,
    grille_en_vue,
    raison_d_attendre,
)
from app.etapes.notation.service.lecture import (
    LIT_LES_NOTES,
    Changement,
    LigneVue,
    dire_les_changements,
    get_appel_publie,
    ligne_vue,
    lire_dossier,
    list_changements,
    list_lignes_vues,
)
from app.etapes.notation.service.lectures import (
    demander_lecture,
    lecteurs_possibles,
    lire_questions,
    rendre_lecture,
    retirer_lecture,
)
from app.etapes.notation.service.notes import (
    SERVICE,
    Bilan,
    noter_appel,
    noter_dossier,
    noter_lot,
    relire,
)
from app.etapes.notation.service.recevabilite import clore_recevabilite
from app.etapes.notation.service.rejeu import Rejeu, rejouer_appel
from app.etapes.notation.service.travaux import (
    avancer_essai,
    avancer_renotation,
    commencer_essai,
    demander_essai,
    demander_renotation,
    interrompre_essai,
    interrompre_renotation,
    lancer_renotation,
    ranger_essai,
)

__all__ = [
    "LIT_LES_NOTES",
    "SERVICE",
    "Bilan",
    "Changement",
    "LigneVue",
    "Rejeu",
    "adopter",
    "ajuster",
    "avancer_essai",
    "avancer_renotation",
    "brouillon_en_vue",
    "clore_recevabilite",
    "commencer_essai",
    "comparer_grille",
    "contrat_en_vue",
    "demander_essai",
    "demander_lecture",
    "demander_renotation",
    "dire_les_changements",
    "etablir_fait",
    "faire_noter",
    "fautes_des_usages",
    "get_appel_publie",
    "grille_en_vue",
    "interrompre_essai",
    "interrompre_renotation",
    "lancer_renotation",
    "lecteurs_possibles",
    "ligne_vue",
    "lire_dossier",
    "lire_questions",
    "list_changements",
    "list_lignes_vues",
    "noter_appel",
    "noter_dossier",
    "noter_lot",
    "peut_ajuster",
    "raison_d_attendre",
    "ranger_essai",
    "rejouer_appel",
    "relire",
    "rendre_lecture",
    "retirer_lecture",
    "verifier_faits",
]

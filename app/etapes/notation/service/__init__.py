"""Actes de la notation : noter, ajuster, établir un fait, clore la recevabilité, comparer une grille."""

from app.etapes.notation.service.ajustements import ajuster, peut_ajuster
from app.etapes.notation.service.comparaison import comparer_grille
from app.etapes.notation.service.faits import etablir_fait, faire_noter, verifier_faits
from app.etapes.notation.service.lecture import (
    LIT_LES_NOTES,
    Changement,
    LigneVue,
    get_appel_publie,
    lire_dossier,
    list_changements,
    list_lignes_vues,
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

__all__ = [
    "LIT_LES_NOTES",
    "SERVICE",
    "Bilan",
    "Changement",
    "LigneVue",
    "ajuster",
    "clore_recevabilite",
    "comparer_grille",
    "etablir_fait",
    "faire_noter",
    "get_appel_publie",
    "lire_dossier",
    "list_changements",
    "list_lignes_vues",
    "noter_appel",
    "noter_dossier",
    "noter_lot",
    "peut_ajuster",
    "relire",
    "verifier_faits",
]

"""Noter un dossier, ligne par ligne : faits figés en entrée, lignes motivées en sortie. Pur."""

from app.etapes.notation.rules.ajustements import AjustementRefuse, appliquer_ajustements
from app.etapes.notation.rules.calcul import LigneInconnue, noter, noter_lignes
from app.etapes.notation.rules.comparaison import comparer
from app.etapes.notation.rules.export import note_vers_donnees, note_vers_json
from app.etapes.notation.rules.faits import (
    FaitsDossier,
    FaitsInvalides,
    fait_vers_donnees,
    faits_depuis_donnees,
    faits_depuis_json,
    faits_vers_donnees,
    faits_vers_json,
)
from app.etapes.notation.rules.medianes import (
    CoutDossier,
    Mediane,
    Medianes,
    avec_medianes,
    medianes_depuis_donnees,
    medianes_par_type,
    medianes_vers_donnees,
)
from app.etapes.notation.rules.motifs import ecrire_arrondi, ecrire_decimal, ecrire_fait
from app.etapes.notation.rules.note import Ajustement, EtatLigne, HorsChamp, LigneNote, Note, Resultat, totaliser

__all__ = [
    "Ajustement",
    "AjustementRefuse",
    "CoutDossier",
    "EtatLigne",
    "FaitsDossier",
    "FaitsInvalides",
    "HorsChamp",
    "LigneInconnue",
    "LigneNote",
    "Mediane",
    "Medianes",
    "Note",
    "Resultat",
    "appliquer_ajustements",
    "avec_medianes",
    "comparer",
    "ecrire_arrondi",
    "ecrire_decimal",
    "ecrire_fait",
    "fait_vers_donnees",
    "faits_depuis_donnees",
    "faits_depuis_json",
    "faits_vers_donnees",
    "faits_vers_json",
    "medianes_depuis_donnees",
    "medianes_par_type",
    "medianes_vers_donnees",
    "note_vers_donnees",
    "note_vers_json",
    "noter",
    "noter_lignes",
    "totaliser",
]  # fmt: skip

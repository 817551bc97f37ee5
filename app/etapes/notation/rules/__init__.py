"""Noter un dossier, ligne par ligne : faits figés en entrée, lignes motivées en sortie. Pur."""

from app.etapes.notation.rules.ajustements import AjustementRefuse, appliquer_ajustements
from app.etapes.notation.rules.calcul import AUCUNE_PRIORITE, LigneInconnue, noter, noter_lignes
from app.etapes.notation.rules.comparaison import comparer, dire_la_premiere
from app.etapes.notation.rules.correspondance import (
    CORRESPONDANCES,
    Cadre,
    Constat,
    Correspondance,
    avec_constats,
    avec_externes,
    faits_a_noter,
    faits_du_contenu,
)
from app.etapes.notation.rules.description import (
    BaremePublic,
    CriterePublic,
    PalierPublic,
    regles_publiques,
)
from app.etapes.notation.rules.effet import EffetLigne, Placement, mesurer_effet
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
from app.etapes.notation.rules.garde import (
    bornes_vers_texte,
    criteres_a_garder,
    criteres_vers_json,
    empreinte_de_note,
    empreinte_des_faits,
    priorites_vers_json,
    total_des_gardes,
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
from app.etapes.notation.rules.motifs import ecrire_fait
from app.etapes.notation.rules.note import Ajustement, EtatLigne, HorsChamp, LigneNote, Note, Resultat, totaliser
from app.etapes.notation.rules.orientations import Priorites, orienter
from app.etapes.notation.rules.rejeu import NoteIrrejouable, ajuster_en_taux, rejouer
from app.etapes.notation.rules.saisie import (
    TYPES_ACTION,
    est_etabli_par_agent,
    lire_saisie,
    valeur_depuis_json,
    valeur_vers_json,
    valeurs_admises,
)
from app.referentiels.grilles.rules import decrire, ecrire_arrondi, ecrire_decimal

__all__ = [
    "AUCUNE_PRIORITE",
    "CORRESPONDANCES",
    "TYPES_ACTION",
    "Ajustement",
    "AjustementRefuse",
    "BaremePublic",
    "Cadre",
    "Constat",
    "Correspondance",
    "CoutDossier",
    "CriterePublic",
    "EffetLigne",
    "EtatLigne",
    "FaitsDossier",
    "FaitsInvalides",
    "HorsChamp",
    "LigneInconnue",
    "LigneNote",
    "Mediane",
    "Medianes",
    "Note",
    "NoteIrrejouable",
    "PalierPublic",
    "Placement",
    "Priorites",
    "Resultat",
    "ajuster_en_taux",
    "appliquer_ajustements",
    "avec_constats",
    "avec_externes",
    "avec_medianes",
    "bornes_vers_texte",
    "comparer",
    "criteres_a_garder",
    "criteres_vers_json",
    "decrire",
    "dire_la_premiere",
    "ecrire_arrondi",
    "ecrire_decimal",
    "ecrire_fait",
    "empreinte_de_note",
    "empreinte_des_faits",
    "est_etabli_par_agent",
    "fait_vers_donnees",
    "faits_a_noter",
    "faits_depuis_donnees",
    "faits_depuis_json",
    "faits_du_contenu",
    "faits_vers_donnees",
    "faits_vers_json",
    "lire_saisie",
    "medianes_depuis_donnees",
    "medianes_par_type",
    "medianes_vers_donnees",
    "mesurer_effet",
    "note_vers_donnees",
    "note_vers_json",
    "noter",
    "noter_lignes",
    "orienter",
    "priorites_vers_json",
    "regles_publiques",
    "rejouer",
    "total_des_gardes",
    "totaliser",
    "valeur_depuis_json",
    "valeur_vers_json",
    "valeurs_admises",
]  # fmt: skip

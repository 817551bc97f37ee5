"""Les tables que remplit le banc, et leurs colonnes."""

from __future__ import annotations

from enum import StrEnum


class Table(StrEnum):
    """Les tables remplies, dans l'ordre où leurs liens les admettent."""

    DOSSIER = "dossier"
    CHAMP = "champ"
    VERSION = "dossier_version"
    DEMANDE = "demande"
    PASSAGE = "passage"
    CONTROLE = "controle_recevabilite"
    COMPLEMENT = "demande_complement"
    RELEVE = "releve_faits"
    NOTE = "note"
    PROPOSITION = "proposition"


COLONNES: dict[Table, tuple[str, ...]] = {
    Table.DOSSIER: (
        "id", "contrat_id", "appel_id", "phase_id", "version_id", "organisation_id", "reference", "numero", "etat",
        "version", "titre", "objectif", "quartiers", "fiches", "montant_demande_centimes", "duree_annees",
        "est_chemin_court", "est_fictif", "recherche", "signe_le", "signe_par", "signe_version", "depose_le",
        "cree_at", "cree_par", "modifie_at",
    ),
    Table.CHAMP: ("contrat_id", "dossier_id", "code", "valeur", "version", "par", "a"),
    Table.VERSION: ("contrat_id", "dossier_id", "rang", "contenu", "empreinte", "a"),
    Table.DEMANDE: (
        "id", "contrat_id", "dossier_id", "ligne_id", "annee", "etat", "montant_demande_centimes", "theme_p147",
        "numero_dauphin", "modifiee_at",
    ),
    Table.PASSAGE: ("contrat_id", "dossier_id", "demande_id", "acte", "de", "vers", "motif", "acteur", "a"),
    Table.CONTROLE: ("contrat_id", "demande_id", "points", "conclusion", "motif", "oriente_vers", "acteur", "a"),
    Table.COMPLEMENT: (
        "contrat_id", "dossier_id", "objet", "pourquoi", "echeance_le", "demandee_le", "demandee_par", "reponse",
    ),
    Table.RELEVE: ("id", "contrat_id", "dossier_id", "rang", "faits", "empreinte", "a"),
    Table.NOTE: (
        "contrat_id", "demande_id", "grille_id", "releve_id", "rang", "criteres", "priorites", "minimum", "maximum",
        "est_provisoire", "empreinte", "acteur", "a",
    ),
    Table.PROPOSITION: (
        "contrat_id", "demande_id", "rang", "nature", "montant_centimes", "motif", "acteur", "a",
    ),
}  # fmt: skip

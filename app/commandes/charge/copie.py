"""Le format texte de COPY : une table, ses colonnes, des rangées préparées, envoyées en flux."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import psycopg
from psycopg import sql

Cellule = str | int | bool | Decimal | datetime | Sequence[str] | None
BLOC = 256  # rangées par envoi : assez pour ne pas payer chaque appel, peu pour la mémoire
_ECHAPPEES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))


class Table(StrEnum):
    """Les tables remplies, dans l'ordre où leurs liens les admettent."""

    DOSSIER = "dossier"
    CHAMP = "champ"
    VERSION = "dossier_version"
    DEMANDE = "demande"
    PASSAGE = "passage"
    CONTROLE = "controle_recevabilite"
    COMPLEMENT = "demande_complement"
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
    Table.NOTE: (
        "contrat_id", "demande_id", "grille_id", "rang", "faits", "resultat", "minimum", "maximum", "est_provisoire",
        "motif", "acteur", "a",
    ),
    Table.PROPOSITION: (
        "contrat_id", "demande_id", "rang", "nature", "montant_centimes", "motif", "acteur", "a",
    ),
}  # fmt: skip


def texte(valeur: Cellule) -> str:
    """Une cellule de COPY : NULL, échappements, tableaux de textes sans guillemet ni virgule."""
    if valeur is None:
        return "\\N"
    if isinstance(valeur, str):
        for brut, echappe in _ECHAPPEES:  # dix fois plus rapide que str.translate sur un long texte
            valeur = valeur.replace(brut, echappe)
        return valeur
    if isinstance(valeur, bool):
        return "t" if valeur else "f"
    if isinstance(valeur, int | Decimal):
        return str(valeur)
    if isinstance(valeur, datetime):
        return valeur.isoformat()
    return "{" + ",".join(valeur) + "}"


def rangee(*cellules: Cellule) -> str:
    """Une ligne de COPY."""
    return "\t".join(map(texte, cellules)) + "\n"


def copier(connexion: psycopg.Connection, table: Table, rangees: Iterable[str]) -> None:
    """Envoie des rangées préparées, par blocs. Contraintes et déclencheurs jugent comme pour un INSERT."""
    ordre = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, COLONNES[table]))
    )
    with connexion.cursor() as curseur, curseur.copy(ordre) as copie:
        bloc: list[str] = []
        for ligne in rangees:
            bloc.append(ligne)
            if len(bloc) == BLOC:
                copie.write("".join(bloc))
                bloc.clear()
        copie.write("".join(bloc))

"""Le format texte de COPY : des rangées préparées, envoyées en flux. Contraintes et déclencheurs jugent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

import psycopg
from psycopg import sql

Cellule = str | int | bool | Decimal | datetime | Sequence[str] | None
BLOC = 256  # rangées par envoi : assez pour ne pas payer chaque appel, peu pour la mémoire
_ECHAPPEES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))


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


def copier(connexion: psycopg.Connection, table: str, colonnes: Sequence[str], rangees: Iterable[str]) -> None:
    """Envoie des rangées préparées, par blocs. Contraintes et déclencheurs jugent comme pour un INSERT."""
    ordre = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, colonnes))
    )
    with connexion.cursor() as curseur, curseur.copy(ordre) as copie:
        bloc: list[str] = []
        for ligne in rangees:
            bloc.append(ligne)
            if len(bloc) == BLOC:
                copie.write("".join(bloc))
                bloc.clear()
        copie.write("".join(bloc))

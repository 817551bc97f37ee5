"""Rendre une base d'essai comme neuve : cloner coûte plus d'une demi-seconde, vider quelques centièmes."""

from __future__ import annotations

from typing import LiteralString

import psycopg
from psycopg import sql

from app.commandes.base import Base

SUPERUTILISATEUR = "postgres"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
_STRUCTURE = """
    SELECT md5(string_agg(ligne, E'\\n' ORDER BY ligne)) FROM (
        SELECT concat_ws('|', 'c', relname, relkind, relacl, relhastriggers) FROM pg_class
         WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws('|', 't', tgrelid, tgname, tgenabled) FROM pg_trigger
        UNION ALL SELECT concat_ws('|', 'f', proname, md5(prosrc)) FROM pg_proc
         WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws('|', 'k', conrelid, conname, convalidated) FROM pg_constraint
    ) AS tout (ligne)
"""
_SEQUENCES = """
    SELECT setval(format('public.%I', sequencename)::regclass, start_value, false) FROM pg_sequences
     WHERE schemaname = 'public' AND last_value IS NOT NULL
"""
_INCASSABLES = """
    SELECT tgrelid::regclass::text, tgname FROM pg_trigger
     WHERE tgenabled = 'A' AND NOT tgisinternal ORDER BY 1, 2
"""


class Menage:
    """Ce que contient une base fraîchement clonée, et comment y revenir. Qui change les tables se le voit dire."""

    def __init__(self, base: Base) -> None:
        if base.grappe is None:
            raise ValueError("Le ménage demande la grappe embarquée : il faut un superutilisateur.")
        self._conninfo = base.grappe.conninfo(base.nom, SUPERUTILISATEUR)
        with self._connexion() as connexion:
            self._tables = [str(nom) for (nom,) in connexion.execute(_TABLES)]
            self._structure = _structure(connexion)
            self._incassables = [(str(table), str(nom)) for table, nom in connexion.execute(_INCASSABLES)]
            self._semees = {table: _copier(connexion, table) for table in self._pleines(connexion)}

    def _connexion(self) -> psycopg.Connection:
        return psycopg.connect(self._conninfo, options="-c lock_timeout=2000 -c session_replication_role=replica")

    def _pleines(self, connexion: psycopg.Connection) -> list[str]:
        """Les tables qui ont au moins une rangée, d'une seule requête."""
        une = sql.SQL("SELECT {nom} WHERE EXISTS (SELECT 1 FROM {table})")
        parts = [une.format(nom=sql.Literal(t), table=sql.Identifier(t)) for t in self._tables]
        return [str(nom) for (nom,) in connexion.execute(sql.SQL(" UNION ALL ").join(parts))]

    def _est_salie(self, connexion: psycopg.Connection, table: str) -> bool:
        """Une table pleine qui ne l'était pas, ou dont les rangées semées ont changé."""
        return table not in self._semees or _copier(connexion, table) != self._semees[table]

    def faire(self) -> None:
        """Vide ce qui a été écrit, remet ce qui était semé. Lève AssertionError si la structure a changé."""
        try:
            self._vider()
        except psycopg.errors.LockNotAvailable:
            with psycopg.connect(self._conninfo, autocommit=True) as connexion:
                connexion.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            self._vider()

    def _vider(self) -> None:
        with self._connexion() as connexion:
            structure = _structure(connexion)
            assert structure == self._structure, (
                "Cet essai change des tables ou des droits : lui donner `base_jetable`."
            )
            salies = [t for t in self._pleines(connexion) if self._est_salie(connexion, t)]
            gardiens = [(table, nom) for table, nom in self._incassables if table in salies]
            _regler(connexion, gardiens, "DISABLE")
            for table in salies:
                connexion.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
            _regler(connexion, gardiens, "ENABLE ALWAYS")
            pleines = set(self._pleines(connexion))
            for table, voulu in self._semees.items():
                if table not in pleines:
                    _remettre(connexion, table, voulu)
            connexion.execute(_SEQUENCES)


def _structure(connexion: psycopg.Connection) -> str:
    rangee = connexion.execute(_STRUCTURE).fetchone()
    assert rangee is not None
    return str(rangee[0])


def _regler(connexion: psycopg.Connection, gardiens: list[tuple[str, str]], sens: LiteralString) -> None:
    """Couche ou relève les déclencheurs qui refusent à tous, le temps de vider leurs tables."""
    for table, nom in gardiens:
        ordre = sql.SQL(f"ALTER TABLE {{}} {sens} TRIGGER {{}}")
        connexion.execute(ordre.format(sql.Identifier(table), sql.Identifier(nom)))


def _copier(connexion: psycopg.Connection, table: str) -> bytes:
    with (
        connexion.cursor() as curseur,
        curseur.copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as flux,
    ):
        return b"".join(bytes(bloc) for bloc in flux)


def _remettre(connexion: psycopg.Connection, table: str, contenu: bytes) -> None:
    with (
        connexion.cursor() as curseur,
        curseur.copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))) as flux,
    ):
        flux.write(contenu)

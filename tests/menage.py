"""Rendre une base d'essai comme neuve : cloner coûte plus d'une demi-seconde, vider quelques millièmes."""

from __future__ import annotations

import psycopg
from psycopg import sql

from app.commandes.base import Base

SUPERUTILISATEUR = "postgres"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
_STRUCTURE = """
    SELECT concat_ws(' ', count(*), sum(hashtextextended(ligne, 0))) FROM (
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
# Huit : le déclencheur part sur DELETE (pg_trigger.h).
_INCASSABLES = """
    SELECT c.relname, tgname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid
     WHERE tgenabled = 'A' AND NOT tgisinternal AND tgtype & 8 <> 0 ORDER BY 1, 2
"""


class Menage:
    """Ce que contient une base fraîchement clonée, et comment y revenir. Qui change les tables se le voit dire.

    Une connexion et une fonction gardées : PostgreSQL relirait sinon les quatre-vingts tables à chaque essai (40 ms).
    """

    def __init__(self, base: Base) -> None:
        if base.grappe is None:
            raise ValueError("Le ménage demande la grappe embarquée : il faut un superutilisateur.")
        self._conninfo = base.grappe.conninfo(base.nom, SUPERUTILISATEUR)
        self._connexion = self._ouvrir()
        self._structure = _structure(self._connexion)
        tables = [str(nom) for (nom,) in self._connexion.execute(_TABLES)]
        pleines = [table for table in tables if _est_pleine(self._connexion, table)]
        self._semees = {table: _copier(self._connexion, table) for table in pleines}
        self._fonction = self._composer([table for table in tables if table not in self._semees])
        self._connexion.execute(self._fonction)

    def _ouvrir(self) -> psycopg.Connection:
        options = "-c lock_timeout=2000 -c session_replication_role=replica"
        return psycopg.connect(self._conninfo, options=options, autocommit=True)

    def _composer(self, tables: list[str]) -> sql.Composed:
        """La fonction qui vide les tables pleines et rend les suites à leur début, en un aller-retour."""
        gardiens: dict[str, list[str]] = {}
        for table, nom in self._connexion.execute(_INCASSABLES):
            gardiens.setdefault(str(table), []).append(str(nom))
        corps = sql.SQL("").join(_vider_une(table, gardiens.get(table, [])) for table in tables)
        return sql.SQL(
            "CREATE FUNCTION pg_temp.vider() RETURNS void LANGUAGE plpgsql AS $$ BEGIN {} PERFORM * FROM ({}) s; END $$"
        ).format(corps, sql.SQL(_SEQUENCES))

    def faire(self) -> None:
        """Vide ce qui a été écrit, remet ce qui était semé. Lève AssertionError si la structure a changé."""
        try:
            self._vider()
        except psycopg.OperationalError:  # un verrou tenu par un essai d'avant, ou notre connexion coupée par lui
            self.close()
            with psycopg.connect(self._conninfo, autocommit=True) as connexion:
                connexion.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            self._connexion = self._ouvrir()
            self._connexion.execute(self._fonction)
            self._vider()

    def _vider(self) -> None:
        with self._connexion.transaction():
            structure = _structure(self._connexion)
            assert structure == self._structure, (
                "Cet essai change des tables ou des droits : lui donner `base_jetable`."
            )
            self._connexion.execute("SELECT pg_temp.vider()")
            for table, voulu in self._semees.items():
                if _copier(self._connexion, table) != voulu:
                    self._connexion.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
                    _remettre(self._connexion, table, voulu)

    def close(self) -> None:
        """Rend la connexion gardée."""
        self._connexion.close()


def _vider_une(table: str, gardiens: list[str]) -> sql.Composed:
    """L'ordre qui vide une table si elle est pleine, ses déclencheurs qui refusent à tous couchés ce temps-là."""
    nom = sql.Identifier(table)
    couches = [sql.SQL("ALTER TABLE {} DISABLE TRIGGER {};").format(nom, sql.Identifier(g)) for g in gardiens]
    releves = [sql.SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER {};").format(nom, sql.Identifier(g)) for g in gardiens]
    return sql.SQL("IF EXISTS (SELECT 1 FROM {0}) THEN {1} DELETE FROM {0}; {2} END IF;").format(
        nom, sql.SQL("").join(couches), sql.SQL("").join(releves)
    )


def _structure(connexion: psycopg.Connection) -> str:
    rangee = connexion.execute(_STRUCTURE, prepare=True).fetchone()
    assert rangee is not None
    return str(rangee[0])


def _est_pleine(connexion: psycopg.Connection, table: str) -> bool:
    rangee = connexion.execute(sql.SQL("SELECT EXISTS (SELECT 1 FROM {})").format(sql.Identifier(table))).fetchone()
    return rangee is not None and bool(rangee[0])


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

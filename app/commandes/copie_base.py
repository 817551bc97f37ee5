"""Copier une base et la remettre : pg_dump, pg_restore, psql, et l'état qui prouve que rien ne s'est perdu."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import make_conninfo
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from app.commandes.archive import EtatBase, TeteGardee
from app.infra import postgres_embarque as pg
from app.noyau.erreurs import ErreurMetier

_DROITS = """
SELECT format('%s %s %s', c.oid::regclass, a.privilege_type, a.is_grantable) AS droit
FROM pg_class c, aclexplode(c.relacl) a
WHERE c.relnamespace = 'public'::regnamespace AND a.grantee = (SELECT oid FROM pg_roles WHERE rolname = :service)
UNION ALL
SELECT format('%s(%s) %s %s', c.oid::regclass, t.attname, a.privilege_type, a.is_grantable)
FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a
WHERE c.relnamespace = 'public'::regnamespace AND a.grantee = (SELECT oid FROM pg_roles WHERE rolname = :service)
UNION ALL
SELECT format('schéma %s %s', n.nspname, a.privilege_type)
FROM pg_namespace n, aclexplode(n.nspacl) a
WHERE n.nspname = 'public' AND a.grantee = (SELECT oid FROM pg_roles WHERE rolname = :service)
UNION ALL
SELECT format('défaut %s %s', d.defaclobjtype, a.privilege_type)
FROM pg_default_acl d, aclexplode(d.defaclacl) a
WHERE a.grantee = (SELECT oid FROM pg_roles WHERE rolname = :service)
ORDER BY 1
"""
_DECLENCHEURS = """
SELECT format('%s %s %s %s', t.tgrelid::regclass, t.tgname, t.tgenabled, t.tgfoid::regproc) AS declencheur
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace
ORDER BY 1
"""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_VIDER = """
SET LOCAL lock_timeout = '10s';
DO $$ DECLARE ordre text; BEGIN
    FOR ordre IN
        SELECT format('DROP TABLE IF EXISTS %s CASCADE', c.oid::regclass) FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    LOOP EXECUTE ordre; END LOOP;
    FOR ordre IN
        SELECT format('DROP SEQUENCE IF EXISTS %s CASCADE', c.oid::regclass) FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'S'
    LOOP EXECUTE ordre; END LOOP;
    FOR ordre IN
        SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', p.oid::regprocedure) FROM pg_proc p
            WHERE p.pronamespace = 'public'::regnamespace
              AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP EXECUTE ordre; END LOOP;
    FOR ordre IN
        SELECT format('DROP TYPE IF EXISTS %s CASCADE', t.oid::regtype) FROM pg_type t
            LEFT JOIN pg_class c ON c.oid = t.typrelid
            WHERE t.typnamespace = 'public'::regnamespace AND (t.typtype = 'e' OR c.relkind = 'c')
    LOOP EXECUTE ordre; END LOOP;
END $$;
"""


class CopieImpossible(ErreurMetier):
    """Un outil de PostgreSQL a refusé : sa raison est dans le message."""

    code = "copie_impossible"


def _appel(url: str) -> tuple[str, dict[str, str]]:
    """Chaîne de connexion et environnement : le mot de passe ne paraît pas dans la liste des processus."""
    lue = make_url(url)
    parties: dict[str, str] = {
        nom: valeur if isinstance(valeur, str) else ",".join(valeur) for nom, valeur in lue.query.items()
    }
    if lue.host is not None:
        parties["host"] = lue.host
    if lue.port is not None:
        parties["port"] = str(lue.port)
    if lue.username is not None:
        parties["user"] = lue.username
    environnement = {nom: valeur for nom, valeur in os.environ.items() if not nom.startswith("PG")} | {"LC_ALL": "C"}
    if lue.password is not None:
        environnement["PGPASSWORD"] = str(lue.password)
    return make_conninfo(**parties, dbname=lue.database or ""), environnement


def _executer(outil: str, url: str, options: Sequence[str]) -> None:
    conninfo, environnement = _appel(url)
    fini = subprocess.run(
        [str(pg.outil(outil)), "-d", conninfo, "--no-password", *options],
        env=environnement,
        capture_output=True,
        check=False,
    )
    if fini.returncode != 0:
        raise CopieImpossible(f"{outil} a échoué :\n{fini.stderr.decode(errors='replace').strip()}")


@contextmanager
def connexion(url: str, *, figee: bool = False) -> Iterator[Connection]:
    """Une connexion d'administration ; `figee` : lecture seule, dans un instantané."""
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if figee else {}
    moteur = create_engine(url, poolclass=NullPool, execution_options=options)
    with moteur.connect() as ouverte:
        yield ouverte
    moteur.dispose()


def tables(base: Connection) -> list[str]:
    """Les tables de la base, par ordre alphabétique."""
    return list(base.scalars(text(_TABLES)))


def etat(base: Connection) -> EtatBase:
    """Ce que la base contient : têtes du journal, nombre de lignes, droits du rôle de service, déclencheurs."""
    lignes = {table: int(base.scalar(text(f'SELECT count(*) FROM "{table}"')) or 0) for table in tables(base)}  # noqa: S608
    if "journal_entree" not in lignes or "alembic_version" not in lignes:
        raise ErreurMetier("Cette base n’est pas celle du service : lancez d’abord « python -m app migrer ».")
    requete = "SELECT DISTINCT ON (chaine) chaine, rang, empreinte FROM journal_entree ORDER BY chaine, rang DESC"
    return EtatBase(
        postgresql=str(base.scalar(text("SHOW server_version"))),
        migration=str(base.scalar(text("SELECT version_num FROM alembic_version"))),
        tetes=tuple(
            TeteGardee(chaine=ligne.chaine, rang=ligne.rang, empreinte=bytes(ligne.empreinte).hex())
            for ligne in base.execute(text(requete))
        ),
        lignes=lignes,
        droits=tuple(base.scalars(text(_DROITS), {"service": pg.SERVICE})),
        declencheurs=tuple(base.scalars(text(_DECLENCHEURS))),
    )


def est_peuplee(base: Connection) -> bool:
    """Vrai si une table a une ligne, celles des tâches de fond et des migrations mises à part."""
    return any(
        base.scalar(text(f'SELECT EXISTS (SELECT 1 FROM "{table}")'))  # noqa: S608
        for table in tables(base)
        if table != "alembic_version" and not table.startswith("procrastinate_")
    )


def copier(url: str, vers: Path) -> EtatBase:
    """Copie la base dans `vers` (forme « custom » de pg_dump) ; l'état rendu est celui du même instantané."""
    with connexion(url, figee=True) as base:
        instantane = base.scalar(text("SELECT pg_export_snapshot()"))
        trouve = etat(base)
        options = ["--format=custom", f"--snapshot={instantane}", f"--file={vers}"]
        _executer("pg_dump", url, options)
    return trouve


def remettre_dans_une_neuve(url: str, depuis: Path) -> None:
    """Remplit une base vide."""
    _executer("pg_restore", url, ["--exit-on-error", "--single-transaction", "--no-owner", str(depuis)])


def remettre_sur_place(url: str, depuis: Path, atelier: Path) -> None:
    """Vide le schéma et le remplit, en une seule transaction : tout, ou la base d'avant."""
    vider, remplir = atelier / "vider.sql", atelier / "remplir.sql"
    vider.write_text(_VIDER, encoding="utf-8")
    outil = [str(pg.outil("pg_restore")), "--no-owner", f"--file={remplir}", str(depuis)]
    fini = subprocess.run(outil, capture_output=True, check=False)
    if fini.returncode != 0:
        raise CopieImpossible(f"pg_restore a échoué :\n{fini.stderr.decode(errors='replace').strip()}")
    options = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
    _executer("psql", url, [*options, f"--file={vider}", f"--file={remplir}"])


def ecart(attendu: EtatBase, trouve: EtatBase) -> str | None:
    """La première différence entre deux états, en clair ; None s'ils sont les mêmes."""
    if attendu.tetes != trouve.tetes:
        return "le journal n’a pas les têtes de la sauvegarde"
    for table, nombre in attendu.lignes.items():
        if trouve.lignes.get(table) != nombre:
            return f"la table {table} a {trouve.lignes.get(table, 0)} lignes au lieu de {nombre}"
    if attendu.declencheurs != trouve.declencheurs:
        return "des déclencheurs manquent ou ne sont plus actifs"
    if attendu.droits != trouve.droits:
        return "les droits du rôle de service ne sont pas ceux de la sauvegarde"
    return None

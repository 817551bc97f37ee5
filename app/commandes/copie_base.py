"""Copier une base et la remettre : pg_dump, pg_restore, psql."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from psycopg.conninfo import make_conninfo
from sqlalchemy import make_url, text

from app.commandes.archive import EtatBase
from app.commandes.etat_base import connexion, controle, etat
from app.infra import postgres_embarque as pg
from app.noyau.erreurs import ErreurMetier

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
    -- Les droits donnés d'avance s'ajouteraient à ceux des tables remises, jusqu'à rouvrir le journal.
    FOR ordre IN
        SELECT DISTINCT format(
            'ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON %s FROM %s',
            CASE d.defaclobjtype
                WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' ELSE 'TYPES' END,
            CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END)
        FROM pg_default_acl d, aclexplode(d.defaclacl) a
        WHERE d.defaclrole = current_user::regrole AND d.defaclnamespace = 'public'::regnamespace
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


def remettre_sur_place(url: str, depuis: Path, attendu: EtatBase, atelier: Path) -> None:
    """Vide le schéma, le remplit et le compare à l'attendu, en une seule transaction : tout, ou la base d'avant."""
    vider, remplir, controler = (atelier / nom for nom in ("vider.sql", "remplir.sql", "controler.sql"))
    vider.write_text(_VIDER, encoding="utf-8")
    controler.write_text(controle(attendu), encoding="utf-8")
    outil = [str(pg.outil("pg_restore")), "--no-owner", f"--file={remplir}", str(depuis)]
    fini = subprocess.run(outil, capture_output=True, check=False)
    if fini.returncode != 0:
        raise CopieImpossible(f"pg_restore a échoué :\n{fini.stderr.decode(errors='replace').strip()}")
    options = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
    _executer("psql", url, [*options, *(f"--file={fichier}" for fichier in (vider, remplir, controler))])

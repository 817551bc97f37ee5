"""Tâches de fond : les tables de procrastinate, jusqu'à une version écrite en dur.

Révision : 0001
Précédente :
"""

from __future__ import annotations

from pathlib import Path

import procrastinate
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Une version plus récente de procrastinate apporte ses propres fichiers : une nouvelle migration les applique.
DERNIER = "03.04.00_50_post_add_retry_failed_job_procedure.sql"


def upgrade() -> None:
    dossier = Path(procrastinate.__file__).parent / "sql" / "migrations"
    connexion = op.get_bind().connection.driver_connection
    for fichier in sorted(dossier.glob("*.sql")):
        if fichier.name <= DERNIER:
            connexion.execute(fichier.read_text(encoding="utf-8"))


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(
        """
        DROP TABLE IF EXISTS procrastinate_events, procrastinate_periodic_defers, procrastinate_jobs,
            procrastinate_workers CASCADE;
        DO $$ DECLARE f record; BEGIN
            FOR f IN SELECT p.oid::regprocedure AS nom FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                     WHERE n.nspname = 'public' AND p.proname LIKE 'procrastinate%' LOOP
                EXECUTE 'DROP FUNCTION IF EXISTS ' || f.nom || ' CASCADE';
            END LOOP;
            FOR f IN SELECT t.typname AS nom FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
                     WHERE n.nspname = 'public' AND t.typname LIKE 'procrastinate%' AND t.typtype IN ('e', 'c') LOOP
                EXECUTE 'DROP TYPE IF EXISTS ' || quote_ident(f.nom) || ' CASCADE';
            END LOOP;
        END $$;
        """
    )

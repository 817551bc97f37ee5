"""Journal : le contenu ne se réécrit pas (il s'efface), les gardes tiennent même en mode réplique.

Révision : 0008
Précédente : 0007
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

GARDES = (
    ("journal_entree", "ajout_seul"),
    ("journal_entree", "ajout_seul_vider"),
    ("journal_ancre", "ajout_seul"),
    ("journal_ancre", "ajout_seul_vider"),
    ("journal_contenu", "sans_reecriture"),
    ("journal_contenu", "sans_reecriture_vider"),
)


def upgrade() -> None:
    op.execute(
        """
        CREATE TRIGGER sans_reecriture BEFORE UPDATE ON journal_contenu
            FOR EACH ROW EXECUTE FUNCTION iq_refuser_reecriture();
        CREATE TRIGGER sans_reecriture_vider BEFORE TRUNCATE ON journal_contenu
            FOR EACH STATEMENT EXECUTE FUNCTION iq_refuser_reecriture();
        """
    )
    for table, garde in GARDES:
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {garde}")


def downgrade() -> None:
    for table, garde in GARDES[:4]:
        op.execute(f"ALTER TABLE {table} ENABLE TRIGGER {garde}")
    op.execute(
        "DROP TRIGGER sans_reecriture ON journal_contenu; DROP TRIGGER sans_reecriture_vider ON journal_contenu"
    )

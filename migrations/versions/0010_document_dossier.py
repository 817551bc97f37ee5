"""Documents d'un dossier : accusé de réception, lettres. On y ajoute, on ne réécrit pas.

Révision : 0010
Précédente : 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ROLE = "iq_service"


def upgrade() -> None:
    op.create_table(
        "document_dossier",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("dossier_id", sa.BigInteger(), nullable=False),
        sa.Column("nature", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("contrat_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["contrat_id"], ["contrat.id"], name=op.f("fk_document_dossier_contrat_id")),
        sa.ForeignKeyConstraint(
            ["contrat_id", "dossier_id"],
            ["dossier.contrat_id", "dossier.id"],
            name=op.f("fk_document_dossier_contrat_id_dossier_id"),
        ),
        sa.ForeignKeyConstraint(["sha256"], ["document.sha256"], name=op.f("fk_document_dossier_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_dossier")),
        sa.UniqueConstraint("dossier_id", "nature", "sha256", name="uq_document_dossier_nature"),
    )
    op.execute(
        f"""
        CREATE TRIGGER ajout_seul BEFORE UPDATE OR DELETE ON document_dossier
            FOR EACH ROW EXECUTE FUNCTION iq_refuser_reecriture();
        CREATE TRIGGER ajout_seul_vider BEFORE TRUNCATE ON document_dossier
            FOR EACH STATEMENT EXECUTE FUNCTION iq_refuser_reecriture();
        DO $$ BEGIN
            IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}') THEN
                REVOKE UPDATE, DELETE ON document_dossier FROM {ROLE};
            END IF;
        END $$;
        """
    )


def downgrade() -> None:
    op.drop_table("document_dossier")

"""Les échanges d'un dossier : messages, fichiers joints, étapes qu'un complément rouvre.

Révision : 0022
Précédente : 0021
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

ROLE = "iq_service"
AJOUT_SEUL = ("message", "fichier_dossier")


def _du_contrat(table: str, *cibles: tuple[str, str]) -> list[sa.SchemaItem]:
    return [
        sa.ForeignKeyConstraint(["contrat_id"], ["contrat.id"], name=op.f(f"fk_{table}_contrat_id")),
        *(
            sa.ForeignKeyConstraint(
                ["contrat_id", colonne], [f"{cible}.contrat_id", f"{cible}.id"],
                name=op.f(f"fk_{table}_contrat_id_{colonne}"),
            )
            for colonne, cible in cibles
        ),
    ]


def upgrade() -> None:
    op.create_table(
        "message",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("contrat_id", sa.BigInteger(), nullable=False),
        sa.Column("dossier_id", sa.BigInteger(), nullable=False),
        sa.Column("cote", sa.String(length=40), nullable=False),
        sa.Column("auteur", sa.Text(), nullable=False),
        sa.Column("nom", sa.Text(), nullable=False),
        sa.Column("texte", sa.Text(), nullable=False),
        sa.Column("a", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("cote IN ('porteur', 'agent')", name=op.f("ck_message_cote")),
        sa.CheckConstraint("length(texte) BETWEEN 1 AND 4000", name=op.f("ck_message_texte")),
        *_du_contrat("message", ("dossier_id", "dossier")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("contrat_id", "id", name=op.f("uq_message_contrat")),
    )
    op.create_index(op.f("ix_message_dossier_id"), "message", ["dossier_id", "id"])
    op.create_table(
        "lecture_messages",
        sa.Column("contrat_id", sa.BigInteger(), nullable=False),
        sa.Column("dossier_id", sa.BigInteger(), nullable=False),
        sa.Column("acteur", sa.Text(), nullable=False),
        sa.Column("dernier_id", sa.BigInteger(), nullable=False),
        *_du_contrat("lecture_messages", ("dossier_id", "dossier")),
        sa.PrimaryKeyConstraint("dossier_id", "acteur", name=op.f("pk_lecture_messages")),
    )
    op.create_table(
        "fichier_dossier",
        sa.Column("contrat_id", sa.BigInteger(), nullable=False),
        sa.Column("dossier_id", sa.BigInteger(), nullable=False),
        sa.Column("fichier_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("intitule", sa.Text(), nullable=False),
        sa.Column("par", sa.Text(), nullable=False),
        sa.Column("a", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(intitule) BETWEEN 1 AND 200", name=op.f("ck_fichier_dossier_intitule")),
        sa.ForeignKeyConstraint(["fichier_id"], ["fichier.id"], name=op.f("fk_fichier_dossier_fichier_id")),
        *_du_contrat("fichier_dossier", ("dossier_id", "dossier"), ("message_id", "message")),
        sa.PrimaryKeyConstraint("dossier_id", "fichier_id", name=op.f("pk_fichier_dossier")),
    )
    op.create_index(op.f("ix_fichier_dossier_fichier_id"), "fichier_dossier", ["fichier_id"])
    op.add_column("demande_complement", sa.Column("sections", postgresql.ARRAY(sa.Text()), nullable=True))
    for table in AJOUT_SEUL:
        op.execute(
            f"CREATE TRIGGER ajout_seul BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION iq_refuser_reecriture()"
        )
        op.execute(
            f"CREATE TRIGGER ajout_seul_vider BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION iq_refuser_reecriture()"
        )
    op.execute(
        f"""
        DO $$ BEGIN
            IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}') THEN
                REVOKE UPDATE, DELETE ON {", ".join(AJOUT_SEUL)} FROM {ROLE};
            END IF;
        END $$;
        """
    )


def downgrade() -> None:
    op.drop_column("demande_complement", "sections")
    op.drop_table("fichier_dossier")
    op.drop_table("lecture_messages")
    op.drop_table("message")

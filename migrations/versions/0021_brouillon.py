"""Le brouillon à plusieurs : étapes tenues, saisies en attente, rang du porteur, signature, fiche figée.

Révision : 0021
Précédente : 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def _du_dossier(table: str) -> list[sa.SchemaItem]:
    return [
        sa.ForeignKeyConstraint(["contrat_id"], ["contrat.id"], name=op.f(f"fk_{table}_contrat_id")),
        sa.ForeignKeyConstraint(
            ["contrat_id", "dossier_id"], ["dossier.contrat_id", "dossier.id"],
            name=op.f(f"fk_{table}_contrat_id_dossier_id"), ondelete="CASCADE",
        ),
    ]


def upgrade() -> None:
    op.create_table(
        "edition_section",
        sa.Column("contrat_id", sa.BigInteger(), nullable=False),
        sa.Column("dossier_id", sa.BigInteger(), nullable=False),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("acteur", sa.Text(), nullable=False),
        sa.Column("nom", sa.Text(), nullable=False),
        sa.Column("depuis", sa.DateTime(timezone=True), nullable=False),
        sa.Column("vue_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("vue_at >= depuis", name=op.f("ck_edition_section_dates")),
        *_du_dossier("edition_section"),
        sa.PrimaryKeyConstraint("dossier_id", "section", name=op.f("pk_edition_section")),
    )
    op.create_table(
        "saisie_en_attente",
        sa.Column("contrat_id", sa.BigInteger(), nullable=False),
        sa.Column("dossier_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("acteur", sa.Text(), nullable=False),
        sa.Column("saisie", postgresql.JSONB(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("a", sa.DateTime(timezone=True), nullable=False),
        *_du_dossier("saisie_en_attente"),
        sa.PrimaryKeyConstraint("dossier_id", "code", "acteur", name=op.f("pk_saisie_en_attente")),
    )
    op.add_column("dossier", sa.Column("rang_porteur", sa.SmallInteger(), nullable=True))
    op.create_check_constraint(op.f("ck_dossier_rang_porteur"), "dossier", "rang_porteur BETWEEN 1 AND 99")
    op.add_column("dossier", sa.Column("signe_nom", sa.Text(), nullable=True))
    op.add_column("dossier", sa.Column("signe_qualite", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_dossier_signe_qualite"), "dossier", "signe_qualite IN ('representant', 'mandataire')"
    )
    op.add_column("dossier_version", sa.Column("organisation", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("dossier_version", "organisation")
    op.drop_column("dossier", "signe_qualite")
    op.drop_column("dossier", "signe_nom")
    op.drop_column("dossier", "rang_porteur")
    op.drop_table("saisie_en_attente")
    op.drop_table("edition_section")

"""Courriels à envoyer, et marques des tâches faites.

Révision : 0009
Précédente : 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tache_faite",
        sa.Column("tache_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("a", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tache_id", name="pk_tache_faite"),
    )
    op.create_table(
        "courriel",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("destinataire", sa.Text(), nullable=False),
        sa.Column("objet", sa.Text(), nullable=False),
        sa.Column("corps", sa.Text(), nullable=False),
        sa.Column("cle", sa.Text(), nullable=True),
        sa.Column("etat", sa.String(length=40), nullable=False),
        sa.Column("cree_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("envoye_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("essais", sa.BigInteger(), nullable=False),
        sa.Column("derniere_erreur", sa.Text(), nullable=True),
        sa.CheckConstraint("etat IN ('a_envoyer', 'envoye', 'echoue')", name=op.f("ck_courriel_etat")),
        sa.CheckConstraint("(etat = 'envoye') = (envoye_at IS NOT NULL)", name=op.f("ck_courriel_envoye")),
        sa.CheckConstraint("essais >= 0", name=op.f("ck_courriel_essais")),
        sa.CheckConstraint(
            "objet !~ '[[:cntrl:]]' AND destinataire !~ '[[:cntrl:]]'", name=op.f("ck_courriel_entetes")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_courriel"),
        sa.UniqueConstraint("cle", name="uq_courriel_cle"),
    )
    op.create_index("ix_courriel_etat_cree_at", "courriel", ["etat", "cree_at"])


def downgrade() -> None:
    op.drop_table("courriel")
    op.drop_table("tache_faite")

"""Liens à usage unique : première connexion d'un compte, invitation d'un co-auteur. Seule l'empreinte est gardée.

Révision : 0013
Précédente : 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ROLES = (
    "'administrateur_porteur', 'redacteur', 'signataire', 'lecteur_porteur', 'instructeur', 'binome_quartier', "
    "'sous_prefecture', 'referent_service', 'delegue_prefet', 'conseil_habitants', 'elu_ligne', 'equipe_projet', "
    "'membre_commission', 'president_commission', 'charge_mission', 'administrateur'"
)


def upgrade() -> None:
    op.create_table(
        "lien_acces",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("empreinte", sa.LargeBinary(), nullable=True),
        sa.Column("courriel", sa.Text(), nullable=False),
        sa.Column("compte_id", sa.BigInteger(), nullable=True),
        sa.Column("organisation_id", sa.BigInteger(), nullable=True),
        sa.Column("role", sa.String(length=40), nullable=True),
        sa.Column("cree_par", sa.Text(), nullable=False),
        sa.Column("cree_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expire_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("envoye_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("utilise_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("annule_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("derniere_erreur", sa.Text(), nullable=True),
        sa.CheckConstraint(f"role IN ({ROLES})", name=op.f("ck_lien_acces_role")),
        sa.CheckConstraint("courriel = lower(courriel)", name=op.f("ck_lien_acces_courriel_minuscule")),
        sa.CheckConstraint("num_nonnulls(compte_id, organisation_id) = 1", name=op.f("ck_lien_acces_objet")),
        sa.CheckConstraint("(organisation_id IS NULL) = (role IS NULL)", name=op.f("ck_lien_acces_invitation")),
        sa.CheckConstraint("empreinte IS NULL OR octet_length(empreinte) = 32", name=op.f("ck_lien_acces_empreinte")),
        sa.CheckConstraint("envoye_at IS NULL OR empreinte IS NOT NULL", name=op.f("ck_lien_acces_envoye")),
        sa.CheckConstraint("expire_at > cree_at", name=op.f("ck_lien_acces_dates")),
        sa.CheckConstraint("num_nonnulls(utilise_at, annule_at) <= 1", name=op.f("ck_lien_acces_fin")),
        sa.ForeignKeyConstraint(["compte_id"], ["compte.id"], name=op.f("fk_lien_acces_compte_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_lien_acces_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lien_acces")),
        sa.UniqueConstraint("code", name=op.f("uq_lien_acces_code")),
    )
    op.create_index(op.f("ix_lien_acces_courriel"), "lien_acces", ["courriel"])
    op.create_index(op.f("ix_lien_acces_compte_id"), "lien_acces", ["compte_id"])
    op.create_index(op.f("ix_lien_acces_organisation_id"), "lien_acces", ["organisation_id"])


def downgrade() -> None:
    op.drop_table("lien_acces")

"""Le portail de l'État : tableaux importés et leurs lignes, rapprochées de nos dossiers par une personne.

Révision : 0023
Précédente : 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

ROLE = "iq_service"
AJOUT_SEUL = ("import_portail",)


def _du_contrat(table: str, *cibles: tuple[str, str]) -> list[sa.SchemaItem]:
    return [
        sa.ForeignKeyConstraint(["contrat_id"], ["contrat.id"], name=op.f(f"fk_{table}_contrat_id")),
        *(
            sa.ForeignKeyConstraint(
                ["contrat_id", colonne],
                [f"{cible}.contrat_id", f"{cible}.id"],
                name=op.f(f"fk_{table}_contrat_id_{colonne}"),
            )
            for colonne, cible in cibles
        ),
    ]


def upgrade() -> None:
    op.create_table(
        "import_portail",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("contrat_id", sa.BigInteger(), nullable=False),
        sa.Column("appel_id", sa.BigInteger(), nullable=False),
        sa.Column("nom", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("lues", sa.BigInteger(), nullable=False),
        sa.Column("nouvelles", sa.BigInteger(), nullable=False),
        sa.Column("changees", sa.BigInteger(), nullable=False),
        sa.Column("ecartees", postgresql.JSONB(), nullable=False),
        sa.Column("par", sa.Text(), nullable=False),
        sa.Column("a", sa.DateTime(timezone=True), nullable=False),
        *_du_contrat("import_portail", ("appel_id", "appel")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_portail")),
        sa.UniqueConstraint("contrat_id", "id", name=op.f("uq_import_portail_contrat")),
    )
    op.create_index(op.f("ix_import_portail_appel_id"), "import_portail", ["appel_id"])
    op.create_table(
        "ligne_portail",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("contrat_id", sa.BigInteger(), nullable=False),
        sa.Column("appel_id", sa.BigInteger(), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("rang", sa.BigInteger(), nullable=False),
        sa.Column("numero", sa.Text(), nullable=False),
        sa.Column("intitule", sa.Text(), nullable=False),
        sa.Column("demandeur", sa.Text(), nullable=False),
        sa.Column("siret", sa.Text(), nullable=False),
        sa.Column("thematique", sa.Text(), nullable=False),
        sa.Column("statut", sa.Text(), nullable=False),
        sa.Column("exercice", sa.BigInteger(), nullable=True),
        sa.Column("montant_sollicite_centimes", sa.BigInteger(), nullable=True),
        sa.Column("montant_vote_centimes", sa.BigInteger(), nullable=True),
        sa.Column("suite", sa.String(length=40), nullable=False),
        sa.Column("dossier_id", sa.BigInteger(), nullable=True),
        sa.Column("numero_avant", sa.Text(), nullable=True),
        sa.Column("tranchee_par", sa.Text(), nullable=True),
        sa.Column("tranchee_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "suite IN ('a_rapprocher', 'rapprochee', 'portail_seul')", name=op.f("ck_ligne_portail_suite")
        ),
        sa.CheckConstraint(
            "(suite = 'rapprochee') = (dossier_id IS NOT NULL)", name=op.f("ck_ligne_portail_rapprochee")
        ),
        *_du_contrat(
            "ligne_portail", ("appel_id", "appel"), ("import_id", "import_portail"), ("dossier_id", "dossier")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ligne_portail")),
        sa.UniqueConstraint("appel_id", "numero", name=op.f("uq_ligne_portail_numero")),
        sa.UniqueConstraint("appel_id", "dossier_id", name=op.f("uq_ligne_portail_dossier")),
    )
    op.execute(
        "CREATE TRIGGER ajout_seul BEFORE UPDATE OR DELETE ON import_portail "
        "FOR EACH ROW EXECUTE FUNCTION iq_refuser_reecriture()"
    )
    op.execute(
        "CREATE TRIGGER ajout_seul_vider BEFORE TRUNCATE ON import_portail "
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
    op.drop_table("ligne_portail")
    op.drop_table("import_portail")

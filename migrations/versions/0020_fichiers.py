"""Fichiers reçus et pièces des organisations.

Révision : 0020
Précédente : 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

ROLE = "iq_service"
NATURES = (
    "'statuts', 'liste_dirigeants', 'extrait_registre', 'recepisse', 'avis_sirene', 'rib', 'pouvoir', "
    "'comptes_annuels', 'rapport_cac', 'rapport_activite', 'budget_previsionnel', 'bilan_n1', 'tableau_salaries', "
    "'tableau_prestataires', 'autre'"
)
GARDES = """
CREATE FUNCTION iq_fichier_fige() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.code, NEW.sha256, NEW.nom, NEW.media, NEW.taille, NEW.par, NEW.a)
       IS DISTINCT FROM (OLD.id, OLD.code, OLD.sha256, OLD.nom, OLD.media, OLD.taille, OLD.par, OLD.a) THEN
        RAISE EXCEPTION 'Un fichier reçu ne change pas : seul son état avance.'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.etat <> OLD.etat AND (OLD.etat IN ('infecte', 'refuse') OR NEW.etat = 'recu'
                                 OR (OLD.etat = 'sain' AND NEW.etat <> 'infecte')) THEN
        RAISE EXCEPTION 'L''état d''un fichier ne revient pas en arrière.'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fige BEFORE UPDATE ON fichier FOR EACH ROW EXECUTE FUNCTION iq_fichier_fige();
CREATE TRIGGER ajout_seul BEFORE DELETE ON fichier FOR EACH ROW EXECUTE FUNCTION iq_refuser_reecriture();
CREATE TRIGGER ajout_seul_vider BEFORE TRUNCATE ON fichier
    FOR EACH STATEMENT EXECUTE FUNCTION iq_refuser_reecriture();
CREATE TRIGGER ajout_seul BEFORE UPDATE OR DELETE ON piece FOR EACH ROW EXECUTE FUNCTION iq_refuser_reecriture();
CREATE TRIGGER ajout_seul_vider BEFORE TRUNCATE ON piece
    FOR EACH STATEMENT EXECUTE FUNCTION iq_refuser_reecriture();
"""


def upgrade() -> None:
    op.create_table(
        "fichier",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("nom", sa.Text(), nullable=False),
        sa.Column("media", sa.Text(), nullable=False),
        sa.Column("taille", sa.BigInteger(), nullable=False),
        sa.Column("etat", sa.String(length=40), nullable=False),
        sa.Column("motif", sa.Text(), nullable=True),
        sa.Column("analyse_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("analyse_par", sa.Text(), nullable=True),
        sa.Column("essais", sa.BigInteger(), nullable=False),
        sa.Column("essaye_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("derniere_erreur", sa.Text(), nullable=True),
        sa.Column("par", sa.Text(), nullable=False),
        sa.Column("a", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("etat IN ('recu', 'sain', 'infecte', 'refuse')", name=op.f("ck_fichier_etat")),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_fichier_sha256")),
        sa.CheckConstraint("taille BETWEEN 1 AND 10485760", name=op.f("ck_fichier_taille")),
        sa.CheckConstraint(
            "length(nom) BETWEEN 1 AND 150 AND nom !~ '[[:cntrl:]/\\\\]'", name=op.f("ck_fichier_nom")
        ),
        sa.CheckConstraint("essais >= 0", name=op.f("ck_fichier_essais")),
        sa.CheckConstraint("(etat = 'recu') = (analyse_at IS NULL)", name=op.f("ck_fichier_analyse")),
        sa.CheckConstraint("(etat IN ('infecte', 'refuse')) = (motif IS NOT NULL)", name=op.f("ck_fichier_motif")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fichier")),
        sa.UniqueConstraint("code", name=op.f("uq_fichier_code")),
    )
    op.create_index("ix_fichier_sha256", "fichier", ["sha256"])
    op.create_index("ix_fichier_attente", "fichier", ["a"], postgresql_where=sa.text("etat = 'recu'"))
    op.create_table(
        "piece",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("nature", sa.String(length=40), nullable=False),
        sa.Column("intitule", sa.Text(), nullable=False),
        sa.Column("fichier_id", sa.BigInteger(), nullable=False),
        sa.Column("valable_du", sa.Date(), nullable=False),
        sa.Column("valable_au", sa.Date(), nullable=True),
        sa.Column("remplace_id", sa.BigInteger(), nullable=True),
        sa.Column("par", sa.Text(), nullable=False),
        sa.Column("a", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(f"nature IN ({NATURES})", name=op.f("ck_piece_nature")),
        sa.CheckConstraint("valable_au IS NULL OR valable_au >= valable_du", name=op.f("ck_piece_dates")),
        sa.CheckConstraint("(nature = 'autre') = (intitule <> '')", name=op.f("ck_piece_intitule")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_piece_organisation_id")),
        sa.ForeignKeyConstraint(["fichier_id"], ["fichier.id"], name=op.f("fk_piece_fichier_id")),
        sa.ForeignKeyConstraint(["remplace_id"], ["piece.id"], name=op.f("fk_piece_remplace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_piece")),
        sa.UniqueConstraint("code", name=op.f("uq_piece_code")),
        sa.UniqueConstraint("remplace_id", name=op.f("uq_piece_remplace_id")),
    )
    op.create_index(op.f("ix_piece_fichier_id"), "piece", ["fichier_id"])
    op.create_index("ix_piece_organisation_nature", "piece", ["organisation_id", "nature"])
    op.execute(GARDES)
    op.execute(
        f"""
        DO $$ BEGIN
            IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}') THEN
                REVOKE UPDATE, DELETE ON fichier, piece FROM {ROLE};
                GRANT UPDATE (etat, motif, analyse_at, analyse_par, essais, essaye_at, derniere_erreur)
                    ON fichier TO {ROLE};
            END IF;
        END $$;
        """
    )


def downgrade() -> None:
    op.drop_table("piece")
    op.drop_table("fichier")
    op.execute("DROP FUNCTION iq_fichier_fige()")

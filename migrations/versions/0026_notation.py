"""Notation : relevés de faits, notes sans leurs phrases, secondes lectures, travaux de fond, notices, brouillons de grille.

Révision : 0026
Précédente : 0025
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


ROLE = "iq_service"
# Une grille épinglée à un appel ouvert ne change plus ; une grille écrite non plus (choix du projet, issue 4).
MONTER = """
ALTER TABLE note
    ADD COLUMN releve_id bigint,
    ADD COLUMN criteres jsonb,
    ADD COLUMN priorites jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN empreinte text;
ALTER TABLE note DISABLE TRIGGER ajout_seul;
"""
FINIR = f"""
ALTER TABLE note ENABLE TRIGGER ajout_seul;
ALTER TABLE note
    ALTER COLUMN releve_id SET NOT NULL,
    ALTER COLUMN criteres SET NOT NULL,
    ALTER COLUMN priorites DROP DEFAULT,
    ALTER COLUMN empreinte SET NOT NULL,
    ADD CONSTRAINT fk_note_contrat_id_releve_id FOREIGN KEY (contrat_id, releve_id)
        REFERENCES releve_faits (contrat_id, id),
    DROP COLUMN resultat, DROP COLUMN faits, DROP COLUMN motif;
ALTER TABLE ajustement DROP CONSTRAINT ck_ajustement_motif,
    ADD CONSTRAINT ck_ajustement_motif CHECK (btrim(motif) <> '' AND acteur <> '');
CREATE UNIQUE INDEX uq_travail_notation_renoter ON travail_notation (appel_id)
    WHERE nature = 'renoter' AND etat <> 'fini';
CREATE UNIQUE INDEX uq_demande_notice_en_ligne ON demande_notice (dossier_id) WHERE voie = 'en_ligne';
CREATE UNIQUE INDEX uq_grille_brouillon_version ON grille_brouillon (contrat_id, version) WHERE etat = 'en_preparation';
-- lz4 range quatre fois plus vite que pglz ; une base bâtie sans lui garde le sien.
DO $$ BEGIN
    ALTER TABLE releve_faits ALTER COLUMN faits SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN NULL;
END $$;
CREATE TRIGGER ajout_seul BEFORE UPDATE OR DELETE ON releve_faits
    FOR EACH ROW EXECUTE FUNCTION iq_refuser_reecriture();
CREATE TRIGGER ajout_seul_vider BEFORE TRUNCATE ON releve_faits
    FOR EACH STATEMENT EXECUTE FUNCTION iq_refuser_reecriture();
CREATE TRIGGER ajout_seul BEFORE UPDATE OR DELETE ON grille
    FOR EACH ROW EXECUTE FUNCTION iq_refuser_reecriture();
CREATE TRIGGER ajout_seul_vider BEFORE TRUNCATE ON grille
    FOR EACH STATEMENT EXECUTE FUNCTION iq_refuser_reecriture();
CREATE FUNCTION iq_grille_epinglee() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.grille_id <> OLD.grille_id AND OLD.etat <> 'prepare' THEN
        RAISE EXCEPTION 'La grille d’un appel ouvert ne change plus.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER grille_epinglee BEFORE UPDATE OF grille_id ON appel
    FOR EACH ROW EXECUTE FUNCTION iq_grille_epinglee();
CREATE FUNCTION iq_medianes_figees() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.recevabilite_close_le IS NOT NULL AND (
        NEW.medianes IS DISTINCT FROM OLD.medianes OR NEW.recevabilite_close_le IS DISTINCT FROM OLD.recevabilite_close_le
    ) THEN
        RAISE EXCEPTION 'La recevabilité est close : les médianes ne changent plus.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER medianes_figees BEFORE UPDATE OF medianes, recevabilite_close_le ON appel
    FOR EACH ROW EXECUTE FUNCTION iq_medianes_figees();
CREATE FUNCTION iq_notice_remise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.remise_le IS NOT NULL THEN
        RAISE EXCEPTION 'Une notice remise ne change plus.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER remise BEFORE UPDATE ON demande_notice
    FOR EACH ROW EXECUTE FUNCTION iq_notice_remise();
CREATE FUNCTION iq_lecture_rendue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.rendue_le IS NOT NULL THEN
        RAISE EXCEPTION 'Une lecture rendue ne change plus.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER rendue BEFORE UPDATE OR DELETE ON seconde_lecture
    FOR EACH ROW EXECUTE FUNCTION iq_lecture_rendue();
DO $$ BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}') THEN
        REVOKE UPDATE, DELETE ON releve_faits, grille FROM {ROLE};
        REVOKE DELETE ON demande_notice, grille_brouillon, travail_notation FROM {ROLE};
    END IF;
END $$;
"""
DESCENDRE = f"""
DROP TRIGGER medianes_figees ON appel;
DROP FUNCTION iq_medianes_figees();
DROP TRIGGER remise ON demande_notice;
DROP FUNCTION iq_notice_remise();
ALTER TABLE ajustement DROP CONSTRAINT ck_ajustement_motif,
    ADD CONSTRAINT ck_ajustement_motif CHECK (motif <> '');
DROP TRIGGER grille_epinglee ON appel;
DROP FUNCTION iq_grille_epinglee();
DROP TRIGGER rendue ON seconde_lecture;
DROP FUNCTION iq_lecture_rendue();
DROP TRIGGER ajout_seul ON grille;
DROP TRIGGER ajout_seul_vider ON grille;
DO $$ BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}') THEN
        GRANT UPDATE, DELETE ON grille TO {ROLE};
    END IF;
END $$;
ALTER TABLE note DISABLE TRIGGER ajout_seul;
ALTER TABLE note
    ADD COLUMN faits jsonb,
    ADD COLUMN resultat jsonb NOT NULL DEFAULT '{{}}',
    ADD COLUMN motif text NOT NULL DEFAULT '';
UPDATE note SET faits = releve_faits.faits FROM releve_faits WHERE releve_faits.id = note.releve_id;
ALTER TABLE note ENABLE TRIGGER ajout_seul;
ALTER TABLE note
    ALTER COLUMN faits SET NOT NULL,
    ALTER COLUMN resultat DROP DEFAULT,
    ALTER COLUMN motif DROP DEFAULT,
    DROP CONSTRAINT fk_note_contrat_id_releve_id,
    DROP COLUMN empreinte, DROP COLUMN priorites, DROP COLUMN criteres, DROP COLUMN releve_id;
"""


def _sha256(donnees: object) -> str:
    forme = json.dumps(donnees, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(forme.encode()).hexdigest()


def _critere(ligne: dict[str, Any]) -> dict[str, Any]:
    garde = {"code": ligne["code"], "poids": ligne["maximum"], "taux": ligne["taux"]}
    if ligne["etat"] != "note":
        garde["etat"] = ligne["etat"]
    if ligne["motif"].endswith(", ou sans objet"):
        garde["peut_sortir"] = True
    if "ajustement" in ligne:
        ajustement = ligne["ajustement"]
        garde["ajustement"] = {
            "points": ligne["points"], "motif": ajustement["motif"], "auteur": ajustement["auteur"],
        }  # fmt: skip
    return garde


def _notes(connexion: sa.Connection) -> Iterator[sa.Row[Any]]:
    requete = sa.text(
        "SELECT n.id, n.contrat_id, d.dossier_id, n.faits, n.resultat, n.a, g.empreinte AS grille FROM note n "
        "JOIN demande d ON d.id = n.demande_id JOIN grille g ON g.id = n.grille_id ORDER BY d.dossier_id, n.id"
    )
    return iter(connexion.execute(requete).all())


def _reprendre() -> None:
    """Les notes déjà là : leurs faits deviennent des relevés, leurs phrases se relisent dans la grille."""
    connexion = op.get_bind()
    releves: dict[tuple[int, str], int] = {}
    rangs: dict[int, int] = {}
    inserer = sa.text(
        "INSERT INTO releve_faits (contrat_id, dossier_id, rang, faits, empreinte, a) "
        "VALUES (:contrat, :dossier, :rang, CAST(:faits AS jsonb), :empreinte, :a) RETURNING id"
    )
    ecrire = sa.text(
        "UPDATE note SET releve_id = :releve, criteres = CAST(:criteres AS jsonb), "
        "priorites = CAST(:priorites AS jsonb), empreinte = :empreinte WHERE id = :id"
    )
    for note in _notes(connexion):
        cle = (note.dossier_id, _sha256(note.faits))
        if cle not in releves:
            rangs[note.dossier_id] = rangs.get(note.dossier_id, 0) + 1
            releves[cle] = connexion.execute(inserer, {
                "contrat": note.contrat_id, "dossier": note.dossier_id, "rang": rangs[note.dossier_id],
                "faits": json.dumps(note.faits), "empreinte": cle[1], "a": note.a,
            }).scalar_one()  # fmt: skip
        criteres = [_critere(ligne) for ligne in note.resultat["lignes"]]
        priorites = note.resultat.get("priorites", [])
        tout = {"criteres": criteres, "faits": cle[1], "grille": note.grille, "priorites": priorites}
        connexion.execute(ecrire, {
            "id": note.id, "releve": releves[cle], "criteres": json.dumps(criteres),
            "priorites": json.dumps(priorites), "empreinte": _sha256(tout),
        })  # fmt: skip


def upgrade() -> None:
    op.create_table('grille_brouillon',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('origine_id', sa.BigInteger(), nullable=False),
    sa.Column('version', sa.Text(), nullable=False),
    sa.Column('contenu', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('empreinte', sa.Text(), nullable=False),
    sa.Column('revision', sa.BigInteger(), nullable=False),
    sa.Column('etat', sa.String(length=40), nullable=False),
    sa.Column('grille_id', sa.BigInteger(), nullable=True),
    sa.Column('acteur', sa.Text(), nullable=False),
    sa.Column('cree_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('modifie_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('contrat_id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("(etat = 'adopte') = (grille_id IS NOT NULL)", name=op.f('ck_grille_brouillon_adopte')),
    sa.CheckConstraint("etat IN ('en_preparation', 'adopte', 'abandonne')", name=op.f('ck_grille_brouillon_etat')),
    sa.ForeignKeyConstraint(['contrat_id', 'grille_id'], ['grille.contrat_id', 'grille.id'], name=op.f('fk_grille_brouillon_contrat_id_grille_id')),
    sa.ForeignKeyConstraint(['contrat_id', 'origine_id'], ['grille.contrat_id', 'grille.id'], name=op.f('fk_grille_brouillon_contrat_id_origine_id')),
    sa.ForeignKeyConstraint(['contrat_id'], ['contrat.id'], name=op.f('fk_grille_brouillon_contrat_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_grille_brouillon')),
    sa.UniqueConstraint('contrat_id', 'id', name='uq_grille_brouillon_contrat')
    )
    op.create_index('ix_grille_brouillon_contrat', 'grille_brouillon', ['contrat_id', 'etat', 'id'], unique=False)
    op.create_table('travail_notation',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('appel_id', sa.BigInteger(), nullable=False),
    sa.Column('nature', sa.String(length=40), nullable=False),
    sa.Column('brouillon_id', sa.BigInteger(), nullable=True),
    sa.Column('empreinte_grille', sa.Text(), nullable=True),
    sa.Column('etat', sa.String(length=40), nullable=False),
    sa.Column('total', sa.BigInteger(), nullable=False),
    sa.Column('faits', sa.BigInteger(), nullable=False),
    sa.Column('resultat', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
    sa.Column('demande_par', sa.Text(), nullable=False),
    sa.Column('demande_le', sa.DateTime(timezone=True), nullable=False),
    sa.Column('fini_le', sa.DateTime(timezone=True), nullable=True),
    sa.Column('contrat_id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("(nature = 'essayer') = (empreinte_grille IS NOT NULL)", name=op.f('ck_travail_notation_grille')),
    sa.CheckConstraint("etat IN ('en_attente', 'en_cours', 'fini')", name=op.f('ck_travail_notation_etat')),
    sa.CheckConstraint("nature IN ('renoter', 'essayer')", name=op.f('ck_travail_notation_nature')),
    sa.CheckConstraint('faits >= 0 AND faits <= total', name=op.f('ck_travail_notation_avancee')),
    sa.ForeignKeyConstraint(['contrat_id', 'appel_id'], ['appel.contrat_id', 'appel.id'], name=op.f('fk_travail_notation_contrat_id_appel_id')),
    sa.ForeignKeyConstraint(['contrat_id', 'brouillon_id'], ['grille_brouillon.contrat_id', 'grille_brouillon.id'], name=op.f('fk_travail_notation_contrat_id_brouillon_id')),
    sa.ForeignKeyConstraint(['contrat_id'], ['contrat.id'], name=op.f('fk_travail_notation_contrat_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_travail_notation'))
    )
    op.create_index('ix_travail_notation_appel', 'travail_notation', ['appel_id', 'id'], unique=False)
    op.create_index('ix_travail_notation_brouillon', 'travail_notation', ['brouillon_id', 'id'], unique=False)
    op.create_table('demande_notice',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('dossier_id', sa.BigInteger(), nullable=False),
    sa.Column('voie', sa.String(length=40), nullable=False),
    sa.Column('demandee_par', sa.Text(), nullable=False),
    sa.Column('demandee_le', sa.DateTime(timezone=True), nullable=False),
    sa.Column('remise_par', sa.Text(), nullable=True),
    sa.Column('remise_le', sa.DateTime(timezone=True), nullable=True),
    sa.Column('contrat_id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("voie IN ('en_ligne', 'courrier', 'guichet')", name=op.f('ck_demande_notice_voie')),
    sa.CheckConstraint('num_nonnulls(remise_le, remise_par) IN (0, 2)', name=op.f('ck_demande_notice_remise')),
    sa.CheckConstraint('remise_le >= demandee_le', name=op.f('ck_demande_notice_ordre')),
    sa.ForeignKeyConstraint(['contrat_id', 'dossier_id'], ['dossier.contrat_id', 'dossier.id'], name=op.f('fk_demande_notice_contrat_id_dossier_id')),
    sa.ForeignKeyConstraint(['contrat_id'], ['contrat.id'], name=op.f('fk_demande_notice_contrat_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_demande_notice'))
    )
    op.create_index('ix_demande_notice_dossier', 'demande_notice', ['dossier_id', 'id'], unique=False)
    op.create_table('releve_faits',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('dossier_id', sa.BigInteger(), nullable=False),
    sa.Column('rang', sa.BigInteger(), nullable=False),
    sa.Column('faits', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('empreinte', sa.Text(), nullable=False),
    sa.Column('a', sa.DateTime(timezone=True), nullable=False),
    sa.Column('contrat_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['contrat_id', 'dossier_id'], ['dossier.contrat_id', 'dossier.id'], name=op.f('fk_releve_faits_contrat_id_dossier_id')),
    sa.ForeignKeyConstraint(['contrat_id'], ['contrat.id'], name=op.f('fk_releve_faits_contrat_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_releve_faits')),
    sa.UniqueConstraint('contrat_id', 'id', name='uq_releve_faits_contrat'),
    sa.UniqueConstraint('dossier_id', 'rang', name='uq_releve_faits_rang')
    )
    op.create_table('seconde_lecture',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('demande_id', sa.BigInteger(), nullable=False),
    sa.Column('acteur', sa.Text(), nullable=False),
    sa.Column('demandee_par', sa.Text(), nullable=False),
    sa.Column('demandee_le', sa.DateTime(timezone=True), nullable=False),
    sa.Column('criteres', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
    sa.Column('rendue_le', sa.DateTime(timezone=True), nullable=True),
    sa.Column('contrat_id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('num_nonnulls(criteres, rendue_le) IN (0, 2)', name=op.f('ck_seconde_lecture_rendue')),
    sa.ForeignKeyConstraint(['contrat_id', 'demande_id'], ['demande.contrat_id', 'demande.id'], name=op.f('fk_seconde_lecture_contrat_id_demande_id')),
    sa.ForeignKeyConstraint(['contrat_id'], ['contrat.id'], name=op.f('fk_seconde_lecture_contrat_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_seconde_lecture')),
    sa.UniqueConstraint('demande_id', 'acteur', name='uq_seconde_lecture_acteur')
    )
    op.execute(MONTER)
    _reprendre()
    op.execute(FINIR)


def downgrade() -> None:
    op.execute(DESCENDRE)
    op.drop_table('seconde_lecture')
    op.drop_table('releve_faits')
    op.drop_index('ix_demande_notice_dossier', table_name='demande_notice')
    op.drop_table('demande_notice')
    op.drop_index('ix_travail_notation_brouillon', table_name='travail_notation')
    op.drop_index('ix_travail_notation_appel', table_name='travail_notation')
    op.drop_table('travail_notation')
    op.drop_index('ix_grille_brouillon_contrat', table_name='grille_brouillon')
    op.drop_table('grille_brouillon')

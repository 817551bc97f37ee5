"""Gardes : enveloppes tenues par déclencheur, tables où l'on ajoute seulement, droits du rôle de service.

Révision : 0007
Précédente : 0006
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ROLE = "iq_service"
AJOUT_SEUL = (
    "journal_entree",
    "journal_ancre",
    "document",
    "mouvement_enveloppe",
    "engagement",
    "liberation",
    "dossier_version",
    "passage",
    "controle_recevabilite",
    "fait_constate",
    "fait_externe",
    "note",
    "ajustement",
    "avis",
    "proposition",
    "resultat_point",
    "arrete_ligne",
    "decision",
)

FONCTIONS = """
CREATE FUNCTION iq_refuser_reecriture() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'La table % ne se réécrit pas : on y ajoute.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE FUNCTION iq_engager() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE enveloppe e SET engage_centimes = e.engage_centimes + NEW.montant_centimes
        FROM demande d
        WHERE e.id = NEW.enveloppe_id AND d.id = NEW.demande_id AND d.ligne_id = e.ligne_id AND e.annee = NEW.annee
          AND d.annee = NEW.annee;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'Cet engagement ne vise pas l''enveloppe de sa ligne et de son année.'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION iq_liberer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE tenu bigint;
BEGIN
    PERFORM 1 FROM enveloppe WHERE id = NEW.enveloppe_id FOR NO KEY UPDATE;
    SELECT coalesce((SELECT sum(montant_centimes) FROM engagement WHERE enveloppe_id = NEW.enveloppe_id
                        AND demande_id = NEW.demande_id AND annee = NEW.annee), 0)
         - coalesce((SELECT sum(montant_centimes) FROM liberation WHERE enveloppe_id = NEW.enveloppe_id
                        AND demande_id = NEW.demande_id AND annee = NEW.annee), 0) INTO tenu;
    IF NEW.montant_centimes > tenu THEN
        RAISE EXCEPTION 'On ne libère pas plus que ce qui est engagé.' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    UPDATE enveloppe SET engage_centimes = engage_centimes - NEW.montant_centimes WHERE id = NEW.enveloppe_id;
    RETURN NEW;
END $$;

CREATE FUNCTION iq_vote_proclame() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM resultat_point WHERE point_id = coalesce(NEW.point_id, OLD.point_id)) THEN
        RAISE EXCEPTION 'Le résultat de ce point est proclamé.' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN coalesce(NEW, OLD);
END $$;

CREATE TRIGGER engager BEFORE INSERT ON engagement FOR EACH ROW EXECUTE FUNCTION iq_engager();
CREATE TRIGGER liberer BEFORE INSERT ON liberation FOR EACH ROW EXECUTE FUNCTION iq_liberer();
CREATE TRIGGER proclame BEFORE INSERT OR UPDATE OR DELETE ON vote FOR EACH ROW EXECUTE FUNCTION iq_vote_proclame();
CREATE TRIGGER proclame BEFORE INSERT OR UPDATE OR DELETE ON deport FOR EACH ROW EXECUTE FUNCTION iq_vote_proclame();
"""


def upgrade() -> None:
    op.execute(FONCTIONS)
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
                GRANT USAGE ON SCHEMA public TO {ROLE};
                GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE};
                GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {ROLE};
                ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {ROLE};
                ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {ROLE};
                REVOKE UPDATE, DELETE ON {", ".join(AJOUT_SEUL)} FROM {ROLE};
                REVOKE UPDATE ON journal_contenu, enveloppe FROM {ROLE};
                GRANT UPDATE (nature, montant_centimes, est_fictive) ON enveloppe TO {ROLE};
                REVOKE DELETE ON enveloppe FROM {ROLE};
                REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {ROLE};
            END IF;
        END $$;
        """
    )


def downgrade() -> None:
    for table in AJOUT_SEUL:
        op.execute(f"DROP TRIGGER ajout_seul ON {table}")
        op.execute(f"DROP TRIGGER ajout_seul_vider ON {table}")
    op.execute("DROP TRIGGER engager ON engagement; DROP TRIGGER liberer ON liberation")
    op.execute("DROP TRIGGER proclame ON vote; DROP TRIGGER proclame ON deport")
    op.execute(
        "DROP FUNCTION iq_refuser_reecriture(); DROP FUNCTION iq_engager(); "
        "DROP FUNCTION iq_liberer(); DROP FUNCTION iq_vote_proclame()"
    )
    op.execute(
        f"""
        DO $$ BEGIN
            IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}') THEN
                ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM {ROLE};
                ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM {ROLE};
                REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {ROLE};
                REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {ROLE};
            END IF;
        END $$;
        """
    )

"""Une notification ne se reprend pas : sa lettre, son envoi et sa lecture s'écrivent une fois, rien d'autre ne change.

Révision : 0017
Précédente : 0016
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

MONTEE = """
CREATE FUNCTION iq_notification_gardee() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
        AND (OLD.document_sha256 IS NULL OR OLD.document_sha256 = NEW.document_sha256)
        AND (OLD.envoyee_at IS NULL OR OLD.envoyee_at = NEW.envoyee_at)
        AND (OLD.lue_at IS NULL OR OLD.lue_at = NEW.lue_at)
        AND (to_jsonb(OLD) - '{document_sha256,envoyee_at,lue_at}'::text[])
          = (to_jsonb(NEW) - '{document_sha256,envoyee_at,lue_at}'::text[])
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'Une notification ne se reprend pas.' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER gardee BEFORE UPDATE OR DELETE ON notification
    FOR EACH ROW EXECUTE FUNCTION iq_notification_gardee();
CREATE TRIGGER gardee_vider BEFORE TRUNCATE ON notification
    FOR EACH STATEMENT EXECUTE FUNCTION iq_notification_gardee();
"""
DESCENTE = """
DROP TRIGGER gardee ON notification;
DROP TRIGGER gardee_vider ON notification;
DROP FUNCTION iq_notification_gardee();
"""


def upgrade() -> None:
    op.execute(MONTEE)


def downgrade() -> None:
    op.execute(DESCENTE)

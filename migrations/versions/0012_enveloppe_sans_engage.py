"""Une enveloppe naît sans rien d'engagé : seul le déclencheur des engagements écrit `engage_centimes` (décision 11).

Révision : 0012
Précédente : 0011
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MONTEE = """
CREATE FUNCTION iq_enveloppe_neuve() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.engage_centimes <> 0 THEN
        RAISE EXCEPTION 'Une enveloppe naît sans rien d''engagé.' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER neuve BEFORE INSERT ON enveloppe FOR EACH ROW EXECUTE FUNCTION iq_enveloppe_neuve();
"""
DESCENTE = "DROP TRIGGER neuve ON enveloppe; DROP FUNCTION iq_enveloppe_neuve();"


def upgrade() -> None:
    op.execute(MONTEE)


def downgrade() -> None:
    op.execute(DESCENTE)

"""L'organisation enregistrée par une personne se confirme, et se conteste ; le récépissé de déclaration.

Révision : 0025
Précédente : 0024
"""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

# Les organisations déjà là ont été lues avec leurs dossiers : elles sont confirmées, le jour où elles sont entrées.
MONTER = """
ALTER TABLE organisation
    ADD COLUMN confirmee_at timestamptz,
    ADD COLUMN confirmee_par text,
    ADD COLUMN recepisse text NOT NULL DEFAULT '';
UPDATE organisation SET confirmee_at = cree_at, confirmee_par = 'migration';
ALTER TABLE organisation
    ALTER COLUMN recepisse DROP DEFAULT,
    ADD CONSTRAINT ck_organisation_confirmation CHECK (num_nonnulls(confirmee_at, confirmee_par) IN (0, 2));
CREATE INDEX ix_organisation_a_confirmer ON organisation (cree_at) WHERE confirmee_at IS NULL;
ALTER TABLE demande_acces
    DROP CONSTRAINT ck_demande_acces_nature,
    DROP CONSTRAINT ck_demande_acces_contrat,
    ADD CONSTRAINT ck_demande_acces_nature CHECK (nature IN ('acces', 'administration', 'contestation')),
    ADD CONSTRAINT ck_demande_acces_contrat CHECK ((nature = 'acces') = (contrat_id IS NULL));
"""
DESCENDRE = """
DELETE FROM demande_acces WHERE nature = 'contestation';
ALTER TABLE demande_acces
    DROP CONSTRAINT ck_demande_acces_nature,
    DROP CONSTRAINT ck_demande_acces_contrat,
    ADD CONSTRAINT ck_demande_acces_nature CHECK (nature IN ('acces', 'administration')),
    ADD CONSTRAINT ck_demande_acces_contrat CHECK ((nature = 'administration') = (contrat_id IS NOT NULL));
DROP INDEX ix_organisation_a_confirmer;
ALTER TABLE organisation
    DROP CONSTRAINT ck_organisation_confirmation,
    DROP COLUMN recepisse,
    DROP COLUMN confirmee_par,
    DROP COLUMN confirmee_at;
"""


def upgrade() -> None:
    """Ajoute la confirmation, la contestation et le récépissé."""
    op.execute(MONTER)


def downgrade() -> None:
    """Retire les trois, contestations comprises."""
    op.execute(DESCENDRE)

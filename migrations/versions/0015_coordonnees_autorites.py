"""Le service de chaque autorité à joindre : ce que l'accusé de réception doit dire (CRPA, art. R.112-5).

Révision : 0015
Précédente : 0014
"""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

MONTEE = """
ALTER TABLE ligne_financement
    ADD COLUMN service_nom text,
    ADD COLUMN service_adresse text,
    ADD COLUMN service_telephone text,
    ADD COLUMN service_courriel text,
    ADD CONSTRAINT ck_ligne_financement_service_entier CHECK (
        num_nonnulls(service_nom, service_adresse, service_telephone) IN (0, 3)
        AND (service_courriel IS NULL OR service_nom IS NOT NULL)
    );
"""
DESCENTE = """
ALTER TABLE ligne_financement
    DROP CONSTRAINT ck_ligne_financement_service_entier,
    DROP COLUMN service_nom,
    DROP COLUMN service_adresse,
    DROP COLUMN service_telephone,
    DROP COLUMN service_courriel;
"""


def upgrade() -> None:
    op.execute(MONTEE)


def downgrade() -> None:
    op.execute(DESCENTE)

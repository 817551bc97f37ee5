"""Un arrêté par phase : l'arrêté d'une ligne porte sa phase ; ceux d'avant sont ceux de la première de leur appel.

Révision : 0018
Précédente : 0017
"""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

MONTEE = """
ALTER TABLE arrete_ligne ADD COLUMN phase_id bigint;
ALTER TABLE arrete_ligne DISABLE TRIGGER USER;
UPDATE arrete_ligne a SET phase_id = (
    SELECT p.id FROM phase p WHERE p.appel_id = a.appel_id ORDER BY p.rang LIMIT 1
);
ALTER TABLE arrete_ligne ENABLE TRIGGER USER;
ALTER TABLE arrete_ligne
    ALTER COLUMN phase_id SET NOT NULL,
    ADD CONSTRAINT fk_arrete_ligne_contrat_id_phase_id
        FOREIGN KEY (contrat_id, phase_id) REFERENCES phase (contrat_id, id),
    DROP CONSTRAINT uq_arrete_ligne,
    ADD CONSTRAINT uq_arrete_ligne UNIQUE (appel_id, ligne_id, phase_id);
"""
# Revenir en arrière échoue, sans rien perdre, si une ligne a plus d'un arrêté.
DESCENTE = """
ALTER TABLE arrete_ligne
    DROP CONSTRAINT uq_arrete_ligne,
    ADD CONSTRAINT uq_arrete_ligne UNIQUE (appel_id, ligne_id),
    DROP COLUMN phase_id;
"""


def upgrade() -> None:
    op.execute(MONTEE)


def downgrade() -> None:
    op.execute(DESCENTE)

"""Un membre peut porter plus d'un pouvoir : le règlement de la séance dit combien, plus la base.

Révision : 0016
Précédente : 0015
"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE presence DROP CONSTRAINT uq_presence_mandataire")


def downgrade() -> None:
    op.execute(
        "DELETE FROM presence p USING presence q WHERE p.seance_id = q.seance_id "
        "AND p.mandataire_id = q.mandataire_id AND p.membre_id > q.membre_id"
    )
    op.execute("ALTER TABLE presence ADD CONSTRAINT uq_presence_mandataire UNIQUE (seance_id, mandataire_id)")

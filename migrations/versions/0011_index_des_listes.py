"""Index des listes : partiels (dossiers déposés), couvrants (comptes par état lus dans l'index seul).

Révision : 0011
Précédente : 0010
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MONTEE = """
DROP INDEX ix_dossier_liste, ix_dossier_depot, ix_dossier_objectif;
CREATE INDEX ix_dossier_liste ON dossier (appel_id, etat, depose_le DESC, id DESC) INCLUDE (contrat_id)
    WHERE numero IS NOT NULL;
CREATE INDEX ix_dossier_depot ON dossier (appel_id, depose_le DESC, id DESC) WHERE numero IS NOT NULL;
CREATE INDEX ix_dossier_objectif ON dossier (appel_id, objectif, depose_le DESC, id DESC) INCLUDE (contrat_id, etat)
    WHERE numero IS NOT NULL;
CREATE INDEX ix_demande_etat ON demande (ligne_id, etat) INCLUDE (dossier_id);
"""
DESCENTE = """
DROP INDEX ix_demande_etat, ix_dossier_liste, ix_dossier_depot, ix_dossier_objectif;
CREATE INDEX ix_dossier_liste ON dossier (appel_id, etat, depose_le DESC, id DESC);
CREATE INDEX ix_dossier_depot ON dossier (appel_id, depose_le DESC, id DESC);
CREATE INDEX ix_dossier_objectif ON dossier (appel_id, objectif, depose_le DESC, id DESC);
"""


def upgrade() -> None:
    op.execute(MONTEE)


def downgrade() -> None:
    op.execute(DESCENTE)

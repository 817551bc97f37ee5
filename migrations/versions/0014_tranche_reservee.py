"""Les années suivantes d'une CPO ont leurs états : décidée, puis réservée sous condition (ADR 0008).

Révision : 0014
Précédente : 0013
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

AVANT = (
    "'ouverte', 'hors_champ', 'irrecevable', 'orientee', 'en_instruction', 'proposee', 'arbitree', 'validee', "
    "'avis_rendu', 'ajournee', 'reserve', 'decidee', 'refusee', 'notifiee', 'refus_notifie', 'renoncee', 'caduque', "
    "'retiree'"
)


def _admettre(etats: str) -> None:
    op.execute("ALTER TABLE demande DROP CONSTRAINT ck_demande_etat")
    op.execute(f"ALTER TABLE demande ADD CONSTRAINT ck_demande_etat CHECK (etat IN ({etats}))")


def upgrade() -> None:
    _admettre(f"{AVANT}, 'tranche_decidee', 'tranche_reservee'")


def downgrade() -> None:
    op.execute("UPDATE demande SET etat = 'caduque' WHERE etat IN ('tranche_decidee', 'tranche_reservee')")
    _admettre(AVANT)

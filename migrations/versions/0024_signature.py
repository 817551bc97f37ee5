"""La signature : ce qui a été signé se reconnaît au dépôt.

Révision : 0024
Précédente : 0023
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dossier", sa.Column("signe_empreintes", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("dossier", "signe_empreintes")

"""Table : grille."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from app.infra.db import Base, DansContrat, cle, unique_du_contrat


class GrilleEnregistree(DansContrat, Base):
    """Une version d'une grille : son contenu et son empreinte. Épinglée à un appel, elle ne change plus."""

    __tablename__ = "grille"
    __table_args__ = (unique_du_contrat("grille"), UniqueConstraint("contrat_id", "version", name="uq_grille_version"))

    id: Mapped[int] = cle()
    version: Mapped[str]
    contenu: Mapped[dict[str, Any]]
    empreinte: Mapped[str]
    cree_at: Mapped[datetime]

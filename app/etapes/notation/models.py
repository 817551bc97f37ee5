"""Tables : note, ajustement."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, Index, Numeric, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.infra.db import Base, DansContrat, cle, lien, unique_du_contrat


class NoteEnregistree(DansContrat, Base):
    """Une note calculée, avec les faits qu’elle a lus. Ajoutée, jamais réécrite ; le plus grand rang est courant."""

    __tablename__ = "note"
    __table_args__ = (
        unique_du_contrat("note"),
        lien("demande_id", "demande"),
        lien("grille_id", "grille"),
        UniqueConstraint("demande_id", "rang", name="uq_note_rang"),
        CheckConstraint("minimum <= maximum AND minimum >= 0 AND maximum <= 100", name="bornes"),
        Index("ix_note_courante", "demande_id", text("rang DESC")),
    )

    id: Mapped[int] = cle()
    demande_id: Mapped[int]
    grille_id: Mapped[int]
    rang: Mapped[int]
    faits: Mapped[dict[str, Any]]
    resultat: Mapped[dict[str, Any]]
    minimum: Mapped[Decimal] = mapped_column(Numeric(4, 1))
    maximum: Mapped[Decimal] = mapped_column(Numeric(4, 1))
    est_provisoire: Mapped[bool]
    motif: Mapped[str]
    acteur: Mapped[str]
    a: Mapped[datetime]


class Ajustement(DansContrat, Base):
    """Un critère ajusté par une personne, à côté de la valeur calculée. Ajouté, le dernier par critère compte."""

    __tablename__ = "ajustement"
    __table_args__ = (
        lien("demande_id", "demande"),
        CheckConstraint("motif <> ''", name="motif"),
        CheckConstraint("taux_pour_cent BETWEEN 0 AND 100", name="taux"),
    )

    id: Mapped[int] = cle()
    demande_id: Mapped[int] = mapped_column(index=True)
    critere: Mapped[str]
    taux_pour_cent: Mapped[int | None]
    motif: Mapped[str]
    acteur: Mapped[str]
    a: Mapped[datetime]

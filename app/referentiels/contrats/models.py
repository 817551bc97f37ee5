"""Tables : contrat, version_contrat."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.infra.db import Base, DansContrat, cle, unique_du_contrat


class Contrat(Base):
    """Un contrat de ville. `prefixe` ouvre les numéros de dossier (« M2A »)."""

    __tablename__ = "contrat"
    __table_args__ = (CheckConstraint("fin >= debut", name="dates"),)

    id: Mapped[int] = cle()
    code: Mapped[str] = mapped_column(unique=True)
    prefixe: Mapped[str] = mapped_column(unique=True)
    intitule: Mapped[str]
    epci_nom: Mapped[str]
    epci_siren: Mapped[str]
    debut: Mapped[date]
    fin: Mapped[date]


class VersionContrat(DansContrat, Base):
    """Une version du contrat (2024, actualisation 2027). Un dossier reste attaché à la sienne."""

    __tablename__ = "version_contrat"
    __table_args__ = (
        unique_du_contrat("version_contrat"),
        UniqueConstraint("contrat_id", "code", name="uq_version_contrat_code"),
    )

    id: Mapped[int] = cle()
    code: Mapped[str]
    intitule: Mapped[str]
    en_vigueur_le: Mapped[date | None]
    fin_le: Mapped[date | None]
    empreinte: Mapped[str] = mapped_column(default="")
    chargee_at: Mapped[datetime | None]

"""Tables : journal_entree, journal_contenu, journal_ancre."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.infra.db import Base

CHAINE_INSTANCE = 0
"""Chaîne des actes hors contrat (comptes, organisations)."""


class JournalEntree(Base):
    """Une entrée chaînée. Personne ne la change : rôle sans droit, et déclencheur qui refuse à tous."""

    __tablename__ = "journal_entree"
    __table_args__ = (
        CheckConstraint("rang >= 1", name="rang"),
        CheckConstraint("octet_length(empreinte) = 32", name="empreinte"),
    )

    chaine: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rang: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    instant: Mapped[datetime]
    acte: Mapped[str]
    objet: Mapped[str]
    acteur: Mapped[str]
    empreinte_avant: Mapped[bytes]
    empreinte_apres: Mapped[bytes]
    precedente: Mapped[bytes]
    empreinte: Mapped[bytes] = mapped_column(unique=True)


class JournalContenu(Base):
    """Le contenu lisible d'une entrée et son sel. S'efface sans casser la chaîne."""

    __tablename__ = "journal_contenu"
    __table_args__ = (
        ForeignKeyConstraint(["chaine", "rang"], ["journal_entree.chaine", "journal_entree.rang"], name="fk_journal"),
    )

    chaine: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rang: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sel: Mapped[bytes]
    avant: Mapped[Any] = mapped_column(JSONB)
    apres: Mapped[Any] = mapped_column(JSONB)


class JournalAncre(Base):
    """La tête d'une chaîne, recopiée hors de la base (PDF scellé, fichier signé du jour)."""

    __tablename__ = "journal_ancre"

    chaine: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rang: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    support: Mapped[str] = mapped_column(primary_key=True)
    empreinte: Mapped[bytes]
    a: Mapped[datetime]

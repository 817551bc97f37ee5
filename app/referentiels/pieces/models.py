"""Tables : fichier (les octets sont au magasin), piece (une organisation, une nature, un fichier)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.infra.db import Base, cle, parmi
from app.referentiels.pieces.rules import EtatFichier, Nature


class Fichier(Base):
    """Un fichier reçu. Seul son état change, et jamais en arrière : un déclencheur y veille."""

    __tablename__ = "fichier"
    __table_args__ = (
        parmi("etat", EtatFichier),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        CheckConstraint("taille BETWEEN 1 AND 10485760", name="taille"),
        CheckConstraint("length(nom) BETWEEN 1 AND 150 AND nom !~ '[[:cntrl:]/\\\\]'", name="nom"),
        CheckConstraint("essais >= 0", name="essais"),
        CheckConstraint("(etat = 'recu') = (analyse_at IS NULL)", name="analyse"),
        CheckConstraint("(etat IN ('infecte', 'refuse')) = (motif IS NOT NULL)", name="motif"),
        Index("ix_fichier_sha256", "sha256"),
        Index("ix_fichier_attente", "a", postgresql_where=text("etat = 'recu'")),
    )

    id: Mapped[int] = cle()
    code: Mapped[str] = mapped_column(unique=True)
    sha256: Mapped[str]
    nom: Mapped[str]
    media: Mapped[str]
    taille: Mapped[int]
    etat: Mapped[EtatFichier] = mapped_column(default=EtatFichier.RECU)
    motif: Mapped[str | None]
    analyse_at: Mapped[datetime | None]
    analyse_par: Mapped[str | None]
    essais: Mapped[int] = mapped_column(default=0)
    essaye_at: Mapped[datetime | None]
    derniere_erreur: Mapped[str | None]
    par: Mapped[str]
    a: Mapped[datetime]


class Piece(Base):
    """Une pièce d'une organisation. Ajoutée, jamais réécrite : une nouvelle dit laquelle elle remplace."""

    __tablename__ = "piece"
    __table_args__ = (
        parmi("nature", Nature),
        CheckConstraint("valable_au IS NULL OR valable_au >= valable_du", name="dates"),
        CheckConstraint("(nature = 'autre') = (intitule <> '')", name="intitule"),
        Index("ix_piece_organisation_nature", "organisation_id", "nature"),
    )

    id: Mapped[int] = cle()
    code: Mapped[str] = mapped_column(unique=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    nature: Mapped[Nature]
    intitule: Mapped[str] = mapped_column(default="")
    fichier_id: Mapped[int] = mapped_column(ForeignKey("fichier.id"), index=True)
    valable_du: Mapped[date]
    valable_au: Mapped[date | None]
    remplace_id: Mapped[int | None] = mapped_column(ForeignKey("piece.id"), unique=True)
    par: Mapped[str]
    a: Mapped[datetime]

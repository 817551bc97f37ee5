"""Tables : commune, quartier, quartier_commune, population_quartier, fiche, priorite_fiche."""

from __future__ import annotations

from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.infra.db import Base, DansContrat, cle, lien, unique_du_contrat


class Commune(DansContrat, Base):
    """Une commune du contrat."""

    __tablename__ = "commune"
    __table_args__ = (unique_du_contrat("commune"), UniqueConstraint("contrat_id", "insee", name="uq_commune_insee"))

    id: Mapped[int] = cle()
    insee: Mapped[str]
    nom: Mapped[str]


class Quartier(DansContrat, Base):
    """Un quartier prioritaire (QPV). La population par habitant n'existe qu'à cet étage."""

    __tablename__ = "quartier"
    __table_args__ = (unique_du_contrat("quartier"), UniqueConstraint("contrat_id", "code", name="uq_quartier_code"))

    id: Mapped[int] = cle()
    code: Mapped[str]
    nom: Mapped[str]
    rang: Mapped[int]
    population: Mapped[int | None]
    contenu: Mapped[dict[str, Any]]


class QuartierCommune(DansContrat, Base):
    """Un quartier peut être à cheval sur deux communes (Drouot-Jonquilles)."""

    __tablename__ = "quartier_commune"
    __table_args__ = (lien("quartier_id", "quartier", ondelete="CASCADE"), lien("commune_id", "commune"))

    quartier_id: Mapped[int] = mapped_column(primary_key=True)
    commune_id: Mapped[int] = mapped_column(primary_key=True)


class Fiche(DansContrat, Base):
    """Une fiche « projet de quartier », dans une version du contrat. `contenu` : tout le reste de la fiche."""

    __tablename__ = "fiche"
    __table_args__ = (
        unique_du_contrat("fiche"),
        lien("version_id", "version_contrat"),
        lien("quartier_id", "quartier"),
        lien("commune_id", "commune"),
        UniqueConstraint("contrat_id", "version_id", "code", name="uq_fiche_code"),
    )

    id: Mapped[int] = cle()
    version_id: Mapped[int]
    quartier_id: Mapped[int]
    commune_id: Mapped[int]
    code: Mapped[str]
    nom: Mapped[str]
    rang: Mapped[int]
    contenu: Mapped[dict[str, Any]]


class PrioriteFiche(DansContrat, Base):
    """Une priorité d'une fiche, dans l'ordre du document."""

    __tablename__ = "priorite_fiche"
    __table_args__ = (
        unique_du_contrat("priorite_fiche"),
        lien("fiche_id", "fiche", ondelete="CASCADE"),
        UniqueConstraint("fiche_id", "rang", name="uq_priorite_fiche_rang"),
    )

    id: Mapped[int] = cle()
    fiche_id: Mapped[int]
    rang: Mapped[int]
    intitule: Mapped[str]
    texte: Mapped[str]
    source: Mapped[str]

"""Tables : enjeu, objectif, objectif_operationnel, rubrique_contrat."""

from __future__ import annotations

from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.infra.db import Base, DansContrat, cle, lien, unique_du_contrat


class Enjeu(DansContrat, Base):
    """Un enjeu (stratégique, transversal) ou une condition, dans une version du contrat."""

    __tablename__ = "enjeu"
    __table_args__ = (
        unique_du_contrat("enjeu"),
        lien("version_id", "version_contrat"),
        UniqueConstraint("contrat_id", "version_id", "code", name="uq_enjeu_code"),
    )

    id: Mapped[int] = cle()
    version_id: Mapped[int]
    code: Mapped[str]
    rang: Mapped[int]
    nature: Mapped[str]
    intitule: Mapped[str]
    contenu: Mapped[dict[str, Any]]


class Objectif(DansContrat, Base):
    """Un des objectifs du contrat (E1.1 … C.2)."""

    __tablename__ = "objectif"
    __table_args__ = (
        unique_du_contrat("objectif"),
        lien("enjeu_id", "enjeu", ondelete="CASCADE"),
        lien("version_id", "version_contrat"),
        UniqueConstraint("contrat_id", "version_id", "code", name="uq_objectif_code"),
    )

    id: Mapped[int] = cle()
    version_id: Mapped[int]
    enjeu_id: Mapped[int]
    code: Mapped[str]
    rang: Mapped[int]
    intitule: Mapped[str]
    contenu: Mapped[dict[str, Any]]


class ObjectifOperationnel(DansContrat, Base):
    """Un objectif opérationnel (E1.1.1 …), ses sous-actions et ses remarques dans `contenu`."""

    __tablename__ = "objectif_operationnel"
    __table_args__ = (
        unique_du_contrat("objectif_operationnel"),
        lien("objectif_id", "objectif", ondelete="CASCADE"),
        lien("version_id", "version_contrat"),
        UniqueConstraint("contrat_id", "version_id", "code", name="uq_objectif_operationnel_code"),
    )

    id: Mapped[int] = cle()
    version_id: Mapped[int]
    objectif_id: Mapped[int]
    code: Mapped[str]
    rang: Mapped[int]
    intitule: Mapped[str]
    source: Mapped[str]
    contenu: Mapped[dict[str, Any]]


class RubriqueContrat(DansContrat, Base):
    """Une rubrique lue telle quelle (feuilles de route, dispositifs, engagements, suivi, anomalies)."""

    __tablename__ = "rubrique_contrat"
    __table_args__ = (
        lien("version_id", "version_contrat"),
        UniqueConstraint("contrat_id", "version_id", "code", name="uq_rubrique_contrat_code"),
    )

    id: Mapped[int] = cle()
    version_id: Mapped[int]
    code: Mapped[str]
    contenu: Mapped[dict[str, Any]] = mapped_column()

"""Tables : instance, membre_instance, service_consulte."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.infra.db import Base, DansContrat, cle, lien, parmi, unique_du_contrat
from app.referentiels.instances.rules import NatureService


class Instance(DansContrat, Base):
    """Une instance du contrat (commission des élus, équipe projet, conseil…)."""

    __tablename__ = "instance"
    __table_args__ = (unique_du_contrat("instance"), UniqueConstraint("contrat_id", "code", name="uq_instance_code"))

    id: Mapped[int] = cle()
    code: Mapped[str]
    rang: Mapped[int]
    nom: Mapped[str]
    pilotage: Mapped[str]
    frequence: Mapped[str]
    composition: Mapped[str]
    role: Mapped[str]
    source: Mapped[str]


class MembreInstance(DansContrat, Base):
    """Un siège : une qualité (jamais un nom), une voix ou non, un compte s'il en a un."""

    __tablename__ = "membre_instance"
    __table_args__ = (
        unique_du_contrat("membre_instance"),
        lien("instance_id", "instance"),
        CheckConstraint("NOT est_president OR a_voix", name="president_vote"),
        UniqueConstraint("instance_id", "qualite", name="uq_membre_instance_qualite"),
        Index("uq_membre_instance_president", "instance_id", unique=True, postgresql_where=text("est_president")),
    )

    id: Mapped[int] = cle()
    instance_id: Mapped[int]
    compte_id: Mapped[int | None] = mapped_column(ForeignKey("compte.id"))
    qualite: Mapped[str]
    rang: Mapped[int]
    a_voix: Mapped[bool]
    est_president: Mapped[bool] = mapped_column(default=False)
    debut: Mapped[date]
    fin: Mapped[date | None]


class ServiceConsulte(DansContrat, Base):
    """Un service qui rend des avis."""

    __tablename__ = "service_consulte"
    __table_args__ = (
        unique_du_contrat("service_consulte"),
        UniqueConstraint("contrat_id", "code", name="uq_service_consulte_code"),
        parmi("nature", NatureService),
    )

    id: Mapped[int] = cle()
    code: Mapped[str]
    nom: Mapped[str]
    nature: Mapped[NatureService]

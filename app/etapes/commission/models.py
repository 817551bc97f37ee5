"""Tables : seance, presence, deport, point, vote, resultat_point."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.infra.db import Base, DansContrat, cle, lien, parmi, unique_du_contrat
from app.noyau.euros import Euros


class EtatSeance(StrEnum):
    """Vie d'une séance de la commission."""

    PREPAREE = "preparee"
    OUVERTE = "ouverte"
    CLOSE = "close"


class StatutPresence(StrEnum):
    """Présent, représenté par un pouvoir, ou absent."""

    PRESENT = "present"
    REPRESENTE = "represente"
    ABSENT = "absent"


class Seance(DansContrat, Base):
    """Une séance de la commission des élus. `regles` : les règles de vote, figées à l'ouverture."""

    __tablename__ = "seance"
    __table_args__ = (
        unique_du_contrat("seance"),
        lien("appel_id", "appel"),
        lien("instance_id", "instance"),
        parmi("etat", EtatSeance),
        CheckConstraint("etat <> 'close' OR close_le IS NOT NULL", name="close"),
    )

    id: Mapped[int] = cle()
    appel_id: Mapped[int]
    instance_id: Mapped[int]
    code: Mapped[str] = mapped_column(unique=True)
    prevue_le: Mapped[datetime]
    lieu: Mapped[str]
    etat: Mapped[EtatSeance]
    regles: Mapped[dict[str, Any]]
    convoquee_le: Mapped[datetime | None]
    ouverte_le: Mapped[datetime | None]
    close_le: Mapped[datetime | None]
    cree_par: Mapped[str]
    cree_at: Mapped[datetime]


class Presence(DansContrat, Base):
    """La présence d'un membre, ou le pouvoir écrit qu'il a donné. Combien on en porte : la séance le règle."""

    __tablename__ = "presence"
    __table_args__ = (
        lien("seance_id", "seance"),
        lien("membre_id", "membre_instance"),
        lien("mandataire_id", "membre_instance"),
        parmi("statut", StatutPresence),
        CheckConstraint("(statut = 'represente') = (mandataire_id IS NOT NULL)", name="mandataire"),
        CheckConstraint("mandataire_id <> membre_id", name="soi_meme"),
    )

    seance_id: Mapped[int] = mapped_column(primary_key=True)
    membre_id: Mapped[int] = mapped_column(primary_key=True)
    statut: Mapped[StatutPresence]
    mandataire_id: Mapped[int | None]
    a: Mapped[datetime]


class PointSeance(DansContrat, Base):
    """Un point de l'ordre du jour : une demande, le montant soumis au vote, le bloc où il se vote."""

    __tablename__ = "point"
    __table_args__ = (
        unique_du_contrat("point"),
        lien("seance_id", "seance"),
        lien("demande_id", "demande"),
        UniqueConstraint("seance_id", "rang", name="uq_point_rang"),
        UniqueConstraint("seance_id", "demande_id", name="uq_point_demande"),
        CheckConstraint("montant_soumis_centimes >= 0", name="montant_soumis"),
    )

    id: Mapped[int] = cle()
    seance_id: Mapped[int]
    demande_id: Mapped[int]
    rang: Mapped[int]
    bloc: Mapped[str] = mapped_column(default="")
    montant_soumis: Mapped[Euros] = mapped_column("montant_soumis_centimes")


class Deport(DansContrat, Base):
    """Un membre se retire d'un point : ni débat, ni vote, ni pouvoir. Tracé au procès-verbal."""

    __tablename__ = "deport"
    __table_args__ = (
        lien("point_id", "point"),
        lien("membre_id", "membre_instance"),
        CheckConstraint("motif <> ''", name="motif"),
    )

    point_id: Mapped[int] = mapped_column(primary_key=True)
    membre_id: Mapped[int] = mapped_column(primary_key=True)
    motif: Mapped[str]
    acteur: Mapped[str]
    a: Mapped[datetime]


class VoteMembre(DansContrat, Base):
    """La voix d'un membre sur un point (donnée par lui ou par son mandataire)."""

    __tablename__ = "vote"
    __table_args__ = (
        lien("point_id", "point"),
        lien("membre_id", "membre_instance"),
        CheckConstraint("sens IN ('pour', 'contre', 'abstention')", name="sens"),
    )

    point_id: Mapped[int] = mapped_column(primary_key=True)
    membre_id: Mapped[int] = mapped_column(primary_key=True)
    sens: Mapped[str]
    acteur: Mapped[str]
    a: Mapped[datetime]


class ResultatPoint(DansContrat, Base):
    """Le résultat proclamé d'un point : une seule fois, avec son décompte et son motif."""

    __tablename__ = "resultat_point"
    __table_args__ = (
        lien("point_id", "point"),
        CheckConstraint("issue IN ('retenu', 'amende', 'refuse', 'ajourne', 'reserve')", name="issue"),
        CheckConstraint("(issue IN ('retenu', 'amende')) = (montant_centimes > 0)", name="montant"),
    )

    point_id: Mapped[int] = mapped_column(primary_key=True)
    issue: Mapped[str]
    montant: Mapped[Euros] = mapped_column("montant_centimes")
    rang_reserve: Mapped[int | None]
    decompte: Mapped[dict[str, Any]]
    motif: Mapped[str]
    acteur: Mapped[str]
    a: Mapped[datetime]

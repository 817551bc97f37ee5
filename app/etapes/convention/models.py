"""Tables : arrete_ligne, decision, notification."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.etapes.convention.rules import SensDecision
from app.infra.db import Base, DansContrat, cle, lien, parmi, unique_du_contrat
from app.noyau.euros import Euros


class ArreteLigne(DansContrat, Base):
    """La programmation d'une ligne est arrêtée pour une phase de l'appel (et celles d'avant) : ce qui y est voté est
    engagé sur son enveloppe."""

    __tablename__ = "arrete_ligne"
    __table_args__ = (
        lien("appel_id", "appel"),
        lien("ligne_id", "ligne_financement"),
        lien("phase_id", "phase"),
        UniqueConstraint("appel_id", "ligne_id", "phase_id", name="uq_arrete_ligne"),
    )

    id: Mapped[int] = cle()
    appel_id: Mapped[int]
    ligne_id: Mapped[int]
    phase_id: Mapped[int]
    montant: Mapped[Euros] = mapped_column("montant_centimes")
    nombre: Mapped[int]
    acteur: Mapped[str]
    a: Mapped[datetime]


class Decision(DansContrat, Base):
    """La décision d'une autorité sur une demande : référence et date de son acte. Une seule, jamais réécrite."""

    __tablename__ = "decision"
    __table_args__ = (
        unique_du_contrat("decision"),
        lien("demande_id", "demande"),
        parmi("sens", SensDecision),
        UniqueConstraint("demande_id", name="uq_decision_demande"),
        CheckConstraint("(sens = 'attribuee') = (montant_centimes > 0)", name="montant"),
        CheckConstraint("montant_centimes >= 0", name="montant_positif"),
        CheckConstraint("sens = 'attribuee' OR motif <> ''", name="motif"),
        CheckConstraint("reference_acte <> ''", name="reference_acte"),
    )

    id: Mapped[int] = cle()
    demande_id: Mapped[int]
    sens: Mapped[SensDecision]
    montant: Mapped[Euros] = mapped_column("montant_centimes")
    reference_acte: Mapped[str]
    acte_le: Mapped[date]
    motif: Mapped[str] = mapped_column(default="")
    acteur: Mapped[str]
    a: Mapped[datetime]


class Notification(DansContrat, Base):
    """La lettre d'une autorité pour un dossier : document scellé, envoi, première lecture."""

    __tablename__ = "notification"
    __table_args__ = (
        unique_du_contrat("notification"),
        lien("dossier_id", "dossier"),
        lien("ligne_id", "ligne_financement"),
        UniqueConstraint("dossier_id", "ligne_id", name="uq_notification_dossier_ligne"),
    )

    id: Mapped[int] = cle()
    dossier_id: Mapped[int]
    ligne_id: Mapped[int]
    document_sha256: Mapped[str | None]
    acteur: Mapped[str]
    a: Mapped[datetime]
    envoyee_at: Mapped[datetime | None]
    lue_at: Mapped[datetime | None]

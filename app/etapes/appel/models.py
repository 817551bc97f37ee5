"""Tables : appel, phase, piece_exigee, enveloppe, mouvement_enveloppe, engagement, liberation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.etapes.appel.rules import EtatAppel, NatureEngagement, NatureEnveloppe, SilenceAvis
from app.infra.db import Base, DansContrat, cle, lien, parmi, unique_du_contrat
from app.noyau.euros import Euros


class Appel(DansContrat, Base):
    """Un appel à initiatives annuel. `compteur` attribue les numéros au dépôt, ligne verrouillée."""

    __tablename__ = "appel"
    __table_args__ = (
        unique_du_contrat("appel"),
        lien("version_id", "version_contrat"),
        lien("grille_id", "grille"),
        parmi("etat", EtatAppel),
        parmi("silence_avis", SilenceAvis),
        CheckConstraint("compteur >= 0", name="compteur"),
        CheckConstraint("seuil_court_centimes >= 0", name="seuil_court"),
    )

    id: Mapped[int] = cle()
    version_id: Mapped[int]
    grille_id: Mapped[int]
    code: Mapped[str] = mapped_column(unique=True)
    annee: Mapped[int]
    intitule: Mapped[str]
    etat: Mapped[EtatAppel]
    seuil_court: Mapped[Euros] = mapped_column("seuil_court_centimes")
    silence_avis: Mapped[SilenceAvis]
    orientations: Mapped[dict[str, Any]]
    compteur: Mapped[int] = mapped_column(default=0)
    recevabilite_close_le: Mapped[datetime | None]
    medianes: Mapped[dict[str, Any] | None]
    cree_at: Mapped[datetime]


class Phase(DansContrat, Base):
    """Une phase de l'appel : son calendrier (à la minute) et sa part réservée (pour mille)."""

    __tablename__ = "phase"
    __table_args__ = (
        unique_du_contrat("phase"),
        lien("appel_id", "appel"),
        UniqueConstraint("appel_id", "rang", name="uq_phase_rang"),
        CheckConstraint("cloture_le > ouverture_le", name="calendrier"),
        CheckConstraint("part_reservee_milliemes BETWEEN 0 AND 1000", name="part_reservee"),
    )

    id: Mapped[int] = cle()
    appel_id: Mapped[int]
    rang: Mapped[int]
    intitule: Mapped[str]
    ouverture_le: Mapped[datetime]
    cloture_le: Mapped[datetime]
    consultation_du: Mapped[datetime | None]
    consultation_au: Mapped[datetime | None]
    commission_le: Mapped[datetime | None]
    notification_le: Mapped[datetime | None]
    bilans_le: Mapped[datetime | None]
    part_reservee_milliemes: Mapped[int] = mapped_column(default=0)


class PieceExigee(DansContrat, Base):
    """Une pièce demandée, selon la forme du porteur (« * » : toutes)."""

    __tablename__ = "piece_exigee"
    __table_args__ = (lien("appel_id", "appel"), UniqueConstraint("appel_id", "code", "forme", name="uq_piece_exigee"))

    id: Mapped[int] = cle()
    appel_id: Mapped[int]
    code: Mapped[str]
    forme: Mapped[str]
    libelle: Mapped[str]
    est_obligatoire: Mapped[bool]
    source: Mapped[str]


class Enveloppe(DansContrat, Base):
    """Les crédits d'une ligne pour une année. `engage` est tenu par un déclencheur, jugé par CHECK (décision 11)."""

    __tablename__ = "enveloppe"
    __table_args__ = (
        unique_du_contrat("enveloppe"),
        lien("ligne_id", "ligne_financement"),
        UniqueConstraint("contrat_id", "ligne_id", "annee", name="uq_enveloppe_ligne_annee"),
        parmi("nature", NatureEnveloppe),
        CheckConstraint("montant_centimes >= 0", name="montant"),
        CheckConstraint("engage_centimes >= 0 AND engage_centimes <= montant_centimes", name="depassee"),
    )

    id: Mapped[int] = cle()
    ligne_id: Mapped[int]
    annee: Mapped[int]
    nature: Mapped[NatureEnveloppe]
    montant: Mapped[Euros] = mapped_column("montant_centimes")
    engage: Mapped[Euros] = mapped_column("engage_centimes", default=Euros(0))
    est_fictive: Mapped[bool] = mapped_column(default=False)


class MouvementEnveloppe(DansContrat, Base):
    """Un changement de montant, ajouté, jamais réécrit."""

    __tablename__ = "mouvement_enveloppe"
    __table_args__ = (lien("enveloppe_id", "enveloppe"), parmi("nature", NatureEnveloppe))

    id: Mapped[int] = cle()
    enveloppe_id: Mapped[int] = mapped_column(index=True)
    nature: Mapped[NatureEnveloppe]
    montant: Mapped[Euros] = mapped_column("montant_centimes")
    motif: Mapped[str]
    acteur: Mapped[str]
    a: Mapped[datetime]


class Engagement(DansContrat, Base):
    """La seule écriture qui engage une enveloppe."""

    __tablename__ = "engagement"
    __table_args__ = (
        lien("enveloppe_id", "enveloppe"),
        lien("demande_id", "demande"),
        parmi("nature", NatureEngagement),
        CheckConstraint("montant_centimes > 0", name="montant"),
        UniqueConstraint("demande_id", "annee", name="uq_engagement_demande_annee"),
        Index("ix_engagement_enveloppe", "enveloppe_id"),
    )

    id: Mapped[int] = cle()
    enveloppe_id: Mapped[int]
    demande_id: Mapped[int]
    annee: Mapped[int]
    nature: Mapped[NatureEngagement]
    montant: Mapped[Euros] = mapped_column("montant_centimes")
    acteur: Mapped[str]
    a: Mapped[datetime]


class Liberation(DansContrat, Base):
    """Ce qu'un engagement rend à son enveloppe (décision plus basse que le vote, renonciation, retrait). Ajoutée."""

    __tablename__ = "liberation"
    __table_args__ = (
        lien("enveloppe_id", "enveloppe"),
        lien("demande_id", "demande"),
        CheckConstraint("montant_centimes > 0", name="montant"),
        CheckConstraint("motif <> ''", name="motif"),
    )

    id: Mapped[int] = cle()
    enveloppe_id: Mapped[int]
    demande_id: Mapped[int]
    annee: Mapped[int]
    montant: Mapped[Euros] = mapped_column("montant_centimes")
    motif: Mapped[str]
    acteur: Mapped[str]
    a: Mapped[datetime]

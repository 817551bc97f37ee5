"""Formulaires et JSON : appel, phase, enveloppe."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, StringConstraints

from app.etapes.appel.rules import NatureEnveloppe, PhaseAnnoncee, PieceAnnoncee, SilenceAvis
from app.infra.forms import Entree

Court = Annotated[str, StringConstraints(max_length=200)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]


class PhaseEntrante(Entree):
    """Une phase : instants avec leur fuseau ; clôture exclue."""

    intitule: Court
    ouverture_le: AwareDatetime
    cloture_le: AwareDatetime
    consultation_du: AwareDatetime | None = None
    consultation_au: AwareDatetime | None = None
    commission_le: AwareDatetime | None = None
    notification_le: AwareDatetime | None = None
    bilans_le: AwareDatetime | None = None
    part_reservee_milliemes: int = Field(0, ge=0, le=1000)

    def phase(self) -> PhaseAnnoncee:
        """Pour le service."""
        return PhaseAnnoncee(**self.model_dump())


class PieceEntrante(Entree):
    """Une pièce demandée. `forme` : « * » ou une forme d'organisation."""

    code: Court
    forme: Court = "*"
    libelle: Court
    est_obligatoire: bool = True
    source: Court = ""

    def piece(self) -> PieceAnnoncee:
        """Pour le service."""
        return PieceAnnoncee(**self.model_dump())


class AppelEntrant(Entree):
    """Un appel à préparer."""

    contrat: Court
    grille: Court
    code: Code
    annee: int
    intitule: Court
    phases: list[PhaseEntrante]
    pieces: list[PieceEntrante] = Field(default_factory=list)
    seuil_court_centimes: int = Field(0, ge=0)
    silence_avis: SilenceAvis = SilenceAvis.SANS_REPONSE
    orientations: dict[str, Any] = Field(default_factory=dict)


class EnveloppeEntrante(Entree):
    """Le montant d'une enveloppe, en centimes."""

    ligne: Court
    annee: int
    montant_centimes: int = Field(ge=0, le=100_000_000_000)
    nature: NatureEnveloppe
    motif: Court
    est_fictive: bool = False


class SaisieEnveloppe(Entree):
    """Le montant d'une enveloppe, tel que tapé."""

    montant: Court
    nature: NatureEnveloppe
    motif: Court = ""


class SaisieAppel(Entree):
    """Un appel à préparer depuis la page : une phase, heure de Paris."""

    code: Code
    annee: int
    intitule: Court
    ouverture_le: datetime
    cloture_le: datetime
    commission_le: datetime | None = None
    seuil_court: Court = "0"

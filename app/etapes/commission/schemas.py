"""Formulaires et JSON de la commission."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from app.etapes.commission.models import StatutPresence
from app.etapes.commission.rules import (
    POUVOIRS_MAX,
    Decoupage,
    MajoriteExigee,
    QuorumExige,
    Reglages,
    Sens,
)
from app.infra.forms import Entree
from app.noyau.periodes import PARIS

Court = Annotated[str, StringConstraints(max_length=200)]
Motif = Annotated[str, StringConstraints(max_length=2000)]
Voix = Literal[Sens.POUR, Sens.CONTRE, Sens.ABSTENTION]
Bulletins = dict[Annotated[int, Field(ge=1)], Voix]


class SaisieDate(Entree):
    """La date, l'heure (de Paris) et le lieu d'une séance, depuis la page ; ce qui manque, le service le dit."""

    prevue_le: datetime | None = Field(None, title="Date et heure")
    lieu: Court = Field("", title="Lieu ou lien de visioconférence")

    def instant(self) -> datetime | None:
        """L'instant, avec son fuseau."""
        if self.prevue_le is None or self.prevue_le.tzinfo is not None:
            return self.prevue_le
        return self.prevue_le.replace(tzinfo=PARIS)


class SaisieSeance(SaisieDate):
    """Une séance à créer depuis la page."""

    decoupage: Decoupage = Field(Decoupage.OBJECTIF, title="Blocs de vote")


class DateEntrante(Entree):
    """La date et le lieu d'une séance."""

    prevue_le: AwareDatetime
    lieu: Court


class SeanceEntrante(DateEntrante):
    """Une séance à créer."""

    decoupage: Decoupage = Decoupage.OBJECTIF


class OuvertureEntrante(Entree):
    """Le règlement choisi à l'ouverture, et les réglages de celui de la commission (par défaut : ses valeurs)."""

    regles: Court = Field("commission_des_elus", title="Règles de vote")
    quorum: QuorumExige = QuorumExige.PLUS_DE_LA_MOITIE
    pouvoirs_dans_le_quorum: bool = False
    pouvoirs_par_porteur: int = Field(1, ge=0, le=POUVOIRS_MAX)
    majorite: MajoriteExigee = MajoriteExigee.PLUS_DE_LA_MOITIE
    voix_preponderante: bool = True

    def reglages(self) -> Reglages:
        """Pour le service."""
        return Reglages(**self.model_dump(exclude={"regles"}))


class PresenceEntrante(Entree):
    """La présence d'un siège, par son rang ; `mandataire` : le siège qui porte son pouvoir."""

    siege: int = Field(ge=1)
    statut: StatutPresence
    mandataire: int | None = Field(None, ge=1)


class PresencesEntrantes(Entree):
    """Toute la salle ; un siège non nommé est absent."""

    presences: list[PresenceEntrante]


class VotesEntrants(Entree):
    """Les voix d'un point, par rang de siège, ou l'unanimité de ceux qui peuvent voter.

    `partiel` : les membres sans voix ne prennent pas part au vote ; sans lui, une voix qui manque se refuse.
    """

    voix: Bulletins = Field(default_factory=dict)
    unanimite: Voix | None = None
    partiel: bool = False
    proclamer: bool = True

    def bulletins(self) -> dict[int, Sens] | Sens:
        """Pour le service."""
        return self.unanimite if self.unanimite is not None else dict(self.voix)


class ProclamationEntrante(VotesEntrants):
    """Un point à proclamer ; sans voix ni unanimité : celles déjà enregistrées."""

    def bulletins_ou_rien(self) -> dict[int, Sens] | Sens | None:
        """Pour le service."""
        return self.bulletins() or None


class AmendementEntrant(VotesEntrants):
    """Un autre montant à mettre aux voix, en centimes."""

    montant_centimes: int = Field(gt=0, le=100_000_000_000)
    motif: Motif


class AjournementEntrant(VotesEntrants):
    """Un ajournement à mettre aux voix."""

    motif: Motif


class ReserveEntrante(VotesEntrants):
    """Une inscription sur la liste de réserve à mettre aux voix ; sans rang : à la suite."""

    rang_reserve: int | None = Field(None, ge=1, le=9999)
    motif: Motif = ""


class BlocEntrant(VotesEntrants):
    """Un bloc à voter ensemble ; `sauf` : rangs à voter séparément."""

    bloc: Court
    sauf: list[int] = Field(default_factory=list)


class DeportEntrant(Entree):
    """Un déport ; `siege` : pour le secrétariat qui l'enregistre au nom d'un membre."""

    motif: Motif
    siege: int | None = Field(None, ge=1)

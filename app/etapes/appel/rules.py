"""L'appel : états, calendrier d'une phase, garde de l'enveloppe. Pur."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.noyau.euros import Euros
from app.noyau.periodes import Intervalle, instant_long
from app.noyau.roles import Role


class EtatAppel(StrEnum):
    """Vie d'un appel."""

    PREPARE = "prepare"
    OUVERT = "ouvert"
    CLOS = "clos"
    ARRETE = "arrete"

    @property
    def libelle(self) -> str:
        """Le mot montré à l'écran."""
        return {"prepare": "En préparation", "ouvert": "Ouvert", "clos": "Clos", "arrete": "Programmation arrêtée"}[
            self.value
        ]


class NatureEnveloppe(StrEnum):
    """Une enveloppe est prévisionnelle, puis notifiée."""

    PREVISIONNELLE = "previsionnelle"
    NOTIFIEE = "notifiee"


class NatureEngagement(StrEnum):
    """Ce qui engage une enveloppe. Une proposition n'engage pas. Source : architecture, décision 11."""

    ARRETE = "arrete"
    DECISION = "decision"
    RESERVATION_CPO = "reservation_cpo"


class SilenceAvis(StrEnum):
    """Ce que vaut le silence d'un service à l'échéance. Choix du projet, réglable par appel."""

    SANS_REPONSE = "sans_reponse"
    FAVORABLE = "favorable"


@dataclass(frozen=True, slots=True)
class TransitionAppel:
    """Un acte sur l'appel."""

    acte: str
    depuis: frozenset[EtatAppel]
    vers: EtatAppel
    roles: frozenset[Role]
    libelle: str


_CHARGE = frozenset({Role.CHARGE_MISSION})
TRANSITIONS_APPEL: tuple[TransitionAppel, ...] = (
    TransitionAppel("ouvrir", frozenset({EtatAppel.PREPARE}), EtatAppel.OUVERT, _CHARGE, "Ouvrir l’appel"),
    TransitionAppel("clore", frozenset({EtatAppel.OUVERT}), EtatAppel.CLOS, _CHARGE, "Clore l’appel"),
    TransitionAppel("rouvrir", frozenset({EtatAppel.CLOS}), EtatAppel.OUVERT, _CHARGE, "Rouvrir l’appel"),
    TransitionAppel("arreter", frozenset({EtatAppel.CLOS}), EtatAppel.ARRETE, _CHARGE, "Arrêter la programmation"),
)


@dataclass(frozen=True, slots=True)
class PhaseAnnoncee:
    """Une phase à créer : ses dates, son intitulé, sa part réservée (pour mille)."""

    intitule: str
    ouverture_le: datetime
    cloture_le: datetime
    consultation_du: datetime | None = None
    consultation_au: datetime | None = None
    commission_le: datetime | None = None
    notification_le: datetime | None = None
    bilans_le: datetime | None = None
    part_reservee_milliemes: int = 0


@dataclass(frozen=True, slots=True)
class PieceAnnoncee:
    """Une pièce à demander, selon la forme du porteur (« * » : toutes)."""

    code: str
    forme: str
    libelle: str
    est_obligatoire: bool
    source: str


@dataclass(frozen=True, slots=True)
class DepotPossible:
    """Peut-on déposer maintenant ? Sinon, pourquoi."""

    possible: bool
    motif: str = ""
    code: str = ""


def depot_possible(etat: EtatAppel, phase: Intervalle, maintenant: datetime) -> DepotPossible:
    """Le dépôt est admis de l'ouverture comprise à la clôture exclue, quand l'appel est ouvert.

    Choix du projet : architecture, décision 13 (échéance = intervalle ouvert à droite, heure de réception).
    """
    if etat is EtatAppel.PREPARE or maintenant < phase.debut:
        motif = f"L’appel ouvre le {instant_long(phase.debut)}."
        return DepotPossible(False, motif, "appel_pas_encore_ouvert")
    if phase.fin is not None and maintenant >= phase.fin:
        return DepotPossible(False, f"L’appel est clos depuis le {instant_long(phase.fin)}.", "appel_clos")
    if etat is not EtatAppel.OUVERT:
        return DepotPossible(False, "L’appel est clos.", "appel_clos")
    return DepotPossible(True)


def peut_engager(montant: Euros, engage: Euros, demande: Euros) -> bool:
    """Vrai si `demande` tient dans ce qui reste de l'enveloppe. La base juge en dernier.

    Choix du projet : architecture, décision 11.
    """
    return demande.centimes > 0 and engage + demande <= montant

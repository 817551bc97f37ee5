"""Ce que toutes les phases de la campagne partagent : le client, les jetons, le calendrier, les dossiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.commandes.campagne.acteurs import Jetons
from app.commandes.campagne.client import Api
from app.noyau.periodes import PARIS
from seeds.demo.derivation import DossierDeduit

CONTRAT = "m2a-2024-2030"
LIGNES = ("BOP147", "M2A", "MULHOUSE", "ILLZACH", "WITTENHEIM")
INSTRUCTION = {
    "BOP147": "sous-prefecture",
    "M2A": "instruction-m2a",
    "MULHOUSE": "instruction-mulhouse",
    "ILLZACH": "instruction-illzach",
    "WITTENHEIM": "instruction-wittenheim",
}
ARBITRAGE = {
    "BOP147": "sous-prefet",
    "M2A": "vp-m2a",
    "MULHOUSE": "elu-mulhouse",
    "ILLZACH": "elu-illzach",
    "WITTENHEIM": "elu-wittenheim",
}


def a_paris(annee: int, mois: int, jour: int, heure: int = 9, minute: int = 0) -> datetime:
    """Un instant à l'heure de Paris."""
    return datetime(annee, mois, jour, heure, minute, tzinfo=PARIS)


@dataclass(frozen=True, slots=True)
class Calendrier:
    """Les dates d'une campagne, déduites de l'année financée."""

    annee: int

    @property
    def ouverture(self) -> datetime:
        """Premier jour du dépôt."""
        return a_paris(self.annee - 1, 10, 1, 8)

    @property
    def depot(self) -> datetime:
        """Début des dépôts de la démonstration."""
        return a_paris(self.annee - 1, 10, 6, 9)

    @property
    def cloture(self) -> datetime:
        """À cette minute, il est trop tard."""
        return a_paris(self.annee - 1, 12, 11, 18)

    @property
    def instruction(self) -> datetime:
        """Début de l'examen."""
        return a_paris(self.annee - 1, 12, 14, 9)

    @property
    def rencontre(self) -> datetime:
        """Première rencontre des services."""
        return a_paris(self.annee, 1, 14, 9)

    @property
    def arbitrage(self) -> datetime:
        """Propositions et arbitrages."""
        return a_paris(self.annee, 2, 8, 9)

    @property
    def commission(self) -> datetime:
        """Séance de la commission des élus."""
        return a_paris(self.annee, 3, 9, 9)

    @property
    def decision(self) -> datetime:
        """Actes des autorités."""
        return a_paris(self.annee, 4, 6, 9)

    @property
    def notification(self) -> datetime:
        """Lettres."""
        return a_paris(self.annee, 4, 20, 9)

    @property
    def fin(self) -> datetime:
        """La seconde phase est close : l'appel s'arrête."""
        return a_paris(self.annee, 9, 11, 9)


@dataclass
class DossierJoue:
    """Un dossier de la démonstration et ce que la campagne en sait. `renouvelle` : numéro de celui d'avant."""

    deduit: DossierDeduit
    numero: str = ""
    ouvertes: set[str] = field(default_factory=set)
    retire: bool = False
    renouvelle: str = ""


@dataclass
class Scene:
    """Une campagne en cours de jeu. `deja_engage` : tranches de CPO réservées par les années d'avant (centimes).

    `code` : celui de l'appel, s'il n'est pas celui de son année.
    """

    api: Api
    jetons: Jetons
    annee: int
    enveloppes: dict[str, int]
    dossiers: list[DossierJoue]
    deja_engage: dict[str, int] = field(default_factory=dict)
    code: str = ""

    @property
    def appel(self) -> str:
        """Le code de l'appel."""
        return self.code or f"m2a-{self.annee}"

    @property
    def calendrier(self) -> Calendrier:
        """Les dates de la campagne."""
        return Calendrier(self.annee)

    def au(self, instant: datetime) -> None:
        """Fixe l'horloge du métier."""
        self.api.horloge = instant

    def avancer(self, **duree: int) -> None:
        """Avance l'horloge du métier."""
        self.api.horloge += timedelta(**duree)

    def deposes(self) -> Sequence[DossierJoue]:
        """Les dossiers déposés et pas retirés."""
        return [d for d in self.dossiers if d.numero and not d.retire]

    def post(self, chemin: str, qui: str, corps: dict[str, Any] | None = None) -> dict[str, Any]:
        """Agit au nom d'un compte de démonstration."""
        return self.api.post(chemin, self.jetons.de(qui), corps)

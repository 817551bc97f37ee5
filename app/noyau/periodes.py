"""Dates du métier : intervalles ouverts à droite, jours francs, mois calendaires, heure de Paris."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
MOIS = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip
JOURS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")


@dataclass(frozen=True, slots=True)
class Intervalle:
    """[debut, fin[ : la borne de fin n'en fait pas partie. Une fin absente n'a pas de terme."""

    debut: datetime
    fin: datetime | None

    def __post_init__(self) -> None:
        if self.debut.tzinfo is None or (self.fin is not None and self.fin.tzinfo is None):
            raise ValueError("Un instant porte toujours son fuseau.")
        if self.fin is not None and self.fin <= self.debut:
            raise ValueError("La fin vient après le début.")

    def contient(self, instant: datetime) -> bool:
        """Vrai de `debut` compris à `fin` exclue."""
        return self.debut <= instant and (self.fin is None or instant < self.fin)


def ajouter_mois(jour: date, mois: int) -> date:
    """Le même quantième `mois` plus tard, ramené au dernier jour du mois s'il manque (31 août + 6 mois = 28 février).

    Source : reference/domaine.md § 8, dates ; code de procédure civile, art. 641.
    """
    rang = jour.year * 12 + jour.month - 1 + mois
    annee, mois_zero = divmod(rang, 12)
    dernier = calendar.monthrange(annee, mois_zero + 1)[1]
    return date(annee, mois_zero + 1, min(jour.day, dernier))


def jours_francs_avant(jour: date, nombre: int) -> date:
    """Dernier jour d'envoi pour laisser `nombre` jours francs : ni le jour d'envoi ni le jour de séance ne comptent.

    Source : CGCT, art. L.2121-12.
    """
    return jour - timedelta(days=nombre + 1)


def a_paris(instant: datetime) -> datetime:
    """Le même instant, à l'heure de Paris."""
    if instant.tzinfo is None:
        raise ValueError("Un instant porte toujours son fuseau.")
    return instant.astimezone(PARIS)


def date_longue(jour: date) -> str:
    """« vendredi 4 décembre 2026 », « lundi 1er mars 2027 »."""
    quantieme = "1er" if jour.day == 1 else str(jour.day)
    return f"{JOURS[jour.weekday()]} {quantieme} {MOIS[jour.month - 1]} {jour.year}"


def instant_a_ecrire(instant: datetime | None) -> str:
    """« 2026-12-04T23:59 », à l'heure de Paris, comme un champ de date et d'heure le retape ; « » sans instant."""
    return a_paris(instant).strftime("%Y-%m-%dT%H:%M") if instant is not None else ""


def heure_courte(instant: datetime) -> str:
    """« 14 h 05 », à l'heure de Paris."""
    local = a_paris(instant)
    return f"{local.hour} h {local.minute:02d}"


def instant_long(instant: datetime) -> str:
    """« vendredi 4 décembre 2026 à 23 h 59 », à l'heure de Paris."""
    local = a_paris(instant)
    return f"{date_longue(local.date())} à {local.hour} h {local.minute:02d}"

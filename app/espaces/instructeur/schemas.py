"""Formulaires de l'instruction : recevabilité, complément."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.infra.forms import Entree

Long = Annotated[str, StringConstraints(max_length=4000)]
Court = Annotated[str, StringConstraints(max_length=200)]


class SaisieExamen(Entree):
    """La conclusion de l'examen d'une demande."""

    conclusion: Literal["recevable", "irrecevable", "hors_champ", "orientee"]
    motif: Long = ""
    oriente_vers: Court = ""
    points: list[Court] = Field(default_factory=list)


class SaisieComplement(Entree):
    """Ce qui est attendu du porteur, pourquoi, jusqu'à quel jour (compris, heure de Paris)."""

    objet: Court = ""
    pourquoi: Long = ""
    echeance: date

"""Formulaires et JSON : ajustement d'un critère, faits établis."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from app.infra.forms import Entree

Code = Annotated[str, StringConstraints(max_length=60)]
Motif = Annotated[str, StringConstraints(max_length=2000)]


class SaisieAjustement(Entree):
    """Un critère ajusté. Sans `taux_pour_cent` : revenir à la valeur calculée."""

    critere: Code
    taux_pour_cent: int | None = Field(None, ge=0, le=100)
    motif: Motif = ""


class FaitEntrant(Entree):
    """Un fait établi par l'API. `valeur` : part « 17/20 », montant en centimes, liste de codes, oui ou non."""

    code: Code
    valeur: Any
    motif: Motif = ""


class FaitsEntrants(Entree):
    """Des faits établis ensemble."""

    faits: Annotated[list[FaitEntrant], Field(min_length=1, max_length=60)]


class VerificationEntrante(Entree):
    """Des faits déclarés à confirmer tels quels ; sans codes, tous ceux qui ne sont que déclarés."""

    codes: list[Code] = Field(default_factory=list, max_length=60)

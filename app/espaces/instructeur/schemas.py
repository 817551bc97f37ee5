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


class SaisieActe(Entree):
    """Un acte qui demande un motif (l'acte dit s'il est exigé)."""

    motif: Long = ""


class SaisieReferences(Entree):
    """Les références de l'État ; un champ vide efface."""

    theme_p147: Court = ""
    numero_dauphin: Annotated[str, StringConstraints(max_length=30)] = ""
    engagement_juridique: Annotated[str, StringConstraints(max_length=30)] = ""


class SaisieComplement(Entree):
    """Ce qui est attendu du porteur, pourquoi, jusqu'à quel jour (compris, heure de Paris) ; `ligne` vide : toutes."""

    ligne: Court = ""
    objet: Court = ""
    pourquoi: Long = ""
    echeance: date

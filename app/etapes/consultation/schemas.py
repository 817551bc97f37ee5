"""Formulaires et JSON : rencontre, avis."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from app.etapes.consultation.rules import Degre
from app.infra.forms import Entree

Court = Annotated[str, StringConstraints(max_length=200)]
Long = Annotated[str, StringConstraints(max_length=4000)]


class SaisieRencontre(Entree):
    """Une rencontre à préparer. `prevue_le` : heure de Paris si le fuseau manque."""

    intitule: Court = ""
    prevue_le: datetime
    lieu: Court = ""
    autorite: Court = ""
    numeros: list[Court] = Field(default_factory=list)
    services: list[Court] = Field(default_factory=list)


class SaisieAvis(Entree):
    """Un avis gradué. Le motif est exigé sauf avis favorable ou hors champ."""

    service: Court
    degre: Degre
    motif: Long = ""
    droit_commun_dispositif: Court = ""
    droit_commun_montant: Court = ""


class AvisEntrant(Entree):
    """Un avis par l'API : montant du droit commun en centimes."""

    service: Court
    degre: Degre
    motif: Long = ""
    droit_commun_dispositif: Court = ""
    droit_commun_montant_centimes: int | None = Field(None, ge=0, le=10_000_000_00)
    rencontre: Court = ""


class RencontreEntrante(Entree):
    """Une rencontre par l'API : instant avec son fuseau."""

    appel: Court
    intitule: Court
    prevue_le: datetime
    lieu: Court
    autorite: Court = ""
    numeros: list[Court]
    services: list[Court]

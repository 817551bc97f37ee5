"""Formulaires et JSON : rencontre, avis."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from app.etapes.consultation.rules import Degre
from app.infra.forms import Entree
from app.noyau.periodes import PARIS

Court = Annotated[str, StringConstraints(max_length=200)]
Long = Annotated[str, StringConstraints(max_length=4000)]


class SaisieRencontre(Entree):
    """Une rencontre à préparer ; le service dit ce qui manque. `prevue_le` : heure de Paris si le fuseau manque."""

    intitule: Court = Field("", title="Intitulé")
    prevue_le: datetime | None = Field(None, title="Date et heure")
    lieu: Court = Field("", title="Lieu ou lien de visioconférence")
    autorite: Court = Field("", title="Autorité qui convoque")
    services: list[Court] = Field(default_factory=list, title="Services convoqués")
    numeros: list[Court] = Field(default_factory=list, title="Dossiers du lot")

    @field_validator("prevue_le")
    @classmethod
    def situer(cls, valeur: datetime | None) -> datetime | None:
        """L'heure tapée est celle de Paris."""
        return valeur.replace(tzinfo=PARIS) if valeur is not None and valeur.tzinfo is None else valeur


class SaisieAvis(Entree):
    """Un avis gradué. Le motif est exigé sauf avis favorable ou hors champ."""

    service: Court = Field("", title="Service")
    degre: Degre | None = Field(None, title="Avis")
    motif: Long = Field("", title="Pourquoi ?")
    droit_commun_dispositif: Court = Field("", title="Droit commun mobilisable")
    droit_commun_montant: Court = Field("", title="Montant possible")


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

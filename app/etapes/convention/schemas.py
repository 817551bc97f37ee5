"""Formulaires et JSON de la décision."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field, StringConstraints

from app.etapes.convention.rules import DecisionDite, SensDecision
from app.infra.forms import Entree
from app.noyau.euros import Euros

Court = Annotated[str, StringConstraints(max_length=200)]
Motif = Annotated[str, StringConstraints(max_length=2000)]
Collage = Annotated[str, StringConstraints(max_length=500_000)]


class SaisieDecision(Entree):
    """Une décision tapée dans la page ; le montant comme on l'écrit."""

    sens: SensDecision
    montant: Court = ""
    reference_acte: Court = ""
    acte_le: date
    motif: Motif = ""

    def dite(self) -> DecisionDite:
        """Pour le service. Lève MontantIllisible."""
        refus = self.sens is SensDecision.REFUSEE
        montant = Euros(0) if refus and not self.montant else Euros.lire(self.montant)
        return DecisionDite(self.sens, montant, self.reference_acte, self.acte_le, self.motif)


class SaisieLot(Entree):
    """Un collage à contrôler ou à enregistrer."""

    lot: Collage = ""
    reference_acte: Court = ""
    acte_le: date


class ArretEntrant(Entree):
    """Arrêter une ligne ; `confirme` : les demandes que nul n'a proposées sont vues, la ligne s'arrête quand même."""

    confirme: bool = False


class AttributionEntrante(Entree):
    """Une attribution : son montant en centimes, l'acte de l'autorité."""

    montant_centimes: int = Field(gt=0, le=100_000_000_000)
    reference_acte: Court
    acte_le: date
    motif: Motif = ""

    def dite(self) -> DecisionDite:
        """Pour le service."""
        montant = Euros(self.montant_centimes)
        return DecisionDite(SensDecision.ATTRIBUEE, montant, self.reference_acte, self.acte_le, self.motif)


class RefusEntrant(Entree):
    """Un refus : son motif, l'acte de l'autorité."""

    reference_acte: Court
    acte_le: date
    motif: Motif

    def dite(self) -> DecisionDite:
        """Pour le service."""
        return DecisionDite(SensDecision.REFUSEE, Euros(0), self.reference_acte, self.acte_le, self.motif)


class LotEntrant(Entree):
    """Un lot « numéro;montant;sens;motif », une décision par ligne."""

    lot: Collage
    reference_acte: Court
    acte_le: date
    enregistrer: bool = False


class RenonciationEntrante(Entree):
    """Pourquoi le porteur renonce."""

    motif: Motif

"""Formulaires et JSON : montant proposé ou arbitré, simulation et ses réglages."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf, StringConstraints

from app.etapes.dossier.rules.lecture import lire_montant
from app.etapes.programmation.rules import NatureVerrou, Verrou
from app.etapes.programmation.rules.probleme import PAS
from app.etapes.programmation.rules.reglages import Reglages
from app.infra.forms import Entree
from app.noyau.euros import ZERO, Euros

CENTIMES_MAX = 10**12


def _montant(valeur: object) -> object:
    return lire_montant(valeur) if isinstance(valeur, str) else valeur


def _montant_positif(valeur: Euros) -> Euros:
    if valeur <= ZERO:
        raise ValueError("Écrivez un montant au-dessus de zéro.")
    return valeur


Texte = Annotated[str, StringConstraints(max_length=2000)]
Court = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Montant = Annotated[InstanceOf[Euros], BeforeValidator(_montant)]
MontantPositif = Annotated[Montant, AfterValidator(_montant_positif)]
Centimes = Annotated[int, Field(strict=True, ge=-CENTIMES_MAX, le=CENTIMES_MAX)]
CentimesPositifs = Annotated[int, Field(strict=True, gt=0, le=CENTIMES_MAX)]
Annee = Annotated[int, Field(strict=True, ge=2000, le=2100)]


class SaisieMontant(Entree):
    """Le formulaire d'une rangée du tableau. Le motif vide est refusé par l'acte, avec les autres fautes."""

    montant: Montant
    motif: Texte = ""
    rang: int = Field(ge=0, le=1_000_000)


class MontantEntrant(Entree):
    """Un montant proposé ou arbitré, par l'API. `rang` : la proposition lue, pour refuser un écrasement."""

    annee: Annee
    montant_centimes: Centimes
    motif: Texte
    rang: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None = None


class VerrouSaisi(Entree):
    """Un verrou dans un fichier ou un formulaire : montant en euros. Sans ligne, il vaut pour tout le dossier."""

    dossier: Court
    ligne: Court | None = None
    nature: NatureVerrou
    montant: MontantPositif | None = None


class ReglagesSaisis(Entree):
    """Les contraintes d'un fichier YAML ou d'un formulaire, montants en euros."""

    pas: MontantPositif = PAS
    verrous: list[VerrouSaisi] = Field(default=[], max_length=500)
    viabilite: dict[Court, MontantPositif] = Field(default_factory=dict)

    def reglages(self) -> Reglages:
        """Pour le service."""
        verrous = tuple(Verrou(v.dossier, v.ligne, v.nature, v.montant) for v in self.verrous)
        return Reglages(self.pas, verrous, dict(self.viabilite))


class VerrouEntrant(Entree):
    """Un verrou, par l'API."""

    dossier: Court
    ligne: Court | None = None
    nature: NatureVerrou
    montant_centimes: CentimesPositifs | None = None


class ReglagesEntrants(Entree):
    """Les contraintes d'une simulation, par l'API. `viabilite` : numéro de dossier → centimes."""

    pas_centimes: CentimesPositifs = PAS.centimes
    verrous: list[VerrouEntrant] = Field(default=[], max_length=500)
    viabilite: dict[Court, CentimesPositifs] = Field(default_factory=dict)

    def reglages(self) -> Reglages:
        """Pour le service."""
        verrous = tuple(
            Verrou(
                v.dossier, v.ligne, v.nature, None if v.montant_centimes is None else Euros(v.montant_centimes)
            )
            for v in self.verrous
        )  # fmt: skip
        return Reglages(Euros(self.pas_centimes), verrous, {d: Euros(c) for d, c in self.viabilite.items()})


class ScenarioEntrant(Entree):
    """Une simulation à calculer, par l'API."""

    intitule: Court
    motif: Texte
    contraintes: ReglagesEntrants = ReglagesEntrants()


class SaisieScenario(Entree):
    """Le formulaire d'une simulation ; ses verrous sont lus à part, rangée par rangée."""

    intitule: Court = Field(title="Nom de la simulation")
    motif: Texte = Field(title="Ce que vous voulez comparer")
    pas: MontantPositif = PAS

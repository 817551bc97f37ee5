"""Formulaires : compte créé soi-même, nom, mot de passe, relais de la signature, demandes d'accès."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from app.infra.forms import Entree
from app.noyau.roles import Role
from app.referentiels.acteurs.rules.comptes import SuiteContestation
from app.referentiels.acteurs.schemas import Court, telephone_lisible

Secret = Annotated[str, StringConstraints(max_length=500, strip_whitespace=False)]
Motif = Annotated[str, StringConstraints(max_length=2000)]


class FormulaireInscription(Entree):
    """Le compte qu'une personne se crée."""

    nom_affiche: Court = Field("", title="Votre nom")
    courriel: Court = Field("", title="Adresse électronique")
    mot_de_passe: Secret = ""
    confirmation: Secret = ""


class FormulaireConfirmation(Entree):
    """Le mot de passe choisi à la création, redemandé."""

    mot_de_passe: Secret = Field(title="Mot de passe")


class FormulaireNom(Entree):
    """Le nom montré aux autres."""

    nom_affiche: Court = Field("", title="Votre nom")


class FormulaireMotDePasse(Entree):
    """Un nouveau mot de passe, prouvé par l'actuel."""

    actuel: Secret = ""
    nouveau: Secret = ""
    confirmation: Secret = ""


class FormulaireRelais(Entree):
    """Qui cesse de signer, quand, et qui prend la suite."""

    partant: Court = Field("", title="Qui cesse de signer")
    fin_le: date | None = Field(None, title="Son dernier jour")
    prenom: Court = Field("", title="Prénom")
    nom: Court = Field("", title="Nom")
    fonction: Court = Field("", title="Fonction")
    courriel: Court = Field("", title="Adresse électronique")
    telephone: Annotated[str, StringConstraints(max_length=30), AfterValidator(telephone_lisible)] = ""

    def successeur(self) -> dict[str, str]:
        """La personne qui prend la suite."""
        return self.model_dump(include={"prenom", "nom", "fonction", "courriel", "telephone"})


class FormulaireAcces(Entree):
    """L'organisation qu'on demande à rejoindre ou à administrer."""

    siret: Court = ""
    contrat: Court = ""
    motif: Motif = Field("", title="Pourquoi")


class FormulaireSuiteAcces(Entree):
    """Le rôle donné à qui demande l'accès ; absent : la demande est écartée."""

    role: Role | None = Field(None, title="Ce que cette personne fera")


class FormulaireOrganisationConfirmee(Entree):
    """Ce que la page montrait de qui tient l'organisation."""

    tenants: Court = Field("", title="Qui la tient")


class FormulaireSuiteContestation(Entree):
    """Ce que le chargé de mission tranche."""

    suite: SuiteContestation = Field(title="Votre réponse")
    motif: Motif = Field("", title="Motif")


class FormulaireSuite(Entree):
    """Ce que le chargé de mission répond."""

    suite: Literal["acceptee", "refusee"] = Field(title="Votre réponse")
    motif: Motif = Field("", title="Motif")

"""Formulaires : une habilitation à donner, un compte à ouvrir, un siège à attribuer."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import StringConstraints

from app.infra.forms import Entree
from app.noyau.erreurs import Faute, SaisieInvalide
from app.noyau.roles import Portee, Role

Court = Annotated[str, StringConstraints(max_length=200)]


class FormulaireHabilitation(Entree):
    """Un rôle, ce sur quoi il porte (« contrat » ou « ligne:M2A »), du premier au dernier jour compris."""

    role: Role
    portee: Court
    debut: date | None = None
    fin: date | None = None

    def sur(self) -> tuple[Portee, str]:
        """(portée, code). Lève SaisieInvalide."""
        nature, _, code = self.portee.partition(":")
        try:
            return Portee(nature), code
        except ValueError:
            raise SaisieInvalide([Faute("portee", "Choisissez une réponse de la liste.", "portee_inconnue")]) from None


class FormulaireCompte(FormulaireHabilitation):
    """Une personne et sa première habilitation ; son nom n'est demandé que si l'adresse est nouvelle."""

    courriel: Court
    nom_affiche: Court = ""


class FormulaireSiege(Entree):
    """Un siège et l'adresse de qui l'occupe ; vide, le siège est libéré."""

    siege: int
    courriel: Court = ""

"""Formulaires : une habilitation à donner, un compte à ouvrir, un siège à attribuer."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field, StringConstraints

from app.infra.forms import Entree
from app.noyau.roles import Portee, Role

Court = Annotated[str, StringConstraints(max_length=200)]


class FormulaireHabilitation(Entree):
    """Un rôle, ce sur quoi il porte (« contrat » ou « ligne:M2A »), du premier au dernier jour compris.

    Tout a un défaut : ce qui manque se dit d'un coup (`valider_tout`).
    """

    role: Role | None = Field(None, title="Rôle")
    portee: Court = Field("", title="Sur quoi")
    debut: date | None = Field(None, title="Premier jour")
    fin: date | None = Field(None, title="Dernier jour")

    def sur(self) -> tuple[Portee, str] | None:
        """(portée, code) ; None si la portée n'est pas de la liste."""
        nature, _, code = self.portee.partition(":")
        return (Portee(nature), code) if nature in set(Portee) else None


class _FormulairePersonne(Entree):
    courriel: Court = Field("", title="Adresse électronique")
    nom_affiche: Court = Field("", title="Nom de la personne")


class FormulaireCompte(FormulaireHabilitation, _FormulairePersonne):
    """Une personne et sa première habilitation ; son nom n'est demandé que si l'adresse est nouvelle.

    L'ordre des deux bases est celui de la page, dans l'autre sens : la personne d'abord.
    """


class FormulaireSiege(Entree):
    """Un siège et l'adresse de qui l'occupe ; vide, le siège est libéré."""

    siege: int | None = Field(None, title="Siège")
    courriel: Court = Field("", title="Adresse de la personne")

"""Schémas de la démonstration : les comptes, les services à joindre."""

from __future__ import annotations

from pydantic import field_validator

from app.noyau.roles import Portee, Role
from seeds.schemas.commun import Element


class RoleDemo(Element):
    """Un rôle et sa portée : « contrat », « organisation », ou « portée:CODE »."""

    role: Role
    portee: str

    @field_validator("portee")
    @classmethod
    def _connue(cls, valeur: str) -> str:
        nom, deux_points, cible = valeur.partition(":")
        if Portee(nom) in {Portee.CONTRAT, Portee.ORGANISATION} and deux_points:
            raise ValueError("cette portée n’a pas de code")
        if Portee(nom) not in {Portee.CONTRAT, Portee.ORGANISATION} and not cible:
            raise ValueError("cette portée attend un code")
        return valeur

    @property
    def nature(self) -> Portee:
        """La portée."""
        return Portee(self.portee.partition(":")[0])

    @property
    def cible(self) -> str:
        """Le code visé, vide pour le contrat ou l'organisation."""
        return self.portee.partition(":")[2]


class CompteDemo(Element):
    """Un compte fictif ; `siege` : la qualité qu'il occupe dans la commission, telle que le contrat l'écrit."""

    courriel: str
    nom: str
    roles: tuple[RoleDemo, ...]
    siege: str | None = None


class FichierComptes(Element):
    """Le fichier des comptes."""

    mot_de_passe: str
    comptes: tuple[CompteDemo, ...]


class ServiceDemo(Element):
    """Le service fictif d'une ligne, que l'accusé de réception dit de joindre."""

    ligne: str
    nom: str
    adresse: str
    telephone: str
    courriel: str

    @field_validator("nom")
    @classmethod
    def _fictif(cls, valeur: str) -> str:
        if "(fictif)" not in valeur:
            raise ValueError("un service de démonstration se dit « (fictif) »")
        return valeur


class FichierServices(Element):
    """Le fichier des services à joindre."""

    services: tuple[ServiceDemo, ...]

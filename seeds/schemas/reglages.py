"""reglages.yaml : sièges et services consultés que le projet fixe au départ, et que le chargé de mission règle."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import model_validator

from seeds.schemas.commun import Code, Element, ElementSource, OuiNon, Texte


class NatureService(StrEnum):
    """D'où vient un avis."""

    ETAT = "etat"
    PARTENAIRE = "partenaire"
    DIRECTION = "direction"


class Siege(ElementSource):
    """Un siège, par sa qualité, jamais par un nom de personne."""

    qualite: Texte
    a_voix: OuiNon
    preside: OuiNon = False

    @model_validator(mode="after")
    def _preside_avec_voix(self) -> Self:
        if self.preside and not self.a_voix:
            raise ValueError(f"« {self.qualite} » préside : ce siège a une voix")
        return self


class SiegesInstance(ElementSource):
    """Les sièges d'une instance, dans l'ordre de suppléance de la présidence."""

    instance: Code
    sieges: tuple[Siege, ...]

    @model_validator(mode="after")
    def _qualites_distinctes(self) -> Self:
        qualites = [siege.qualite for siege in self.sieges]
        doubles = sorted({qualite for qualite in qualites if qualites.count(qualite) > 1})
        if doubles:
            raise ValueError(f"le siège « {doubles[0]} » est écrit deux fois")
        if sum(siege.preside for siege in self.sieges) > 1:
            raise ValueError(f"l’instance {self.instance} a plusieurs présidences")
        return self


class ServiceConsulte(ElementSource):
    """Un service à qui l'on demande un avis."""

    code: Code
    nom: Texte
    nature: NatureService


class FichierReglages(Element):
    """reglages.yaml."""

    instances: tuple[SiegesInstance, ...] = ()
    services: tuple[ServiceConsulte, ...] = ()

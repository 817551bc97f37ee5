"""contrat.yaml et quartiers.yaml : le contrat, ses versions, ses territoires, les chiffres de ses quartiers."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from app.noyau.identifiants import normaliser_siren
from seeds.schemas.commun import Code, Element, ElementSource, Jour, LignesSource, OuiNon, Texte


def _siren(texte: str) -> str:
    normal = normaliser_siren(texte)
    if normal is None:
        raise ValueError(f"« {texte} » n’est pas un SIREN")
    return normal


Siren = Annotated[str, AfterValidator(_siren)]
Insee = Annotated[str, StringConstraints(pattern=r"^(?:\d{2}|2[AB])\d{3}$")]
CodeQuartier = Annotated[str, StringConstraints(pattern=r"^QN(?:\d{3}|02[AB])\d{2}[IM]$")]
CodeContrat = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$")]
PrefixeDossier = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]+$")]
Annee = Annotated[int, Field(ge=1990, le=2100)]


class Epci(ElementSource):
    """L'intercommunalité qui porte le contrat."""

    nom: Texte
    sigle: Texte
    siren: Siren
    nombre_communes: Annotated[int, Field(ge=1)] | None = None
    habitants: Annotated[int, Field(ge=1)] | None = None


class Commune(ElementSource):
    """Une commune signataire, qui a au moins un quartier prioritaire."""

    insee: Insee
    nom: Texte


class NatureTerritoire(StrEnum):
    """Qui signe pour un territoire."""

    EPCI = "epci"
    COMMUNE = "commune"


class TerritoireSignataire(ElementSource):
    """Une collectivité signataire. `code` : SIREN de l'intercommunalité ou INSEE de la commune."""

    nature: NatureTerritoire
    code: Code
    nom: Texte


class EtatVersion(StrEnum):
    """Où en est une version du contrat."""

    EN_VIGUEUR = "en_vigueur"
    PREPAREE = "preparee"


class VersionContrat(ElementSource):
    """Une version du contenu. Préparée, elle n'a pas de contenu propre : elle reprend celui de `precedente`."""

    code: Code
    intitule: Texte
    etat: EtatVersion
    annee: Annee
    debut: Jour | None = None
    precedente: Code | None = None
    texte: Texte | None = None

    @model_validator(mode="after")
    def _coherente(self) -> Self:
        if self.etat is EtatVersion.EN_VIGUEUR and self.debut is None:
            raise ValueError("une version en vigueur a un « debut »")
        if self.etat is EtatVersion.PREPAREE and self.precedente is None:
            raise ValueError("une version préparée dit sa « precedente »")
        return self


class Deliberation(ElementSource):
    """La délibération qui approuve le contrat."""

    date: Jour
    numero: Texte
    autorite: Texte
    objet: Texte
    decisions: tuple[Texte, ...]
    abstentions: Annotated[int, Field(ge=0)] = 0


class Section(ElementSource):
    """Un morceau du texte de présentation. Paragraphes et puces (« - ») séparés par un retour à la ligne."""

    code: Code
    titre: Texte
    texte: Texte


class FichierContrat(Element):
    """contrat.yaml."""

    code: CodeContrat
    prefixe_dossier: PrefixeDossier
    intitule: Texte
    code_anct: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}[0-9A-Z]{6}$")] | None = None
    est_fictif: OuiNon = False
    debut: Jour
    fin: Jour
    source: LignesSource
    epci: Epci
    communes: Annotated[tuple[Commune, ...], Field(min_length=1)]
    territoires_signataires: Annotated[tuple[TerritoireSignataire, ...], Field(min_length=1)]
    versions: Annotated[tuple[VersionContrat, ...], Field(min_length=1)]
    deliberation: Deliberation | None = None
    presentation: tuple[Section, ...] = ()

    @model_validator(mode="after")
    def _bornes(self) -> Self:
        if self.fin <= self.debut:
            raise ValueError("la « fin » du contrat vient après son « debut »")
        if not any(version.etat is EtatVersion.EN_VIGUEUR for version in self.versions):
            raise ValueError("aucune version n’est en vigueur")
        return self


class Perimetre(StrEnum):
    """La géographie prioritaire sur laquelle un chiffre a été compté."""

    ANCIEN = "2015"
    ACTUEL = "2024"


class Population(ElementSource):
    """Habitants d'un quartier une année donnée. Sans chiffre, `note` dit pourquoi."""

    annee: Annee
    habitants: Annotated[int, Field(ge=1)] | None = None
    perimetre: Perimetre
    note: Texte | None = None

    @model_validator(mode="after")
    def _un_trou_s_explique(self) -> Self:
        if self.habitants is None and self.note is None:
            raise ValueError("une population sans chiffre dit pourquoi dans « note »")
        return self


class Quartier(ElementSource):
    """Un quartier prioritaire. `nom` est le nom officiel, `nom_document` celui du tableau du contrat."""

    code: CodeQuartier
    nom: Texte
    nom_document: Texte
    communes: Annotated[tuple[Insee, ...], Field(min_length=1)]
    populations: tuple[Population, ...]
    evolution_perimetre: Texte | None = None

    @property
    def population(self) -> int:
        """Le dernier nombre d'habitants connu, sur le périmètre actuel."""
        connues = [p for p in self.populations if p.habitants is not None and p.perimetre is Perimetre.ACTUEL]
        return max(connues, key=lambda p: p.annee).habitants or 0

    @model_validator(mode="after")
    def _population_actuelle(self) -> Self:
        if not any(p.habitants is not None and p.perimetre is Perimetre.ACTUEL for p in self.populations):
            raise ValueError(f"le quartier « {self.code} » n’a pas de population sur le périmètre actuel")
        return self


class TotalPopulation(ElementSource):
    """Le total du tableau, tel que le document l'imprime ; la lecture vérifie qu'il est la somme des quartiers."""

    annee: Annee
    habitants: Annotated[int, Field(ge=1)]


class ValeurIndicateur(Element):
    """La valeur d'un indicateur pour un quartier, une commune ou un ensemble : exacte, approchée ou bornée."""

    quartier: CodeQuartier | None = None
    commune: Insee | None = None
    ensemble: Code | None = None
    valeur: Decimal | None = None
    mini: Decimal | None = None
    maxi: Decimal | None = None
    est_approchee: OuiNon = False

    @model_validator(mode="after")
    def _une_cible_une_valeur(self) -> Self:
        if sum(cible is not None for cible in (self.quartier, self.commune, self.ensemble)) != 1:
            raise ValueError("une valeur porte sur un quartier, une commune ou un ensemble, et un seul")
        if (self.valeur is None) == (self.mini is None and self.maxi is None):
            raise ValueError("une valeur est un nombre, ou bien des bornes « mini » et « maxi »")
        if self.mini is not None and self.maxi is not None and self.maxi < self.mini:
            raise ValueError("« maxi » est plus petit que « mini »")
        return self


class Indicateur(ElementSource):
    """Une mesure du document et ses valeurs. Une année absente n'est pas dite par le document."""

    code: Code
    theme: Code
    libelle: Texte
    unite: Texte
    annee: Annee | None = None
    perimetre: Perimetre = Perimetre.ANCIEN
    valeurs: Annotated[tuple[ValeurIndicateur, ...], Field(min_length=1)]


class FichierQuartiers(Element):
    """quartiers.yaml."""

    quartiers: Annotated[tuple[Quartier, ...], Field(min_length=1)]
    totaux: tuple[TotalPopulation, ...] = ()
    themes: tuple[Section, ...] = ()
    indicateurs: tuple[Indicateur, ...] = ()

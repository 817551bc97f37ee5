"""Les faits : ce qu'un contrat contient, dans une version. Les mêmes entrent au chargement et sortent de la base."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

Json = dict[str, Any]
GOUVERNANCE = "gouvernance"
FEUILLES_DE_ROUTE = "feuilles_de_route"
DISPOSITIFS_ETAT = "dispositifs_etat"
ENGAGEMENTS = "engagements"
ANOMALIES = "anomalies"
SUIVI = "suivi"
PRESENTATION = "presentation"
QUARTIERS = "quartiers"
FICHES = "fiches"
SUGGESTIONS = "suggestions"


@dataclass(frozen=True, slots=True)
class Commune:
    """Une commune qui a au moins un quartier prioritaire. Source : contrat, l. 203."""

    insee: str
    nom: str


@dataclass(frozen=True, slots=True)
class Operationnel:
    """Un objectif opérationnel ; `contenu` : sous_actions, notes, dates de validité. Source : contrat, Partie 1 § 3."""

    code: str
    intitule: str
    source: str
    contenu: Json


@dataclass(frozen=True, slots=True)
class Objectif:
    """Un objectif ; `contenu` : enjeux, publics, pistes, repères, définitions, voir. Source : contrat, Partie 1 § 3."""

    code: str
    intitule: str
    contenu: Json
    operationnels: tuple[Operationnel, ...] = ()


@dataclass(frozen=True, slots=True)
class Enjeu:
    """Un enjeu (strategique, transversal) ou les conditions. Source : contrat, Partie 1 § 3, l. 392-787."""

    code: str
    nature: str
    intitule: str
    contenu: Json
    objectifs: tuple[Objectif, ...] = ()


@dataclass(frozen=True, slots=True)
class Quartier:
    """Un quartier prioritaire et ses communes ; `contenu` : populations, indicateurs. Source : contrat, l. 207-305."""

    code: str
    nom: str
    population: int | None
    communes: tuple[Commune, ...]
    contenu: Json


@dataclass(frozen=True, slots=True)
class Fiche:
    """Un projet de quartier ; `contenu["priorites"]` dans l'ordre. Source : contrat, Partie 2."""

    code: str
    nom: str
    commune: Commune
    quartier: str
    contenu: Json

    @property
    def priorites(self) -> list[Json]:
        """Les priorités, dans l'ordre : rang, intitule, texte, sous_points, liens, reserve, source."""
        priorites: list[Json] = self.contenu["priorites"]
        return priorites


@dataclass(frozen=True, slots=True)
class Ligne:
    """Une ligne de financement ; `contenu` : priorites, feuille_de_route, source. Source : contrat, Partie 3."""

    code: str
    financeur: str
    intitule: str
    nature_autorite: str
    acte_commission: str
    acte_decision: str
    siret: str | None
    commune: str | None
    contenu: Json


@dataclass(frozen=True, slots=True)
class Version:
    """Une version du contrat. Sans `debut`, elle est préparée : rien à lire encore. Source : contrat, l. 1781-1783."""

    code: str
    intitule: str
    debut: date | None = None
    fin: date | None = None


@dataclass(frozen=True, slots=True)
class ContenuContrat:
    """Tout ce qu'une version d'un contrat donne à lire. Source : contrat de ville m2A 2024-2030."""

    code: str
    intitule: str
    epci_nom: str
    epci_siren: str
    debut: date
    fin: date
    version: Version
    enjeux: tuple[Enjeu, ...]
    quartiers: tuple[Quartier, ...]
    fiches: tuple[Fiche, ...]
    lignes: tuple[Ligne, ...]
    rubriques: Mapping[str, Json]

    @property
    def objectifs(self) -> tuple[Objectif, ...]:
        """Tous les objectifs, enjeu après enjeu."""
        return tuple(objectif for enjeu in self.enjeux for objectif in enjeu.objectifs)

    @property
    def communes(self) -> tuple[Commune, ...]:
        """Les communes des quartiers, sans doublon, par nom."""
        return par_nom({c.insee: c for quartier in self.quartiers for c in quartier.communes}.values())

    def elements(self, rubrique: str) -> list[Json]:
        """La liste d'une rubrique qui en est une (feuilles de route, anomalies) ; vide si elle manque."""
        elements: list[Json] = self.rubriques.get(rubrique, {}).get("elements", [])
        return elements

    def fiches_de(self, quartier: str) -> tuple[Fiche, ...]:
        """Les projets de quartier d'un quartier prioritaire, dans l'ordre."""
        return tuple(fiche for fiche in self.fiches if fiche.quartier == quartier)


@dataclass(frozen=True, slots=True)
class Siege:
    """Un siège d'une instance : une qualité, jamais un nom. Choix du projet : composition chiffrée, réglable."""

    instance: str
    qualite: str
    a_voix: bool
    preside: bool = False


@dataclass(frozen=True, slots=True)
class ServiceInitial:
    """Un service consulté au départ. Source : contrat, l. 1576-1592, 1705 et 1770."""

    code: str
    nom: str
    nature: str


@dataclass(frozen=True, slots=True)
class Chargement:
    """Ce que le chargement reçoit. Choix du projet : architecture, décision 10 (plusieurs contrats)."""

    prefixe: str
    contenu: ContenuContrat
    versions: tuple[Version, ...]
    communes: tuple[Commune, ...]
    sieges: tuple[Siege, ...] = ()
    services: tuple[ServiceInitial, ...] = ()


def par_nom(communes: Iterable[Commune]) -> tuple[Commune, ...]:
    """Les communes par nom, puis par code. Choix du projet : un ordre total, le même au chargement et à la lecture."""
    return tuple(sorted(communes, key=lambda commune: (commune.nom, commune.insee)))


def empreinte(chargement: Chargement) -> str:
    """SHA-256 (hexadécimal) de tout ce qui se charge : un chargement déjà fait se reconnaît.

    Choix du projet : architecture, décision 4 (données versionnées).
    """
    texte = json.dumps(asdict(chargement), ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_iso)
    return hashlib.sha256(texte.encode()).hexdigest()


def _iso(valeur: object) -> str:
    if isinstance(valeur, date):
        return valeur.isoformat()
    raise TypeError(f"{type(valeur).__name__} ne se charge pas dans un contrat")

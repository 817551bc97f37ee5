"""Ce qu'une version dit des quartiers et des lignes, figé avec elle. Les tables du contrat suivent la dernière."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date

from app.etapes.contrat.rules.contenu import Commune, Json, Ligne, Quartier

FIGE = "fige"


@dataclass(frozen=True, slots=True)
class Etat:
    """Ce que les versions d'un contrat se partagent, tel que l'une d'elles le dit.

    Choix du projet : un dossier reste attaché à sa version du contrat.
    """

    intitule: str
    epci_nom: str
    epci_siren: str
    debut: date
    fin: date
    communes: tuple[Commune, ...]
    quartiers: tuple[Quartier, ...]
    lignes: tuple[Ligne, ...]


def figer(etat: Etat) -> Json:
    """L'état en JSON, pour la version. Le SIRET d'une ligne vit hors des versions : il n'y est pas.

    Choix du projet : un dossier reste attaché à sa version du contrat.
    """
    return {
        "intitule": etat.intitule,
        "epci_nom": etat.epci_nom,
        "epci_siren": etat.epci_siren,
        "debut": etat.debut.isoformat(),
        "fin": etat.fin.isoformat(),
        "communes": [asdict(commune) for commune in etat.communes],
        "quartiers": [{**asdict(q), "communes": [asdict(c) for c in q.communes]} for q in etat.quartiers],
        "lignes": [asdict(replace(ligne, siret=None)) for ligne in etat.lignes],
    }


def relire(fige: Json, sirets: Mapping[str, str | None]) -> Etat:
    """L'état d'une version, avec le SIRET que chaque ligne a aujourd'hui.

    Choix du projet : un dossier reste attaché à sa version du contrat.
    """
    return Etat(
        intitule=fige["intitule"],
        epci_nom=fige["epci_nom"],
        epci_siren=fige["epci_siren"],
        debut=date.fromisoformat(fige["debut"]),
        fin=date.fromisoformat(fige["fin"]),
        communes=tuple(Commune(**commune) for commune in fige["communes"]),
        quartiers=tuple(
            Quartier(**{**quartier, "communes": tuple(Commune(**commune) for commune in quartier["communes"])})
            for quartier in fige["quartiers"]
        ),
        lignes=tuple(Ligne(**{**ligne, "siret": sirets.get(ligne["code"])}) for ligne in fige["lignes"]),
    )


def codes_cites(fige: Json | None, gouvernance: Json | None) -> dict[str, frozenset[str]]:
    """Par genre, les codes que la version dit déjà : ce qui, dans cette version, ne peut plus disparaître.

    Choix du projet : un dossier reste attaché à sa version du contrat.
    """
    etat = fige or {"communes": [], "quartiers": [], "lignes": []}
    instances = (gouvernance or {}).get("instances", [])
    return {
        "commune": frozenset(commune["insee"] for commune in etat["communes"]),
        "quartier": frozenset(quartier["code"] for quartier in etat["quartiers"]),
        "ligne de financement": frozenset(ligne["code"] for ligne in etat["lignes"]),
        "instance": frozenset(instance["code"] for instance in instances),
    }

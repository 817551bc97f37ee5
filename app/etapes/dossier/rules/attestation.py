"""Ce que la demande écrite dit de sa signature, de son complément et de l'engagement républicain. Pur."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.noyau.periodes import a_paris, date_longue, instant_long
from app.referentiels.acteurs.rules.fiche import ENGAGEES, engagement_repute

NON_DIT = "Non renseigné"
EMPREINTE_COURTE = 12
HORS_SIGNATURE = frozenset({"numero_dauphin"})
"""Le numéro que rend le portail de l'État n'est pas une réponse du porteur : le donner ne défait pas une signature."""
PARTIES = {
    "contenu": "les réponses du dossier", "identite": "l’identité", "siege": "l’adresse",
    "correspondance": "l’adresse de correspondance", "representant": "le représentant légal",
    "personne_chargee": "la personne chargée de la demande", "relations": "les relations avec l’administration",
    "reseaux": "les réseaux", "personnes_morales": "les personnes morales adhérentes",
    "moyens_humains": "les moyens humains", "engagement_republicain": "l’engagement républicain",
    "compte_bancaire": "le compte bancaire",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signature:
    """Qui a signé, quand, en quelle qualité (déjà dite)."""

    le: datetime | None
    par: str
    qualite: str


@dataclass(frozen=True, slots=True)
class Completee:
    """Une version d'après la signature : quand, par qui, dans quel rôle ; l'empreinte de la version signée."""

    le: datetime
    par: str
    role: str
    empreinte_signee: str


def dire_la_signature(signature: Signature, completee: Completee | None) -> tuple[tuple[str, str], ...]:
    """Les réponses à imprimer. Un complément ne porte pas la signature : il dit sur quoi elle porte.

    Choix du projet : ADR 0018 (nul n'est réputé avoir signé un texte qu'il n'a pas lu).
    """
    le = instant_long(signature.le) if signature.le is not None else NON_DIT
    par, qualite = signature.par or NON_DIT, signature.qualite or NON_DIT
    if completee is None:
        return (("Signé le", le), ("Par", par), ("En qualité de", qualite))
    qui = completee.par + (f" ({completee.role})" if completee.role else "")
    portee = f"La signature du {le} par {par} ({qualite}) porte sur la version 1, pas sur ce complément."
    return (
        ("Complété le", instant_long(completee.le)),
        *((("Complété par", qui),) if qui else ()),
        ("Signature", portee),
        ("Empreinte de la version signée", completee.empreinte_signee or NON_DIT),
    )


def phrase_de_signature(signature: Signature, completee: Completee | None) -> str:
    """La même chose en une phrase, en tête du document scellé.

    Choix du projet : ADR 0018.
    """
    le = instant_long(signature.le) if signature.le is not None else NON_DIT.lower()
    par, qualite = signature.par or NON_DIT.lower(), signature.qualite or NON_DIT.lower()
    if completee is None:
        return f"Signé le {le} par {par} ({qualite})."
    qui = f" par {completee.par}" if completee.par else ""
    role = f" ({completee.role})" if completee.role else ""
    return (
        f"Complété le {instant_long(completee.le)}{qui}{role} ; la signature du {le} par {par} ({qualite}) porte sur "
        f"la version 1 (empreinte {completee.empreinte_signee or NON_DIT.lower()})."
    )


def dire_le_cer(organisation: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """L'engagement républicain de la fiche figée : attesté et daté, ou réputé souscrit ; rien sinon.

    Source : loi n° 2000-321 du 12 avril 2000, art. 10-1 ; reference/domaine.md, J34.
    """
    question = "Contrat d’engagement républicain de l’organisation"
    atteste = organisation.get("engagement_republicain")
    if atteste:
        jour = date_longue(a_paris(datetime.fromisoformat(atteste["atteste_at"])).date())
        return ((question, f"Attesté le {jour} par {atteste['nom']} ({atteste['qualite']}), dans sa fiche"),)
    relations = organisation.get("relations") or {}
    forme = (organisation.get("identite") or {}).get("forme")
    repute = engagement_repute(
        est_reconnue_utilite=relations.get("est_reconnue_utilite"), agrements=len(relations.get("agrements") or ())
    )
    if forme in {f.value for f in ENGAGEES} and repute:
        return ((question, "Réputé souscrit : organisation reconnue d’utilité publique ou agréée"),)
    return ()


def parties_changees(signees: Mapping[str, str], actuelles: Mapping[str, str]) -> tuple[str, ...]:
    """Les parties signées qui ne sont plus les mêmes, en mots. Une partie ajoutée depuis n'a pas été signée : ignorée.

    Choix du projet : ADR 0018 (le dépôt fige ce qui a été signé, rien d'autre).
    """
    return tuple(PARTIES.get(p, p) for p, empreinte in signees.items() if actuelles.get(p) != empreinte)

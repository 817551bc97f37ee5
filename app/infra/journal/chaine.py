"""La chaîne : forme canonique d'une entrée et empreintes. Pur : se vérifie hors ligne, sans base ni service."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

ORIGINE = bytes(32)
"""Empreinte qui précède la première entrée d'une chaîne."""


@dataclass(frozen=True, slots=True)
class Entree:
    """Une entrée chaînée. Les empreintes font 32 octets."""

    chaine: int
    rang: int
    instant: datetime
    acte: str
    objet: str
    acteur: str
    empreinte_avant: bytes
    empreinte_apres: bytes
    precedente: bytes
    empreinte: bytes


def canonique(valeur: object) -> bytes:
    """JSON trié, sans espace, en UTF-8 : mêmes données, mêmes octets."""
    return json.dumps(valeur, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def empreinte_salee(sel: bytes, valeur: object) -> bytes:
    """Empreinte d'un contenu ; le sel effacé, elle ne dit plus rien de lui."""
    return hashlib.sha256(sel + canonique(valeur)).digest()


def empreinte_entree(
    *,
    chaine: int,
    rang: int,
    instant: datetime,
    acte: str,
    objet: str,
    acteur: str,
    empreinte_avant: bytes,
    empreinte_apres: bytes,
    precedente: bytes,
) -> bytes:
    """Empreinte d'une entrée, liée à la précédente."""
    corps = {
        "chaine": chaine,
        "rang": rang,
        "instant": instant.astimezone(UTC).isoformat(timespec="microseconds"),
        "acte": acte,
        "objet": objet,
        "acteur": acteur,
        "avant": empreinte_avant.hex(),
        "apres": empreinte_apres.hex(),
        "precedente": precedente.hex(),
    }
    return hashlib.sha256(canonique(corps)).digest()

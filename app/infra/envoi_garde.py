"""Un envoi reçu après la fin d'une session : chiffré, lié à son compte, rendu à la personne une fois reconnectée.

Rien n'est gardé au serveur ; rien n'est rejoué sans un clic (conventions, « Un POST après expiration »).
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.infra.secret import deriver

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

DUREE = 24 * 3600  # secondes
TAILLE_MAX = 400_000  # caractères du texte chiffré


@dataclass(frozen=True, slots=True)
class EnvoiGarde:
    """Le compte qui envoyait, l'adresse visée, les champs de texte dans l'ordre (sans jeton ni fichier)."""

    compte_id: int
    chemin: str
    champs: Sequence[tuple[str, str]]


def garder(secret: bytes, envoi: EnvoiGarde) -> str:
    """Le texte chiffré à mettre dans le formulaire de connexion ; vide si l'envoi est trop gros."""
    clair = json.dumps([envoi.compte_id, envoi.chemin, list(envoi.champs)]).encode()
    texte: str = _chiffreur(secret).encrypt(zlib.compress(clair)).decode()
    return texte if len(texte) <= TAILLE_MAX else ""


def rendre(secret: bytes, texte: str) -> EnvoiGarde | None:
    """L'envoi gardé, ou None s'il est abîmé, trop vieux ou d'un autre service."""
    from cryptography.fernet import InvalidToken  # noqa: PLC0415 -- voir _chiffreur

    if not texte or len(texte) > TAILLE_MAX:
        return None
    try:
        clair = zlib.decompress(_chiffreur(secret).decrypt(texte.encode(), ttl=DUREE))
    except (InvalidToken, UnicodeEncodeError):
        return None
    compte_id, chemin, champs = json.loads(clair)
    return EnvoiGarde(compte_id, chemin, [(nom, valeur) for nom, valeur in champs])


def _chiffreur(secret: bytes) -> Fernet:
    from cryptography.fernet import Fernet  # noqa: PLC0415 -- six mégaoctets, pour une session finie seulement

    return Fernet(base64.urlsafe_b64encode(deriver(secret, "envoi-garde")))

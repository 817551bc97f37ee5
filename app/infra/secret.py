"""Le secret du service : celui de la configuration, sinon un fichier privé créé une fois."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from app.infra.config import Config, Mode


class SecretAbsent(RuntimeError):
    """En production, le secret se donne ; il ne s'invente pas."""


def lire_ou_creer(chemin: Path, taille: int = 32) -> bytes:
    """Octets secrets d'un fichier 0600, créé s'il manque (sûr entre processus : le premier lien gagne)."""
    if not chemin.exists():
        chemin.parent.mkdir(parents=True, exist_ok=True)
        provisoire = chemin.with_name(f".{chemin.name}.{os.getpid()}")
        descripteur = os.open(provisoire, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descripteur, "wb") as fichier:
            fichier.write(secrets.token_bytes(taille))
        try:
            os.link(provisoire, chemin)
        except FileExistsError:
            pass
        finally:
            provisoire.unlink()
    return chemin.read_bytes()


def secret_du_service(config: Config) -> bytes:
    """Le secret dont tous les autres dérivent. Lève SecretAbsent en production sans IQ_SECRET."""
    if config.secret is not None:
        return config.secret.get_secret_value().encode()
    if config.mode is Mode.PRODUCTION:
        raise SecretAbsent("IQ_SECRET est obligatoire en production (au moins 32 caractères tirés au hasard).")
    return lire_ou_creer(config.donnees / "secret")


def deriver(secret: bytes, usage: str, *parties: bytes) -> bytes:
    """Empreinte HMAC-SHA-256 propre à un usage."""
    return hmac.digest(secret, b"\x1f".join([usage.encode(), *parties]), hashlib.sha256)

"""Les lots de fichiers : une seule feuille de style et un seul script pour toutes les pages, et leurs adresses."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path

FEUILLES = ("jetons", "base", "composants", "formulaires", "ecrans", "dossier", "impression")
LOTS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "iq.css": ("text/css", "\n", tuple(f"css/{nom}.css" for nom in FEUILLES)),
    "iq.js": ("text/javascript", "\n;\n", ("app.js", "brouillon.js", "televersement.js")),
}
"""Adresse → (type, séparateur, fichiers). Une page du porteur ne demande ainsi que deux fichiers."""


@cache
def lot(dossier: Path, nom: str) -> bytes:
    """Les octets d'un lot, assemblés une fois par processus. Lève KeyError."""
    _, separateur, fichiers = LOTS[nom]
    return separateur.join((dossier / fichier).read_text(encoding="utf-8") for fichier in fichiers).encode()


def adresses_statiques(dossier: Path) -> Callable[[str], str]:
    """La fonction `url_statique` : « /static/iq.css?v=1f2e3d4c5b ». Lève FileNotFoundError si absent."""
    adresses: dict[str, str] = {}

    def url_statique(nom: str) -> str:
        if nom not in adresses:
            octets = lot(dossier, nom) if nom in LOTS else (dossier / nom).read_bytes()
            adresses[nom] = f"/static/{nom}?v={sha256(octets).hexdigest()[:10]}"
        return adresses[nom]

    return url_statique

"""Jeton de formulaire et origine : seulement quand un témoin de session authentifie."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.datastructures import FormData

from app.infra.secret import deriver
from app.noyau.erreurs import ActeInterdit

METHODES_SURES = frozenset({"GET", "HEAD", "OPTIONS"})
CHAMP = "_csrf"
ENTETE = "X-CSRF-Token"
TAILLE = 32  # octets
MEDIAS_FORMULAIRE = ("application/x-www-form-urlencoded", "multipart/form-data")


async def lire_formulaire_brut(request: Request) -> AsyncIterator[FormData | None]:
    """Le formulaire de la requête, ou None si ce n'en est pas un. Lu une fois, gardé par la requête.

    Un fichier de plus d'un mégaoctet est déjà sur le disque, jamais en mémoire ; il s'efface avec la requête.
    """
    media = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if request.method in METHODES_SURES or media not in MEDIAS_FORMULAIRE:
        yield None
        return
    async with request.form(max_fields=2000, max_files=20) as formulaire:
        yield formulaire


FormulaireBrut = Annotated[FormData | None, Depends(lire_formulaire_brut)]


def jeton(request: Request, empreinte_session: bytes) -> str:
    """Le jeton à mettre dans chaque formulaire, propre à la session ; masqué, il change à chaque page.

    Une page compressée qui répète un secret à côté d'un texte choisi par l'attaquant le laisserait deviner (BREACH).
    """
    masque = secrets.token_bytes(TAILLE)
    return (masque + _xor(masque, _attendu(request, empreinte_session))).hex()


def _attendu(request: Request, empreinte_session: bytes) -> bytes:
    secret: bytes = request.app.state.secret
    return deriver(secret, "csrf", empreinte_session)


def _xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def _demasquer(recu: str) -> bytes:
    """Le jeton nu d'un jeton masqué (ou déjà nu) ; vide s'il n'a pas la forme d'un jeton."""
    try:
        octets = bytes.fromhex(recu)
    except ValueError:
        return b""
    return _xor(octets[:TAILLE], octets[TAILLE:]) if len(octets) == 2 * TAILLE else octets


def origine_etrangere(request: Request) -> bool:
    """Vrai si le navigateur dit que la requête vient d'un autre site."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return True
    origine = request.headers.get("origin")
    if origine is None:
        return False
    return urlsplit(origine).netloc != request.headers.get("host", "")


def verifier(request: Request, formulaire: FormData | None, empreinte_session: bytes) -> None:
    """Refuse une écriture venue d'ailleurs ou sans jeton. Lève ActeInterdit (`csrf_invalide`)."""
    if request.method in METHODES_SURES:
        return
    recu = request.headers.get(ENTETE) or (formulaire.get(CHAMP) if formulaire is not None else None)
    juste = isinstance(recu, str) and hmac.compare_digest(_demasquer(recu), _attendu(request, empreinte_session))
    if origine_etrangere(request) or not juste:
        raise ActeInterdit(
            "Ce formulaire n’est plus valable ou vient d’un autre site. Rouvrez la page et recommencez.",
            code="csrf_invalide",
        )

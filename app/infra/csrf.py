"""Jeton de formulaire et origine : seulement quand un témoin de session authentifie."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.datastructures import FormData

from app.infra.envoi_garde import EnvoiGarde
from app.infra.secret import deriver
from app.noyau.erreurs import ActeInterdit

METHODES_SURES = frozenset({"GET", "HEAD", "OPTIONS"})
CHAMP = "_csrf"
ENTETE = "X-CSRF-Token"
TAILLE = 32  # octets
TAILLE_MARQUE = 16  # octets
HORS_D_ICI = "Ce formulaire n’est plus valable ou vient d’un autre site. Rouvrez la page et recommencez."
MEDIAS_FORMULAIRE = ("application/x-www-form-urlencoded", "multipart/form-data")


class JetonPerime(ActeInterdit):
    """Un formulaire de ce site, ouvert avant la session en cours ; `envoi` : ce qu'il portait, à relire avant tout."""

    code = "jeton_perime"
    envoi: EnvoiGarde | None = None


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


def jeton(request: Request, empreinte_session: bytes, compte_id: int) -> str:
    """Le jeton à mettre dans chaque formulaire, propre à la session ; masqué, il change à chaque page.

    Une page compressée qui répète un secret à côté d'un texte choisi par l'attaquant le laisserait deviner (BREACH).
    La marque du compte le précède, en clair : elle n'ouvre rien, elle dit qui tapait quand la session a changé.
    """
    masque = secrets.token_bytes(TAILLE)
    return marque(request, compte_id) + (masque + _xor(masque, _attendu(request, empreinte_session))).hex()


def marque(request: Request, compte_id: int) -> str:
    """Ce qui reconnaît un compte d'une session à l'autre, sans dire lequel."""
    secret: bytes = request.app.state.secret
    return deriver(secret, "csrf-compte", str(compte_id).encode())[:TAILLE_MARQUE].hex()


def marque_recue(formulaire: FormData | None) -> str | None:
    """La marque du compte pour qui ce formulaire a été fait, vide s'il ne le dit pas ; None s'il n'est pas d'ici.

    Le formulaire d'un visiteur porte un jeton vide : il est d'ici, et ne dit personne.
    """
    recu = formulaire.get(CHAMP) if formulaire is not None else None
    if not isinstance(recu, str):
        return None
    octets = _octets(recu)
    if len(octets) == 2 * TAILLE + TAILLE_MARQUE:
        return octets[:TAILLE_MARQUE].hex()
    return "" if not recu or len(octets) in {TAILLE, 2 * TAILLE} else None


def _attendu(request: Request, empreinte_session: bytes) -> bytes:
    secret: bytes = request.app.state.secret
    return deriver(secret, "csrf", empreinte_session)


def _xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def _octets(recu: str) -> bytes:
    try:
        return bytes.fromhex(recu)
    except ValueError:
        return b""


def _demasquer(recu: str) -> bytes:
    """Le jeton nu d'un jeton masqué (ou déjà nu) ; vide s'il n'a pas la forme d'un jeton."""
    octets = _octets(recu)
    if len(octets) not in {2 * TAILLE, 2 * TAILLE + TAILLE_MARQUE}:
        return octets
    masque, masquee = octets[-2 * TAILLE : -TAILLE], octets[-TAILLE:]
    return _xor(masque, masquee)


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
    """Refuse une écriture venue d'ailleurs ou sans jeton. Lève ActeInterdit (`csrf_invalide`).

    Lève JetonPerime si ce formulaire est d'ici, mais d'avant cette session (reconnexion dans un autre onglet).
    """
    if request.method in METHODES_SURES:
        return
    recu = request.headers.get(ENTETE) or (formulaire.get(CHAMP) if formulaire is not None else None)
    juste = isinstance(recu, str) and hmac.compare_digest(_demasquer(recu), _attendu(request, empreinte_session))
    if origine_etrangere(request):
        raise ActeInterdit(HORS_D_ICI, code="csrf_invalide")
    if juste:
        return
    if ENTETE not in request.headers and marque_recue(formulaire) is not None:
        raise JetonPerime("Vous vous êtes reconnecté depuis que cette page est ouverte. Rouvrez-la, puis recommencez.")
    raise ActeInterdit(HORS_D_ICI, code="csrf_invalide")

"""Intergiciels ASGI purs : en-têtes de sécurité, taille du corps, rejeu d'un interblocage."""

from __future__ import annotations

import asyncio
import random
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.infra.config import Config

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)
ENTETES = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
DEJA_SERRES = (
    "application/pdf",
    "application/octet-stream",
    "application/vnd.oasis.opendocument.presentation",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
)
"""Ce que compresser de nouveau ne réduirait pas."""
CLE_INTERBLOCAGE = "iq.interblocage"
PAUSE_AVANT_REJEU = (0.02, 0.1)  # secondes


class EntetesDeSecurite:
    """Ajoute les en-têtes de sécurité ; une page n'est gardée par aucun cache, un fichier statique l'est."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self.app = app
        self.https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def envoyer(message: Message) -> None:
            if message["type"] == "http.response.start":
                entetes = MutableHeaders(scope=message)
                for nom, valeur in ENTETES.items():
                    entetes.setdefault(nom, valeur)
                if self.https:
                    entetes.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
                if not scope["path"].startswith("/static/"):
                    entetes.setdefault("Cache-Control", "no-store")
                elif b"v=" in scope["query_string"]:
                    entetes["Cache-Control"] = "public, max-age=31536000, immutable"
            await send(message)

        await self.app(scope, receive, envoyer)


class LimiterLeCorps:
    """Refuse (413) un corps trop lourd (`limite_du_corps`), annoncé ou constaté.

    Celui de Starlette répond lui-même, en anglais : ici le refus passe par `infra.errors` comme les autres.
    """

    def __init__(self, app: ASGIApp, *, config: Config) -> None:
        self.app = app
        self.config = config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        annonce = Headers(scope=scope).get("content-length", "")
        limite = limite_du_corps(scope, self.config)
        trop_lourd = annonce.isascii() and annonce.isdigit() and int(annonce) > limite
        recus = 0

        async def recevoir() -> Message:
            nonlocal recus
            if trop_lourd:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            message = await receive()
            recus += len(message.get("body", b""))
            if recus > limite:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self.app(scope, recevoir, send)


def limite_du_corps(scope: Scope, config: Config) -> int:
    """Octets au plus. Un formulaire à fichiers se lit plus loin qu'un fichier permis : le texte tapé revient avec."""
    return config.taille_max_envoi if _porte_des_fichiers(scope) else config.taille_max_corps


def _porte_des_fichiers(scope: Scope) -> bool:
    return Headers(scope=scope).get("content-type", "").lower().startswith("multipart/form-data")


class RejouerInterblocage:
    """Rejoue une fois la requête qu'un interblocage a fait échouer (décision 3).

    L'échec est signalé par `infra.errors`, qui pose `scope["state"][CLE_INTERBLOCAGE]` avant sa réponse 503 :
    rien n'est encore parti, le corps gardé en mémoire repasse une fois, après une courte pause tirée au sort : deux
    requêtes qui se sont croisées ne se recroisent pas au même instant.

    Un envoi de fichiers ne se rejoue pas : son corps ne se garde pas en mémoire, la personne le renvoie.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"} or _porte_des_fichiers(scope):
            await self.app(scope, receive, send)
            return
        recus: list[Message] = []

        async def recevoir() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                recus.append(message)
            return message

        premier: Scope = {**scope, "state": dict(scope.get("state", {}))}
        retenue = False

        async def envoyer(message: Message) -> None:
            nonlocal retenue
            if message["type"] == "http.response.start" and premier["state"].get(CLE_INTERBLOCAGE):
                retenue = True
            if not retenue:
                await send(message)

        await self.app(premier, recevoir, envoyer)
        if not retenue:
            return
        await asyncio.sleep(random.uniform(*PAUSE_AVANT_REJEU))  # noqa: S311 -- un écart, pas un secret
        file = list(recus)

        async def rejouer() -> Message:
            return file.pop(0) if file else await receive()

        await self.app({**scope, "state": dict(scope.get("state", {}))}, rejouer, send)

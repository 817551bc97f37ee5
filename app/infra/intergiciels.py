"""Intergiciels ASGI purs : en-têtes de sécurité, rejeu d'un interblocage."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
CLE_INTERBLOCAGE = "iq.interblocage"


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


class RejouerInterblocage:
    """Rejoue une fois la requête qu'un interblocage a fait échouer (décision 3).

    L'échec est signalé par `infra.errors`, qui pose `scope["state"][CLE_INTERBLOCAGE]` avant sa réponse 503 :
    rien n'est encore parti, le corps gardé en mémoire repasse une fois.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
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
        file = list(recus)

        async def rejouer() -> Message:
            return file.pop(0) if file else await receive()

        await self.app({**scope, "state": dict(scope.get("state", {}))}, rejouer, send)

"""Un client d'essai qui sert dans son propre fil : TestClient passe d'un fil à l'autre, et met trois fois le temps.

Les dépendances et les routes, que Starlette rendrait à d'autres fils (douze allers-retours par page), s'y exécutent
aussi, chacune dans une copie du contexte, comme elle l'aurait dans le sien. Les vrais fils se voient là où un vrai
service est lancé : tests/infra/test_servir.py, tests/navigateur.
"""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache
from typing import Any, Self

from anyio import to_thread
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import ASGITransport, BaseTransport, Request, Response


@cache
def _boucle() -> asyncio.AbstractEventLoop:
    """Une boucle pour tout le processus d'essai, fermée avec lui."""
    boucle = asyncio.new_event_loop()
    atexit.register(boucle.close)
    return boucle


async def _executer(fonction: Callable[..., Any], *args: Any, **_: Any) -> Any:
    """Ce que ferait `anyio.to_thread.run_sync`, sans changer de fil."""
    return copy_context().run(fonction, *args)


@contextmanager
def sur_place() -> Iterator[None]:
    """Le temps de servir : ce que Starlette rendrait à un autre fil s'exécute dans celui-ci."""
    vrai, to_thread.run_sync = to_thread.run_sync, _executer  # type: ignore[assignment]
    try:
        yield
    finally:
        to_thread.run_sync = vrai


class _Direct(BaseTransport):
    """Appelle l'application dans une boucle à soi, et rend sa réponse entière, telle qu'elle l'a écrite."""

    def __init__(self, app: FastAPI, *, lever: bool) -> None:
        self._asgi = ASGITransport(app=app, raise_app_exceptions=lever, client=("testclient", 50000))

    def handle_request(self, request: Request) -> Response:
        """Une requête, servie avant de rendre la main."""
        with sur_place():
            return _boucle().run_until_complete(self._servir(request))

    async def _servir(self, request: Request) -> Response:
        recue = Request(request.method, request.url, headers=request.headers.raw, content=request.read())
        reponse = await self._asgi.handle_async_request(recue)
        contenu = b"".join([bloc async for bloc in reponse.stream])  # type: ignore[union-attr]
        return Response(reponse.status_code, headers=reponse.headers.raw, content=contenu, request=request)


class ClientDirect(TestClient):
    """Un navigateur sans JavaScript, qui ne suit pas les redirections et voit les erreurs comme des réponses."""

    def __init__(self, app: FastAPI, *, lever: bool = False, **options: Any) -> None:
        super().__init__(app, follow_redirects=False, raise_server_exceptions=lever, **options)
        self._transport = _Direct(app, lever=lever)
        self.headers["Accept-Encoding"] = "identity"  # serrer et desserrer chaque page ne prouve rien ici

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Rien à rendre : ni fil, ni boucle à soi."""

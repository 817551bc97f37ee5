"""Les fichiers servis tels quels, et les lots assemblés."""

from __future__ import annotations

from pathlib import Path

from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

from app.infra.lots import LOTS, lot


class Statiques(StaticFiles):
    """Les fichiers du dossier, et les lots."""

    def __init__(self, dossier: Path) -> None:
        super().__init__(directory=dossier)
        self.dossier = dossier

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Un lot assemblé, sinon le fichier."""
        if path in LOTS:
            return Response(lot(self.dossier, path), media_type=LOTS[path][0])
        return await super().get_response(path, scope)

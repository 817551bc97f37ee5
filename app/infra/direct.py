"""Le direct : une page relue toutes les deux secondes n'est rendue que si le journal du contrat a bougé (décision 8).

L'ETag ne se calcule pas sur la page mais sur la tête du journal : tout ce qui change une séance ou une rencontre est un
acte, et tout acte avance la tête. Une relecture sans nouveauté coûte une requête, pas une page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from fastapi import Request
from starlette.responses import Response

from app.infra.db import Session
from app.infra.journal.ecriture import tete
from app.infra.web import rendre


def rendre_en_direct(
    request: Request, session: Session, contrat_id: int, gabarit: str, contexte: Callable[[], Mapping[str, Any]]
) -> Response:
    """La page et son ETag, ou 304 sans rien lire de plus si celle qu'on montre est encore bonne.

    `contexte` n'est appelé que s'il faut rendre. L'accès à l'objet se vérifie avant.
    """
    empreinte = _empreinte(request, session, contrat_id)
    if request.headers.get("if-none-match") == empreinte:
        return Response(status_code=304, headers={"ETag": empreinte})
    return rendre(request, gabarit, {**contexte(), "direct": empreinte}, entetes={"ETag": empreinte})


def _empreinte(request: Request, session: Session, contrat_id: int) -> str:
    """Celle de cette adresse pour cette personne : change à chaque acte du contrat et à chaque version du service."""
    identite = getattr(request.state, "identite", None)
    courante = tete(session, contrat_id)
    parts = (
        request.app.version,
        request.url.path,
        identite.empreinte_session.hex() if identite is not None else "",
        f"{contrat_id}/{courante.rang}/{courante.empreinte.hex()}",
    )
    return f'"{sha256(chr(10).join(parts).encode()).hexdigest()[:32]}"'

"""L'heure du métier d'une requête : celle de la machine, ou X-Horloge hors production (décision 13)."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Annotated

from fastapi import Depends, Request

from app.infra.config import Config
from app.infra.heure import heure_machine
from app.noyau.erreurs import Faute, SaisieInvalide

__all__ = ["ENTETE_HORLOGE", "Maintenant", "get_maintenant", "heure_machine", "lire_horloge"]

ENTETE_HORLOGE = "X-Horloge"


def lire_horloge(texte: str) -> datetime:
    """Instant ISO 8601 avec fuseau. Lève SaisieInvalide."""
    try:
        instant = datetime.fromisoformat(texte)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        faute = Faute(ENTETE_HORLOGE, "Écrire un instant ISO 8601 avec son fuseau.", "horloge_illisible")
        raise SaisieInvalide([faute])
    return instant.astimezone(UTC)


def _vient_de_la_machine(request: Request) -> bool:
    client = request.client
    if client is None:
        return False
    try:
        return ip_address(client.host).is_loopback
    except ValueError:
        return client.host == "testclient"


async def get_maintenant(request: Request) -> datetime:
    """L'instant du métier pour cette requête : l'horloge, ou X-Horloge hors production et depuis la machine.

    Asynchrone parce qu'elle n'attend rien : une dépendance synchrone coûte un aller-retour entre deux fils.
    """
    config: Config = request.app.state.config
    demande = request.headers.get(ENTETE_HORLOGE)
    if demande is None or config.est_production or not _vient_de_la_machine(request):
        return heure_machine()
    return lire_horloge(demande)


Maintenant = Annotated[datetime, Depends(get_maintenant)]

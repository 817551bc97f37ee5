"""API : le contrat entier, public, revalidé par ETag ; les objectifs qu'un texte évoque."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

import app
from app.etapes.contrat import repository
from app.etapes.contrat.repository import EDITIONS_GARDEES, Edition
from app.etapes.contrat.schemas import (
    ContratPublie,
    DemandeSuggestions,
    ObjectifSuggere,
    contrat_publie,
    suggestions_publiees,
)
from app.etapes.contrat.service import suggestions
from app.infra.acces import PUBLIQUE
from app.infra.clock import Maintenant
from app.infra.web import SessionDep
from app.noyau.erreurs import Introuvable
from app.noyau.periodes import a_paris

routeur = APIRouter(prefix="/api/v1", tags=["contrat"])


@lru_cache(maxsize=EDITIONS_GARDEES)
def _corps(edition: Edition) -> bytes:
    return contrat_publie(edition.contenu).model_dump_json().encode()


def _etag(edition: Edition) -> str:
    return f'W/"{edition.empreinte}-{app.__version__}"'


@routeur.get(
    "/contrats/{code}",
    name="api:contrat",
    dependencies=[Depends(PUBLIQUE)],
    response_model=ContratPublie,
    responses={304: {"description": "Rien n’a changé."}, 404: {"description": "Contrat ou version inconnus."}},
)
def lire_contrat(
    request: Request,
    session: SessionDep,
    maintenant: Maintenant,
    code: str,
    version: Annotated[str | None, Query(description="Code d’une version ; sinon celle en vigueur.")] = None,
) -> Response:
    """Enjeux, objectifs, quartiers, projets de quartier, lignes, instances et tout le reste du document."""
    edition = repository.get_edition(session, code, a_paris(maintenant).date(), version)
    if edition is None:
        raise Introuvable("Ce contrat n’existe pas, ou cette version n’a pas encore de contenu.")
    etag = _etag(edition)
    entetes = {"ETag": etag, "Cache-Control": "public, no-cache"}
    connus = {valeur.strip() for valeur in request.headers.get("if-none-match", "").split(",")}
    if connus & {"*", etag, etag.removeprefix("W/")}:
        return Response(status_code=304, headers=entetes)
    return Response(_corps(edition), media_type="application/json", headers=entetes)


@routeur.post(
    "/contrats/{code}/suggestions",
    name="api:suggestions",
    dependencies=[Depends(PUBLIQUE)],
    response_model=list[ObjectifSuggere],
    response_model_exclude_defaults=True,
    responses={404: {"description": "Contrat inconnu."}, 422: {"description": "Texte vide ou trop long."}},
)
def suggerer(
    session: SessionDep, maintenant: Maintenant, code: str, demande: DemandeSuggestions
) -> list[ObjectifSuggere]:
    """Les objectifs du contrat que ce titre et ce résumé évoquent, le plus proche d'abord, et pourquoi.

    Rien n'est gardé ni envoyé ailleurs. Liste vide : le texte ne dit rien de connu. Le porteur choisit.
    """
    jour = a_paris(maintenant).date()
    trouvees = suggestions.suggerer(session, code, demande.texte, jour, nombre=demande.nombre, fiches=demande.fiches)
    return suggestions_publiees(trouvees)

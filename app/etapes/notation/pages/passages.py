"""Pages : de la source d'un critère au passage du contrat, dans la version que le dossier cite."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import RedirectResponse, Response

from app.etapes.notation import service
from app.etapes.notation.service.passages import adresse_du_passage
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.web import SessionDep
from app.noyau.periodes import a_paris

routeur = APIRouter()
LIT = exiger(*service.LIT_LES_NOTES)


@routeur.get("/dossiers/{numero}/passage", name="notation:passage", dependencies=[Depends(LIT)])
def mener_au_passage(
    session: SessionDep,
    acteur: Acteur,
    numero: str,
    maintenant: Maintenant,
    lignes: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Mène à ces lignes du contrat, au plus précis ; à l'entrée du contrat si rien n'y répond."""
    dossier = service.lire_dossier(session, numero, acteur)
    jour = a_paris(maintenant).date()
    adresse = adresse_du_passage(session, dossier.contrat_id, dossier.version_id, lignes, jour)
    return RedirectResponse(adresse, status_code=303)

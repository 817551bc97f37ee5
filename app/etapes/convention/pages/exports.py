"""Exports de la programmation décidée : CSV en flux, XLSX."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import BinaryIO

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response, StreamingResponse

from app.etapes.appel.models import Appel
from app.etapes.appel.repository import get_appel_par_code
from app.etapes.convention import repository
from app.infra.acces import Acteur, exiger
from app.infra.identite import Identite
from app.infra.tableur import CSV, XLSX, csv_en_flux, ecrire_xlsx
from app.infra.web import SessionDep
from app.noyau.erreurs import Introuvable

routeur = APIRouter()
LIT = exiger(*repository.LISENT)
TAILLE_MORCEAU = 64 * 1024


def _appel_en_vue(session: SessionDep, code: str, acteur: Identite) -> Appel:
    appel = get_appel_par_code(session, code)
    if appel is None or appel.contrat_id not in acteur.contrats(repository.LISENT):
        raise Introuvable("Cet appel n’existe pas, ou vous n’y avez pas accès.")
    return appel


def _piece_jointe(code: str, extension: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="programmation-decidee-{code}.{extension}"'}


@routeur.get("/appels/{code}/decisions.csv", name="decisions:csv", dependencies=[Depends(LIT)])
def exporter_csv(request: Request, session: SessionDep, acteur: Acteur, code: str) -> Response:
    """La programmation décidée, une rangée par demande, au fil de la lecture."""
    appel = _appel_en_vue(session, code, acteur)
    rangees = repository.lire_rangees(request.app.state.fabrique, acteur, appel.id, appel.annee)
    return StreamingResponse(
        csv_en_flux(repository.COLONNES, rangees), media_type=CSV, headers=_piece_jointe(appel.code, "csv")
    )


@routeur.get("/appels/{code}/decisions.xlsx", name="decisions:xlsx", dependencies=[Depends(LIT)])
def exporter_xlsx(request: Request, session: SessionDep, acteur: Acteur, code: str) -> Response:
    """La même chose en classeur : écrit sur disque rangée par rangée, puis envoyé."""
    appel = _appel_en_vue(session, code, acteur)
    fichier = tempfile.TemporaryFile()  # noqa: SIM115 -- fermé par le flux qui l'envoie
    try:
        rangees = repository.lire_rangees(request.app.state.fabrique, acteur, appel.id, appel.annee)
        ecrire_xlsx(fichier, repository.COLONNES, rangees, feuille=f"Décisions {appel.annee}")
    except BaseException:
        fichier.close()
        raise
    return StreamingResponse(_morceaux(fichier), media_type=XLSX, headers=_piece_jointe(appel.code, "xlsx"))


def _morceaux(fichier: BinaryIO) -> Iterator[bytes]:
    with fichier:
        fichier.seek(0)
        while morceau := fichier.read(TAILLE_MORCEAU):
            yield morceau

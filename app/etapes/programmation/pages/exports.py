"""Exports de la programmation : CSV en flux, XLSX."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response, StreamingResponse

from app.etapes.programmation.pages.communs import LIT, appel_en_vue
from app.etapes.programmation.repository.export import COLONNES, lire_rangees
from app.infra.acces import Acteur
from app.infra.tableur import CSV, XLSX, csv_en_flux, ecrire_xlsx
from app.infra.web import SessionDep

routeur = APIRouter()
TAILLE_MORCEAU = 64 * 1024


def _piece_jointe(code: str, extension: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="programmation-{code}.{extension}"'}


@routeur.get("/appels/{code}/programmation.csv", name="programmation:csv", dependencies=[Depends(LIT)])
def exporter_csv(request: Request, session: SessionDep, acteur: Acteur, code: str) -> Response:
    """La programmation, une rangée par demande, au fil de la lecture."""
    appel = appel_en_vue(session, code, acteur)
    flux = csv_en_flux(COLONNES, lire_rangees(request.app.state.fabrique, acteur, appel.id))
    premier = next(flux)  # une lecture refusée répond 500 : après le premier octet, elle couperait un fichier « 200 »
    return StreamingResponse(chain((premier,), flux), media_type=CSV, headers=_piece_jointe(appel.code, "csv"))


@routeur.get("/appels/{code}/programmation.xlsx", name="programmation:xlsx", dependencies=[Depends(LIT)])
def exporter_xlsx(request: Request, session: SessionDep, acteur: Acteur, code: str) -> Response:
    """La même chose en classeur : écrit sur disque rangée par rangée, puis envoyé."""
    appel = appel_en_vue(session, code, acteur)
    fichier = tempfile.TemporaryFile()  # noqa: SIM115 -- fermé par le flux qui l'envoie
    try:
        rangees = lire_rangees(request.app.state.fabrique, acteur, appel.id)
        ecrire_xlsx(fichier, COLONNES, rangees, feuille=f"Programmation {appel.annee}")
    except BaseException:
        fichier.close()
        raise
    return StreamingResponse(_morceaux(fichier), media_type=XLSX, headers=_piece_jointe(appel.code, "xlsx"))


def _morceaux(fichier: BinaryIO) -> Iterator[bytes]:
    with fichier:
        fichier.seek(0)
        while morceau := fichier.read(TAILLE_MORCEAU):
            yield morceau

"""Le procès-verbal : à l'écran, puis scellé en PDF."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.commission import repository
from app.etapes.commission.models import EtatSeance
from app.etapes.commission.pages.communs import LIT, cadre
from app.etapes.commission.service.proces_verbal import donnees
from app.infra.acces import Acteur
from app.infra.web import SessionDep, rendre
from app.noyau.erreurs import ActeImpossible

routeur = APIRouter()


@routeur.get("/seances/{code}/proces-verbal", name="seance:proces_verbal", dependencies=[Depends(LIT)])
def page_proces_verbal(request: Request, session: SessionDep, acteur: Acteur, code: str) -> Response:
    """Le projet pendant la séance, le procès-verbal après sa clôture."""
    seance = repository.get_seance(session, code, acteur)
    document = repository.document_du_pv(session, seance) if seance.etat is EtatSeance.CLOSE else None
    contexte = cadre(seance, "proces_verbal", acteur, "Procès-verbal") | {
        "pv": donnees(session, seance),
        "poids": len(document.contenu) if document is not None else 0,
        "empreinte": document.sha256 if document is not None else "",
    }
    return rendre(request, "commission/proces_verbal.html", contexte)


@routeur.get("/seances/{code}/proces-verbal.pdf", name="seance:proces_verbal_pdf", dependencies=[Depends(LIT)])
def telecharger(session: SessionDep, acteur: Acteur, code: str) -> Response:
    """Le procès-verbal scellé."""
    seance = repository.get_seance(session, code, acteur)
    document = repository.document_du_pv(session, seance) if seance.etat is EtatSeance.CLOSE else None
    if document is None:
        raise ActeImpossible("Le procès-verbal est scellé après la clôture de la séance : revenez dans un instant.")
    entetes = {"Content-Disposition": f'inline; filename="{document.nom}"'}
    return Response(document.contenu, media_type=document.media, headers=entetes)

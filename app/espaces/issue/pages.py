"""Pages : l'issue d'un dossier, expliquée à l'association après chaque notification."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.espaces.issue import vues
from app.etapes.notation.pages.vues import capitale
from app.etapes.notation.rules import ecrire_decimal
from app.infra.acces import Acteur, exiger
from app.infra.web import SessionDep, rendre

routeur = APIRouter()


@routeur.get("/dossiers/{numero}/issue", name="issue", dependencies=[Depends(exiger())])
def page_issue(request: Request, session: SessionDep, acteur: Acteur, numero: str) -> Response:
    """Par ligne notifiée : la décision, les points, la place, ce qui renforcerait la prochaine demande."""
    issue = vues.ouvrir(session, numero, acteur)
    dossier, porteur = issue.dossier, issue.est_du_porteur
    contexte = {
        "issue": issue,
        "dossier": dossier,
        "adresse": f"/dossiers/{dossier.numero}",
        "capitale": capitale,
        "ecrire": ecrire_decimal,
        "fil": (
            ("Mes dossiers" if porteur else "Dossiers", "/dossiers" if porteur else "/instruction"),
            (dossier.titre, f"/dossiers/{dossier.numero}" if porteur else f"/instruction/{dossier.numero}"),
            ("L’issue, expliquée", None),
        ),
    }
    return rendre(request, "espaces/issue/issue.html", contexte)

"""Pages : clore la recevabilité, qui fige les coûts médians et fait renoter l'appel."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.notation import repository, service
from app.etapes.notation.pages.communs import appel_en_vue
from app.infra.acces import Acteur, exiger
from app.infra.envoi import EnvoiDep
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.roles import Role

routeur = APIRouter()
CLOTURE = annoncer("recevabilite-close", "La recevabilité est close, les coûts médians sont figés. L’appel se renote.")


@routeur.get(
    "/appels/{code}/cloture-recevabilite",
    name="notation:cloture",
    dependencies=[Depends(exiger(Role.CHARGE_MISSION))],
)
def page_cloture(request: Request, session: SessionDep, acteur: Acteur, code: str) -> Response:
    """Ce que la clôture figera, avant de la prononcer."""
    return rendre(request, "notation/cloture.html", _contexte_cloture(session, acteur, code))


def _contexte_cloture(session: SessionDep, acteur: Identite, code: str) -> dict[str, Any]:
    appel = appel_en_vue(session, code, acteur)
    return {
        "appel": appel,
        "etat": repository.etat_avant_cloture(session, appel.id),
        "fil": (
            ("Dossiers", f"/instruction?appel={code}"),
            ("Classement", f"/appels/{code}/classement"),
            ("Clore la recevabilité", None),
        ),
    }


@routeur.post(
    "/appels/{code}/cloture-recevabilite", name="notation:clore", dependencies=[Depends(exiger(Role.CHARGE_MISSION))]
)
def clore(envoi: EnvoiDep, code: str) -> Response:
    """Clôt la recevabilité : les coûts médians se figent, l'appel se renote."""
    appel_en_vue(envoi.session, code, envoi.acteur)
    with envoi.sinon(lambda: ("notation/cloture.html", _contexte_cloture(envoi.session, envoi.acteur, code))):
        service.clore_recevabilite(envoi.session, code, **envoi.qui)
    return envoi.vers("notation:classements", code=code, fait=CLOTURE)

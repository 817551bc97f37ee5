"""Page du porteur : l'ordre de ses propres actions dans un appel."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.appel.rules import depot_possible
from app.etapes.dossier.repository.priorites import list_de_l_appel
from app.etapes.dossier.service import brouillon, priorites
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import Introuvable
from app.noyau.roles import ROLES_PORTEUR
from app.referentiels.acteurs import repository as acteurs
from app.referentiels.acteurs.models import Organisation

routeur = APIRouter()
CLASSEES = annoncer("dossiers-classes", "L’ordre de vos actions est enregistré.")
CHEMIN = "/organisations/{organisation}/priorites/{appel}"


def _lieu(session: SessionDep, acteur: Identite, organisation: str, appel: str) -> tuple[Organisation, Appel]:
    trouvee = acteurs.get_organisation_par_code(session, organisation, acteur.organisations())
    trouve = appels.get_appel_par_code(session, appel)
    if trouvee is None or trouve is None:
        raise Introuvable("Cette organisation ou cet appel n’existe pas, ou vous n’y avez pas accès.")
    return trouvee, trouve


def _est_ouvert(session: SessionDep, appel: Appel, maintenant: Maintenant) -> bool:
    return any(
        depot_possible(appel.etat, appels.intervalle(phase), maintenant).possible
        for phase in appels.list_phases(session, appel.id)
    )


def _contexte(
    session: SessionDep, acteur: Identite, lieu: tuple[Organisation, Appel], maintenant: Maintenant
) -> dict[str, Any]:
    organisation, appel = lieu
    dossiers = list_de_l_appel(session, appel.id, organisation.id)
    modifiable = organisation.id in acteur.organisations(brouillon.ECRIT) and _est_ouvert(session, appel, maintenant)
    return {
        "organisation": organisation,
        "appel": appel,
        "dossiers": dossiers,
        "modifiable": modifiable,
        "saisie": {f"rang.{d.reference}": str(d.rang_porteur or "") for d in dossiers},
        "fil": (("Mes dossiers", "/dossiers"), ("L’ordre de mes actions", None)),
    }


@routeur.get(CHEMIN, name="dossier:priorites", dependencies=[Depends(exiger(*ROLES_PORTEUR))])
def page_priorites(
    request: Request, session: SessionDep, acteur: Acteur, maintenant: Maintenant, organisation: str, appel: str
) -> Response:
    """L'ordre que l'organisation donne à ses actions."""
    lieu = _lieu(session, acteur, organisation, appel)
    return rendre(request, "dossier/priorites.html", _contexte(session, acteur, lieu, maintenant))


@routeur.post(CHEMIN, name="dossier:classer", dependencies=[Depends(exiger(*ROLES_PORTEUR))])
def classer(envoi: EnvoiDep, organisation: str, appel: str) -> Response:
    """Enregistre cet ordre."""
    lieu = _lieu(envoi.session, envoi.acteur, organisation, appel)
    with envoi.sinon(lambda: _page(envoi, organisation, appel)):
        textes = {nom.removeprefix("rang."): texte for nom, texte in envoi.saisie.items() if nom.startswith("rang.")}
        ouvert = _est_ouvert(envoi.session, lieu[1], envoi.maintenant)
        priorites.classer(envoi.session, lieu[1], lieu[0], textes, est_ouvert=ouvert, **envoi.qui)
    return envoi.vers("dossier:liste", fait=CLASSEES)


def _page(envoi: Envoi, organisation: str, appel: str) -> Page:
    lieu = _lieu(envoi.session, envoi.acteur, organisation, appel)
    contexte = _contexte(envoi.session, envoi.acteur, lieu, envoi.maintenant)
    return "dossier/priorites.html", contexte | {"saisie": contexte["saisie"] | envoi.saisie}

"""Pages publiques : accueil, accessibilité, données personnelles, guide des composants."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.appel import repository as appels
from app.infra.acces import PUBLIQUE
from app.infra.clock import Maintenant
from app.infra.web import SessionDep, rendre
from app.noyau.erreurs import Introuvable
from app.referentiels.contrats import repository as contrats

routeur = APIRouter()


@routeur.get("/", name="accueil_public", dependencies=[Depends(PUBLIQUE)])
def accueil_public(request: Request, session: SessionDep, maintenant: Maintenant) -> Response:
    """L'accueil : à quoi sert le service, l'appel ouvert, par où commencer."""
    ouverts = []
    for appel in appels.list_appels_ouverts(session)[:3]:
        phases = appels.list_phases(session, appel.id)
        courante = next((p for p in phases if appels.intervalle(p).contient(maintenant)), None)
        ouverts.append((appel, courante))
    actifs = {appel.contrat_id for appel, _ in ouverts}
    tous = sorted(contrats.list_contrats(session), key=lambda c: c.id not in actifs)
    contexte = {"ouverts": ouverts, "contrats": tous}
    return rendre(request, "espaces/public/accueil.html", contexte)


@routeur.get("/accessibilite", name="accessibilite", dependencies=[Depends(PUBLIQUE)])
def page_accessibilite(request: Request) -> Response:
    """La déclaration d'accessibilité."""
    return rendre(request, "espaces/public/accessibilite.html", {"contact": request.app.state.config.contact})


@routeur.get("/donnees-personnelles", name="donnees_personnelles", dependencies=[Depends(PUBLIQUE)])
def page_donnees_personnelles(request: Request) -> Response:
    """Ce que le service sait des personnes, pourquoi, combien de temps."""
    return rendre(request, "espaces/public/donnees_personnelles.html", {})


@routeur.get("/composants", name="composants", dependencies=[Depends(PUBLIQUE)])
def page_composants(request: Request) -> Response:
    """Tous les composants, hors production seulement."""
    if request.app.state.config.est_production:
        raise Introuvable("Cette page n’existe pas.")
    return rendre(request, "style_guide.html", {})

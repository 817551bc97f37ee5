"""Page : demander un lien pour choisir un nouveau mot de passe."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.infra.acces import PUBLIQUE
from app.infra.csrf import origine_etrangere
from app.infra.forms import FormulaireDep, valider
from app.infra.web import SessionDep, annoncer, rediriger, refuser, rendre
from app.noyau.erreurs import ActeInterdit, SaisieInvalide
from app.referentiels.acteurs.schemas import FormulaireOubli
from app.referentiels.acteurs.service import liens

routeur = APIRouter()
DEMANDE = annoncer(
    "lien-demande",
    "Si un compte existe pour cette adresse, un courriel part avec un lien pour choisir un nouveau mot de passe.",
)


def _contexte(request: Request, saisie: dict[str, str]) -> dict[str, object]:
    config = request.app.state.config
    return {"saisie": saisie, "minutes": config.oubli_lien_minutes, "attente": config.oubli_attente_minutes}


@routeur.get("/mot-de-passe-oublie", name="mot_de_passe_oublie", dependencies=[Depends(PUBLIQUE)])
def page_oubli(request: Request) -> Response:
    """Le formulaire d'une adresse."""
    return rendre(request, "acteurs/oubli.html", _contexte(request, {}))


@routeur.post("/mot-de-passe-oublie", name="mot_de_passe_oublie:demander", dependencies=[Depends(PUBLIQUE)])
def demander(request: Request, session: SessionDep, formulaire: FormulaireDep) -> Response:
    """Demande le lien ; la réponse est la même que l'adresse ait un compte ou non."""
    if origine_etrangere(request):
        raise ActeInterdit("Ce formulaire vient d’un autre site.", code="csrf_invalide")
    try:
        liens.demander(session, valider(FormulaireOubli, formulaire.en_dict()).courriel)
    except SaisieInvalide as erreur:
        contexte = _contexte(request, {"courriel": formulaire.get("courriel")})
        refuser(request, "acteurs/oubli.html", contexte, erreur.fautes)
    return rediriger(request, "mot_de_passe_oublie", fait=DEMANDE)

"""Pages : le classement d'une ligne, et la clôture de la recevabilité qui fige les coûts médians."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.contrat import repository as contenus
from app.etapes.dossier.rules.etats import LIBELLES_DEMANDE
from app.etapes.notation import repository, service
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rediriger, rendre
from app.noyau.erreurs import Introuvable
from app.noyau.roles import Portee, Role
from app.referentiels.lignes import repository as lignes

routeur = APIRouter()
LIT = exiger(*service.LIT_LES_NOTES)
CLOTURE = annoncer("recevabilite-close", "La recevabilité est close, les coûts médians sont figés. L’appel se renote.")


def _appel(session: SessionDep, code: str, acteur: Identite) -> Appel:
    appel = appels.get_appel_par_code(session, code)
    if appel is None or not acteur.tient(*service.LIT_LES_NOTES, contrat_id=appel.contrat_id):
        raise Introuvable("Cet appel n’existe pas, ou vous n’y avez pas accès.")
    return appel


@routeur.get("/appels/{code}/classement", name="notation:classements", dependencies=[Depends(LIT)])
def page_classements(request: Request, session: SessionDep, acteur: Acteur, code: str) -> Response:
    """Mène au classement de la ligne de cette personne, sinon de la première."""
    appel = _appel(session, code, acteur)
    codes = [ligne.code for ligne in lignes.list_lignes(session, appel.contrat_id)]
    if not codes:
        raise Introuvable("Ce contrat n’a pas de ligne de financement.")
    siennes = acteur.cibles(Portee.LIGNE, contrat_id=appel.contrat_id)
    premiere = next((ligne for ligne in codes if ligne in siennes), codes[0])
    return RedirectResponse(request.url_for("notation:classement", code=code, ligne=premiere).path, status_code=303)


@routeur.get("/appels/{code}/classement/{ligne}", name="notation:classement", dependencies=[Depends(LIT)])
def page_classement(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    code: str,
    ligne: str,
    quartier: Annotated[str, Query(max_length=60)] = "",
    objectif: Annotated[str, Query(max_length=60)] = "",
    apres: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Les dossiers notés d'une ligne, la note la plus basse possible d'abord décroissante."""
    appel = _appel(session, code, acteur)
    toutes = lignes.list_lignes(session, appel.contrat_id)
    choisie = next((candidate for candidate in toutes if candidate.code == ligne), None)
    if choisie is None:
        raise Introuvable("Cette ligne n’existe pas dans ce contrat.")
    page = repository.page_classement(
        session, appel, choisie, acteur, quartier=quartier, objectif=objectif, jeton=apres
    )
    total, sans_note = repository.compter_a_noter(session, appel, choisie.id, acteur)
    quartiers = contenus.quartiers_par_code(session, appel.contrat_id)
    filtres = {"quartier": quartier, "objectif": objectif}
    contexte = {
        "appel": appel,
        "ligne": choisie,
        "lignes": toutes,
        "page": page,
        "total": total,
        "sans_note": sans_note,
        "libelles": LIBELLES_DEMANDE,
        "filtres": filtres,
        "est_filtre": bool(quartier or objectif),
        "quartiers": [(q.code, q.nom) for q in quartiers.values()],
        "objectifs": [(o.code, f"{o.code} {o.intitule}") for o in contenus.list_objectifs(session, appel.version_id)],
        "precedent": _adresse(filtres, page.precedent),
        "suivant": _adresse(filtres, page.suivant),
        "clot": acteur.tient(Role.CHARGE_MISSION, contrat_id=appel.contrat_id),
        "fil": (("Dossiers", f"/instruction?appel={code}"), ("Classement", None)),
    }
    return rendre(request, "notation/classement.html", contexte)


def _adresse(filtres: dict[str, str], jeton: str | None) -> str | None:
    if jeton is None:
        return None
    return "?" + urlencode({nom: valeur for nom, valeur in (filtres | {"apres": jeton}).items() if valeur})


@routeur.post(
    "/appels/{code}/cloture-recevabilite", name="notation:clore", dependencies=[Depends(exiger(Role.CHARGE_MISSION))]
)
def clore(request: Request, session: SessionDep, acteur: Acteur, code: str, maintenant: Maintenant) -> Response:
    """Clôt la recevabilité : les coûts médians se figent, l'appel se renote."""
    _appel(session, code, acteur)
    service.clore_recevabilite(session, code, acteur=acteur, maintenant=maintenant)
    return rediriger(request, "notation:classements", code=code, fait=CLOTURE)

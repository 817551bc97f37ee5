"""Un refus du métier devient une page française ou un problème RFC 9457. HTTP se décide ici."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as BassinEpuise
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from app.infra import csrf, envoi_garde
from app.infra.acces import ConnexionRequise
from app.infra.csrf import JetonPerime
from app.infra.envoi_garde import EnvoiGarde
from app.infra.files import MagasinIndisponible
from app.infra.forms import fautes_de
from app.infra.identite import Identite
from app.infra.intergiciels import CLE_INTERBLOCAGE, limite_du_corps
from app.infra.web import ReponseRefusee, rendre
from app.noyau.erreurs import (
    ActeImpossible,
    ActeInterdit,
    ErreurMetier,
    Introuvable,
    SaisieInvalide,
    VersionPerimee,
)

STATUTS: tuple[tuple[type[ErreurMetier], int], ...] = (
    (ConnexionRequise, 401),
    (Introuvable, 404),
    (ActeInterdit, 403),
    (VersionPerimee, 412),
    (SaisieInvalide, 422),
    (ActeImpossible, 409),
    (ErreurMetier, 409),
)
RETOUR_MAX = 1500
_REJOUABLES = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
_HORS_BORNES = (psycopg.errors.NumericValueOutOfRange, psycopg.errors.DatetimeFieldOverflow)
_NUMERO_GEANT = re.compile(r"/\d{10,}(/|$)")
_ATTENTES = (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled)
_TITRES = {
    400: "Requête illisible",
    401: "Connexion requise",
    403: "Acte interdit",
    404: "Introuvable",
    405: "Méthode non admise",
    409: "Acte impossible",
    412: "Quelqu’un a enregistré avant vous",
    413: "Envoi trop lourd",
    422: "Saisie à corriger",
    428: "Version attendue",
    500: "Erreur du service",
    503: "Service occupé",
}
_PAGES = {400, 401, 403, 404, 409, 412, 413, 422, 500, 503}
journal = logging.getLogger("iq.erreurs")


def veut_du_json(request: Request) -> bool:
    """Vrai sous /api/ et pour /sante, que lisent des machines : la réponse est un problème RFC 9457."""
    return request.url.path.startswith("/api/") or request.url.path == "/sante"


def _attend_du_json(request: Request) -> bool:
    """Vrai pour ce qu'une page demande d'elle-même (l'enregistrement au fil de la saisie)."""
    return "application/json" in request.headers.get("accept", "")


def probleme(statut: int, code: str, detail: str, **plus: Any) -> JSONResponse:
    """Un problème RFC 9457, avec son code stable."""
    corps = {
        "type": f"urn:initiatives-quartiers:erreur:{code}",
        "title": _TITRES.get(statut, HTTPStatus(statut).phrase),
        "status": statut,
        "detail": detail,
        "code": code,
        **plus,
    }
    return JSONResponse(corps, status_code=statut, media_type="application/problem+json")


def _page(request: Request, statut: int, code: str, detail: str, **plus: Any) -> Response:
    gabarit = f"erreurs/{statut if statut in _PAGES else (500 if statut >= 500 else 404)}.html"
    return rendre(request, gabarit, {"detail": detail, "code": code, **plus}, statut=statut)


def _repondre(request: Request, statut: int, code: str, detail: str, **plus: Any) -> Response:
    if veut_du_json(request):
        return probleme(statut, code, detail, **plus)
    return _page(request, statut, code, detail, **plus)


def _erreur_metier(request: Request, erreur: ErreurMetier) -> Response:
    statut = next(s for classe, s in STATUTS if isinstance(erreur, classe))
    if isinstance(erreur, ConnexionRequise | JetonPerime) and not veut_du_json(request):
        reponse = _sans_rien_perdre(request, erreur)
        if reponse is not None:
            return reponse
    if statut == 401 and not veut_du_json(request):
        retour = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        retour = retour if request.method == "GET" and len(retour) <= RETOUR_MAX else "/"
        return RedirectResponse(f"/connexion?retour={quote(retour)}", status_code=303)
    plus: dict[str, Any] = {}
    if isinstance(erreur, SaisieInvalide):
        plus["erreurs"] = [{"champ": f.champ, "message": f.message, "code": f.code} for f in erreur.fautes]
    if isinstance(erreur, VersionPerimee):
        plus["conflits"] = {c: {"enregistre": a, "saisi": b} for c, (a, b) in erreur.conflits.items()}
    return _repondre(request, statut, erreur.code, erreur.message, **plus)


def _sans_rien_perdre(request: Request, erreur: ConnexionRequise | JetonPerime) -> Response | None:
    """La session n'est plus celle du formulaire : ce qu'il portait revient. None s'il ne portait rien."""
    envoi = erreur.envoi
    if envoi is None:
        return None
    if isinstance(erreur, JetonPerime):
        return _relire(request, erreur, envoi)
    if _attend_du_json(request):
        return probleme(401, erreur.code, erreur.message)
    garde = envoi_garde.garder(request.app.state.secret, envoi)
    detail = "Votre session a pris fin. Votre saisie est gardée."
    if not garde:
        detail = (
            "Votre session a pris fin, et votre saisie est trop longue pour être gardée ici. Connectez-vous dans un "
            "autre onglet, revenez à celui-ci, remontez d’une page et envoyez de nouveau : elle vous sera rendue."
        )
    return _page(request, 401, erreur.code, detail, garde=garde)


def _relire(request: Request, erreur: JetonPerime, envoi: EnvoiGarde) -> Response | None:
    """Reconnectée dans un autre onglet : la personne relit ce qu'elle avait tapé et l'envoie d'un clic.

    403, et non 409 : rien ne s'oppose à l'acte que le jeton. Ce que la page envoyait d'elle-même repart avec un jeton
    neuf, si le compte est le même : un autre site ne peut pas lire cette réponse.
    """
    identite: Identite = request.state.identite
    marque = csrf.marque(request, identite.compte_id)
    jeton = csrf.jeton(request, identite.empreinte_session, identite.compte_id)
    if _attend_du_json(request):
        if envoi.marque == marque:
            return probleme(403, erreur.code, erreur.message, jeton=jeton)
        detail = (
            f"Vous êtes maintenant connecté en tant que {identite.nom}. Cliquez « Enregistrer et continuer » : tout ce "
            "que vous avez tapé vous sera montré."
        )
        return probleme(403, erreur.code, detail)
    if envoi.est_vide:
        return None
    autre_compte = envoi.marque not in {"", marque}
    garde = envoi_garde.garder(request.app.state.secret, envoi) if autre_compte else ""
    contexte = {"envoi": envoi, "jeton": jeton, "personne": identite.nom, "autre_compte": autre_compte, "garde": garde}
    return rendre(request, "acteurs/saisie_retrouvee.html", contexte | {"message": None}, statut=403)


def _http(request: Request, erreur: HTTPException) -> Response:
    megas = limite_du_corps(request.scope, request.app.state.config) // 1_048_576
    messages = {
        404: "Cette page n’existe pas, ou vous n’y avez pas accès.",
        405: "Cette adresse n’accepte pas cette méthode.",
        413: f"L’envoi est trop lourd : {megas} Mo au plus en tout, "
        "10 Mo par fichier. Rien n’est enregistré : réduisez-le (PDF léger, photo plus petite), puis recommencez.",
    }
    codes = {404: "introuvable", 405: "methode_non_admise", 413: "corps_trop_lourd"}
    statut = erreur.status_code
    detail = messages.get(statut, "La requête n’a pas pu être lue.")
    return _repondre(request, statut, codes.get(statut, "requete_illisible"), detail)


def _validation(request: Request, erreur: RequestValidationError) -> Response:
    brutes = erreur.errors()
    if any(e["type"] == "json_invalid" for e in brutes):
        return _repondre(request, 400, "json_illisible", "Le corps de la requête n’est pas du JSON lisible.")
    if not veut_du_json(request) and any(e["loc"] and e["loc"][0] == "path" for e in brutes):
        return _repondre(request, 404, "introuvable", "Cette page n’existe pas, ou vous n’y avez pas accès.")
    fautes = fautes_de(brutes, prefixe=1)
    liste = [{"champ": f.champ, "message": f.message, "code": f.code} for f in fautes]
    return _repondre(request, 422, "saisie_invalide", "La saisie contient des erreurs.", erreurs=liste)


def _base(request: Request, erreur: DBAPIError) -> Response:
    origine = erreur.orig
    if isinstance(origine, _REJOUABLES):
        request.scope.setdefault("state", {})[CLE_INTERBLOCAGE] = True
        return _occupe(request)
    if isinstance(origine, _ATTENTES):
        return _occupe(request)
    if isinstance(erreur, IntegrityError):
        contrainte = getattr(getattr(origine, "diag", None), "constraint_name", None) or ""
        phrase = request.app.state.phrases_de_contrainte.get(contrainte)
        if phrase is not None:
            return _repondre(request, 409, contrainte, phrase)
    if isinstance(erreur, OperationalError):
        journal.exception("base injoignable", exc_info=erreur)
        return _occupe(request)
    if isinstance(erreur, DataError) and (reponse := _illisible(request, origine)) is not None:
        return reponse
    journal.exception("erreur de base", exc_info=erreur)
    return _repondre(request, 500, "erreur_interne", "Une erreur est survenue. Rien n’a été enregistré.")


def _illisible(request: Request, origine: BaseException | None) -> Response | None:
    if isinstance(origine, _HORS_BORNES):
        return _hors_bornes(request)
    if "NUL" in str(origine):
        return _repondre(request, 400, "caractere_illisible", "L’adresse contient un caractère illisible.")
    return None


def _hors_bornes(request: Request) -> Response:
    """Un nombre ou une date qu'aucune colonne ne garde : dans l'adresse, rien ne peut porter ce numéro."""
    if _NUMERO_GEANT.search(request.url.path):
        return _repondre(request, 404, "introuvable", "Cette page n’existe pas, ou vous n’y avez pas accès.")
    return _repondre(request, 422, "hors_bornes", "Un nombre ou une date est trop grand ou trop petit. Corrigez-le.")


def _occupe(request: Request) -> Response:
    reponse = _repondre(request, 503, "reessayez", "Le service est occupé. Réessayez dans quelques secondes.")
    reponse.headers["Retry-After"] = "2"
    return reponse


def _sans_magasin(request: Request, erreur: MagasinIndisponible) -> Response:
    journal.error("magasin de fichiers indisponible : %s", erreur)
    return _repondre(
        request,
        503,
        "fichiers_indisponibles",
        "Les fichiers ne peuvent être ni reçus ni ouverts pour le moment. Réessayez dans quelques minutes ; "
        "tout ce qui était déjà enregistré l’est toujours.",
    )


def _imprevue(request: Request, erreur: Exception) -> Response:
    journal.exception("erreur imprévue", exc_info=erreur)
    return _repondre(request, 500, "erreur_interne", "Une erreur est survenue. Rien n’a été enregistré.")


def installer(app: FastAPI) -> None:
    """Branche chaque famille d'erreurs sur sa réponse."""

    def brancher(classe: type[Exception], traiter: Callable[[Request, Any], Response]) -> None:
        async def gestionnaire(request: Request, erreur: Exception) -> Response:
            return traiter(request, erreur)

        recevable: Callable[[Request, Exception], Awaitable[Response]] = gestionnaire
        app.add_exception_handler(classe, recevable)

    def refusee(_: Request, erreur: ReponseRefusee) -> Response:
        return erreur.reponse

    brancher(ErreurMetier, _erreur_metier)
    brancher(HTTPException, _http)
    brancher(RequestValidationError, _validation)
    brancher(DBAPIError, _base)
    brancher(MagasinIndisponible, _sans_magasin)
    brancher(BassinEpuise, lambda request, _: _occupe(request))
    brancher(ReponseRefusee, refusee)
    brancher(ClientDisconnect, lambda *_: Response(status_code=HTTPStatus.BAD_REQUEST))
    brancher(Exception, _imprevue)

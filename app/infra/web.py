"""La requête : sa transaction, ses en-têtes, sa page. Le seul endroit qui valide une transaction de requête."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy.orm import Session, sessionmaker
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import URL
from starlette.responses import Response

from app.infra import csrf
from app.noyau.erreurs import Faute


def reunir(*routeurs: APIRouter) -> APIRouter:
    """Un routeur fait des routes des autres, telles qu'elles sont.

    `include_router` rebâtit chaque route à la première requête de chaque processus : 0,6 s (fastapi 0.165, mesuré).
    """
    reuni = APIRouter()
    for routeur in routeurs:
        reuni.routes.extend(routeur.routes)
    return reuni


async def get_session(request: Request) -> AsyncIterator[Session]:
    """Une requête = une transaction, validée avant que la réponse parte (décision 3).

    Asynchrone parce qu'ouvrir n'attend rien (la connexion se prend à la première lecture) : seule la fin, qui parle à
    la base, passe par un fil.
    """
    fabrique: sessionmaker[Session] = request.app.state.fabrique
    session = fabrique()
    request.state.session = session
    try:
        yield session
        await run_in_threadpool(_valider, session)
    except BaseException:
        await run_in_threadpool(_annuler, session)
        raise


def _valider(session: Session) -> None:
    session.commit()
    session.close()


def _annuler(session: Session) -> None:
    session.rollback()
    session.close()


SessionDep = Annotated[Session, Depends(get_session, scope="function")]


@contextmanager
def transaction_a_part(request: Request) -> Iterator[Session]:
    """Une transaction de plus, validée à la sortie : la trace d'un refus survit à l'annulation de la requête."""
    fabrique: sessionmaker[Session] = request.app.state.fabrique
    with fabrique.begin() as session:
        yield session


class ReponseRefusee(Exception):
    """Porte une réponse déjà rendue ; lever annule ce qui était écrit."""

    def __init__(self, reponse: Response) -> None:
        super().__init__(reponse.status_code)
        self.reponse = reponse


def contexte_commun(request: Request) -> dict[str, Any]:
    """Ce que toute page reçoit : qui est là, où l'on est, le jeton des formulaires."""
    etat = request.app.state
    identite = getattr(request.state, "identite", None)
    return {
        "chemin": request.url.path,
        "mode": etat.config.mode.value,
        "htmx_present": etat.htmx_present,
        "utilisateur": identite,
        "navigation": etat.navigation(identite, request.url.path),
        "jeton_csrf": csrf.jeton(request, identite.empreinte_session, identite.compte_id) if identite else "",
        "erreurs": (),
        "fil": (),
        "message": _MESSAGES.get(request.query_params.get("fait", "")),
    }


_MESSAGES: dict[str, str] = {}


def annoncer(code: str, phrase: str) -> str:
    """Déclare la phrase montrée après une redirection `?fait=code` (aucun texte libre dans l'adresse)."""
    _MESSAGES[code] = phrase
    return code


def rendre(
    request: Request,
    gabarit: str,
    contexte: Mapping[str, Any],
    *,
    statut: int = 200,
    entetes: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """Rend une page entière."""
    contenu = request.app.state.gabarits.get_template(gabarit).render(contexte_commun(request) | dict(contexte))
    return HTMLResponse(contenu, status_code=statut, headers=dict(entetes or {}))


def refuser(
    request: Request, gabarit: str, contexte: Mapping[str, Any], fautes: tuple[Faute, ...], *, statut: int = 422
) -> NoReturn:
    """Rend la page avec ses fautes et annule la transaction. `contexte` porte la saisie telle quelle."""
    raise ReponseRefusee(rendre(request, gabarit, {**contexte, "erreurs": fautes}, statut=statut))


def rediriger(request: Request, nom: str, *, fait: str | None = None, ancre: str = "", **parametres: Any) -> Response:
    """303 vers la route nommée ; `fait` désigne la phrase à montrer."""
    url: URL = request.url_for(nom, **parametres)
    chemin = url.path + (f"?fait={fait}" if fait else "") + (f"#{ancre}" if ancre else "")
    return RedirectResponse(chemin, status_code=303)

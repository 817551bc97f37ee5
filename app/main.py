"""Le câblage : le seul module qui connaît tout le monde."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from jinja2 import Environment
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

import app
import app.taches
from app.espaces.accueil import pages as pages_accueil
from app.espaces.comptes import pages as pages_comptes
from app.espaces.instructeur import actes as actes_instructeur
from app.espaces.instructeur import pages as pages_instructeur
from app.espaces.issue import pages as pages_issue
from app.espaces.navigation import navigation
from app.espaces.pieces import pages as pages_fichiers
from app.espaces.public import eligibilite as pages_eligibilite
from app.espaces.public import pages as pages_public
from app.etapes.appel import api as api_appel
from app.etapes.appel import pages as pages_appel
from app.etapes.commission import api as api_commission
from app.etapes.commission import pages as pages_commission
from app.etapes.consultation import api as api_consultation
from app.etapes.consultation import pages as pages_consultation
from app.etapes.contrat import api as api_contrat
from app.etapes.contrat import pages as pages_contrat
from app.etapes.convention import api as api_convention
from app.etapes.convention import pages as pages_convention
from app.etapes.dossier import api as api_dossier
from app.etapes.dossier import pages as pages_dossier
from app.etapes.notation import api as api_notation
from app.etapes.notation import pages as pages_notation
from app.etapes.programmation import api as api_programmation
from app.etapes.programmation import pages as pages_programmation
from app.etapes.publication import pages as pages_publication
from app.infra import errors, intergiciels, lien_parent, traces
from app.infra.acces import PUBLIQUE, TEMOIN, TEMOIN_SUR
from app.infra.config import RACINE, Config, Mode
from app.infra.db import creer_fabrique, creer_moteur
from app.infra.gabarits import HTMX, STATIQUE, creer_environnement
from app.infra.heure import heure_machine
from app.infra.identite import Identite
from app.infra.journal import ecriture
from app.infra.secret import secret_du_service
from app.infra.sirene import annuaire_de
from app.infra.statique import Statiques
from app.infra.web import SessionDep, reunir
from app.referentiels.acteurs import pages as pages_acteurs
from app.referentiels.acteurs import repository as acteurs
from app.referentiels.acteurs.rules.comptes import est_a_renouveler
from app.referentiels.acteurs.service import empreinte_secret, sessions
from app.referentiels.pieces import pages as pages_pieces

VERSION = app.__version__
technique = APIRouter()
ROUTEURS: tuple[APIRouter, ...] = (
    technique,
    pages_public.routeur,
    pages_eligibilite.routeur,
    pages_acteurs.routeur,
    pages_pieces.routeur,
    pages_fichiers.routeur,
    pages_contrat.routeur,
    api_contrat.routeur,
    pages_accueil.routeur,
    pages_comptes.routeur,
    pages_instructeur.routeur,
    actes_instructeur.routeur,
    pages_appel.routeur,
    api_appel.routeur,
    pages_dossier.routeur,
    api_dossier.routeur,
    pages_consultation.routeur,
    api_consultation.routeur,
    pages_notation.routeur,
    api_notation.routeur,
    pages_programmation.routeur,
    api_programmation.routeur,
    pages_commission.routeur,
    api_commission.routeur,
    pages_convention.routeur,
    api_convention.routeur,
    pages_publication.routeur,
    pages_issue.routeur,
)


@technique.get("/sante", name="sante", dependencies=[Depends(PUBLIQUE)])
def sante(session: SessionDep) -> dict[str, str]:
    """« ok » quand la base répond."""
    session.execute(sa.text("SELECT 1"))
    return {"etat": "ok", "version": VERSION}


@technique.get("/api/v1/openapi.json", name="openapi", include_in_schema=False, dependencies=[Depends(PUBLIQUE)])
def openapi(request: Request) -> JSONResponse:
    """La description de l'API."""
    return JSONResponse(request.app.openapi())


def charger_identite(session: Session, request: Request, maintenant: datetime) -> Identite | None:
    """L'identité d'un jeton porteur (sous /api/) ou d'un témoin de session, valables à l'heure de la machine.

    Une session qui sert se prolonge d'elle-même, au plus une fois par heure.
    """
    machine = heure_machine()
    autorisation = request.headers.get("authorization", "")
    if autorisation.lower().startswith("bearer ") and request.url.path.startswith("/api/"):
        empreinte = empreinte_secret(autorisation[7:].strip())
        return acteurs.identite_de_jeton(session, empreinte, machine, maintenant)
    config: Config = request.app.state.config
    temoin = request.cookies.get(TEMOIN_SUR if config.est_https else TEMOIN)
    if not temoin:
        return None
    identite = acteurs.identite_de_session(session, empreinte_secret(temoin), machine, maintenant)
    vue_at = identite.session_vue_at if identite is not None else None
    if identite is not None and vue_at is not None and est_a_renouveler(vue_at, machine):
        duree = timedelta(hours=config.session_heures)
        sessions.prolonger(session, identite.empreinte_session, machine=machine, duree=duree)
    return identite


def compte_d_avant(session: Session, request: Request) -> int | None:
    """Le compte du témoin reçu, même si sa session est finie."""
    config: Config = request.app.state.config
    temoin = request.cookies.get(TEMOIN_SUR if config.est_https else TEMOIN)
    return acteurs.compte_du_temoin(session, empreinte_secret(temoin)) if temoin else None


def phrases_de_contrainte() -> dict[str, str]:
    """Nom de contrainte → phrase française. Une contrainte absente d'ici est une erreur interne."""
    return {
        "ck_enveloppe_depassee": "Cette enveloppe ne suffit pas : rien n’a été engagé.",
        "uq_organisation_siret": "Cette organisation existe déjà.",
        "uq_compte_courriel": "Cette adresse a déjà un compte.",
        "uq_compte_bancaire_iban": "Ce compte bancaire est déjà enregistré.",
        "uq_demande_acces_en_attente": "Votre demande est déjà enregistrée : elle attend une réponse.",
        "uq_demande_dossier_ligne_annee": "Cette ligne est déjà demandée pour cette année.",
        "uq_decision_demande": "Une décision est déjà enregistrée pour cette demande.",
        "uq_engagement_demande_annee": "Cette demande est déjà engagée pour cette année.",
        "uq_arrete_ligne": "La programmation de cette ligne est déjà arrêtée.",
        "uq_piece_remplace_id": "Quelqu’un vient de remplacer cette pièce. Rechargez la page, puis recommencez.",
        "pk_depot_idempotent": "Cette clé a déjà servi à un autre dépôt.",
        "uq_point_demande": "Cette demande est déjà à l’ordre du jour.",
    }


@cache
def _gabarits(*, strict: bool) -> Environment:
    """Les gabarits compilés : une fois par processus, quel que soit le nombre de services qui s'y assemblent."""
    return creer_environnement(RACINE / "templates", strict=strict)


def create_app(config: Config | None = None, moteur: Engine | None = None) -> FastAPI:
    """Assemble le service. Sans argument : configuration de l'environnement (c'est ainsi qu'uvicorn l'appelle)."""
    if config is None:
        config = Config()
        traces.configurer("WARNING")
        lien_parent.suivre_le_parent()
    if moteur is None:
        if config.database_url is None:
            raise RuntimeError("DATABASE_URL manque : lancez le service par « python -m app servir ».")
        moteur = creer_moteur(config.database_url, taille=10)
    ecriture.installer()
    service = FastAPI(
        title="Initiatives Quartiers",
        version=VERSION,
        description="L’appel à initiatives d’un contrat de ville, du dépôt au bilan.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    etat: Any = service.state
    etat.config = config
    etat.moteur = moteur
    etat.fabrique = creer_fabrique(moteur)
    etat.secret = secret_du_service(config)
    etat.gabarits = _gabarits(strict=config.mode is not Mode.PRODUCTION)
    etat.htmx_present = (STATIQUE / HTMX).exists()
    etat.navigation = navigation
    etat.annuaire = annuaire_de(config)
    etat.charger_identite = charger_identite
    etat.compte_d_avant = compte_d_avant
    etat.phrases_de_contrainte = phrases_de_contrainte()
    errors.installer(service)
    service.router.routes.extend(reunir(*ROUTEURS).routes)
    service.mount("/static", Statiques(STATIQUE), name="static")
    service.add_middleware(intergiciels.LimiterLeCorps, config=config)
    service.add_middleware(intergiciels.RejouerInterblocage)
    service.add_middleware(intergiciels.EntetesDeSecurite, https=config.est_https)
    service.add_middleware(
        GZipMiddleware,
        compresslevel=5,
        exclude_content_types=(*DEFAULT_EXCLUDED_CONTENT_TYPES, *intergiciels.DEJA_SERRES),
    )
    return service

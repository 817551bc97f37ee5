"""Les autorités d'un contrat : leur SIRET, et le service à joindre que dit l'accusé de réception."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.appel.models import Appel
from app.etapes.appel.pages.conduite import get_appel_conduit
from app.etapes.appel.schemas import SaisieAutorite
from app.infra.acces import Acteur, exiger
from app.infra.envoi import Envoi, EnvoiDep, Page, renommer
from app.infra.forms import valider
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import Introuvable
from app.noyau.identifiants import normaliser_siret
from app.noyau.roles import Role
from app.referentiels.lignes import repository as lignes
from app.referentiels.lignes import service
from app.referentiels.lignes.models import LigneFinancement

routeur = APIRouter()
CONDUIT = exiger(Role.CHARGE_MISSION)
RENSEIGNEE = annoncer("autorite-renseignee", "Les coordonnées de l’autorité sont à jour.")


def _saisie(ligne: LigneFinancement) -> dict[str, str]:
    """Ce qui est enregistré, sous les noms du formulaire."""
    joindre = ligne.service
    return {
        "siret": ligne.attribuant_siret or "",
        "nom": joindre.nom if joindre else "",
        "adresse": joindre.adresse if joindre else "",
        "telephone": joindre.telephone if joindre else "",
        "courriel": joindre.courriel if joindre else "",
    }


def _contexte(session: SessionDep, appel: Appel, saisies: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Chaque autorité, ce qui est enregistré ou tapé, et si elle paraît en données ouvertes."""
    autorites = [
        {
            "ligne": ligne,
            "saisie": saisies.get(ligne.code) or _saisie(ligne),
            "est_publiable": normaliser_siret(ligne.attribuant_siret or "") is not None,
        }
        for ligne in lignes.list_lignes(session, appel.contrat_id)
    ]
    return {
        "appel": appel,
        "autorites": autorites,
        "fil": (("Campagne", "/campagne"), (appel.intitule, f"/campagne/{appel.code}"), ("Autorités", None)),
    }


@routeur.get("/campagne/{code}/autorites", name="campagne:autorites", dependencies=[Depends(CONDUIT)])
def page_autorites(request: Request, session: SessionDep, acteur: Acteur, code: str) -> Response:
    """Une carte par autorité : son SIRET, son service à joindre, ce qui lui manque."""
    appel = get_appel_conduit(session, code, acteur)
    return rendre(request, "appel/autorites.html", _contexte(session, appel, {}))


def _page(envoi: Envoi, code: str, saisies: dict[str, dict[str, str]]) -> Page:
    appel = get_appel_conduit(envoi.session, code, envoi.acteur)
    return "appel/autorites.html", _contexte(envoi.session, appel, saisies)


@routeur.post("/campagne/{code}/autorites/{ligne}", name="campagne:renseigner", dependencies=[Depends(CONDUIT)])
def renseigner(envoi: EnvoiDep, code: str, ligne: str) -> Response:
    """Enregistre les coordonnées d'une autorité. Chaque champ porte le code de sa ligne : « siret-M2A »."""
    noms = {champ: f"{champ}-{ligne}" for champ in SaisieAutorite.model_fields}
    saisie = {champ: envoi.formulaire.get(nom) for champ, nom in noms.items()}
    with envoi.sinon(lambda: _page(envoi, code, {ligne: saisie}), renommer(**noms)):
        appel = get_appel_conduit(envoi.session, code, envoi.acteur)
        autorite = lignes.get_ligne(envoi.session, appel.contrat_id, ligne, verrou=True)
        if autorite is None:
            raise Introuvable("Cette ligne n’existe pas dans ce contrat.")
        donnees = valider(SaisieAutorite, saisie)
        service.renseigner(envoi.session, autorite, siret=donnees.siret, joindre=donnees.joindre(), **envoi.qui)
    return envoi.vers("campagne:autorites", code=code, fait=RENSEIGNEE, ancre=f"ligne-{ligne}")

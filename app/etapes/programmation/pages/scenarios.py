"""Pages des simulations : la liste et la demande, puis un scénario figé."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.dossier.repository import visibles
from app.etapes.dossier.repository.phases import get_reserve
from app.etapes.programmation import service
from app.etapes.programmation.models import EtatScenario
from app.etapes.programmation.pages.communs import adresse, appel_en_vue, lire_etat
from app.etapes.programmation.pages.scenario_vu import voir
from app.etapes.programmation.repository import scenarios
from app.etapes.programmation.rules import NatureVerrou
from app.etapes.programmation.rules.reglages import Reglages
from app.etapes.programmation.schemas import ReglagesSaisis, SaisieScenario
from app.infra.acces import Acteur, exiger
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.forms import Formulaire, valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import Faute, Introuvable
from app.referentiels.lignes import repository as lignes

routeur = APIRouter()
SIMULE = exiger(*service.SIMULENT)
DEMANDE = annoncer("simulation-demandee", "La simulation est demandée : le calcul démarre.")
RANGEES_VERROUS = 4
VERROUS = (
    (NatureVerrou.DOIT.value, "Doit être financé"),
    (NatureVerrou.NE_DOIT_PAS.value, "Ne doit pas être financé"),
    (NatureVerrou.EXACT.value, "Reçoit exactement"),
    (NatureVerrou.AU_MOINS.value, "Reçoit au moins"),
)
ETATS = {
    EtatScenario.DEMANDE: ("Calcul en cours", "attente"),
    EtatScenario.CALCULE: ("Calculée", "oui"),
    EtatScenario.IMPOSSIBLE: ("Impossible", "non"),
    EtatScenario.ECHOUE: ("Abandonnée", "non"),
}


@routeur.get("/appels/{code}/scenarios", name="scenarios", dependencies=[Depends(SIMULE)])
def page_scenarios(request: Request, session: SessionDep, acteur: Acteur, code: str) -> Response:
    """Les simulations de l'appel, et le formulaire pour en demander une."""
    appel = appel_en_vue(session, code, acteur, service.SIMULENT)
    return rendre(request, "programmation/scenarios.html", _contexte(request, session, appel, {}))


def _page(envoi: Envoi, code: str) -> Page:
    appel = appel_en_vue(envoi.session, code, envoi.acteur, service.SIMULENT)
    saisie = {
        "verrous": _rangees(envoi.formulaire),
        **{n: envoi.formulaire.get(n) for n in SaisieScenario.model_fields},
    }
    return "programmation/scenarios.html", _contexte(envoi.request, envoi.session, appel, saisie)


@routeur.post("/appels/{code}/scenarios", name="scenario:demander", dependencies=[Depends(SIMULE)])
def demander(envoi: EnvoiDep, code: str) -> Response:
    """Met une simulation en file."""
    with envoi.sinon(lambda: _page(envoi, code), _placer):
        appel = appel_en_vue(envoi.session, code, envoi.acteur, service.SIMULENT)
        simples = {n: v for n, v in envoi.formulaire.en_dict().items() if n in SaisieScenario.model_fields}
        donnees = valider(SaisieScenario, simples)
        scenario = service.demander_scenario(
            envoi.session, appel.code, intitule=donnees.intitule, motif=donnees.motif,
            reglages=_reglages(envoi.formulaire, donnees), **envoi.qui,
        )  # fmt: skip
    return envoi.vers("scenario", code=scenario.code, fait=DEMANDE)


def _reglages(formulaire: Formulaire, donnees: SaisieScenario) -> Reglages:
    """Les verrous remplis, chacun validé ; une rangée sans dossier ne compte pas."""
    rangees = [r for r in _rangees(formulaire) if r["dossier"].strip()]
    verrous = [{n: v.strip() for n, v in r.items() if v.strip()} for r in rangees]
    return Reglages(donnees.pas, valider(ReglagesSaisis, {"verrous": verrous}).reglages().verrous)


def _rangees(formulaire: Formulaire) -> list[dict[str, str]]:
    noms = ("dossier", "ligne", "nature", "montant")
    colonnes = [formulaire.liste(f"verrou_{nom}")[:RANGEES_VERROUS] for nom in noms]
    return [dict(zip(noms, valeurs, strict=True)) for valeurs in zip(*colonnes, strict=False)]


def _placer(faute: Faute, _: Mapping[str, Any]) -> Faute:
    """Une faute de verrou se montre sur le groupe des verrous."""
    return Faute("verrous", faute.message, faute.code) if faute.champ.startswith("verrous") else faute


def _contexte(request: Request, session: SessionDep, appel: Appel, saisie: dict[str, Any]) -> dict[str, Any]:
    chemin = f"/appels/{appel.code}/scenarios"
    etat = lire_etat(request.query_params, appel.annee)
    page = scenarios.list_scenarios(session, appel, jeton=etat.jeton)
    verrous = list(saisie.get("verrous", ()))
    vide = {"dossier": "", "ligne": "", "nature": "", "montant": ""}
    return {
        "appel": appel,
        "allumee": service.simulation_allumee(appel),
        **_reserves(session, appel),
        "page": page,
        "pages": tuple(adresse(chemin, apres=j) if j else None for j in (page.precedent, page.suivant)),
        "etats": ETATS,
        "natures": VERROUS,
        "lignes": [(ligne.code, ligne.code) for ligne in lignes.list_lignes(session, appel.contrat_id)],
        "saisie": {**saisie, "verrous": verrous + [vide] * (RANGEES_VERROUS - len(verrous))},
        "classe_page": "dense",
        "fil": (
            ("Programmation", "/programmation"),
            (appel.intitule, f"/appels/{appel.code}/programmation"),
            ("Simulations", None),
        ),
    }


def _reserves(session: SessionDep, appel: Appel) -> dict[str, Any]:
    """Ce que chaque enveloppe garde pour les phases suivantes : la simulation ne le distribue pas."""
    reserve = get_reserve(session, appel)
    parts = [
        (ligne.financeur, reserve.sur(enveloppe.montant))
        for enveloppe, ligne in appels.list_enveloppes(session, appel.contrat_id, appel.annee)
    ]
    return {"reserves": [(nom, part) for nom, part in parts if part], "suivantes": reserve.suivantes}


@routeur.get("/scenarios/{code}", name="scenario", dependencies=[Depends(SIMULE)])
def page_scenario(request: Request, session: SessionDep, acteur: Acteur, code: str) -> Response:
    """Un scénario figé : montants, soldes, ce qui serre ou se contredit, équité."""
    scenario = scenarios.get_scenario(session, code, acteur.contrats(service.SIMULENT))
    if scenario is None:
        raise Introuvable("Cette simulation n’existe pas, ou vous n’y avez pas accès.")
    appel = appels.get_appel(session, scenario.appel_id)
    contexte = {
        "appel": appel,
        "scenario": scenario,
        "etats": ETATS,
        "natures": dict(VERROUS),
        "classe_page": "dense",
        "fil": (
            ("Programmation", "/programmation"),
            (appel.intitule, f"/appels/{appel.code}/programmation"),
            ("Simulations", f"/appels/{appel.code}/scenarios"),
            (scenario.intitule, None),
        ),
    }
    if scenario.etat in {EtatScenario.CALCULE, EtatScenario.IMPOSSIBLE}:
        contexte |= _resultat(request, session, acteur, appel, scenario.resultat or {})
    return rendre(request, "programmation/scenario.html", contexte)


def _resultat(
    request: Request, session: SessionDep, acteur: Identite, appel: Appel, resultat: dict[str, Any]
) -> dict[str, Any]:
    numeros = sorted({m["dossier"] for m in resultat["montants"]})
    noms = scenarios.nommer_dossiers(session, visibles(acteur), numeros)
    vu = voir(resultat, noms, scenarios.lire_noms(session, appel), request.query_params)
    return {"vu": vu}

"""La décision d'une autorité sur une demande, puis sa notification, une par une."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.convention import repository
from app.etapes.convention.pages.lignes import DECIDE, LIT
from app.etapes.convention.schemas import SaisieDecision
from app.etapes.convention.service import decision, notification
from app.etapes.convention.service.gardes import decide_sur
from app.etapes.dossier.rules.etats import LIBELLES_DEMANDE
from app.infra.acces import Acteur
from app.infra.clock import Maintenant
from app.infra.db import Session
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.forms import valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import Faute, SaisieInvalide
from app.noyau.euros import MontantIllisible

routeur = APIRouter()
DECIDEE = annoncer("decision-enregistree", "La décision est enregistrée. Notifiez-la au porteur.")
NOTIFIEE = annoncer("lettre-partie", "La lettre part : le porteur est prévenu par courriel.")


def _contexte(
    session: Session, numero: str, ligne_code: str, acteur: Identite, maintenant: datetime, saisie: dict[str, str]
) -> dict[str, Any]:
    appel, lue = repository.get_en_vue(session, numero, ligne_code, acteur)
    ligne = lue.ligne
    adresse = f"/appels/{appel.code}/decisions/{ligne.code}"
    est_cpo = lue.dossier.duree_annees > 1
    lues = repository.list_demandes_du_dossier(session, lue.dossier.id, ligne.id) if est_cpo else ()
    suites = [(s, LIBELLES_DEMANDE[s.demande.etat]) for s in lues if s.demande.annee > appel.annee]
    return {
        "lue": lue,
        "complement": lue.complement(maintenant),
        "suites": suites,
        "appel": appel,
        "arrete": lue.phase <= repository.get_rang_arrete(session, appel.id, ligne.id),
        "etape": repository.etape_de(lue.demande.etat).value,
        "libelle": LIBELLES_DEMANDE[lue.demande.etat],
        "peut_decider": decide_sur(acteur, appel.contrat_id, ligne.code),
        "saisie": saisie,
        "adresse": adresse,
        "fil": (("Décisions", "/decisions"), (ligne.financeur, adresse), (lue.dossier.numero or "", None)),
    }


@routeur.get("/dossiers/{numero}/lignes/{ligne}/decision", name="decision", dependencies=[Depends(LIT)])
def page_decision(
    request: Request, session: SessionDep, acteur: Acteur, numero: str, ligne: str, maintenant: Maintenant
) -> Response:
    """Ce qui est voté, engagé, décidé pour cette demande ; le formulaire de la décision."""
    contexte = _contexte(session, numero, ligne, acteur, maintenant, {})
    return rendre(request, "convention/decision.html", contexte)


def _page(envoi: Envoi, numero: str, ligne: str) -> Page:
    contexte = _contexte(envoi.session, numero, ligne, envoi.acteur, envoi.maintenant, envoi.saisie)
    return "convention/decision.html", contexte


@routeur.post("/dossiers/{numero}/lignes/{ligne}/decision", name="decision:enregistrer", dependencies=[Depends(DECIDE)])
def enregistrer(envoi: EnvoiDep, numero: str, ligne: str) -> Response:
    """Enregistre l'attribution ou le refus décidé par l'autorité."""
    with envoi.sinon(lambda: _page(envoi, numero, ligne)):
        dite = _dite(valider(SaisieDecision, envoi.formulaire.en_dict()))
        decision.decider(envoi.session, numero, ligne, dite, **envoi.qui)
    return envoi.vers("decision", numero=numero, ligne=ligne, fait=DECIDEE)


def _dite(entree: SaisieDecision) -> Any:
    try:
        return entree.dite()
    except MontantIllisible:
        faute = Faute("montant", "Écrivez un montant, par exemple 5 000.", "montant_illisible")
        raise SaisieInvalide([faute]) from None


@routeur.post(
    "/dossiers/{numero}/lignes/{ligne}/notification", name="decision:notifier", dependencies=[Depends(DECIDE)]
)
def notifier(envoi: EnvoiDep, numero: str, ligne: str) -> Response:
    """Notifie au porteur la décision de l'autorité."""
    with envoi.sinon(lambda: _page(envoi, numero, ligne)):
        notification.notifier(envoi.session, numero, ligne, **envoi.qui)
    return envoi.vers("decision", numero=numero, ligne=ligne, fait=NOTIFIEE)

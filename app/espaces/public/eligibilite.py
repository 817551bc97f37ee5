"""Page publique : trois questions avant de commencer une demande. Rien n'est enregistré."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.appel.rules import EtatAppel
from app.etapes.dossier import repository
from app.etapes.dossier.rules.depot import LigneOuverte
from app.etapes.dossier.rules.eligibilite import Statut, a_qui_parler, juger, premier_rang
from app.etapes.dossier.rules.lecture import lire_montant
from app.infra.acces import PUBLIQUE
from app.infra.web import SessionDep, rendre
from app.noyau.erreurs import Faute, Introuvable
from app.noyau.euros import ZERO, Euros
from app.referentiels.lignes import repository as lignes
from app.referentiels.lignes.rules import NatureAutorite

routeur = APIRouter()
AILLEURS = "ailleurs"


@routeur.get("/appels/{code}/eligibilite", name="eligibilite", dependencies=[Depends(PUBLIQUE)])
def page_eligibilite(request: Request, session: SessionDep, code: str) -> Response:
    """Les trois questions, et leur réponse si elles sont données (dans l'adresse : elle se garde et se partage)."""
    appel = appels.get_appel_par_code(session, code)
    if appel is None or appel.etat is EtatAppel.PREPARE:
        raise Introuvable("Cet appel n’existe pas, ou n’est pas encore publié.")
    q = request.query_params
    saisie: dict[str, Any] = {
        "statut": q.get("statut", ""), "fiches": q.getlist("fiches"), "montant": q.get("montant", ""),
    }  # fmt: skip
    fiches = repository.list_fiches(session, appel.version_id)
    contexte: dict[str, Any] = {
        "appel": appel,
        "saisie": saisie,
        "statuts": [(s.value, s.libelle) for s in Statut],
        "options": [(f.code, f"{f.nom} ({c.nom})") for f, c, _ in fiches] + [(AILLEURS, "Ailleurs")],
        "verdict": None,
        "fil": ((appel.intitule, f"/appels/{appel.code}"), ("Puis-je demander ?", None)),
    }
    if not q:
        return rendre(request, "espaces/public/eligibilite.html", contexte)
    montant, fautes = _lire(saisie, {f.code for f, _, _ in fiches})
    contexte["erreurs"] = fautes
    if not fautes:
        visees = [(f, c) for f, c, _ in fiches if f.code in saisie["fiches"]]
        contexte |= _verdict(session, appel, Statut(saisie["statut"]), {c.insee for _, c in visees}, montant)
        contexte["suite"] = urlencode({"appel": appel.code, "fiches": [f.code for f, _ in visees]}, doseq=True)
        contexte["contacts"] = [(f.nom, c.nom, a_qui_parler(f.contenu)) for f, c in visees]
    return rendre(request, "espaces/public/eligibilite.html", contexte, statut=422 if fautes else 200)


def _lire(saisie: dict[str, Any], fiches: set[str]) -> tuple[Euros, tuple[Faute, ...]]:
    fautes = []
    if saisie["statut"] not in set(Statut):
        fautes.append(Faute("statut", "Dites qui vous êtes.", "reponse_absente"))
    if not saisie["fiches"] or not set(saisie["fiches"]) <= fiches | {AILLEURS}:
        fautes.append(
            Faute("fiches", "Dites où vivent les personnes : un quartier, ou « ailleurs ».", "reponse_absente")
        )
    montant = ZERO
    try:
        montant = lire_montant(saisie["montant"].strip()) if saisie["montant"].strip() else ZERO
    except ValueError as erreur:
        fautes.append(Faute("montant", str(erreur), "valeur_refusee"))
    if montant == ZERO and not any(f.champ == "montant" for f in fautes):
        phrase = "Dites à peu près combien vous pensez demander en tout."
        fautes.append(Faute("montant", phrase, "reponse_absente"))
    return montant, tuple(fautes)


def _verdict(session: SessionDep, appel: Appel, statut: Statut, communes: set[str], montant: Euros) -> dict[str, Any]:
    connues = lignes.list_lignes(session, appel.contrat_id)
    insees = lignes.communes_des_lignes(session, appel.contrat_id)
    ouvertes = [
        (LigneOuverte(x.code, f"{x.financeur} — {x.intitule}", insees.get(x.code)), x.nature_autorite) for x in connues
    ]
    return {
        "verdict": juger(statut, communes, montant, ouvertes, appel.seuil_court),
        "priorites": {x.code: premier_rang(x.contenu) for x in connues if x.nature_autorite is not NatureAutorite.ETAT},
        "services": {x.code: x.service for x in connues if x.service is not None},
    }

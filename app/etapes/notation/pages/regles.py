"""Pages publiques : les règles de notation d'un appel, lisibles par un bénévole."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.appel.rules import EtatAppel, Orientations
from app.etapes.contrat import repository as contenus
from app.etapes.dossier import repository as dossiers
from app.etapes.notation import service
from app.etapes.notation.pages.vues import capitale
from app.etapes.notation.rules import orienter, regles_publiques
from app.infra.acces import PUBLIQUE, Visiteur
from app.infra.web import SessionDep, rendre
from app.referentiels.contrats import repository as contrats
from app.referentiels.grilles import repository as repository_grilles
from app.referentiels.grilles import service as grilles
from app.referentiels.grilles.rules import CODES_ECRITS, Grille, nom_lisible

routeur = APIRouter()


@routeur.get("/regles", name="notation:regles", dependencies=[Depends(PUBLIQUE)])
def page_regles_en_cours(request: Request, session: SessionDep) -> Response:
    """Les règles de l'appel en cours ; s'il y en a plusieurs, leur liste."""
    tous = appels.list_appels(session)
    publies = [a for a in tous if a.etat is not EtatAppel.PREPARE]
    ouverts = [a for a in publies if a.etat is EtatAppel.OUVERT] or publies[:1]
    if len(ouverts) == 1:
        return rendre(request, "notation/regles.html", _contexte(session, ouverts[0], publies))
    contexte = {"appels": publies, "fil": (("Règles de notation", None),)}
    return rendre(request, "notation/regles_liste.html", contexte)


@routeur.get("/appels/{code}/regles", name="notation:regles_appel", dependencies=[Depends(PUBLIQUE)])
def page_regles(request: Request, session: SessionDep, visiteur: Visiteur, code: str) -> Response:
    """Les règles de notation d'un appel."""
    appel = service.get_appel_publie(session, code, visiteur)
    return rendre(request, "notation/regles.html", _contexte(session, appel, ()))


def _contexte(session: SessionDep, appel: Appel, autres: Any) -> dict[str, Any]:
    enregistree = repository_grilles.get_grille(session, appel.grille_id)
    priorites = Orientations.depuis(appel.orientations).priorites
    grille = orienter(grilles.grille_de(enregistree), priorites)
    return {
        "appel": appel,
        "contrat": contrats.get_contrat(session, appel.contrat_id),
        "grille": grille,
        "empreinte": enregistree.empreinte,
        "criteres": regles_publiques(grille),
        "orientees": [(ligne.libelle, priorites[ligne.code]) for ligne in grille.lignes if ligne.code in priorites],
        "colonnes": [{"libelle": "Critère"}, *({"libelle": ligne.libelle, "nombre": True} for ligne in grille.lignes)],
        "capitale": capitale,
        "listes": [
            (nom_lisible(e.nom), e.codes, str(e.source)) for e in grille.ensembles if len(e.codes) > CODES_ECRITS
        ],
        "codes": _codes(session, appel, grille),
        "autres": [a for a in autres if a.id != appel.id],
        "fil": (("L’appel", f"/appels/{appel.code}"), ("Règles de notation", None)),
    }


def _codes(session: SessionDep, appel: Appel, grille: Grille) -> list[tuple[str, str]]:
    """Les codes que citent les règles, et ce qu'ils veulent dire dans cette version du contrat."""
    connus = {o.code: o.intitule for o in contenus.list_objectifs(session, appel.version_id)}
    for operationnel in contenus.list_operationnels(session, appel.version_id):
        connus[operationnel.code] = operationnel.intitule
        connus |= {e["code"]: e.get("intitule", "") for e in operationnel.contenu.get("sous_actions") or ()}
    connus |= {
        fiche.code: f"projet de quartier {fiche.nom}" for fiche, _, _ in dossiers.list_fiches(session, appel.version_id)
    }
    cites = {code for ensemble in grille.ensembles for code in ensemble.codes}
    cites |= {c for rangs in Orientations.depuis(appel.orientations).priorites.values() for r in rangs for c in r}
    return [(code, intitule) for code, intitule in connus.items() if code in cites]

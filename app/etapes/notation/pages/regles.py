"""Pages publiques : les règles de notation d'un appel, lisibles par un bénévole."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.appel.rules import EtatAppel, Orientations
from app.etapes.contrat import repository as contenus
from app.etapes.dossier import repository as dossiers
from app.etapes.notation import service
from app.etapes.notation.pages.vues import capitale
from app.etapes.notation.repository.notices import compter_notices
from app.etapes.notation.rules import ecrire_decimal, orienter, regles_publiques
from app.etapes.notation.rules.passages import renvois
from app.etapes.notation.rules.transparence import CONTRIBUTIONS, DEGRE, FINALITE, OPERATIONS, donnees_lues
from app.etapes.notation.service.passages import adresse_du_passage
from app.infra.acces import PUBLIQUE, Visiteur
from app.infra.clock import Maintenant
from app.infra.web import SessionDep, rendre
from app.noyau.periodes import a_paris
from app.referentiels.contrats import repository as contrats
from app.referentiels.grilles import repository as repository_grilles
from app.referentiels.grilles import service as grilles
from app.referentiels.grilles.rules import CODES_ECRITS, Grille, nom_lisible
from app.referentiels.grilles.rules.poids import criteres_sortables, poids_effectifs

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


@routeur.get("/appels/{code}/regles/passage", name="notation:regles_passage", dependencies=[Depends(PUBLIQUE)])
def mener_au_passage(
    session: SessionDep,
    visiteur: Visiteur,
    code: str,
    maintenant: Maintenant,
    lignes: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Mène à ces lignes du contrat, dans la version de l'appel."""
    appel = service.get_appel_publie(session, code, visiteur)
    jour = a_paris(maintenant).date()
    adresse = adresse_du_passage(session, appel.contrat_id, appel.version_id, lignes, jour)
    return RedirectResponse(adresse, status_code=303)


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
        "renvois": renvois,
        "adresse": f"/appels/{appel.code}/regles",
        "sans": _poids_sans(grille),
        "donnees": [(capitale(nom), capitale(source)) for nom, source in donnees_lues(grille)],
        "finalite": FINALITE,
        "degre": DEGRE,
        "contributions": CONTRIBUTIONS,
        "operations": OPERATIONS,
        "notices": compter_notices(session, appel.id),
        "listes": [(nom_lisible(e.nom), e.codes, e.source) for e in grille.ensembles if len(e.codes) > CODES_ECRITS],
        "codes": _codes(session, appel, grille),
        "autres": [a for a in autres if a.id != appel.id],
        "fil": (("L’appel", f"/appels/{appel.code}"), ("Règles de notation", None)),
    }


def _poids_sans(grille: Grille) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """(critères sortis, critère → poids effectif par ligne) : chaque critère qui peut être sans objet, puis tous."""
    libelles = {critere.code: critere.libelle for critere in grille.criteres}
    sortables = criteres_sortables(grille)
    cas = [(code,) for code in sortables] + ([sortables] if len(sortables) > 1 else [])
    rendu = []
    for sortis in cas:
        par_ligne = [poids_effectifs(ligne, sortis) for ligne in grille.lignes]
        rangees = [
            (libelle, [ecrire_decimal(poids[code], 1) if poids.get(code) else "—" for poids in par_ligne])
            for code, libelle in libelles.items()
            if code not in sortis
        ]
        rendu.append((" et ".join(f"« {libelles[code]} »" for code in sortis), rangees))
    return rendu


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

"""Pages des grilles d'un contrat : les versions, une version, deux versions comparées, préparer, épingler."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.appel.rules import EtatAppel
from app.etapes.notation import service
from app.etapes.notation.pages.grilles_vues import (
    TONS,
    colonnes_des_lignes,
    comparer,
    dite,
    fil,
    rangees_effectives,
)
from app.etapes.notation.pages.vues import capitale
from app.etapes.notation.rules import regles_publiques
from app.infra.acces import Acteur, exiger
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import Faute, Introuvable, SaisieInvalide
from app.noyau.roles import Role
from app.referentiels.contrats.models import Contrat
from app.referentiels.grilles import repository as versions
from app.referentiels.grilles import service as grilles
from app.referentiels.grilles.rules.brouillon import EtatBrouillon, version_suivante
from app.referentiels.grilles.rules.poids import criteres_sortables

routeur = APIRouter()
LIT = exiger(*service.LIT_LES_NOTES)
PREPARE = exiger(Role.CHARGE_MISSION)
PREPAREE = annoncer("grille-preparee", "La nouvelle grille est prête à être changée. Elle ne note encore personne.")
EPINGLEE = annoncer("grille-epinglee", "La grille est épinglée à l’appel. Elle ne changera plus après l’ouverture.")


def _epingles(session: SessionDep, contrat: Contrat) -> dict[int, list[Appel]]:
    """Grille → les appels qui l'épinglent."""
    rendu: defaultdict[int, list[Appel]] = defaultdict(list)
    for appel in appels.list_appels(session, [contrat.id]):
        rendu[appel.grille_id].append(appel)
    return rendu


def _contexte_liste(
    session: SessionDep, contrat: Contrat, acteur: Identite, saisie: dict[str, str] | None
) -> dict[str, Any]:
    prepare = grilles.peut_preparer(acteur, contrat.id)
    enregistrees = versions.list_versions(session, contrat.id)
    brouillons = versions.list_brouillons(session, contrat.id) if prepare else ()
    prises = {v.version for v in enregistrees}
    prises |= {b.version for b in brouillons if b.etat is EtatBrouillon.EN_PREPARATION}
    derniere = enregistrees[0].version if enregistrees else ""
    return {
        "contrat": contrat,
        "versions": enregistrees,
        "epingles": _epingles(session, contrat),
        "brouillons": [b for b in brouillons if b.etat is not EtatBrouillon.ADOPTE],
        "noms": {v.id: v.version for v in enregistrees},
        "choix": [(v.version, v.nom) for v in enregistrees],
        "tons": TONS,
        "prepare": prepare,
        "saisie": saisie or {"origine": derniere, "version": version_suivante(derniere, prises) if derniere else ""},
        "fil": fil(contrat),
    }


@routeur.get("/contrats/{code}/grilles", name="grilles", dependencies=[Depends(LIT)])
def page_grilles(request: Request, session: SessionDep, acteur: Acteur, code: str) -> Response:
    """Les versions du contrat, les brouillons, de quoi préparer et comparer."""
    contrat = service.contrat_en_vue(session, code, acteur)
    return rendre(request, "notation/grilles/liste.html", _contexte_liste(session, contrat, acteur, None))


def _page_liste(envoi: Envoi, code: str) -> Page:
    contrat = service.contrat_en_vue(envoi.session, code, envoi.acteur)
    saisie = {nom: envoi.formulaire.get(nom) for nom in ("origine", "version")}
    return "notation/grilles/liste.html", _contexte_liste(envoi.session, contrat, envoi.acteur, saisie)


@routeur.post("/contrats/{code}/grilles", name="grille:preparer", dependencies=[Depends(PREPARE)])
def preparer(envoi: EnvoiDep, code: str) -> Response:
    """Prépare une nouvelle grille, copie d'une version."""
    version = envoi.formulaire.get("version").strip()
    with envoi.sinon(lambda: _page_liste(envoi, code)):
        contrat = service.contrat_en_vue(envoi.session, code, envoi.acteur, Role.CHARGE_MISSION)
        origine = versions.get_grille_par_version(envoi.session, contrat.id, envoi.formulaire.get("origine"))
        if origine is None:
            raise SaisieInvalide([Faute("origine", "Choisissez la grille dont partir.", "grille_inconnue")])
        grilles.preparer(envoi.session, origine, version=version, **envoi.qui)
    return envoi.vers("grille:brouillon", code=code, version=version, fait=PREPAREE)


@routeur.get("/contrats/{code}/grilles/comparaison", name="grilles:comparaison", dependencies=[Depends(LIT)])
def page_comparaison(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    code: str,
    avant: Annotated[str, Query(max_length=60)] = "",
    apres: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """Ce qui change d'une version à l'autre ; par défaut, les deux dernières."""
    contrat = service.contrat_en_vue(session, code, acteur)
    choix = versions.list_versions(session, contrat.id)
    noms = [v.version for v in choix]
    apres = apres or next(iter(noms), "")
    avant = avant or next((nom for nom in noms if nom != apres), apres)
    comparees = [service.grille_en_vue(session, contrat, nom) for nom in (avant, apres) if nom]
    contexte = {
        "contrat": contrat,
        "choix": [(v.version, v.nom) for v in choix],
        "avant": avant,
        "apres": apres,
        "comparaison": comparer(*comparees) if comparees else None,
        "fil": fil(contrat, ("Comparer deux versions", None)),
    }
    return rendre(request, "notation/grilles/comparaison.html", contexte)


def _contexte_grille(
    session: SessionDep, contrat: Contrat, version: str, acteur: Identite, sans: list[str]
) -> dict[str, Any]:
    enregistree = versions.get_grille_par_version(session, contrat.id, version)
    if enregistree is None:
        raise Introuvable("Cette grille n’existe pas dans ce contrat.")
    grille = grilles.grille_de(enregistree)
    tous = appels.list_appels(session, [contrat.id])
    libelles = {critere.code: critere.libelle for critere in grille.criteres}
    sortables = criteres_sortables(grille)
    sortis = [code for code in sortables if code in sans]
    return {
        "contrat": contrat,
        "grille": grille,
        "enregistree": enregistree,
        "criteres": regles_publiques(grille),
        "colonnes": colonnes_des_lignes(grille),
        "rangees": rangees_effectives(grille, sortis),
        "sortables": [(code, libelles[code]) for code in sortables],
        "sortis": sortis,
        "capitale": capitale,
        "epingles": [appel for appel in tous if appel.grille_id == enregistree.id],
        "a_epingler": [
            (a.code, a.intitule) for a in tous if a.etat is EtatAppel.PREPARE and a.grille_id != enregistree.id
        ],
        "prepare": grilles.peut_preparer(acteur, contrat.id),
        "fil": fil(contrat, (f"Grille {version}", None)),
    }


@routeur.get("/contrats/{code}/grilles/versions/{version}", name="grille", dependencies=[Depends(LIT)])
def page_grille(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    code: str,
    version: str,
    sans: Annotated[list[str] | None, Query(max_length=20)] = None,
) -> Response:
    """Une version : ses poids, ce qu'ils deviennent quand un critère sort, ses paliers, ses sources."""
    contrat = service.contrat_en_vue(session, code, acteur)
    contexte = _contexte_grille(session, contrat, version, acteur, sans or [])
    return rendre(request, "notation/grilles/grille.html", contexte)


def _page_grille(envoi: Envoi, code: str, version: str) -> Page:
    contrat = service.contrat_en_vue(envoi.session, code, envoi.acteur)
    return "notation/grilles/grille.html", _contexte_grille(envoi.session, contrat, version, envoi.acteur, [])


def _pres_de_l_appel(faute: Faute, contexte: Mapping[str, Any]) -> Faute:
    """Le refus, à côté du choix de l'appel ; un code inconnu dit aussi où il est dans la grille."""
    if faute.code == "code_inconnu":
        faute = dite(faute, "", contexte["enregistree"].contenu)
    return Faute("appel", faute.message, faute.code)


@routeur.post(
    "/contrats/{code}/grilles/versions/{version}/epinglage", name="grille:epingler", dependencies=[Depends(PREPARE)]
)
def epingler(envoi: EnvoiDep, code: str, version: str) -> Response:
    """Épingle cette version à un appel en préparation."""
    with envoi.sinon(lambda: _page_grille(envoi, code, version), _pres_de_l_appel):
        contrat = service.contrat_en_vue(envoi.session, code, envoi.acteur, Role.CHARGE_MISSION)
        enregistree = versions.get_grille_par_version(envoi.session, contrat.id, version)
        if enregistree is None:
            raise Introuvable("Cette grille n’existe pas dans ce contrat.")
        appel = appels.get_appel_par_code(envoi.session, envoi.formulaire.get("appel"))
        if appel is None or appel.contrat_id != contrat.id:
            raise SaisieInvalide([Faute("appel", "Choisissez un appel de ce contrat.", "appel_inconnu")])
        service.epingler(envoi.session, appel, enregistree, **envoi.qui)
    return envoi.vers("grille", code=code, version=version, fait=EPINGLEE)

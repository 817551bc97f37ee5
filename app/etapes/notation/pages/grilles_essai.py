"""Pages des travaux de fond : essayer une grille et lire son effet, l'adopter, renoter tout un appel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.notation import repository, service
from app.etapes.notation.pages.grilles_brouillon import lire_revision, origine_de, page_du_brouillon
from app.etapes.notation.pages.grilles_vues import (
    adresse_du_brouillon,
    comparer,
    dite,
    fil,
    touche_vue,
)
from app.etapes.notation.repository import travaux
from app.etapes.notation.repository.travaux import EssaiVu
from app.infra.acces import Acteur, exiger
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import Faute, Introuvable
from app.noyau.roles import Role
from app.referentiels.contrats.models import Contrat
from app.referentiels.grilles import service as grilles
from app.referentiels.grilles.models import GrilleBrouillon
from app.referentiels.grilles.rules.brouillon import EtatBrouillon
from app.referentiels.lignes import repository as lignes

routeur = APIRouter()
PREPARE = exiger(Role.CHARGE_MISSION)
DEMANDE = annoncer("essai-demande", "L’essai est demandé : il avance en tâche de fond, personne n’est renoté.")
ADOPTEE = annoncer("grille-adoptee", "La grille est adoptée : elle ne change plus. Épinglez-la à un appel à préparer.")
RENOTE = annoncer("renotation-demandee", "L’appel se renote. Seules les notes qui changent s’ajoutent.")
TAILLE = 50


# --- essayer --------------------------------------------------------------------------------------------------------


@routeur.post(
    "/contrats/{code}/grilles/brouillons/{version}/essais", name="grille:essayer", dependencies=[Depends(PREPARE)]
)
def essayer(envoi: EnvoiDep, code: str, version: str) -> Response:
    """Met en file l'essai d'une grille en préparation sur un appel."""
    appel = envoi.formulaire.get("appel")
    with envoi.sinon(lambda: page_du_brouillon(envoi, code, version)):
        contrat, _ = service.brouillon_en_vue(envoi.session, code, version, envoi.acteur)
        service.demander_essai(envoi.session, contrat.id, version, appel, **envoi.qui)
    return envoi.vers("grille:essai", code=code, version=version, appel=appel, fait=DEMANDE)


@routeur.get(
    "/contrats/{code}/grilles/brouillons/{version}/essais/{appel}",
    name="grille:essai",
    dependencies=[Depends(PREPARE)],
)
def page_essai(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    code: str,
    version: str,
    appel: str,
    ligne: Annotated[str, Query(max_length=60)] = "",
    debut: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Response:
    """Où en est un essai, puis son effet : qui bouge, de combien, quel rang."""
    contrat, brouillon = service.brouillon_en_vue(session, code, version, acteur)
    essai = next(iter(travaux.list_essais(session, brouillon.id, appel)), None)
    if essai is None:
        raise Introuvable("Cette grille n’a pas été essayée sur cet appel.")
    adresse = adresse_du_brouillon(contrat, version)
    contexte = {
        "contrat": contrat,
        "brouillon": brouillon,
        "adresse": adresse,
        "essai": essai,
        "chemin_essai": f"{adresse}/essais/{appel}",
        "est_a_jour": essai.empreinte == brouillon.empreinte,
        "est_ouvert": brouillon.etat is EtatBrouillon.EN_PREPARATION,
        "classe_page": "dense",
        "fil": fil(contrat, (f"Grille {version}", adresse), (f"Essai sur {essai.intitule}", None)),
    }
    if essai.est_fini:
        contexte |= _effet(session, contrat, acteur, essai, ligne, debut)
    return rendre(request, "notation/grilles/essai.html", contexte)


def _effet(
    session: SessionDep, contrat: Contrat, acteur: Identite, essai: EssaiVu, ligne: str, debut: int
) -> dict[str, Any]:
    financeurs = {element.code: element.financeur for element in lignes.list_lignes(session, contrat.id)}
    resume = {element["ligne"]: element for element in essai.resume}
    choisie = ligne if ligne in resume else max(resume, key=lambda code: resume[code]["touches"], default="")
    touches = travaux.page_effet(session, essai.id, choisie, debut=debut, taille=TAILLE) if choisie else ()
    total = resume[choisie]["touches"] if choisie else 0
    noms = travaux.noms_des_dossiers(session, acteur, [p.dossier for p in touches])
    return {
        "resume": list(essai.resume),
        "financeurs": financeurs,
        "choisie": choisie,
        "detail": resume.get(choisie),
        "touches": [touche_vue(p, noms) for p in touches],
        "total": total,
        "debut": debut,
        "precedent": _adresse(choisie, max(0, debut - TAILLE)) if debut else None,
        "suivant": _adresse(choisie, debut + TAILLE) if debut + TAILLE < total else None,
    }


def _adresse(ligne: str, debut: int) -> str:
    return "?" + urlencode({"ligne": ligne} | ({"debut": debut} if debut else {})) + "#dossiers"


# --- adopter --------------------------------------------------------------------------------------------------------


def _contexte_adoption(session: SessionDep, contrat: Contrat, brouillon: GrilleBrouillon) -> dict[str, Any]:
    origine, grille = origine_de(session, brouillon), grilles.grille_du_brouillon(brouillon)
    adresse = adresse_du_brouillon(contrat, brouillon.version)
    return {
        "contrat": contrat,
        "brouillon": brouillon,
        "adresse": adresse,
        "origine": origine,
        "comparaison": comparer(origine, grille),
        "est_ouvert": brouillon.etat is EtatBrouillon.EN_PREPARATION,
        "attendre": service.raison_d_attendre(session, brouillon, origine, grille),
        "retraits": service.fautes_des_usages(session, brouillon, origine, grille),
        "fil": fil(contrat, (f"Grille {brouillon.version}", adresse), ("Adopter", None)),
    }


@routeur.get(
    "/contrats/{code}/grilles/brouillons/{version}/adoption", name="grille:adoption", dependencies=[Depends(PREPARE)]
)
def page_adoption(request: Request, session: SessionDep, acteur: Acteur, code: str, version: str) -> Response:
    """Confirmer l'adoption, ou lire ce qui l'empêche."""
    contrat, brouillon = service.brouillon_en_vue(session, code, version, acteur)
    return rendre(request, "notation/grilles/adoption.html", _contexte_adoption(session, contrat, brouillon))


@routeur.post(
    "/contrats/{code}/grilles/brouillons/{version}/adoption", name="grille:adopter", dependencies=[Depends(PREPARE)]
)
def adopter(envoi: EnvoiDep, code: str, version: str) -> Response:
    """Adopte une grille essayée : elle se fige."""

    def page() -> Page:
        contrat, brouillon = service.brouillon_en_vue(envoi.session, code, version, envoi.acteur)
        return "notation/grilles/adoption.html", _contexte_adoption(envoi.session, contrat, brouillon)

    def situer(faute: Faute, contexte: Mapping[str, Any]) -> Faute:
        return dite(faute, "", contexte["brouillon"].contenu)

    with envoi.sinon(page, situer):
        contrat, _ = service.brouillon_en_vue(envoi.session, code, version, envoi.acteur)
        revision = lire_revision(envoi.formulaire.get("revision"))
        service.adopter(envoi.session, contrat.id, version, revision=revision, **envoi.qui)
    return envoi.vers("grille", code=code, version=version, fait=ADOPTEE)


# --- renoter --------------------------------------------------------------------------------------------------------


def _appel(session: SessionDep, code: str, acteur: Identite) -> Appel:
    appel = appels.get_appel_par_code(session, code)
    if appel is None or not acteur.tient(Role.CHARGE_MISSION, contrat_id=appel.contrat_id):
        raise Introuvable("Cet appel n’existe pas, ou vous n’y avez pas accès.")
    return appel


def _contexte_renotation(session: SessionDep, appel: Appel) -> dict[str, Any]:
    return {
        "appel": appel,
        "travail": travaux.get_derniere_renotation(session, appel.id),
        "deposes": repository.compter_deposes(session, appel.id),
        "fil": (("Classement", f"/appels/{appel.code}/classement"), ("Renoter tout l’appel", None)),
    }


@routeur.get("/appels/{code}/renotation", name="notation:renotation", dependencies=[Depends(PREPARE)])
def page_renotation(request: Request, session: SessionDep, acteur: Acteur, code: str) -> Response:
    """Où en est la dernière notation de tout l'appel, et de quoi en demander une autre."""
    contexte = _contexte_renotation(session, _appel(session, code, acteur))
    return rendre(request, "notation/grilles/renotation.html", contexte)


@routeur.post("/appels/{code}/renotation", name="notation:renoter", dependencies=[Depends(PREPARE)])
def renoter(envoi: EnvoiDep, code: str) -> Response:
    """Fait renoter tout l'appel."""
    with envoi.sinon(lambda: _page_renotation(envoi, code)):
        _appel(envoi.session, code, envoi.acteur)
        service.demander_renotation(envoi.session, code, **envoi.qui)
    return envoi.vers("notation:renotation", code=code, fait=RENOTE)


def _page_renotation(envoi: Envoi, code: str) -> Page:
    appel = _appel(envoi.session, code, envoi.acteur)
    return "notation/grilles/renotation.html", _contexte_renotation(envoi.session, appel)

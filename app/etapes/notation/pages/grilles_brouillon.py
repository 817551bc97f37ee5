"""Pages d'une grille en préparation : ses poids, un critère, son texte entier, l'abandon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.appel import repository as appels
from app.etapes.appel.rules import EtatAppel
from app.etapes.notation import service
from app.etapes.notation.pages.grilles_vues import (
    TONS,
    adresse_du_brouillon,
    colonnes_des_lignes,
    comparer,
    dite,
    fil,
    rangees_saisies,
    sommes,
)
from app.etapes.notation.repository import grilles as usages
from app.etapes.notation.repository import travaux
from app.infra.acces import Acteur, exiger
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import Faute, Introuvable, SaisieInvalide
from app.noyau.roles import Role
from app.referentiels.contrats.models import Contrat
from app.referentiels.grilles import repository as versions
from app.referentiels.grilles import schemas
from app.referentiels.grilles import service as grilles
from app.referentiels.grilles.models import GrilleBrouillon
from app.referentiels.grilles.rules import CATALOGUE, Grille, grille_depuis_donnees, grille_vers_donnees
from app.referentiels.grilles.rules.brouillon import EtatBrouillon, raison_de_ne_pas_adopter
from app.referentiels.grilles.rules.edition import (
    baremes_edites,
    champ_de_la_faute_de_poids,
    champ_de_la_faute_du_critere,
    critere_saisi,
    lire_critere,
    lire_poids,
    poids_saisis,
)
from app.referentiels.lignes import repository as lignes

routeur = APIRouter()
PREPARE = exiger(Role.CHARGE_MISSION)
ENREGISTREE = annoncer("grille-enregistree", "C’est enregistré. Ce qui change depuis l’origine est dit plus bas.")
ABANDONNEE = annoncer("grille-abandonnee", "La grille en préparation est abandonnée. Son numéro peut resservir.")
BROUILLON = "notation/grilles/brouillon.html"


def lire_revision(texte: str) -> int:
    """La révision que la page a envoyée ; zéro, qui n'est jamais la bonne, si elle ne se lit pas."""
    return int(texte) if texte.isdecimal() and len(texte) <= 9 else 0


def origine_de(session: SessionDep, brouillon: GrilleBrouillon) -> Grille:
    """La grille dont part un brouillon."""
    return grilles.grille_de(versions.get_grille(session, brouillon.origine_id))


def contexte_du_brouillon(
    session: SessionDep, contrat: Contrat, brouillon: GrilleBrouillon, saisie: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """La page d'un brouillon ; `saisie` : les poids tapés, s'ils ont été refusés."""
    origine, grille = origine_de(session, brouillon), grilles.grille_du_brouillon(brouillon)
    comparaison = comparer(origine, grille)
    essais = travaux.list_essais(session, brouillon.id)
    tapes = {**poids_saisis(brouillon.contenu), **(saisie or {})}
    tous = appels.list_appels(session, [contrat.id])
    est_essayee = any(essai.est_fini and essai.empreinte == brouillon.empreinte for essai in essais)
    return {
        "contrat": contrat,
        "brouillon": brouillon,
        "adresse": adresse_du_brouillon(contrat, brouillon.version),
        "ton": TONS[brouillon.etat],
        "est_ouvert": brouillon.etat is EtatBrouillon.EN_PREPARATION,
        "origine": origine,
        "grille": grille,
        "colonnes": colonnes_des_lignes(grille),
        "rangees": rangees_saisies(origine, grille, tapes),
        "sommes": sommes(grille, tapes),
        "comparaison": comparaison,
        "essais": essais,
        "est_essayee": est_essayee,
        "attendre": raison_de_ne_pas_adopter(
            est_essayee=est_essayee,
            a_des_notes=est_essayee or usages.a_des_notes(session, contrat.id),
            change=comparaison.nombre > 0,
        ),
        "appels": [(a.code, a.intitule) for a in tous if a.etat is not EtatAppel.PREPARE],
        "saisie": {"appel": (saisie or {}).get("appel", "")},
        "fil": fil(contrat, (f"Grille {brouillon.version}, {brouillon.etat.libelle.lower()}", None)),
    }


@routeur.get("/contrats/{code}/grilles/brouillons/{version}", name="grille:brouillon", dependencies=[Depends(PREPARE)])
def page_brouillon(request: Request, session: SessionDep, acteur: Acteur, code: str, version: str) -> Response:
    """Une grille en préparation : poids, critères, ce qui change, essais, adoption."""
    contrat, brouillon = service.brouillon_en_vue(session, code, version, acteur)
    return rendre(request, BROUILLON, contexte_du_brouillon(session, contrat, brouillon))


def page_du_brouillon(envoi: Envoi, code: str, version: str) -> Page:
    """La même, après un refus : les poids tapés, l'appel choisi."""
    contrat, brouillon = service.brouillon_en_vue(envoi.session, code, version, envoi.acteur)
    return BROUILLON, contexte_du_brouillon(envoi.session, contrat, brouillon, envoi.saisie)


@routeur.post(
    "/contrats/{code}/grilles/brouillons/{version}/poids", name="grille:poids", dependencies=[Depends(PREPARE)]
)
def changer_les_poids(envoi: EnvoiDep, code: str, version: str) -> Response:
    """Enregistre les poids tapés, si chaque ligne fait 100."""

    def situer(faute: Faute, contexte: Mapping[str, Any]) -> Faute:
        donnees = contexte["brouillon"].contenu
        champ = faute.champ if faute.champ.startswith("poids.") else champ_de_la_faute_de_poids(faute, donnees)
        return dite(faute, champ, donnees)

    with envoi.sinon(lambda: page_du_brouillon(envoi, code, version), situer):
        contrat, brouillon = service.brouillon_en_vue(envoi.session, code, version, envoi.acteur)
        donnees, fautes = lire_poids(brouillon.contenu, envoi.saisie)
        if fautes:
            raise SaisieInvalide(fautes)
        _enregistrer(envoi, contrat, version, grille_depuis_donnees(donnees))
    return envoi.vers("grille:brouillon", code=code, version=version, fait=ENREGISTREE)


def _enregistrer(envoi: Envoi, contrat: Contrat, version: str, grille: Grille) -> None:
    revision = lire_revision(envoi.formulaire.get("revision"))
    service.modifier(envoi.session, contrat.id, version, grille, revision=revision, **envoi.qui)


# --- un critère -----------------------------------------------------------------------------------------------------


def _rang(brouillon: GrilleBrouillon, critere: str) -> int:
    codes = [element["code"] for element in brouillon.contenu["criteres"]]
    if critere not in codes:
        raise Introuvable("Ce critère n’est pas dans cette grille.")
    return codes.index(critere)


def _contexte_critere(
    contrat: Contrat, brouillon: GrilleBrouillon, critere: str, tapee: Mapping[str, str] | None
) -> dict[str, Any]:
    rang, grille = _rang(brouillon, critere), grilles.grille_du_brouillon(brouillon)
    saisie = critere_saisi(grille, brouillon.contenu, rang)
    adresse = adresse_du_brouillon(contrat, brouillon.version)
    return {
        "contrat": contrat,
        "brouillon": brouillon,
        "adresse": adresse,
        "est_ouvert": brouillon.etat is EtatBrouillon.EN_PREPARATION,
        "critere": grille.criteres[rang],
        "rang": rang,
        "baremes": baremes_edites(grille, brouillon.contenu, rang),
        "saisie": saisie if tapee is None else {**saisie, "est_transversal": "", **tapee},
        "fil": fil(contrat, (f"Grille {brouillon.version}", adresse), (grille.criteres[rang].libelle, None)),
    }


@routeur.get(
    "/contrats/{code}/grilles/brouillons/{version}/criteres/{critere}",
    name="grille:critere",
    dependencies=[Depends(PREPARE)],
)
def page_critere(
    request: Request, session: SessionDep, acteur: Acteur, code: str, version: str, critere: str
) -> Response:
    """Un critère d'une grille en préparation : libellé, source, paliers, seuils, phrases."""
    contrat, brouillon = service.brouillon_en_vue(session, code, version, acteur)
    return rendre(request, "notation/grilles/critere.html", _contexte_critere(contrat, brouillon, critere, None))


@routeur.post(
    "/contrats/{code}/grilles/brouillons/{version}/criteres/{critere}",
    name="grille:changer_critere",
    dependencies=[Depends(PREPARE)],
)
def changer_un_critere(envoi: EnvoiDep, code: str, version: str, critere: str) -> Response:
    """Enregistre un critère, si la grille reste applicable."""

    def page() -> Page:
        contrat, brouillon = service.brouillon_en_vue(envoi.session, code, version, envoi.acteur)
        return "notation/grilles/critere.html", _contexte_critere(contrat, brouillon, critere, envoi.saisie)

    def situer(faute: Faute, contexte: Mapping[str, Any]) -> Faute:
        donnees = contexte["brouillon"].contenu
        if faute.champ in contexte["saisie"]:
            return faute
        return dite(faute, champ_de_la_faute_du_critere(faute, donnees, contexte["rang"]), donnees)

    with envoi.sinon(page, situer):
        contrat, brouillon = service.brouillon_en_vue(envoi.session, code, version, envoi.acteur)
        rang, grille = _rang(brouillon, critere), grilles.grille_du_brouillon(brouillon)
        donnees, fautes = lire_critere(grille, brouillon.contenu, rang, envoi.saisie)
        if fautes:
            raise SaisieInvalide(fautes)
        _enregistrer(envoi, contrat, version, grille_depuis_donnees(donnees))
    return envoi.vers("grille:brouillon", code=code, version=version, fait=ENREGISTREE)


# --- le texte entier ------------------------------------------------------------------------------------------------


def _contexte_texte(contrat: Contrat, brouillon: GrilleBrouillon, texte: str | None) -> dict[str, Any]:
    adresse = adresse_du_brouillon(contrat, brouillon.version)
    return {
        "contrat": contrat,
        "brouillon": brouillon,
        "adresse": adresse,
        "est_ouvert": brouillon.etat is EtatBrouillon.EN_PREPARATION,
        "texte": schemas.ecrire_grille(grilles.grille_du_brouillon(brouillon)) if texte is None else texte,
        "catalogue": list(CATALOGUE.values()),
        "fil": fil(contrat, (f"Grille {brouillon.version}", adresse), ("Texte de la grille", None)),
    }


@routeur.get(
    "/contrats/{code}/grilles/brouillons/{version}/texte", name="grille:texte", dependencies=[Depends(PREPARE)]
)
def page_texte(request: Request, session: SessionDep, acteur: Acteur, code: str, version: str) -> Response:
    """La grille entière, en texte : de quoi ajouter ou retirer un critère, une ligne, un palier."""
    contrat, brouillon = service.brouillon_en_vue(session, code, version, acteur)
    return rendre(request, "notation/grilles/texte.html", _contexte_texte(contrat, brouillon, None))


@routeur.post(
    "/contrats/{code}/grilles/brouillons/{version}/texte", name="grille:changer_texte", dependencies=[Depends(PREPARE)]
)
def changer_le_texte(envoi: EnvoiDep, code: str, version: str) -> Response:
    """Enregistre la grille entière, si elle est applicable ; chaque faute dit sa ligne."""
    texte = envoi.formulaire.get("texte")

    def page() -> Page:
        contrat, brouillon = service.brouillon_en_vue(envoi.session, code, version, envoi.acteur)
        return "notation/grilles/texte.html", _contexte_texte(contrat, brouillon, texte)

    def situer(faute: Faute, _: Mapping[str, Any]) -> Faute:
        return faute if faute.champ in ("texte", "") else Faute("texte", faute.message, faute.code)

    with envoi.sinon(page, situer):
        contrat, _ = service.brouillon_en_vue(envoi.session, code, version, envoi.acteur)
        connues = {ligne.code for ligne in lignes.list_lignes(envoi.session, contrat.id)}
        codes = service.codes_du_contrat(envoi.session, contrat.id, envoi.qui["maintenant"])
        grille = schemas.lire_grille(texte, lignes=connues, codes=codes)
        _enregistrer(envoi, contrat, version, grille_depuis_donnees(grille_vers_donnees(grille)))
    return envoi.vers("grille:brouillon", code=code, version=version, fait=ENREGISTREE)


# --- abandonner -----------------------------------------------------------------------------------------------------


@routeur.get(
    "/contrats/{code}/grilles/brouillons/{version}/abandon", name="grille:abandon", dependencies=[Depends(PREPARE)]
)
def page_abandon(request: Request, session: SessionDep, acteur: Acteur, code: str, version: str) -> Response:
    """Confirmer l'abandon."""
    contrat, brouillon = service.brouillon_en_vue(session, code, version, acteur)
    return rendre(request, "notation/grilles/abandon.html", _contexte_abandon(contrat, brouillon))


def _contexte_abandon(contrat: Contrat, brouillon: GrilleBrouillon) -> dict[str, Any]:
    adresse = adresse_du_brouillon(contrat, brouillon.version)
    return {
        "contrat": contrat,
        "brouillon": brouillon,
        "adresse": adresse,
        "est_ouvert": brouillon.etat is EtatBrouillon.EN_PREPARATION,
        "fil": fil(contrat, (f"Grille {brouillon.version}", adresse), ("Abandonner", None)),
    }


@routeur.post(
    "/contrats/{code}/grilles/brouillons/{version}/abandon", name="grille:abandonner", dependencies=[Depends(PREPARE)]
)
def abandonner(envoi: EnvoiDep, code: str, version: str) -> Response:
    """Abandonne une grille en préparation."""

    def page() -> Page:
        return "notation/grilles/abandon.html", _contexte_abandon(
            *service.brouillon_en_vue(envoi.session, code, version, envoi.acteur)
        )

    with envoi.sinon(page):
        contrat, _ = service.brouillon_en_vue(envoi.session, code, version, envoi.acteur)
        grilles.abandonner(envoi.session, contrat.id, version, **envoi.qui)
    return envoi.vers("grilles", code=code, fait=ABANDONNEE)

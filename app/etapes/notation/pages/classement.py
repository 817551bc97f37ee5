"""Pages : le classement d'une ligne, ses exports, et la clôture de la recevabilité qui fige les coûts médians."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import chain
from typing import Annotated, BinaryIO
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from app.etapes.dossier.repository.referentiel import get_referentiel
from app.etapes.dossier.rules.etats import LIBELLES_DEMANDE
from app.etapes.notation import repository, service
from app.etapes.notation.pages.communs import (
    ONGLETS,
    appel_en_vue,
    criteres_de_la_ligne,
    ligne_choisie,
    parmi,
)
from app.etapes.notation.repository.classement import Duree, EtatNote, Filtres
from app.etapes.notation.repository.export import colonnes, lire_rangees
from app.infra.acces import Acteur, exiger
from app.infra.ods import ODS, ecrire_ods
from app.infra.tableur import CSV, XLSX, csv_en_flux, ecrire_xlsx
from app.infra.web import SessionDep, rendre
from app.noyau.erreurs import Introuvable
from app.noyau.roles import Portee, Role
from app.referentiels.grilles import service as grilles
from app.referentiels.lignes import repository as lignes

routeur = APIRouter()
LIT = exiger(*service.LIT_LES_NOTES)
ETATS = (
    (EtatNote.SURE, "Sûre : tous les faits vérifiés"),
    (EtatNote.PROVISOIRE, "Provisoire : des faits déclarés"),
    (EtatNote.INCOMPLETE, "Incomplète : un fait manque"),
)
DUREES = ((Duree.UN_AN, "Un an"), (Duree.CPO, "Plusieurs années (CPO)"))
TAILLE_MORCEAU = 64 * 1024


class Format(StrEnum):
    """Les formes d'un export."""

    CSV = "csv"
    XLSX = "xlsx"
    ODS = "ods"


def lire_filtres(
    quartier: Annotated[str, Query(max_length=60)] = "",
    objectif: Annotated[str, Query(max_length=60)] = "",
    commune: Annotated[str, Query(max_length=10)] = "",
    duree: Annotated[str, Query(max_length=20)] = "",
    porteur: Annotated[str, Query(max_length=200)] = "",
    etat: Annotated[str, Query(max_length=20)] = "",
) -> Filtres:
    """Les filtres de l'adresse ; une durée ou un état inconnu ne filtre pas."""
    return Filtres(
        quartier, objectif, commune, duree=parmi(Duree, duree), porteur=porteur.strip(), etat=parmi(EtatNote, etat)
    )


FiltresLus = Annotated[Filtres, Depends(lire_filtres)]


@routeur.get("/appels/{code}/classement", name="notation:classements", dependencies=[Depends(LIT)])
def page_classements(request: Request, session: SessionDep, acteur: Acteur, code: str) -> Response:
    """Mène au classement de la ligne de cette personne, sinon de la première."""
    appel = appel_en_vue(session, code, acteur)
    codes = [ligne.code for ligne in lignes.list_lignes(session, appel.contrat_id)]
    if not codes:
        raise Introuvable("Ce contrat n’a pas de ligne de financement.")
    siennes = acteur.cibles(Portee.LIGNE, contrat_id=appel.contrat_id)
    premiere = next((ligne for ligne in codes if ligne in siennes), codes[0])
    return RedirectResponse(request.url_for("notation:classement", code=code, ligne=premiere).path, status_code=303)


@routeur.get("/appels/{code}/classement/{ligne}", name="notation:classement", dependencies=[Depends(LIT)])
def page_classement(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    code: str,
    ligne: str,
    filtres: FiltresLus,
    apres: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Les dossiers notés d'une ligne, la note la plus basse possible d'abord décroissante."""
    appel = appel_en_vue(session, code, acteur)
    choisie, toutes = ligne_choisie(session, appel, ligne)
    page = repository.page_classement(session, appel, choisie, acteur, filtres, jeton=apres)
    referentiel = get_referentiel(session, appel.contrat_id, appel.version_id)
    poses = filtres.parametres
    contexte = {
        "appel": appel,
        "ligne": choisie,
        "lignes": toutes,
        "onglets": ONGLETS,
        "page": page,
        "comptes": repository.compter_a_noter(session, appel, choisie.id, acteur),
        "libelles": LIBELLES_DEMANDE,
        "filtres": filtres,
        "choix": (
            ("quartier", "Quartier", [(e.code, e.intitule) for e in referentiel.liste("quartiers")]),
            ("commune", "Commune touchée", [(e.code, e.intitule) for e in referentiel.liste("communes")]),
            ("objectif", "Objectif", [(e.code, f"{e.code} {e.intitule}") for e in referentiel.liste("objectifs")]),
            ("duree", "Durée demandée", DUREES),
            ("etat", "État de la note", ETATS),
        ),
        "poses": poses,
        "exports": [
            (forme.value, f"/appels/{code}/classement/{ligne}/export.{forme.value}{_suite(poses)}") for forme in Format
        ],
        "precedent": _adresse(poses, page.precedent),
        "suivant": _adresse(poses, page.suivant),
        "clot": acteur.tient(Role.CHARGE_MISSION, contrat_id=appel.contrat_id),
        "fil": (("Dossiers", f"/instruction?appel={code}"), ("Classement", None)),
    }
    return rendre(request, "notation/classement.html", contexte)


def _suite(parametres: Mapping[str, str]) -> str:
    return f"?{urlencode(parametres)}" if parametres else ""


def _adresse(parametres: Mapping[str, str], jeton: str | None) -> str | None:
    return None if jeton is None else _suite({**parametres, "apres": jeton})


# --- exports ---------------------------------------------------------------------------------------------------------


@routeur.get("/appels/{code}/classement/{ligne}/export.{format}", name="notation:export", dependencies=[Depends(LIT)])
def exporter(
    request: Request, session: SessionDep, acteur: Acteur, code: str, ligne: str, format: str, filtres: FiltresLus
) -> Response:
    """Le classement que retiennent les filtres : csv au fil de la lecture, xlsx et ods écrits sur disque d'abord."""
    forme = parmi(Format, format)
    if forme is None:
        raise Introuvable("Ce format n’existe pas : csv, xlsx ou ods.")
    appel = appel_en_vue(session, code, acteur)
    choisie, _ = ligne_choisie(session, appel, ligne)
    criteres = [(c.code, c.libelle) for c in criteres_de_la_ligne(grilles.lire(session, appel.grille_id), ligne)]
    rangees = lire_rangees(request.app.state.fabrique, acteur, appel, choisie.id, filtres, criteres)
    entetes = {"Content-Disposition": f'attachment; filename="classement-{appel.code}-{choisie.code}.{forme.value}"'}
    if forme is Format.CSV:
        flux = csv_en_flux(colonnes(criteres), rangees)
        premier = next(
            flux
        )  # une lecture refusée répond 500 : après le premier octet, elle couperait un fichier « 200 »
        return StreamingResponse(chain((premier,), flux), media_type=CSV, headers=entetes)
    ecrire, genre = (ecrire_xlsx, XLSX) if forme is Format.XLSX else (ecrire_ods, ODS)
    fichier = tempfile.TemporaryFile()  # noqa: SIM115 -- fermé par le flux qui l'envoie
    try:
        ecrire(fichier, colonnes(criteres), rangees, feuille=f"Classement {choisie.code} {appel.annee}")
    except BaseException:
        fichier.close()
        raise
    return StreamingResponse(_morceaux(fichier), media_type=genre, headers=entetes)


def _morceaux(fichier: BinaryIO) -> Iterator[bytes]:
    with fichier:
        fichier.seek(0)
        while morceau := fichier.read(TAILLE_MORCEAU):
            yield morceau

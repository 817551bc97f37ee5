"""La liste des séances, l'ordre du jour ; créer, convoquer, ouvrir, clore."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.appel import repository as appels
from app.etapes.commission import repository
from app.etapes.commission.models import Seance
from app.etapes.commission.pages.communs import (
    ETATS,
    JEUX,
    LIT,
    REGLAGES,
    TIENT,
    cadre,
    points_deportes,
    titre_de,
    titres_masques,
)
from app.etapes.commission.repository import PointLu
from app.etapes.commission.schemas import OuvertureEntrante, SaisieDate, SaisieSeance
from app.etapes.commission.service import preparation
from app.infra.acces import Acteur
from app.infra.clock import Maintenant
from app.infra.db import Session
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.forms import valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.euros import Euros
from app.noyau.periodes import a_paris, instant_a_ecrire, jours_francs_avant
from app.noyau.roles import Role

routeur = APIRouter()
DECOUPAGES = [
    ("objectif", "Par ligne et par objectif", "Un bloc par thème : le vote suit le débat."),
    ("ligne", "Par ligne", "Un bloc par financeur : plus court."),
]
JOURS_FRANCS_CONSEILLES = 5
CREEE = annoncer("seance-creee", "La séance est créée. Relisez l’ordre du jour, puis convoquez.")
ACTUALISEE = annoncer("ordre-du-jour", "L’ordre du jour est à jour.")
CONVOQUEE = annoncer("seance-convoquee", "Les convocations partent.")
OUVERTE = annoncer("seance-ouverte", "La séance est ouverte. Ses règles de vote ne changent plus.")
DEPLACEE = annoncer("seance-deplacee", "La séance est déplacée : convoquez de nouveau ses membres.")
CLOSE = annoncer("seance-close", "La séance est close. Le procès-verbal est en préparation.")


def _contexte_liste(session: Session, acteur: Identite, saisie: dict[str, str]) -> dict[str, Any]:
    conduits = acteur.contrats({Role.CHARGE_MISSION})
    seances = repository.list_seances(session, acteur)
    return {
        "seances": [(s, titre_de(s), ETATS[s.etat]) for s in seances],
        "avancements": repository.avancements(session, [s.id for s in seances]),
        "appels": [(a.code, a.intitule) for a in appels.list_appels(session, conduits)] if conduits else [],
        "decoupages": DECOUPAGES,
        "saisie": saisie,
        "fil": (("Commission", None),),
    }


@routeur.get("/seances", name="seances", dependencies=[Depends(LIT)])
def page_seances(request: Request, session: SessionDep, acteur: Acteur) -> Response:
    """Les séances que la personne peut lire ; le chargé de mission en crée une."""
    return rendre(request, "commission/seances.html", _contexte_liste(session, acteur, {}))


@routeur.post("/seances", name="seance:creer", dependencies=[Depends(TIENT)])
def creer(envoi: EnvoiDep) -> Response:
    """Crée une séance et son ordre du jour."""
    saisie = {nom: envoi.formulaire.get(nom) for nom in ("appel", "prevue_le", "lieu", "decoupage")}
    with envoi.sinon(lambda: ("commission/seances.html", _contexte_liste(envoi.session, envoi.acteur, saisie))):
        donnees = valider(SaisieSeance, {n: v for n, v in saisie.items() if n != "appel" and v.strip()})
        seance = preparation.creer(
            envoi.session, appel_code=saisie["appel"], prevue_le=donnees.instant(), lieu=donnees.lieu,
            decoupage=donnees.decoupage, **envoi.qui,
        )  # fmt: skip
    return envoi.vers("seance", code=seance.code, fait=CREEE)


def _blocs(points: list[PointLu]) -> list[dict[str, Any]]:
    """Les points rangés par bloc, avec leur ligne et le total soumis."""
    rendu = []
    for nom, groupe in groupby(points, key=lambda p: p.point.bloc):
        membres = list(groupe)
        rendu.append(
            {
                "nom": nom,
                "ligne": membres[0].ligne,
                "nature": membres[0].nature,
                "points": membres,
                "total": Euros.somme(p.point.montant_soumis for p in membres),
            }
        )
    return rendu


def _contexte_ordre(session: Session, seance: Seance, acteur: Identite, maintenant: datetime) -> dict[str, Any]:
    lue = repository.avec_appel(session, seance)
    points = list(repository.list_points(session, seance.id))
    salle = repository.lire_salle(session, seance)
    caches = points_deportes(salle, repository.deports_de(session, seance.id), acteur)
    conseil = jours_francs_avant(a_paris(seance.prevue_le).date(), JOURS_FRANCS_CONSEILLES)
    return cadre(seance, "ordre", acteur) | {
        "appel": lue.appel,
        "instance": lue.instance,
        "blocs": _blocs(points),
        "nombre": len(points),
        "reglement": salle.regles,
        "caches": caches,
        "titres": titres_masques(points, caches),
        "est_membre": any(s.compte_id == acteur.compte_id for s in salle.sieges.values()),
        "envoi_conseille": conseil,
        "en_retard": seance.convoquee_le is None and a_paris(maintenant).date() > conseil,
        "jeux": JEUX,
        "reglages": REGLAGES,
        "decoupages": DECOUPAGES,
        "date_saisie": instant_a_ecrire(seance.prevue_le),
        "son_jour": a_paris(maintenant).date() >= a_paris(seance.prevue_le).date(),
        "saisie": {},
    }


@routeur.get("/seances/{code}", name="seance", dependencies=[Depends(LIT)])
def page_seance(request: Request, session: SessionDep, acteur: Acteur, code: str, maintenant: Maintenant) -> Response:
    """L'ordre du jour, bloc par bloc, et la préparation de la séance."""
    seance = repository.get_seance(session, code, acteur)
    return rendre(request, "commission/ordre_du_jour.html", _contexte_ordre(session, seance, acteur, maintenant))


def _page_ordre(envoi: Envoi, code: str) -> Page:
    seance = repository.get_seance(envoi.session, code, envoi.acteur)
    contexte = _contexte_ordre(envoi.session, seance, envoi.acteur, envoi.maintenant)
    return "commission/ordre_du_jour.html", contexte | {"saisie": envoi.formulaire.en_dict()}


Acte = Callable[..., Seance]


def _route_simple(chemin: str, nom: str, acte: Acte, fait: str, vers: str) -> None:
    def agir(envoi: EnvoiDep, code: str) -> Response:
        with envoi.sinon(lambda: _page_ordre(envoi, code)):
            acte(envoi.session, code, **envoi.qui)
        return envoi.vers(vers, code=code, fait=fait)

    agir.__name__, agir.__doc__ = nom, acte.__doc__
    routeur.post(f"/seances/{{code}}/{chemin}", name=f"seance:{nom}", dependencies=[Depends(TIENT)])(agir)


_route_simple("ordre-du-jour", "actualiser", preparation.actualiser, ACTUALISEE, "seance")
_route_simple("convocation", "convoquer", preparation.convoquer, CONVOQUEE, "seance")
_route_simple("cloture", "clore", preparation.clore, CLOSE, "seance:proces_verbal")


@routeur.post("/seances/{code}/date", name="seance:deplacer", dependencies=[Depends(TIENT)])
def deplacer(envoi: EnvoiDep, code: str) -> Response:
    """Change la date ou le lieu d'une séance en préparation."""
    with envoi.sinon(lambda: _page_ordre(envoi, code)):
        donnees = valider(SaisieDate, envoi.formulaire.en_dict())
        preparation.deplacer(envoi.session, code, prevue_le=donnees.instant(), lieu=donnees.lieu, **envoi.qui)
    return envoi.vers("seance", code=code, fait=DEPLACEE)


@routeur.post("/seances/{code}/ouverture", name="seance:ouvrir", dependencies=[Depends(TIENT)])
def ouvrir(envoi: EnvoiDep, code: str) -> Response:
    """Ouvre la séance sous le règlement choisi."""
    with envoi.sinon(lambda: _page_ordre(envoi, code)):
        donnees = valider(OuvertureEntrante, envoi.formulaire.en_dict())
        preparation.ouvrir(envoi.session, code, jeu=donnees.regles, reglages=donnees.reglages(), **envoi.qui)
    return envoi.vers("seance:votes", code=code, fait=OUVERTE)

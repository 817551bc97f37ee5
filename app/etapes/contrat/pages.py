"""Pages : lire le contrat, y chercher où rattacher un projet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from app.etapes.contrat import repository
from app.etapes.contrat.repository import Edition
from app.etapes.contrat.rules import contenu as faits
from app.etapes.contrat.rules import liens
from app.etapes.contrat.rules.recherche import chercher
from app.etapes.contrat.rules.textes import blocs, dire_source, dire_sources, dire_valeur
from app.infra.acces import PUBLIQUE
from app.infra.clock import Maintenant
from app.infra.web import SessionDep, rendre
from app.noyau.erreurs import Introuvable
from app.noyau.periodes import a_paris
from app.referentiels.contrats import repository as contrats

routeur = APIRouter()
LONGUEUR_RECHERCHE = 200
ANOMALIES_PAR_PAGE = 40
OUTILS: Mapping[str, Any] = {
    "blocs": blocs,
    "dire_source": dire_source,
    "dire_sources": dire_sources,
    "dire_valeur": dire_valeur,
}


class Visite:
    """Une page d'un contrat : son contenu, ses adresses, son fil d'Ariane."""

    def __init__(
        self,
        request: Request,
        session: SessionDep,
        maintenant: Maintenant,
        code: str,
        version: Annotated[str | None, Query()] = None,
    ) -> None:
        self.request = request
        self.session = session
        self.jour: date = a_paris(maintenant).date()
        edition = repository.get_edition(session, code, self.jour, version)
        if edition is None:
            raise Introuvable("Ce contrat n’existe pas, ou cette version n’a pas encore de contenu.")
        self.edition: Edition = edition
        self.contenu = edition.affichage
        self.base = f"/contrats/{code}"
        self.suite = f"?version={self.contenu.version.code}" if version is not None else ""

    def rendre(self, gabarit: str, titre: str, contexte: Mapping[str, Any]) -> Response:
        """La page, ses outils et son fil : le contrat, puis où l'on est."""
        est_sous_page = titre != self.contenu.intitule
        fil = [(self.contenu.intitule, self.base + self.suite), (titre, "")] if est_sous_page else []
        commun = {
            "contrat": self.contenu,
            "contrat_intitule": self.contenu.intitule,
            "base": self.base,
            "suite": self.suite,
            "fil": fil,
            "titre": titre,
        }
        return rendre(self.request, gabarit, {**OUTILS, **commun, **contexte})


VisiteDep = Annotated[Visite, Depends()]


@routeur.get("/contrat", name="contrat:choisir", dependencies=[Depends(PUBLIQUE)])
def choisir(request: Request, session: SessionDep) -> Response:
    """Le seul contrat de l'instance, ou la liste des contrats."""
    charges = contrats.list_contrats(session)
    if len(charges) == 1:
        return RedirectResponse(f"/contrats/{charges[0].code}", status_code=303)
    return rendre(request, "contrat/contrats.html", {"contrats": charges})


@routeur.get("/contrats/{code}", name="contrat:lire", dependencies=[Depends(PUBLIQUE)])
def lire(visite: VisiteDep, q: Annotated[str, Query()] = "") -> Response:
    """Les enjeux, les objectifs, les quartiers ; avec `q`, ce qui y répond."""
    question = " ".join(q.replace("\x00", " ").split())[:LONGUEUR_RECHERCHE]
    contexte = {
        "question": question,
        "resultats": chercher(visite.edition.documents, question),
        "anomalies": visite.contenu.elements(faits.ANOMALIES),
        "a_des_partenaires": bool({faits.DISPOSITIFS_ETAT, faits.ENGAGEMENTS} & set(visite.contenu.rubriques)),
    }
    return visite.rendre("contrat/contrat.html", visite.contenu.intitule, contexte)


@routeur.get("/contrats/{code}/objectifs/{objectif}", name="contrat:objectif", dependencies=[Depends(PUBLIQUE)])
def lire_objectif(visite: VisiteDep, objectif: str) -> Response:
    """Un objectif : ce qu'il veut, ce qui peut y répondre, qui le finance d'abord."""
    contenu = visite.contenu
    trouve = next(((e, o) for e in contenu.enjeux for o in e.objectifs if o.code == objectif), None)
    if trouve is None:
        raise Introuvable("Cet objectif n’est pas dans ce contrat.")
    precedent, suivant = liens.voisins(contenu, objectif)
    contexte = {
        "enjeu": trouve[0],
        "objectif": trouve[1],
        "lignes": liens.priorites_des_lignes(contenu, objectif),
        "priorites": liens.priorites_de_quartier(contenu, objectif),
        "dispositifs": liens.dispositifs_de_l_etat(contenu, objectif),
        "engagements": liens.engagements(contenu, objectif),
        "axes": liens.axes(contenu, objectif),
        "voir": [o for o in contenu.objectifs if o.code in trouve[1].contenu["voir"]],
        "precedent": precedent,
        "suivant": suivant,
    }
    return visite.rendre("contrat/objectif.html", trouve[1].intitule, contexte)


@routeur.get("/contrats/{code}/quartiers/{quartier}", name="contrat:quartier", dependencies=[Depends(PUBLIQUE)])
def lire_quartier(visite: VisiteDep, quartier: str) -> Response:
    """Un quartier prioritaire : ses habitants, ses chiffres, ses projets de quartier."""
    trouve = next((q for q in visite.contenu.quartiers if q.code == quartier), None)
    if trouve is None:
        raise Introuvable("Ce quartier n’est pas dans ce contrat.")
    rubrique = visite.contenu.rubriques[faits.QUARTIERS]
    reperes = {
        indicateur["code"]: [
            (valeur["ensemble"], dire_valeur({**indicateur, **valeur}))
            for valeur in indicateur["valeurs"]
            if valeur["ensemble"]
        ]
        for indicateur in rubrique["indicateurs"]
    }
    groupes = [
        (theme, [i for i in trouve.contenu["indicateurs"] if i["theme"] == theme["code"]])
        for theme in rubrique["themes"]
    ]
    contexte = {
        "quartier": trouve,
        "fiches": visite.contenu.fiches_de(quartier),
        "groupes": [(theme, siennes) for theme, siennes in groupes if siennes],
        "reperes": reperes,
    }
    return visite.rendre("contrat/quartier.html", trouve.nom, contexte)


@routeur.get("/contrats/{code}/fiches/{fiche}", name="contrat:fiche", dependencies=[Depends(PUBLIQUE)])
def lire_fiche(visite: VisiteDep, fiche: str) -> Response:
    """Un projet de quartier : ses priorités, ce que disent les habitants, qui agit déjà."""
    contenu = visite.contenu
    trouve = next((f for f in contenu.fiches if f.code == fiche), None)
    if trouve is None:
        raise Introuvable("Ce projet de quartier n’est pas dans ce contrat.")
    contexte = {
        "fiche": trouve,
        "quartier": next(q for q in contenu.quartiers if q.code == trouve.quartier),
        "lignes": [ligne for ligne in contenu.lignes if ligne.commune in {None, trouve.commune.insee}],
        "codes_objectifs": {o.code for o in contenu.objectifs},
        "avertissement": contenu.rubriques.get(faits.FICHES, {}).get("avertissement"),
    }
    return visite.rendre("contrat/fiche.html", trouve.nom, contexte)


@routeur.get("/contrats/{code}/gouvernance", name="contrat:gouvernance", dependencies=[Depends(PUBLIQUE)])
def lire_gouvernance(visite: VisiteDep) -> Response:
    """Qui décide, qui finance quoi d'abord, la feuille de route de chaque collectivité."""
    contenu = visite.contenu
    sieges: dict[str, list[Any]] = {}
    for instance, membre in repository.list_sieges(visite.session, contenu.code, visite.jour):
        sieges.setdefault(instance, []).append(membre)
    contexte = {
        "gouvernance": contenu.rubriques[faits.GOUVERNANCE],
        "feuilles": contenu.elements(faits.FEUILLES_DE_ROUTE),
        "suivi": contenu.rubriques.get(faits.SUIVI),
        "sieges": sieges,
    }
    return visite.rendre("contrat/gouvernance.html", "Qui décide, qui finance", contexte)


@routeur.get("/contrats/{code}/partenaires", name="contrat:partenaires", dependencies=[Depends(PUBLIQUE)])
def lire_partenaires(visite: VisiteDep) -> Response:
    """Les dispositifs de l'État et les engagements des partenaires."""
    contenu = visite.contenu
    contexte = {
        "etat": contenu.rubriques.get(faits.DISPOSITIFS_ETAT),
        "engagements": contenu.rubriques.get(faits.ENGAGEMENTS),
    }
    return visite.rendre("contrat/partenaires.html", "Ce que l’État et les partenaires apportent", contexte)


@routeur.get("/contrats/{code}/anomalies", name="contrat:anomalies", dependencies=[Depends(PUBLIQUE)])
def lire_anomalies(
    visite: VisiteDep, nature: Annotated[str, Query()] = "", page: Annotated[int, Query(ge=1, le=1000)] = 1
) -> Response:
    """Les défauts du document : ce qu'il dit, ce qui a été chargé à la place, pourquoi."""
    toutes = visite.contenu.elements(faits.ANOMALIES)
    comptes = Counter(anomalie["nature"] for anomalie in toutes)
    choisie = nature if nature in comptes else ""
    retenues = [anomalie for anomalie in toutes if choisie in ("", anomalie["nature"])]
    debut = (page - 1) * ANOMALIES_PAR_PAGE
    contexte = {
        "anomalies": retenues[debut : debut + ANOMALIES_PAR_PAGE],
        "nature": choisie,
        "comptes": comptes,
        "total": len(toutes),
        "page": page,
        "pages": -(-len(retenues) // ANOMALIES_PAR_PAGE),
    }
    return visite.rendre("contrat/anomalies.html", "Les défauts du document", contexte)

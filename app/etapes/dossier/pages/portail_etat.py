"""Pages de la sous-préfecture : importer le tableau du portail de l'État, rapprocher ses dossiers des nôtres."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.dossier.models.portail import LignePortail
from app.etapes.dossier.repository import portail
from app.etapes.dossier.rules.portail import CHAMP
from app.etapes.dossier.rules.rapprochement import Proposition, Suite, conflit
from app.etapes.dossier.schemas import FormulaireMotif, FormulaireRapprochement
from app.etapes.dossier.service import rapprochement
from app.infra.acces import Acteur, exiger
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.files.controle import TAILLE_MAX
from app.infra.files.envoi import televersement_de
from app.infra.files.tableau import ACCEPTE
from app.infra.forms import valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rediriger, rendre
from app.noyau.erreurs import Faute, Introuvable, SaisieInvalide
from app.noyau.roles import Role

routeur = APIRouter()
LIT = exiger(*rapprochement.LIT)
TRANCHE = exiger(Role.SOUS_PREFECTURE)
IMPORTE = annoncer("portail-importe", "Le tableau est lu. Rien n’a été ajouté aux demandes : rapprochez ses lignes.")
RAPPROCHE = annoncer("portail-rapproche", "C’est rapproché : les deux demandes n’en font plus qu’une.")
LAISSE = annoncer("portail-laisse", "C’est noté : cette demande n’est déposée que sur le portail de l’État.")
DEFAIT = annoncer("portail-defait", "C’est défait : la ligne est de nouveau à rapprocher.")
CONFIRMES = annoncer("portail-certains", "Les rapprochements certains sont confirmés.")
PAR_PAGE = 50
AUTRE, AUCUN = "autre", "aucun"


class Tas(StrEnum):
    """Les lignes montrées."""

    A_RAPPROCHER = "a_rapprocher"
    RAPPROCHEES = "rapprochees"
    PORTAIL_SEUL = "portail_seul"
    ECARTEES = "ecartees"
    SANS_NUMERO = "sans_numero"


SUITES = {
    Tas.A_RAPPROCHER: Suite.A_RAPPROCHER, Tas.RAPPROCHEES: Suite.RAPPROCHEE, Tas.PORTAIL_SEUL: Suite.PORTAIL_SEUL
}  # fmt: skip


@routeur.get("/portail-etat", name="portail_etat", dependencies=[Depends(LIT)])
def page_portail(request: Request, session: SessionDep, acteur: Acteur) -> Response:
    """Mène à l'appel de travail."""
    appel = appels.appel_de_travail(appels.list_appels(session, acteur.contrats(rapprochement.LIT)))
    if appel is None:
        raise Introuvable("Aucun appel n’est ouvert à votre lecture.")
    return rediriger(request, "portail_etat:appel", code=appel.code)


def _bilan(session: SessionDep, acteur: Identite, code: str, tas: Tas, page: int) -> dict[str, Any]:
    """Tout ce que la page d'un appel attend."""
    appel = rapprochement.get_appel_lisible(session, code, acteur)
    lignes = portail.list_lignes_portail(session, appel.id)
    nos = portail.list_nos_dossiers(session, acteur, appel)
    dernier = portail.get_dernier_import(session, appel.id)
    rapproches = {ligne.dossier_id for ligne in lignes}
    sans_numero = [d for cle, d in nos.items() if not d.numero_portail and cle not in rapproches]
    ecartees = dernier.ecartees if dernier is not None else []
    liste: Sequence[Any] = {Tas.ECARTEES: ecartees, Tas.SANS_NUMERO: sans_numero}.get(tas, ())
    if tas in SUITES:
        liste = [x for x in lignes if x.suite is SUITES[tas]]
    debut = page * PAR_PAGE
    montrees = liste[debut : debut + PAR_PAGE]
    adresse = f"/portail-etat/{code}?tas={tas.value}&page="
    return {
        "appel": appel,
        "autres": [a for a in appels.list_appels(session, acteur.contrats(rapprochement.LIT)) if a.id != appel.id],
        "tranche": rapprochement.peut_trancher(appel, acteur),
        "dernier": dernier,
        "tas": tas.value,
        "comptes": {
            "lues": len(lignes),
            **{t.value: sum(x.suite is suite for x in lignes) for t, suite in SUITES.items()},
            Tas.ECARTEES.value: len(ecartees),
            Tas.SANS_NUMERO.value: len(sans_numero),
        },
        "montrees": montrees,
        "total": len(liste),
        "precedent": f"{adresse}{page - 1}" if page else None,
        "suivant": f"{adresse}{page + 1}" if len(liste) > debut + PAR_PAGE else None,
        "noms": portail.noms_des_dossiers(session, [x.dossier_id for x in montrees if x.dossier_id])
        if tas is Tas.RAPPROCHEES
        else {},
        "ecarts": {
            x.dossier_id: nos[x.dossier_id].numero_portail
            for x in montrees
            if tas is Tas.RAPPROCHEES and x.dossier_id in nos and conflit(x.numero, nos[x.dossier_id].numero_portail)
        },
        "proposees": rapprochement.propositions(montrees, nos, lignes) if tas is Tas.A_RAPPROCHER else {},
        "certains": len(rapprochement.surs_de(lignes, nos)),
        "accepte": ACCEPTE,
        "taille_max": TAILLE_MAX,
        "fil": (("Accueil", "/accueil"), (f"Portail de l’État — {appel.intitule}", None)),
    }


@routeur.get("/portail-etat/{code}", name="portail_etat:appel", dependencies=[Depends(LIT)])
def page_appel(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    code: str,
    tas: Annotated[str, Query(max_length=20)] = "",
    page: Annotated[int, Query(ge=0, le=10_000)] = 0,
) -> Response:
    """Le bilan du rapprochement et un tas de lignes."""
    choisi = next((t for t in Tas if t.value == tas), Tas.A_RAPPROCHER)
    return rendre(request, "dossier/portail_etat.html", _bilan(session, acteur, code, choisi, page))


def _page_appel(envoi: Envoi, code: str) -> Page:
    return "dossier/portail_etat.html", _bilan(envoi.session, envoi.acteur, code, Tas.A_RAPPROCHER, 0)


@routeur.post("/portail-etat/{code}/imports", name="portail_etat:importer", dependencies=[Depends(TRANCHE)])
def importer(envoi: EnvoiDep, code: str) -> Response:
    """Lit un tableau du portail."""
    rapprochement.get_appel_lisible(envoi.session, code, envoi.acteur, tranche=True)
    with envoi.sinon(lambda: _page_appel(envoi, code)):
        recu = televersement_de(envoi.formulaire, CHAMP)
        rapprochement.importer(envoi.session, code, televersement=recu, **envoi.qui)
    return envoi.vers("portail_etat:appel", code=code, fait=IMPORTE)


@routeur.post("/portail-etat/{code}/certains", name="portail_etat:confirmer", dependencies=[Depends(TRANCHE)])
def confirmer(envoi: EnvoiDep, code: str) -> Response:
    """Confirme tous les rapprochements certains."""
    with envoi.sinon(lambda: _page_appel(envoi, code)):
        rapprochement.confirmer_certains(envoi.session, code, **envoi.qui)
    return envoi.vers("portail_etat:appel", code=code, fait=CONFIRMES)


def _ligne(session: SessionDep, acteur: Identite, code: str, reference: str, saisie: dict[str, str]) -> dict[str, Any]:
    """Tout ce que la page d'une ligne attend."""
    appel = rapprochement.get_appel_lisible(session, code, acteur)
    ligne = portail.get_ligne_portail(session, appel.id, reference)
    proposees = _proposees(session, acteur, appel, ligne) if ligne.suite is Suite.A_RAPPROCHER else ()
    notre = portail.noms_des_dossiers(session, [ligne.dossier_id]) if ligne.dossier_id is not None else {}
    return {
        "appel": appel,
        "ligne": ligne,
        "adresse": f"/portail-etat/{code}/lignes/{ligne.numero}",
        "tranche": rapprochement.peut_trancher(appel, acteur),
        "proposees": proposees,
        "options": [
            *((p.dossier.numero, f"{p.dossier.numero} — {p.dossier.titre}", _dit(p)) for p in proposees),
            (AUTRE, "Un autre de nos dossiers", "Donnez son numéro plus bas."),
            (
                AUCUN,
                "Aucun de nos dossiers",
                "Déposée seulement sur le portail, pas comptée ici.",
            ),
        ],
        "en_conflit": any(conflit(ligne.numero, p.dossier.numero_portail) for p in proposees),
        "notre": notre.get(ligne.dossier_id or 0),
        "saisie": saisie,
        "fil": (("Portail de l’État", f"/portail-etat/{code}"), (ligne.numero, None)),
    }


def _proposees(session: SessionDep, acteur: Identite, appel: Appel, ligne: LignePortail) -> Sequence[Proposition]:
    nos = portail.list_nos_dossiers(session, acteur, appel)
    toutes = portail.list_lignes_portail(session, appel.id)
    return rapprochement.propositions([ligne], nos, toutes)[ligne.numero]


def _dit(p: Proposition) -> str:
    reserves = f" À vérifier : {' '.join(p.reserves)}" if p.reserves else ""
    return f"{p.degre.libelle}. {p.dossier.porteur}. {' '.join(p.raisons)}{reserves}"


@routeur.get("/portail-etat/{code}/lignes/{reference}", name="portail_etat:ligne", dependencies=[Depends(LIT)])
def page_ligne(request: Request, session: SessionDep, acteur: Acteur, code: str, reference: str) -> Response:
    """Un dossier du portail, nos candidats et leurs raisons, ou ce qui a été décidé."""
    return rendre(request, "dossier/portail_etat_ligne.html", _ligne(session, acteur, code, reference, {}))


def _page_ligne(envoi: Envoi, code: str, reference: str) -> Page:
    return "dossier/portail_etat_ligne.html", _ligne(envoi.session, envoi.acteur, code, reference, envoi.saisie)


@routeur.post(
    "/portail-etat/{code}/lignes/{reference}/rapprochement",
    name="portail_etat:rapprocher",
    dependencies=[Depends(TRANCHE)],
)
def rapprocher(envoi: EnvoiDep, code: str, reference: str) -> Response:
    """Dit lequel de nos dossiers est celui-là, ou qu'aucun ne l'est."""
    with envoi.sinon(lambda: _page_ligne(envoi, code, reference)):
        donnees = valider(FormulaireRapprochement, envoi.formulaire.en_dict())
        if donnees.choix == AUCUN:
            rapprochement.laisser(envoi.session, code, reference, **envoi.qui)
            return envoi.vers("portail_etat:appel", code=code, fait=LAISSE)
        if donnees.choix == AUTRE and not donnees.dossier:
            raise SaisieInvalide([Faute("dossier", "Donnez le numéro du dossier choisi.", "dossier_absent")])
        rapprochement.rapprocher(
            envoi.session, code, reference, dossier=donnees.dossier if donnees.choix == AUTRE else donnees.choix,
            remplacer=bool(donnees.remplacer), **envoi.qui,
        )  # fmt: skip
    return envoi.vers("portail_etat:appel", code=code, fait=RAPPROCHE)


@routeur.post(
    "/portail-etat/{code}/lignes/{reference}/annulation",
    name="portail_etat:defaire",
    dependencies=[Depends(TRANCHE)],
)
def defaire(envoi: EnvoiDep, code: str, reference: str) -> Response:
    """Remet une ligne à rapprocher, avec un motif."""
    with envoi.sinon(lambda: _page_ligne(envoi, code, reference)):
        motif = valider(FormulaireMotif, envoi.formulaire.en_dict()).motif
        rapprochement.defaire(envoi.session, code, reference, motif=motif, **envoi.qui)
    return envoi.vers("portail_etat:ligne", code=code, reference=reference, fait=DEFAIT)

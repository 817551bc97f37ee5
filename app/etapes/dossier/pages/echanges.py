"""Pages partagées du dossier : les messages, les fichiers joints, ce qu'un complément a changé."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from app.etapes.appel.models import PieceExigee
from app.etapes.appel.repository import list_pieces as pieces_de_l_appel
from app.etapes.dossier import repository
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.repository import echanges as lectures
from app.etapes.dossier.repository.referentiel import get_cadre, get_referentiel_garde
from app.etapes.dossier.rules.echanges import LONGUEUR_MESSAGE, differences
from app.etapes.dossier.schemas import FormulaireFichier, FormulaireMessage
from app.etapes.dossier.service import brouillon, echanges
from app.etapes.dossier.service.vie import roles_sur_dossier
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.files import magasin_de
from app.infra.files.controle import ACCEPTE, TAILLE_MAX
from app.infra.files.envoi import televersement_de
from app.infra.forms import valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import Introuvable
from app.noyau.periodes import a_paris
from app.noyau.roles import ROLES_PORTEUR
from app.referentiels.acteurs import repository as acteurs
from app.referentiels.pieces import repository as pieces
from app.referentiels.pieces.models import Fichier
from app.referentiels.pieces.rules import EtatFichier, attendues

routeur = APIRouter()
ENVOYE = annoncer("message-envoye", "Votre message est envoyé. L’autre côté est prévenu par courriel.")
JOINT = annoncer("fichier-joint", "Le fichier est joint. Il sera lisible dès que l’antivirus l’aura vérifié.")
FICHIER = {"accepte": ACCEPTE, "taille_max": TAILLE_MAX}


def _fil(dossier: Dossier, page: str) -> tuple[tuple[str, str | None], ...]:
    adresse = f"/dossiers/{dossier.numero or dossier.reference}"
    return (("Dossiers", "/dossiers"), (dossier.titre or "Dossier sans titre", adresse), (page, None))


@routeur.get("/dossiers/{identifiant}/messages", name="dossier:messages", dependencies=[Depends(exiger())])
def page_messages(
    request: Request, session: SessionDep, acteur: Acteur, identifiant: str,
    apres: Annotated[str, Query(max_length=120)] = "",
) -> Response:  # fmt: skip
    """Les derniers messages du dossier, entre le porteur et qui l'instruit ; `apres` : une page plus ancienne."""
    dossier = repository.get_dossier(session, identifiant, acteur)
    contexte = _messages(session, acteur, dossier, apres)
    if contexte["messages"]:
        lectures.marquer_lus(session, dossier, acteur.acteur, contexte["messages"][-1].id)
    return rendre(request, "dossier/messages.html", contexte)


def _messages(session: SessionDep, acteur: Identite, dossier: Dossier, apres: str = "") -> dict[str, Any]:
    cote = echanges.cote_de(acteur, dossier)
    fichiers = lectures.list_fichiers(session, dossier.id)
    joints: dict[int, list[Any]] = {}
    for joint, fichier in fichiers:
        if joint.message_id is not None:
            joints.setdefault(joint.message_id, []).append(fichier)
    redige = bool(roles_sur_dossier(acteur, dossier) & (brouillon.ECRIT | echanges.INSTRUIT))
    page = lectures.list_messages(session, dossier.id, apres)
    return {
        "dossier": dossier,
        "identifiant": dossier.numero or dossier.reference,
        "messages": page.elements,
        "plus_anciens": page.suivant,
        "plus_recents": page.precedent,
        "joints": joints,
        "propres": [(j, x) for j, x in fichiers if j.message_id is None],
        "cote": cote.value,
        "redige": redige and dossier.numero is not None,
        "maximum": LONGUEUR_MESSAGE,
        "saisie": {},
        "fil": _fil(dossier, "Messages"),
        **FICHIER,
    }


def _page_messages(envoi: Envoi, identifiant: str) -> Page:
    dossier = repository.get_dossier(envoi.session, identifiant, envoi.acteur)
    return "dossier/messages.html", _messages(envoi.session, envoi.acteur, dossier) | {"saisie": envoi.saisie}


@routeur.post("/dossiers/{identifiant}/messages", name="dossier:ecrire", dependencies=[Depends(exiger())])
def ecrire(envoi: EnvoiDep, identifiant: str) -> Response:
    """Envoie un message, au besoin avec un fichier."""
    with envoi.sinon(lambda: _page_messages(envoi, identifiant)):
        donnees = valider(FormulaireMessage, envoi.formulaire.en_dict())
        recu = envoi.formulaire.fichiers.get("fichier")
        avec = recu is not None and bool(recu.filename)
        echanges.ecrire(
            envoi.session, identifiant, texte=donnees.texte,
            televersement=televersement_de(envoi.formulaire, "fichier") if avec else None,
            magasin=magasin_de(envoi.request.app.state.config), **envoi.qui,
        )  # fmt: skip
    return envoi.vers("dossier:messages", fait=ENVOYE, identifiant=identifiant)


@routeur.get("/dossiers/{identifiant}/pieces", name="dossier:pieces", dependencies=[Depends(exiger(*ROLES_PORTEUR))])
def page_pieces(
    request: Request, session: SessionDep, acteur: Acteur, maintenant: Maintenant, identifiant: str
) -> Response:
    """Les pièces que l'appel demande, celles de l'organisation, celles de ce dossier."""
    dossier = repository.get_dossier(session, identifiant, acteur)
    return rendre(request, "dossier/pieces.html", _pieces(session, acteur, dossier, maintenant))


def _pieces(session: SessionDep, acteur: Identite, dossier: Dossier, maintenant: Maintenant) -> dict[str, Any]:
    if dossier.organisation_id not in acteur.organisations():
        raise Introuvable(repository.INTROUVABLE)
    organisation = acteurs.get_organisation(session, dossier.organisation_id)
    if organisation is None:
        raise Introuvable(repository.INTROUVABLE)
    en_place = pieces.list_pieces_valables(session, organisation.id, a_paris(maintenant).date(), en_analyse=True)
    demandees = pieces_de_l_appel(session, dossier.appel_id, organisation.forme)
    return {
        "dossier": dossier,
        "identifiant": dossier.numero or dossier.reference,
        "organisation": organisation,
        "demandees": [_demandee(p, en_place) for p in demandees],
        "joints": [(j, x) for j, x in lectures.list_fichiers(session, dossier.id) if j.message_id is None],
        "redige": bool(roles_sur_dossier(acteur, dossier) & brouillon.ECRIT),
        "saisie": {},
        "fil": _fil(dossier, "Pièces"),
        **FICHIER,
    }


def _demandee(piece: PieceExigee, en_place: Sequence[pieces.PieceEtFichier]) -> dict[str, Any]:
    """Une pièce demandée : les fichiers qui y répondent, ce qu'il reste à déposer (nature, intitulé), son état."""
    fichiers: list[Fichier] = []
    a_deposer = ("", "")
    for attendue in attendues(piece.code, piece.libelle):
        trouves = [x for p, x in en_place if attendue.repond(p.nature, p.intitule)]
        fichiers += trouves
        if not trouves:
            a_deposer = attendue.a_deposer
    if a_deposer[0]:
        etat = ("À fournir", "attente") if piece.est_obligatoire else ("Non fournie", "neutre")
    else:
        attend = any(x.etat is EtatFichier.RECU for x in fichiers)
        etat = ("En cours d’analyse", "attente") if attend else ("Valable", "oui")
    return {"piece": piece, "fichiers": fichiers, "a_deposer": a_deposer, "etat": etat}


def _page_pieces(envoi: Envoi, identifiant: str) -> Page:
    dossier = repository.get_dossier(envoi.session, identifiant, envoi.acteur)
    contexte = _pieces(envoi.session, envoi.acteur, dossier, envoi.maintenant)
    return "dossier/pieces.html", contexte | {"saisie": envoi.saisie}


@routeur.post("/dossiers/{identifiant}/pieces", name="dossier:joindre", dependencies=[Depends(exiger(*ROLES_PORTEUR))])
def joindre(envoi: EnvoiDep, identifiant: str) -> Response:
    """Joint un fichier propre à ce dossier."""
    with envoi.sinon(lambda: _page_pieces(envoi, identifiant)):
        donnees = valider(FormulaireFichier, envoi.formulaire.en_dict())
        echanges.joindre(
            envoi.session, identifiant, intitule=donnees.intitule,
            televersement=televersement_de(envoi.formulaire, "fichier"),
            magasin=magasin_de(envoi.request.app.state.config), **envoi.qui,
        )  # fmt: skip
    return envoi.vers("dossier:pieces", fait=JOINT, identifiant=identifiant)


@routeur.get("/dossiers/{identifiant}/versions/{rang}", name="dossier:comparer", dependencies=[Depends(exiger())])
def page_versions(request: Request, session: SessionDep, acteur: Acteur, identifiant: str, rang: int) -> Response:
    """Ce qu'un complément a changé : le contenu figé de ce rang, comparé à celui d'avant."""
    dossier = repository.get_dossier(session, identifiant, acteur)
    apres = repository.get_version(session, dossier.id, rang)
    avant = repository.get_version(session, dossier.id, rang - 1)
    if apres is None or avant is None:
        raise Introuvable("Ce dossier n’a pas été complété à ce rang.")
    cadre = get_cadre(session, dossier)
    noms = get_referentiel_garde(session, dossier.contrat_id, dossier.version_id, cadre.empreinte)
    contexte = {
        "dossier": dossier,
        "avant": avant,
        "apres": apres,
        "differences": differences(avant.contenu, apres.contenu, noms),
        "fil": _fil(dossier, "Ce qui a changé"),
    }
    return rendre(request, "dossier/versions.html", contexte)

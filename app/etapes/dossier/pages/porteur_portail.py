"""Pages : la demande en document (PDF, tableur), la fiche à recopier sur le portail de l'État et son numéro."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.dossier import repository
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.formulaire_unique import portail
from app.etapes.dossier.schemas import FormulaireNumero
from app.etapes.dossier.service import brouillon, portail_etat
from app.etapes.dossier.service.demande_ecrite import (
    DEMANDE,
    ecrire_la_derniere,
    en_tableur,
    exiger_lecture_entiere,
    nature,
)
from app.infra import documents
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.forms import valider
from app.infra.identite import Identite
from app.infra.tableur import XLSX
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import Introuvable
from app.noyau.roles import ROLES_PORTEUR

routeur = APIRouter()
NUMERO = annoncer("numero-portail", "Le numéro est enregistré : les deux demandes n’en font plus qu’une.")


@routeur.get("/dossiers/{identifiant}/demande.pdf", name="dossier:demande_pdf", dependencies=[Depends(exiger())])
def demande_pdf(session: SessionDep, acteur: Acteur, identifiant: str) -> Response:
    """La demande scellée, au format du Cerfa. Lève Introuvable tant qu'elle est en préparation."""
    dossier = repository.get_dossier(session, identifiant, acteur)
    exiger_lecture_entiere(acteur, dossier)
    lien = repository.get_document(session, dossier.id, nature(repository.dernier_rang(session, dossier.id)))
    document = documents.lire(session, lien.sha256) if lien is not None else None
    if document is None:
        phrase = "La demande scellée existe une fois le dossier déposé ; elle est prête en une minute."
        raise Introuvable(phrase, code="document_en_preparation")
    entetes = {"Content-Disposition": f'inline; filename="{document.nom}"'}
    return Response(document.contenu, media_type=document.media, headers=entetes)


@routeur.get("/dossiers/{identifiant}/demande.xlsx", name="dossier:demande_xlsx", dependencies=[Depends(exiger())])
def demande_xlsx(session: SessionDep, acteur: Acteur, maintenant: Maintenant, identifiant: str) -> Response:
    """Le même contenu en tableur, dans l'ordre du portail de l'État."""
    dossier = repository.get_dossier(session, identifiant, acteur)
    exiger_lecture_entiere(acteur, dossier)
    ecrite = ecrire_la_derniere(session, dossier, maintenant, acteur)
    nom = f"{DEMANDE}-{dossier.numero or dossier.reference}.xlsx"
    entetes = {"Content-Disposition": f'attachment; filename="{nom}"'}
    return Response(en_tableur(portail(ecrite)), media_type=XLSX, headers=entetes)


def _contexte(session: SessionDep, acteur: Identite, dossier: Dossier, maintenant: Maintenant) -> dict[str, Any]:
    exiger_lecture_entiere(acteur, dossier)
    ecrite = ecrire_la_derniere(session, dossier, maintenant, acteur)
    identifiant = dossier.numero or dossier.reference
    return {
        "dossier": dossier,
        "identifiant": identifiant,
        "rubriques": [r for r in portail(ecrite) if r.paires or r.textes or r.tableaux],
        "saisie": {"numero_dauphin": portail_etat.numero_connu(session, dossier, ecrite.contenu)},
        "modifiable": dossier.organisation_id in acteur.organisations(brouillon.ECRIT),
        "demande_l_etat": portail_etat.demande_l_etat(session, dossier, ecrite.contenu),
        "fil": (
            ("Mes dossiers", "/dossiers"),
            (dossier.titre or "Dossier sans titre", f"/dossiers/{identifiant}"),
            ("À recopier", None),
        ),
    }


def _adresse(request: Request) -> dict[str, Any]:
    """Où est la plateforme de l'État (IQ_PORTAIL_ETAT_URL), si l'exploitant l'a dit."""
    return {"portail_url": request.app.state.config.portail_etat_url}


@routeur.get("/dossiers/{identifiant}/portail", name="dossier:portail", dependencies=[Depends(exiger(*ROLES_PORTEUR))])
def page_portail(
    request: Request, session: SessionDep, acteur: Acteur, maintenant: Maintenant, identifiant: str
) -> Response:
    """Ce qu'il faut recopier sur le portail de l'État, dans son ordre ; puis le numéro qu'il a donné."""
    dossier = repository.get_dossier(session, identifiant, acteur)
    contexte = _contexte(session, acteur, dossier, maintenant) | _adresse(request)
    return rendre(request, "dossier/portail.html", contexte)


def _page(envoi: Envoi, identifiant: str) -> Page:
    dossier = repository.get_dossier(envoi.session, identifiant, envoi.acteur)
    contexte = _contexte(envoi.session, envoi.acteur, dossier, envoi.maintenant)
    return "dossier/portail.html", contexte | _adresse(envoi.request) | {"saisie": envoi.saisie}


@routeur.post(
    "/dossiers/{identifiant}/portail", name="dossier:numeroter", dependencies=[Depends(exiger(*ROLES_PORTEUR))]
)
def numeroter(envoi: EnvoiDep, identifiant: str) -> Response:
    """Enregistre le numéro que le portail de l'État a donné."""
    with envoi.sinon(lambda: _page(envoi, identifiant)):
        donnees = valider(FormulaireNumero, envoi.formulaire.en_dict())
        portail_etat.numeroter(envoi.session, identifiant, numero=donnees.numero_dauphin, **envoi.qui)
    return envoi.vers("dossier:voir", identifiant=identifiant, fait=NUMERO)

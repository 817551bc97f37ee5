"""La notification vue par le porteur : la décision, la lettre, les recours ; renoncer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.convention.service import decision, lettre, notification
from app.etapes.dossier.repository import get_dossier
from app.etapes.dossier.rules.etats import EtatDemande
from app.infra import documents
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.db import Session
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import ActeImpossible
from app.noyau.roles import ROLES_PORTEUR, Role
from app.referentiels.lignes.rules import en_phrase

routeur = APIRouter()
LIT = exiger()
RENONCE = exiger(*ROLES_PORTEUR)
RENONCEE = annoncer("renonciation", "Votre renonciation est enregistrée. Le financeur en est informé.")


def _contexte(
    session: Session, numero: str, ligne: str, acteur: Identite, maintenant: datetime, saisie: dict[str, str]
) -> dict[str, Any]:
    partie, lues = notification.ouvrir(session, numero, ligne, acteur=acteur, maintenant=maintenant)
    dossier = get_dossier(session, numero, acteur)
    engage_le_porteur = any(
        h.organisation_id == dossier.organisation_id and h.role in {Role.ADMINISTRATEUR_PORTEUR, Role.SIGNATAIRE}
        for h in acteur.habilitations
    )
    document = documents.lire(session, partie.document_sha256) if partie.document_sha256 else None
    return {
        "notification": partie,
        "lettre": lettre.donnees(session, partie, lues),
        "est_renoncee": any(lue.demande.etat is EtatDemande.RENONCEE for lue in lues),
        "peut_renoncer": engage_le_porteur and any(lue.demande.etat is EtatDemande.NOTIFIEE for lue in lues),
        "poids": len(document.contenu) if document is not None else 0,
        "adresse": f"/dossiers/{numero}/notifications/{ligne}",
        "numero": numero,
        "ligne": ligne,
        "saisie": saisie,
        "fil": ((dossier.titre, f"/dossiers/{numero}"), (f"Décision {en_phrase(lues[0].ligne.financeur).de}", None)),
    }


# Avant la page : « {ligne} » prendrait aussi « M2A.pdf ».
@routeur.get("/dossiers/{numero}/notifications/{ligne}.pdf", name="notification:pdf", dependencies=[Depends(LIT)])
def telecharger(session: SessionDep, acteur: Acteur, numero: str, ligne: str, maintenant: Maintenant) -> Response:
    """La lettre scellée."""
    partie, _ = notification.ouvrir(session, numero, ligne, acteur=acteur, maintenant=maintenant)
    document = documents.lire(session, partie.document_sha256) if partie.document_sha256 else None
    if document is None:
        raise ActeImpossible("La lettre est en préparation : revenez dans un instant.", code="lettre_en_preparation")
    entetes = {"Content-Disposition": f'inline; filename="{document.nom}"'}
    return Response(document.contenu, media_type=document.media, headers=entetes)


@routeur.get("/dossiers/{numero}/notifications/{ligne}", name="notification", dependencies=[Depends(LIT)])
def page_notification(
    request: Request, session: SessionDep, acteur: Acteur, numero: str, ligne: str, maintenant: Maintenant
) -> Response:
    """La décision notifiée ; la première lecture par le porteur est datée."""
    contexte = _contexte(session, numero, ligne, acteur, maintenant, {})
    return rendre(request, "convention/notification.html", contexte)


def _page(envoi: Envoi, numero: str, ligne: str) -> Page:
    contexte = _contexte(envoi.session, numero, ligne, envoi.acteur, envoi.maintenant, envoi.saisie)
    return "convention/notification.html", contexte


@routeur.post(
    "/dossiers/{numero}/notifications/{ligne}/renonciation",
    name="notification:renoncer",
    dependencies=[Depends(RENONCE)],
)
def renoncer(envoi: EnvoiDep, numero: str, ligne: str) -> Response:
    """Le porteur renonce à la subvention."""
    with envoi.sinon(lambda: _page(envoi, numero, ligne)):
        decision.renoncer(envoi.session, numero, ligne, motif=envoi.formulaire.get("motif"), **envoi.qui)
    return envoi.vers("notification", numero=numero, ligne=ligne, fait=RENONCEE)

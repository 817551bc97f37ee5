"""Pages : la notice explicative d'un dossier, sa demande et sa remise ; les notices d'un appel."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.notation.pages.vues import capitale
from app.etapes.notation.repository.notices import compter_notices, list_notices_en_attente
from app.etapes.notation.rules.notice import Raison
from app.etapes.notation.rules.transparence import CONTRIBUTIONS, DEGRE, FINALITE, OPERATIONS
from app.etapes.notation.rules.travaux import Voie
from app.etapes.notation.schemas import SaisieDemandeNotice, SaisieRemiseNotice
from app.etapes.notation.service import notice as service
from app.infra import documents
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.db import Session
from app.infra.envoi import Envoi, EnvoiDep, Page
from app.infra.forms import valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import ActeImpossible, Introuvable
from app.noyau.roles import ROLES_PORTEUR

routeur = APIRouter()
LIT = exiger()
DEMANDE = exiger(*ROLES_PORTEUR)
ENREGISTRE = exiger(*service.ENREGISTRE)
REMISE_EN_LIGNE = annoncer("notice-remise", "Voici votre notice. Elle reste ici ; le PDF se prépare.")
DEMANDE_NOTEE = annoncer("notice-demandee", "La demande est enregistrée. Notez la remise quand la notice est partie.")
REMISE_NOTEE = annoncer("notice-remise-notee", "La remise est enregistrée.")
VOIES = {Voie.EN_LIGNE: "en ligne", Voie.COURRIER: "par courrier", Voie.GUICHET: "au guichet"}
ATTENTES = 200


def _contexte(session: Session, acteur: Identite, numero: str, saisie: dict[str, str]) -> dict[str, Any]:
    ouverte = service.ouvrir(session, numero, acteur)
    dossier, porteur = ouverte.dossier, ouverte.est_du_porteur
    return {
        "ouverte": ouverte,
        "notice": ouverte.notice,
        "dossier": dossier,
        "adresse": f"/dossiers/{dossier.numero}/notice",
        "se_montre": bool(ouverte.notice.lignes) and (not porteur or ouverte.est_remise),
        "attend": [ligne for ligne in ouverte.notice.en_attente if ligne.raison is Raison.A_NOTIFIER],
        "finalite": FINALITE,
        "degre": DEGRE,
        "contributions": CONTRIBUTIONS,
        "operations": OPERATIONS,
        "capitale": capitale,
        "voies": VOIES,
        "choix_voies": [(voie.value, libelle) for voie, libelle in VOIES.items() if voie is not Voie.EN_LIGNE],
        "enregistre": acteur.tient(*service.ENREGISTRE, contrat_id=dossier.contrat_id) and not porteur,
        "saisie": saisie,
        "fil": (
            ("Mes dossiers" if porteur else "Dossiers", "/dossiers" if porteur else "/instruction"),
            (dossier.titre, f"/dossiers/{dossier.numero}" if porteur else f"/instruction/{dossier.numero}"),
            ("Notice explicative", None),
        ),
    }


@routeur.get("/dossiers/{numero}/notice.pdf", name="notice:pdf", dependencies=[Depends(LIT)])
def telecharger(session: SessionDep, acteur: Acteur, numero: str) -> Response:
    """La dernière notice scellée de l'association."""
    ouverte = service.ouvrir(session, numero, acteur)
    service.exiger_remise(ouverte)
    document = documents.lire(session, ouverte.scellee.sha256) if ouverte.scellee is not None else None
    if document is None:
        phrase = "La notice en PDF se prépare après sa demande : revenez dans un instant."
        raise ActeImpossible(phrase, code="notice_en_preparation")
    entetes = {"Content-Disposition": f'inline; filename="{document.nom}"'}
    return Response(document.contenu, media_type=document.media, headers=entetes)


@routeur.get("/dossiers/{numero}/notice", name="notice", dependencies=[Depends(LIT)])
def page_notice(request: Request, session: SessionDep, acteur: Acteur, numero: str) -> Response:
    """La notice : ce que l'association peut en lire et comment la demander ; pour un agent, l'aperçu entier."""
    return rendre(request, "notation/notice.html", _contexte(session, acteur, numero, {}))


def _page(envoi: Envoi, numero: str) -> Page:
    return "notation/notice.html", _contexte(envoi.session, envoi.acteur, numero, envoi.saisie)


@routeur.post("/dossiers/{numero}/notice", name="notice:demander", dependencies=[Depends(DEMANDE)])
def demander(envoi: EnvoiDep, numero: str) -> Response:
    """L'association demande sa notice : elle lui est remise aussitôt."""
    with envoi.sinon(lambda: _page(envoi, numero)):
        service.demander(envoi.session, numero, **envoi.qui)
    return envoi.vers("notice", numero=numero, fait=REMISE_EN_LIGNE)


@routeur.post("/dossiers/{numero}/notice/demandes", name="notice:enregistrer", dependencies=[Depends(ENREGISTRE)])
def enregistrer(envoi: EnvoiDep, numero: str) -> Response:
    """Un agent note une demande reçue par courrier ou au guichet."""
    with envoi.sinon(lambda: _page(envoi, numero)):
        donnees = valider(SaisieDemandeNotice, envoi.formulaire.en_dict())
        service.enregistrer(envoi.session, numero, voie=donnees.voie, recue_le=donnees.recue_le, **envoi.qui)
    return envoi.vers("notice", numero=numero, fait=DEMANDE_NOTEE)


@routeur.post("/dossiers/{numero}/notice/remise", name="notice:remettre", dependencies=[Depends(ENREGISTRE)])
def remettre(envoi: EnvoiDep, numero: str) -> Response:
    """Un agent note le jour où la notice a été remise."""
    with envoi.sinon(lambda: _page(envoi, numero)):
        donnees = valider(SaisieRemiseNotice, envoi.formulaire.en_dict())
        service.remettre(envoi.session, numero, remise_le=donnees.remise_le, **envoi.qui)
    return envoi.vers("notice", numero=numero, fait=REMISE_NOTEE)


def _appel(session: Session, code: str, acteur: Identite) -> Appel:
    appel = appels.get_appel_par_code(session, code)
    if appel is None or not acteur.tient(*service.ENREGISTRE, contrat_id=appel.contrat_id):
        raise Introuvable("Cet appel n’existe pas, ou vous n’y avez pas accès.")
    return appel


@routeur.get("/appels/{code}/notices", name="notices", dependencies=[Depends(ENREGISTRE)])
def page_notices(request: Request, session: SessionDep, acteur: Acteur, code: str, maintenant: Maintenant) -> Response:
    """Les notices d'un appel : combien demandées, remises, en combien de temps ; celles qui attendent."""
    appel = _appel(session, code, acteur)
    attendues = list_notices_en_attente(session, appel.id, acteur, maximum=ATTENTES)
    contexte = {
        "appel": appel,
        "compte": compter_notices(session, appel.id),
        "attendues": [(demande, dossier, (maintenant - demande.demandee_le).days) for demande, dossier in attendues],
        "voies": VOIES,
        "fil": (("Dossiers", f"/instruction?appel={code}"), ("Notices explicatives", None)),
    }
    return rendre(request, "notation/notices.html", contexte)

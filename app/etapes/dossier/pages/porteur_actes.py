"""Pages du porteur : relire, envoyer à la signature, signer, déposer, reprendre, retirer, compléter, l'accusé."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.appel.repository import list_pieces
from app.etapes.dossier import repository
from app.etapes.dossier.pages.porteur_a_cote import manques_a_cote
from app.etapes.dossier.pages.porteur_dossier import contexte_dossier
from app.etapes.dossier.pages.porteur_lecture import avertissement_du_lieu, fiche_relue, lignes_relues
from app.etapes.dossier.pages.porteur_suivi import portail_a_faire
from app.etapes.dossier.pages.porteur_vues import DossierOuvert, ouvrir
from app.etapes.dossier.repository.accuses import list_accuses
from app.etapes.dossier.repository.referentiel import get_cadre
from app.etapes.dossier.rules.accuse import VOIES_DE_RECOURS
from app.etapes.dossier.rules.clair import contenu_en_clair
from app.etapes.dossier.rules.depot import section_de
from app.etapes.dossier.rules.formulaire_unique import QUALITES
from app.etapes.dossier.schemas import FormulaireMotif, FormulaireReponse, FormulaireSignature, FormulaireVersion
from app.etapes.dossier.service import brouillon, depot, signature, vie
from app.etapes.dossier.service.accuse import ACCUSE
from app.etapes.dossier.service.demande_ecrite import lit_le_bancaire
from app.infra import documents
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.envoi import Envoi, EnvoiDep, Page, renommer
from app.infra.forms import valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre, transaction_a_part
from app.noyau.erreurs import Introuvable
from app.noyau.roles import ROLES_PORTEUR
from app.referentiels.acteurs.models import Organisation
from app.referentiels.acteurs.service import fiche

routeur = APIRouter()
PORTEUR = [Depends(exiger(*ROLES_PORTEUR))]
ENVOYE = annoncer("dossier-envoye", "Le dossier est prêt : il reste à le signer, puis à le déposer.")
ENVOYE_SANS_FICHE = annoncer(
    "dossier-envoye-fiche",
    "Le dossier est prêt à signer. La fiche de votre organisation n’est pas complète : complétez-la avant de déposer "
    "(« Mon organisation »), sinon un financeur vous le demandera.",
)
SIGNE = annoncer("dossier-signe", "Le dossier est signé. Il reste à le déposer.")
DEPOSE = annoncer("dossier-depose", "Votre dossier est déposé. Gardez son numéro.")
REPRIS = annoncer("dossier-repris", "La rédaction est rouverte. Il faudra signer de nouveau.")
RETIRE = annoncer("dossier-retire", "Le dossier est retiré.")
COMPLETE = annoncer("dossier-complete", "Votre complément est envoyé.")


def _relecture(session: SessionDep, ouvert: DossierOuvert, maintenant: datetime) -> dict[str, Any]:
    referentiel = ouvert.referentiel
    return _fiche_relue(session, ouvert, maintenant) | {
        "titre": f"Relire « {ouvert.titre} »",
        "ouvert": ouvert,
        "sections": contenu_en_clair(ouvert.utile, referentiel),
        "avertissement": avertissement_du_lieu(ouvert.contenu, referentiel),
        "lignes": lignes_relues(ouvert.contenu, referentiel),
        "a_revoir": [s for s, etat in ouvert.etats.items() if etat.value == "a_revoir"],
        "manques": [(f, section_de(f)) for f in ouvert.fautes],
        "pieces": list_pieces(session, ouvert.dossier.appel_id, ouvert.cadre.organisation.forme),
        "a_cote": manques_a_cote(session, ouvert, maintenant),
        "cle": secrets.token_urlsafe(16),
        "qualites": QUALITES,
    }


def _fiche_relue(session: SessionDep, ouvert: DossierOuvert, maintenant: datetime) -> dict[str, Any]:
    """La fiche que l'on signe avec le dossier, et ce qui y a changé depuis. Une requête ; aucune après le dépôt."""
    if ouvert.dossier.numero is not None:
        return {"fiche": None, "representant": {}, "empreinte_fiche": "", "changees": ()}
    fige = signature.fiche_a_deposer(session, ouvert.dossier, ouvert.cadre.appel.annee, maintenant)
    changees = signature.ce_qui_la_defait(session, ouvert.dossier, maintenant, fige)
    return {
        "fiche": fiche_relue(fige, entiere=lit_le_bancaire(ouvert.acteur, ouvert.dossier)),
        "representant": fige.get("representant") or {},
        "empreinte_fiche": signature.empreinte_de_la_fiche(fige),
        "changees": changees,
    }


@routeur.get("/dossiers/{identifiant}/signature", name="dossier:signature", dependencies=PORTEUR)
def page_signature(
    request: Request, session: SessionDep, acteur: Acteur, maintenant: Maintenant, identifiant: str
) -> Response:
    """Relire tout le dossier ; puis l'envoyer à la signature, le signer ou le déposer."""
    ouvert = ouvrir(session, identifiant, acteur, maintenant)
    return rendre(request, "dossier/signature.html", _relecture(session, ouvert, maintenant))


def _page_signature(envoi: Envoi, identifiant: str) -> Page:
    ouvert = ouvrir(envoi.session, identifiant, envoi.acteur, envoi.maintenant)
    return "dossier/signature.html", _relecture(envoi.session, ouvert, envoi.maintenant)


def _page_depot_refuse(envoi: Envoi, identifiant: str) -> Page:
    """La page relue ; une signature donnée sur une fiche qui a changé est tombée, quoi qu'annule la requête."""
    with transaction_a_part(envoi.request) as a_part:
        signature.faire_tomber(a_part, identifiant, **envoi.qui)
    return _page_signature(envoi, identifiant)


@routeur.post("/dossiers/{identifiant}/envoi", name="dossier:envoyer", dependencies=PORTEUR)
def envoyer(envoi: EnvoiDep, identifiant: str) -> Response:
    """Envoie à la signature un dossier complet."""
    with envoi.sinon(lambda: _page_signature(envoi, identifiant)):
        dossier = brouillon.envoyer_en_signature(envoi.session, identifiant, **envoi.qui)
    organisation = envoi.session.get_one(Organisation, dossier.organisation_id)
    incomplete = fiche.manques(envoi.session, organisation, envoi.maintenant)
    return envoi.vers("dossier:signature", identifiant=identifiant, fait=ENVOYE_SANS_FICHE if incomplete else ENVOYE)


@routeur.post("/dossiers/{identifiant}/signature", name="dossier:signer", dependencies=PORTEUR)
def signer(envoi: EnvoiDep, identifiant: str) -> Response:
    """Signe la version relue ; une version périmée se relit (412)."""
    with envoi.sinon(lambda: _page_signature(envoi, identifiant)):
        donnees = valider(FormulaireSignature, envoi.formulaire.en_dict())
        depot.signer(
            envoi.session, identifiant, version_lue=donnees.version, fiche_lue=donnees.fiche,
            qualite=donnees.qualite, **envoi.qui,
        )  # fmt: skip
    return envoi.vers("dossier:signature", identifiant=identifiant, fait=SIGNE)


@routeur.post("/dossiers/{identifiant}/depot", name="dossier:deposer", dependencies=PORTEUR)
def deposer(envoi: EnvoiDep, identifiant: str) -> Response:
    """Dépose la version signée ; un second envoi mène au même accusé."""
    with envoi.sinon(lambda: _page_depot_refuse(envoi, identifiant)):
        donnees = valider(FormulaireVersion, envoi.formulaire.en_dict())
        dossier = depot.deposer(
            envoi.session, identifiant, version_lue=donnees.version, cle=donnees.cle or None, **envoi.qui
        )
    return envoi.vers("dossier:accuse", identifiant=dossier.numero, fait=DEPOSE)


@routeur.post("/dossiers/{identifiant}/reprise", name="dossier:reprendre", dependencies=PORTEUR)
def reprendre(envoi: EnvoiDep, identifiant: str) -> Response:
    """Revient à la rédaction ; la signature tombe."""
    with envoi.sinon(lambda: _page_signature(envoi, identifiant)):
        brouillon.reprendre(envoi.session, identifiant, **envoi.qui)
    return envoi.vers("dossier:voir", identifiant=identifiant, fait=REPRIS)


def _contexte_retrait(
    session: SessionDep, identifiant: str, acteur: Identite, saisie: dict[str, str]
) -> dict[str, Any]:
    """Lève ActeInterdit ou ActeImpossible à qui ne peut pas retirer."""
    ouvert = ouvrir(session, identifiant, acteur)
    demandes = [d for d, _ in repository.list_demandes(session, [ouvert.dossier.id])]
    return {
        "ouvert": ouvert, "saisie": saisie, "retrait": vie.exiger_retrait(session, ouvert.dossier, demandes, acteur)
    }  # fmt: skip


@routeur.get("/dossiers/{identifiant}/retrait", name="dossier:retrait", dependencies=PORTEUR)
def page_retrait(request: Request, session: SessionDep, acteur: Acteur, identifiant: str) -> Response:
    """Confirmer le retrait, dire pourquoi."""
    return rendre(request, "dossier/retrait.html", _contexte_retrait(session, identifiant, acteur, {}))


def _page_retrait(envoi: Envoi, identifiant: str) -> Page:
    contexte = _contexte_retrait(envoi.session, identifiant, envoi.acteur, envoi.saisie)
    return "dossier/retrait.html", contexte


@routeur.post("/dossiers/{identifiant}/retrait", name="dossier:retirer", dependencies=PORTEUR)
def retirer(envoi: EnvoiDep, identifiant: str) -> Response:
    """Retire le dossier."""
    with envoi.sinon(lambda: _page_retrait(envoi, identifiant)):
        donnees = valider(FormulaireMotif, envoi.formulaire.en_dict())
        vie.retirer(envoi.session, identifiant, motif=donnees.motif, **envoi.qui)
    return envoi.vers("dossier:voir", identifiant=identifiant, fait=RETIRE)


def _page_dossier(envoi: Envoi, identifiant: str) -> Page:
    ouvert = ouvrir(envoi.session, identifiant, envoi.acteur)
    contexte = contexte_dossier(envoi.session, ouvert, envoi.maintenant)
    return "dossier/dossier.html", contexte | {"saisie": envoi.saisie}


@routeur.post("/dossiers/{identifiant}/complement", name="dossier:completer", dependencies=PORTEUR)
def completer(envoi: EnvoiDep, identifiant: str) -> Response:
    """Envoie le complément : la réponse, et ce qui a été corrigé dans les étapes."""
    with envoi.sinon(lambda: _page_dossier(envoi, identifiant), renommer(motif="reponse")):
        donnees = valider(FormulaireReponse, envoi.formulaire.en_dict())
        depot.completer(envoi.session, identifiant, reponse=donnees.reponse, **envoi.qui)
    return envoi.vers("dossier:voir", identifiant=identifiant, fait=COMPLETE)


@routeur.get("/dossiers/{identifiant}/accuse", name="dossier:accuse", dependencies=[Depends(exiger())])
def page_accuse(request: Request, session: SessionDep, acteur: Acteur, identifiant: str) -> Response:
    """L'accusé de réception : numéro, date, qui décide, ce que vaut le silence, les recours."""
    dossier = repository.get_dossier(session, identifiant, acteur)
    if dossier.depose_le is None:
        raise Introuvable("Ce dossier n’est pas déposé : il n’a pas d’accusé de réception.")
    cadre = get_cadre(session, dossier)
    contexte = {
        "dossier": dossier,
        "cadre": cadre,
        "autorites": list_accuses(session, dossier, cadre),
        "voies": VOIES_DE_RECOURS,
        "accuse_pret": repository.get_document(session, dossier.id, ACCUSE) is not None,
        "portail_a_faire": portail_a_faire(repository.list_demandes(session, [dossier.id])),
        "est_du_porteur": dossier.organisation_id in acteur.organisations(),
    }
    return rendre(request, "dossier/accuse.html", contexte)


@routeur.get("/dossiers/{identifiant}/accuse.pdf", name="dossier:accuse_pdf", dependencies=[Depends(exiger())])
def accuse_pdf(session: SessionDep, acteur: Acteur, identifiant: str) -> Response:
    """L'accusé scellé. Lève Introuvable tant qu'il est en préparation."""
    dossier = repository.get_dossier(session, identifiant, acteur)
    lien = repository.get_document(session, dossier.id, ACCUSE)
    document = documents.lire(session, lien.sha256) if lien is not None else None
    if document is None:
        raise Introuvable("L’accusé est en préparation. Revenez dans une minute.", code="document_en_preparation")
    entetes = {"Content-Disposition": f'inline; filename="{document.nom}"'}
    return Response(document.contenu, media_type=document.media, headers=entetes)

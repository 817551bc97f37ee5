"""Pages du porteur : relire, envoyer à la signature, signer, déposer, reprendre, retirer, compléter, l'accusé."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.etapes.appel.repository import list_pieces
from app.etapes.dossier import repository
from app.etapes.dossier.pages.porteur_dossier import contexte_dossier
from app.etapes.dossier.pages.porteur_lecture import avertissement_du_lieu, contenu_en_clair
from app.etapes.dossier.pages.porteur_vues import DossierOuvert, ouvrir
from app.etapes.dossier.repository.accuses import list_accuses
from app.etapes.dossier.repository.referentiel import get_cadre, get_referentiel
from app.etapes.dossier.rules.accuse import VOIES_DE_RECOURS
from app.etapes.dossier.rules.depot import section_de
from app.etapes.dossier.schemas import FormulaireMotif, FormulaireReponse, FormulaireVersion
from app.etapes.dossier.service import brouillon, depot, vie
from app.etapes.dossier.service.accuse import ACCUSE
from app.infra import documents
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.forms import FormulaireDep, valider
from app.infra.web import ReponseRefusee, SessionDep, annoncer, rediriger, refuser, rendre
from app.noyau.erreurs import Faute, Introuvable, SaisieInvalide, VersionPerimee
from app.noyau.roles import ROLES_PORTEUR

routeur = APIRouter()
PORTEUR = [Depends(exiger(*ROLES_PORTEUR))]
ENVOYE = annoncer("dossier-envoye", "Le dossier est prêt : il reste à le signer, puis à le déposer.")
SIGNE = annoncer("dossier-signe", "Le dossier est signé. Il reste à le déposer.")
DEPOSE = annoncer("dossier-depose", "Votre dossier est déposé. Gardez son numéro.")
REPRIS = annoncer("dossier-repris", "La rédaction est rouverte. Il faudra signer de nouveau.")
RETIRE = annoncer("dossier-retire", "Le dossier est retiré.")
COMPLETE = annoncer("dossier-complete", "Votre complément est envoyé.")


def _relecture(session: SessionDep, ouvert: DossierOuvert, **plus: Any) -> dict[str, Any]:
    referentiel = get_referentiel(session, ouvert.dossier.contrat_id, ouvert.dossier.version_id)
    return {
        "titre": f"Relire « {ouvert.titre} »",
        "ouvert": ouvert,
        "sections": contenu_en_clair(ouvert.contenu, referentiel),
        "avertissement": avertissement_du_lieu(ouvert.contenu, referentiel),
        "a_revoir": [s for s, etat in ouvert.etats.items() if etat.value == "a_revoir"],
        "manques": [(f, section_de(f)) for f in ouvert.fautes],
        "pieces": list_pieces(session, ouvert.dossier.appel_id, ouvert.cadre.organisation.forme),
        "cle": secrets.token_urlsafe(16),
        "perime": False,
    } | plus


@routeur.get("/dossiers/{identifiant}/signature", name="dossier:signature", dependencies=PORTEUR)
def page_signature(request: Request, session: SessionDep, acteur: Acteur, identifiant: str) -> Response:
    """Relire tout le dossier ; puis l'envoyer à la signature, le signer ou le déposer."""
    return rendre(request, "dossier/signature.html", _relecture(session, ouvrir(session, identifiant, acteur)))


@routeur.post("/dossiers/{identifiant}/envoi", name="dossier:envoyer", dependencies=PORTEUR)
def envoyer(
    request: Request, session: SessionDep, acteur: Acteur, maintenant: Maintenant, identifiant: str
) -> Response:
    """Envoie à la signature un dossier complet."""
    try:
        brouillon.envoyer_en_signature(session, identifiant, acteur=acteur, maintenant=maintenant)
    except SaisieInvalide as erreur:
        contexte = _relecture(session, ouvrir(session, identifiant, acteur))
        refuser(request, "dossier/signature.html", contexte, erreur.fautes)
    return rediriger(request, "dossier:signature", identifiant=identifiant, fait=ENVOYE)


def _perime(request: Request, session: SessionDep, identifiant: str, acteur: Acteur) -> ReponseRefusee:
    """La page à relire, dans sa dernière version (412)."""
    contexte = _relecture(session, ouvrir(session, identifiant, acteur), perime=True)
    return ReponseRefusee(rendre(request, "dossier/signature.html", contexte, statut=412))


@routeur.post("/dossiers/{identifiant}/signature", name="dossier:signer", dependencies=PORTEUR)
def signer(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    maintenant: Maintenant,
    formulaire: FormulaireDep,
    identifiant: str,
) -> Response:
    """Signe la version relue."""
    donnees = valider(FormulaireVersion, formulaire.en_dict())
    try:
        depot.signer(session, identifiant, version_lue=donnees.version, acteur=acteur, maintenant=maintenant)
    except VersionPerimee:
        raise _perime(request, session, identifiant, acteur) from None
    return rediriger(request, "dossier:signature", identifiant=identifiant, fait=SIGNE)


@routeur.post("/dossiers/{identifiant}/depot", name="dossier:deposer", dependencies=PORTEUR)
def deposer(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    maintenant: Maintenant,
    formulaire: FormulaireDep,
    identifiant: str,
) -> Response:
    """Dépose la version signée ; un second envoi mène au même accusé."""
    donnees = valider(FormulaireVersion, formulaire.en_dict())
    try:
        dossier = depot.deposer(
            session, identifiant, version_lue=donnees.version, acteur=acteur, maintenant=maintenant,
            cle=donnees.cle or None,
        )  # fmt: skip
    except VersionPerimee:
        raise _perime(request, session, identifiant, acteur) from None
    except SaisieInvalide as erreur:
        contexte = _relecture(session, ouvrir(session, identifiant, acteur))
        refuser(request, "dossier/signature.html", contexte, erreur.fautes)
    return rediriger(request, "dossier:accuse", identifiant=dossier.numero, fait=DEPOSE)


@routeur.post("/dossiers/{identifiant}/reprise", name="dossier:reprendre", dependencies=PORTEUR)
def reprendre(
    request: Request, session: SessionDep, acteur: Acteur, maintenant: Maintenant, identifiant: str
) -> Response:
    """Revient à la rédaction ; la signature tombe."""
    brouillon.reprendre(session, identifiant, acteur=acteur, maintenant=maintenant)
    return rediriger(request, "dossier:voir", identifiant=identifiant, fait=REPRIS)


@routeur.get("/dossiers/{identifiant}/retrait", name="dossier:retrait", dependencies=PORTEUR)
def page_retrait(request: Request, session: SessionDep, acteur: Acteur, identifiant: str) -> Response:
    """Confirmer le retrait, dire pourquoi. Lève ActeInterdit ou ActeImpossible à qui ne peut pas retirer."""
    ouvert = ouvrir(session, identifiant, acteur)
    demandes = [d for d, _ in repository.list_demandes(session, [ouvert.dossier.id])]
    retrait = vie.exiger_retrait(session, ouvert.dossier, demandes, acteur)
    return rendre(request, "dossier/retrait.html", {"ouvert": ouvert, "saisie": {}, "retrait": retrait})


@routeur.post("/dossiers/{identifiant}/retrait", name="dossier:retirer", dependencies=PORTEUR)
def retirer(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    maintenant: Maintenant,
    formulaire: FormulaireDep,
    identifiant: str,
) -> Response:
    """Retire le dossier."""
    saisie = {"motif": formulaire.get("motif")}
    ouvert = ouvrir(session, identifiant, acteur)
    demandes = [d for d, _ in repository.list_demandes(session, [ouvert.dossier.id])]
    retrait = vie.exiger_retrait(session, ouvert.dossier, demandes, acteur)
    try:
        donnees = valider(FormulaireMotif, formulaire.en_dict())
        vie.retirer(session, identifiant, acteur=acteur, maintenant=maintenant, motif=donnees.motif)
    except SaisieInvalide as erreur:
        contexte = {"ouvert": ouvert, "saisie": saisie, "retrait": retrait}
        refuser(request, "dossier/retrait.html", contexte, erreur.fautes)
    return rediriger(request, "dossier:voir", identifiant=identifiant, fait=RETIRE)


@routeur.post("/dossiers/{identifiant}/complement", name="dossier:completer", dependencies=PORTEUR)
def completer(
    request: Request,
    session: SessionDep,
    acteur: Acteur,
    maintenant: Maintenant,
    formulaire: FormulaireDep,
    identifiant: str,
) -> Response:
    """Envoie le complément : la réponse, et ce qui a été corrigé dans les étapes."""
    try:
        donnees = valider(FormulaireReponse, formulaire.en_dict())
        depot.completer(session, identifiant, reponse=donnees.reponse, acteur=acteur, maintenant=maintenant)
    except SaisieInvalide as erreur:
        ouvert = ouvrir(session, identifiant, acteur)
        contexte = contexte_dossier(session, ouvert, maintenant) | {"saisie": {"reponse": formulaire.get("reponse")}}
        fautes = tuple(Faute("reponse", f.message, f.code) if f.champ == "motif" else f for f in erreur.fautes)
        refuser(request, "dossier/dossier.html", contexte, fautes)
    return rediriger(request, "dossier:voir", identifiant=identifiant, fait=COMPLETE)


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

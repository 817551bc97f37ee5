"""Pages : connexion, déconnexion, jetons d'API."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, TypedDict

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from app.infra import csrf, envoi_garde
from app.infra.acces import PUBLIQUE, TEMOIN, TEMOIN_SUR, Acteur, Visiteur, exiger
from app.infra.clock import heure_machine
from app.infra.csrf import origine_etrangere
from app.infra.forms import FormulaireDep, valider
from app.infra.web import SessionDep, annoncer, rediriger, refuser, rendre, transaction_a_part
from app.noyau.erreurs import ActeInterdit, SaisieInvalide
from app.referentiels.acteurs import repository, service
from app.referentiels.acteurs.schemas import FormulaireConnexion, FormulaireJeton

routeur = APIRouter()
DECONNECTE = annoncer("deconnecte", "Vous êtes déconnecté.")
JETON_REVOQUE = annoncer("jeton-revoque", "Le jeton est révoqué : il ne donne plus aucun accès.")


def chemin_sur(retour: str) -> str:
    """Un chemin de ce site, sinon l'accueil : on ne renvoie jamais ailleurs."""
    return retour if retour.startswith("/") and not retour.startswith(("//", "/\\")) else "/accueil"


@routeur.get("/connexion", name="connexion", dependencies=[Depends(PUBLIQUE)])
def page_connexion(
    request: Request, session: SessionDep, visiteur: Visiteur, retour: Annotated[str, Query()] = ""
) -> Response:
    """La page de connexion ; en démonstration, un compte par rôle."""
    if visiteur is not None:
        return RedirectResponse(chemin_sur(retour), status_code=303)
    contexte = _contexte_connexion(request, session) | {"saisie": {"retour": retour}}
    return rendre(request, "acteurs/connexion.html", contexte)


def _contexte_connexion(request: Request, session: SessionDep) -> dict[str, object]:
    demonstration = not request.app.state.config.est_production
    return {"comptes": repository.list_comptes_demonstration(session) if demonstration else ()}


@routeur.post("/connexion", name="connexion:ouvrir", dependencies=[Depends(PUBLIQUE)])
def se_connecter(request: Request, session: SessionDep, formulaire: FormulaireDep) -> Response:
    """Ouvre une session et pose le témoin."""
    if origine_etrangere(request):
        raise ActeInterdit("Ce formulaire vient d’un autre site.", code="csrf_invalide")
    saisie = {nom: formulaire.get(nom) for nom in ("courriel", "retour", "garde")}
    machine = heure_machine()
    try:
        donnees = valider(FormulaireConnexion, formulaire.en_dict())
        temoin, compte = service.ouvrir_session(
            session, courriel=donnees.courriel, mot_de_passe=donnees.mot_de_passe, machine=machine,
            **duree_de_session(request),
        )  # fmt: skip
    except SaisieInvalide as erreur:
        if any(f.code == "identifiants_refuses" for f in erreur.fautes):
            with transaction_a_part(request) as a_part:
                service.consigner_echec(a_part, saisie["courriel"], machine)
        contexte = _contexte_connexion(request, session) | {"saisie": saisie}
        refuser(request, "acteurs/connexion.html", contexte, erreur.fautes)
    reponse: Response = RedirectResponse(chemin_sur(donnees.retour or "/accueil"), status_code=303)
    envoi = envoi_garde.rendre(request.app.state.secret, donnees.garde)
    if envoi is not None and envoi.marque == csrf.marque(request, compte.id):
        jeton = csrf.jeton(request, service.empreinte_secret(temoin), compte.id)
        contexte = {"envoi": envoi, "jeton": jeton, "personne": compte.nom_affiche}
        reponse = rendre(request, "acteurs/saisie_retrouvee.html", contexte)
    poser_temoin(request, reponse, temoin)
    return reponse


class DureeDeSession(TypedDict):
    """Ce que dure une session sans servir, en tout, et l'agent qui l'ouvre."""

    duree: timedelta
    maximum: timedelta
    agent: str


def duree_de_session(request: Request) -> DureeDeSession:
    """La durée que dit la configuration, à donner aux services : `**duree_de_session(request)`."""
    config = request.app.state.config
    return DureeDeSession(
        duree=timedelta(hours=config.session_heures), maximum=timedelta(days=config.session_max_jours),
        agent=request.headers.get("user-agent", ""),
    )  # fmt: skip


def poser_temoin(request: Request, reponse: Response, temoin: str) -> None:
    """Pose le témoin d'une session qui vient d'ouvrir.

    Il vit un jour de plus que la plus longue session : le serveur seul dit quand elle finit, et un formulaire envoyé
    trop tard dit encore de qui il vient.
    """
    config = request.app.state.config
    reponse.set_cookie(
        TEMOIN_SUR if config.est_https else TEMOIN,
        temoin,
        max_age=int(timedelta(days=config.session_max_jours + 1).total_seconds()),
        httponly=True,
        samesite="lax",
        secure=config.est_https,
        path="/",
    )


@routeur.post("/deconnexion", name="deconnexion", dependencies=[Depends(exiger())])
def se_deconnecter(request: Request, session: SessionDep, acteur: Acteur) -> Response:
    """Révoque la session et retire le témoin."""
    service.fermer_session(session, acteur.empreinte_session)
    reponse = rediriger(request, "accueil_public", fait=DECONNECTE)
    reponse.delete_cookie(TEMOIN_SUR if request.app.state.config.est_https else TEMOIN, path="/")
    return reponse


@routeur.get("/compte/jetons", name="jetons", dependencies=[Depends(exiger())])
def page_jetons(request: Request, session: SessionDep, acteur: Acteur) -> Response:
    """Les jetons d'API de la personne connectée."""
    contexte = {
        "jetons": repository.list_jetons(session, acteur.compte_id),
        "saisie": {},
        "maintenant": heure_machine(),
    }
    return rendre(request, "acteurs/jetons.html", contexte)


@routeur.post("/compte/jetons", name="jetons:creer", dependencies=[Depends(exiger())])
def creer_jeton(request: Request, session: SessionDep, acteur: Acteur, formulaire: FormulaireDep) -> Response:
    """Crée un jeton et le montre une seule fois."""
    machine = heure_machine()
    saisie = {nom: formulaire.get(nom) for nom in ("intitule", "jours")}
    try:
        donnees = valider(FormulaireJeton, formulaire.en_dict())
        secret, _ = service.creer_jeton(
            session, acteur=acteur, intitule=donnees.intitule, jours=donnees.jours, machine=machine
        )
    except SaisieInvalide as erreur:
        contexte = {"jetons": repository.list_jetons(session, acteur.compte_id), "saisie": saisie}
        refuser(request, "acteurs/jetons.html", contexte | {"maintenant": machine}, erreur.fautes)
    session.flush()
    contexte = {"jetons": repository.list_jetons(session, acteur.compte_id), "saisie": {}, "secret": secret}
    return rendre(request, "acteurs/jetons.html", contexte | {"maintenant": machine}, statut=201)


@routeur.post("/compte/jetons/{jeton_id}/revocation", name="jetons:revoquer", dependencies=[Depends(exiger())])
def revoquer_jeton(request: Request, session: SessionDep, acteur: Acteur, jeton_id: int) -> Response:
    """Révoque un jeton de la personne connectée."""
    service.revoquer_jeton(session, acteur=acteur, jeton_id=jeton_id, machine=heure_machine())
    return rediriger(request, "jetons", fait=JETON_REVOQUE)

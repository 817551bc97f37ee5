"""Pages : se créer un compte, le confirmer par le lien reçu."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from app.infra.acces import PUBLIQUE, Visiteur
from app.infra.clock import Maintenant, heure_machine
from app.infra.csrf import origine_etrangere
from app.infra.forms import FormulaireDep, valider, valider_tout
from app.infra.web import SessionDep, annoncer, rediriger, refuser, rendre, transaction_a_part
from app.noyau.erreurs import ActeInterdit, SaisieInvalide
from app.referentiels.acteurs import service
from app.referentiels.acteurs.models import Inscription
from app.referentiels.acteurs.pages.connexion import duree_de_session, poser_temoin
from app.referentiels.acteurs.rules.comptes import verifier_inscription
from app.referentiels.acteurs.schemas.comptes import FormulaireConfirmation, FormulaireInscription
from app.referentiels.acteurs.service import inscriptions

routeur = APIRouter()
DEMANDE = annoncer(
    "compte-demande", "Un courriel part à cette adresse. Suivez son lien pour terminer : il vaut deux jours."
)


@routeur.get("/compte/nouveau", name="compte:nouveau", dependencies=[Depends(PUBLIQUE)])
def page_nouveau(request: Request, visiteur: Visiteur) -> Response:
    """Le formulaire d'un compte ; qui en a déjà un va au sien."""
    if visiteur is not None:
        return RedirectResponse("/compte", status_code=303)
    return rendre(request, "acteurs/compte_nouveau.html", {"saisie": {}})


def _refuser_l_etranger(request: Request) -> None:
    if origine_etrangere(request):
        raise ActeInterdit("Ce formulaire vient d’un autre site.", code="csrf_invalide")


@routeur.post("/compte/nouveau", name="compte:creer", dependencies=[Depends(PUBLIQUE)])
def demander(request: Request, session: SessionDep, formulaire: FormulaireDep) -> Response:
    """Range la demande ; la réponse est la même que l'adresse ait un compte ou non."""
    _refuser_l_etranger(request)
    poste = request.client.host if request.client is not None else ""
    try:
        donnees = valider_tout(
            FormulaireInscription, formulaire.en_dict(),
            lambda d: verifier_inscription(d.nom_affiche, d.courriel.lower(), d.mot_de_passe, d.confirmation),
        )  # fmt: skip
        inscriptions.demander(session, **donnees.model_dump(), poste=poste, machine=heure_machine())
    except SaisieInvalide as erreur:
        saisie = {nom: formulaire.get(nom) for nom in ("nom_affiche", "courriel")}
        refuser(request, "acteurs/compte_nouveau.html", {"saisie": saisie}, erreur.fautes)
    return rediriger(request, "connexion", fait=DEMANDE)


def _lire(request: Request, session: SessionDep, secret: str, *, verrou: bool = False) -> Inscription:
    """L'inscription du lien ; un mauvais secret se compte, même si la requête est annulée."""
    machine = heure_machine()
    try:
        return inscriptions.lire(session, secret, machine, verrou=verrou)
    except inscriptions.InscriptionRefusee as refus:
        if refus.cle is not None:
            with transaction_a_part(request) as a_part:
                inscriptions.consigner_echec(a_part, secret.partition(".")[0], machine)
        raise


def _contexte(inscription: Inscription, secret: str) -> dict[str, object]:
    return {"courriel": inscription.courriel, "adresse": f"/compte/confirmation/{secret}"}


@routeur.get("/compte/confirmation/{secret}", name="compte:confirmation", dependencies=[Depends(PUBLIQUE)])
def page_confirmation(request: Request, session: SessionDep, secret: str) -> Response:
    """Redemande le mot de passe choisi ; lire la page ne confirme rien (les messageries ouvrent les liens d'avance)."""
    return rendre(request, "acteurs/compte_confirmation.html", _contexte(_lire(request, session, secret), secret))


@routeur.post("/compte/confirmation/{secret}", name="compte:confirmer", dependencies=[Depends(PUBLIQUE)])
def confirmer(
    request: Request, session: SessionDep, secret: str, formulaire: FormulaireDep, maintenant: Maintenant
) -> Response:
    """Crée le compte et ouvre la session."""
    _refuser_l_etranger(request)
    machine = heure_machine()
    inscription = _lire(request, session, secret, verrou=True)
    try:
        donnees = valider(FormulaireConfirmation, formulaire.en_dict())
        compte = inscriptions.confirmer(
            session, inscription, mot_de_passe=donnees.mot_de_passe, machine=machine, maintenant=maintenant
        )
    except SaisieInvalide as erreur:
        contexte = _contexte(inscription, secret)
        if any(f.code == "mot_de_passe_different" for f in erreur.fautes):
            with transaction_a_part(request) as a_part:
                inscriptions.consigner_echec(a_part, secret.partition(".")[0], machine)
        refuser(request, "acteurs/compte_confirmation.html", contexte, erreur.fautes)
    temoin = service.ouvrir_session_de(session, compte, machine=machine, **duree_de_session(request))
    reponse = RedirectResponse("/accueil", status_code=303)
    poser_temoin(request, reponse, temoin)
    return reponse

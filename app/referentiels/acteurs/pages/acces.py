"""Page : suivre un lien à usage unique, choisir son mot de passe ou rejoindre une organisation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from app.infra.acces import PUBLIQUE
from app.infra.clock import Maintenant, heure_machine
from app.infra.csrf import origine_etrangere
from app.infra.forms import FormulaireDep, valider
from app.infra.web import SessionDep, annoncer, rediriger, refuser, rendre, transaction_a_part
from app.noyau.erreurs import ActeInterdit, SaisieInvalide
from app.referentiels.acteurs import repository, service
from app.referentiels.acteurs.models import Compte, LienAcces
from app.referentiels.acteurs.pages.connexion import duree_de_session, poser_temoin
from app.referentiels.acteurs.schemas import FormulairePremiereConnexion
from app.referentiels.acteurs.service import liens

routeur = APIRouter()
REJOINTE = annoncer("organisation-rejointe", "C’est fait. Connectez-vous pour voir les dossiers de l’organisation.")


@contextmanager
def _essai_compte(request: Request) -> Iterator[None]:
    """Un mauvais secret se compte, même si la requête est annulée."""
    try:
        yield
    except liens.LienRefuse as refus:
        if refus.cle is not None:
            with transaction_a_part(request) as a_part:
                liens.consigner_echec(a_part, refus.cle, heure_machine())
        raise


def _contexte(session: SessionDep, lien: LienAcces, secret: str, saisie: dict[str, str]) -> dict[str, object]:
    return {
        "adresse": f"/acces/{secret}",
        "courriel": lien.courriel,
        "organisation": repository.get_organisation(session, lien.organisation_id) if lien.organisation_id else None,
        "role": lien.role,
        "a_un_compte": lien.compte_id is None and repository.courriel_est_pris(session, lien.courriel),
        "est_premiere": lien.compte_id is not None,
        "est_un_oubli": liens.est_un_oubli(lien, session.get(Compte, lien.compte_id) if lien.compte_id else None),
        "saisie": saisie,
    }


@routeur.get("/acces/{secret}", name="acces", dependencies=[Depends(PUBLIQUE)])
def page_acces(request: Request, session: SessionDep, secret: str) -> Response:
    """Montre ce que le lien permet ; le lire ne l'use pas (les messageries ouvrent les liens d'avance)."""
    with _essai_compte(request):
        lien = liens.lire(session, secret, heure_machine())
    return rendre(request, "acteurs/acces.html", _contexte(session, lien, secret, {}))


@routeur.post("/acces/{secret}", name="acces:suivre", dependencies=[Depends(PUBLIQUE)])
def suivre_le_lien(
    request: Request, session: SessionDep, secret: str, formulaire: FormulaireDep, maintenant: Maintenant
) -> Response:
    """Enregistre le mot de passe et ouvre la session, ou rejoint l'organisation si l'adresse a déjà un compte."""
    if origine_etrangere(request):
        raise ActeInterdit("Ce formulaire vient d’un autre site.", code="csrf_invalide")
    machine = heure_machine()
    with _essai_compte(request):
        lien = liens.lire(session, secret, machine, verrou=True)
    connu = repository.get_compte_par_courriel(session, lien.courriel)
    if lien.compte_id is None and connu is not None:
        liens.accepter(session, lien, connu, machine=machine, maintenant=maintenant)
        return rediriger(request, "connexion", fait=REJOINTE)
    try:
        donnees = valider(FormulairePremiereConnexion, formulaire.en_dict())
        compte = liens.suivre(
            session, lien, nom_affiche=donnees.nom_affiche, mot_de_passe=donnees.mot_de_passe,
            confirmation=donnees.confirmation, machine=machine, maintenant=maintenant,
        )  # fmt: skip
    except SaisieInvalide as erreur:
        contexte = _contexte(session, lien, secret, {"nom_affiche": formulaire.get("nom_affiche")})
        refuser(request, "acteurs/acces.html", contexte, erreur.fautes)
    temoin = service.ouvrir_session_de(session, compte, machine=machine, **duree_de_session(request))
    reponse = RedirectResponse("/accueil", status_code=303)
    poser_temoin(request, reponse, temoin)
    return reponse

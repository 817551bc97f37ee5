"""Page : enregistrer une organisation."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.forms import FormulaireDep, valider_tout
from app.infra.web import SessionDep, annoncer, rediriger, refuser, rendre
from app.noyau.erreurs import SaisieInvalide
from app.noyau.roles import Portee, Role
from app.referentiels.acteurs import repository, service
from app.referentiels.acteurs.rules import FormeOrganisation
from app.referentiels.acteurs.schemas import FormulaireOrganisation

routeur = APIRouter()
ORGANISATION_CREEE = annoncer(
    "organisation-creee", "Votre organisation est enregistrée. Vous pouvez déposer un dossier."
)
CHAMPS_ORGANISATION = tuple(FormulaireOrganisation.model_fields)
FORMES = [(forme.value, forme.libelle) for forme in FormeOrganisation]


@routeur.get("/organisations/nouvelle", name="organisation:nouvelle", dependencies=[Depends(exiger())])
def page_organisation(request: Request) -> Response:
    """Le formulaire d'une nouvelle organisation."""
    return rendre(request, "acteurs/organisation.html", {"saisie": {}, "formes": FORMES})


@routeur.post("/organisations/nouvelle", name="organisation:creer", dependencies=[Depends(exiger())])
def creer_organisation(
    request: Request, session: SessionDep, acteur: Acteur, formulaire: FormulaireDep, maintenant: Maintenant
) -> Response:
    """Crée l'organisation ; la personne connectée en devient administratrice et signataire."""
    saisie = {nom: formulaire.get(nom) for nom in CHAMPS_ORGANISATION}
    try:
        donnees = valider_tout(
            FormulaireOrganisation, formulaire.en_dict(), lambda saisi: saisi.verifier(maintenant.date())
        )
        organisation = service.creer_organisation(
            session, donnees.identite(), acteur=acteur.acteur, maintenant=maintenant, coordonnees=donnees.coordonnees()
        )
    except SaisieInvalide as erreur:
        contexte = {"saisie": saisie, "formes": FORMES}
        refuser(request, "acteurs/organisation.html", contexte, erreur.fautes)
    compte = repository.get_compte_par_courriel(session, acteur.courriel)
    if compte is not None:
        for role in (Role.ADMINISTRATEUR_PORTEUR, Role.SIGNATAIRE):
            service.habiliter(
                session, compte=compte, role=role, portee=Portee.ORGANISATION, acteur=acteur.acteur,
                maintenant=maintenant, organisation_id=organisation.id,
            )  # fmt: skip
    return rediriger(request, "organisations", fait=ORGANISATION_CREEE)

"""Page : transmettre la signature à une autre personne."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant, heure_machine
from app.infra.envoi import EnvoiDep, Page
from app.infra.forms import valider_tout
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.periodes import a_paris
from app.noyau.roles import ROLES_PORTEUR, Role
from app.referentiels.acteurs.models import Organisation
from app.referentiels.acteurs.pages.lieu import fil, l_organisation, tient
from app.referentiels.acteurs.repository import fiche as lectures
from app.referentiels.acteurs.rules.comptes import verifier_relais
from app.referentiels.acteurs.schemas.comptes import FormulaireRelais
from app.referentiels.acteurs.service import relais

routeur = APIRouter()
TRANSMET = frozenset({Role.ADMINISTRATEUR_PORTEUR, Role.SIGNATAIRE})
REFUS = "Seuls un administrateur et un signataire de cette organisation transmettent la signature."
TRANSMISE = annoncer(
    "signature-transmise", "C’est transmis. La personne qui prend la suite reçoit un courriel, l’autre aussi."
)


def _partants(
    session: SessionDep, acteur: Identite, organisation: Organisation, maintenant: Maintenant
) -> list[tuple[str, str]]:
    """Les signatures que cette personne peut transmettre : toutes si elle administre, sinon la sienne."""
    tenues = lectures.list_signataires_sans_fin(session, organisation.id, maintenant)
    toutes = tient(acteur, organisation, {Role.ADMINISTRATEUR_PORTEUR})
    return [
        (compte.courriel, f"{compte.nom_affiche} ({compte.courriel})")
        for _, compte in tenues
        if toutes or compte.id == acteur.compte_id
    ]


def _contexte(
    session: SessionDep, acteur: Identite, organisation: Organisation, maintenant: Maintenant, saisie: dict[str, Any]
) -> dict[str, Any]:
    partants = _partants(session, acteur, organisation, maintenant)
    return {
        "organisation": organisation,
        "partants": partants,
        "saisie": {"partant": partants[0][0] if len(partants) == 1 else "", **saisie},
        "fil": fil(organisation, "Transmettre la signature"),
    }


@routeur.get("/organisations/{organisation}/relais", name="organisation:relais",
             dependencies=[Depends(exiger(*ROLES_PORTEUR))])  # fmt: skip
def page_relais(
    request: Request, session: SessionDep, acteur: Acteur, organisation: str, maintenant: Maintenant
) -> Response:
    """Qui part, quand, qui prend la suite."""
    trouvee = l_organisation(session, acteur, organisation, roles=TRANSMET, refus=REFUS)
    return rendre(request, "acteurs/relais.html", _contexte(session, acteur, trouvee, maintenant, {}))


@routeur.post("/organisations/{organisation}/relais", name="organisation:transmettre",
              dependencies=[Depends(exiger(*ROLES_PORTEUR))])  # fmt: skip
def transmettre(envoi: EnvoiDep, organisation: str) -> Response:
    """Transmet la signature."""
    session, acteur = envoi.session, envoi.acteur
    trouvee = l_organisation(session, acteur, organisation, roles=TRANSMET, refus=REFUS)

    def page() -> Page:
        return "acteurs/relais.html", _contexte(session, acteur, trouvee, envoi.maintenant, dict(envoi.saisie))

    with envoi.sinon(page):
        donnees = valider_tout(
            FormulaireRelais,
            envoi.formulaire.en_dict(),
            lambda d: verifier_relais(
                courriel=d.courriel, prenom=d.prenom, nom=d.nom, fonction=d.fonction, fin_le=d.fin_le,
                aujourd_hui=a_paris(envoi.maintenant).date(), partant=d.partant, partants={d.partant} - {""},
            ),
        )  # fmt: skip
        relais.transmettre(
            session, trouvee, partant=donnees.partant, successeur=donnees.successeur(), fin_le=donnees.fin_le,
            url_publique=envoi.request.app.state.config.url_publique, machine=heure_machine(), **envoi.qui,
        )  # fmt: skip
    return envoi.vers("membres", organisation=organisation, fait=TRANSMISE)

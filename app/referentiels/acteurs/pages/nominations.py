"""Pages du chargé de mission : organisations à confirmer, réclamées, ou que plus personne n'administre."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant, heure_machine
from app.infra.envoi import EnvoiDep, Page
from app.infra.forms import valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import Introuvable
from app.noyau.roles import Role
from app.referentiels.acteurs.repository import comptes as lectures
from app.referentiels.acteurs.repository import confirmation as tenues
from app.referentiels.acteurs.rules.annuaire import est_public
from app.referentiels.acteurs.rules.comptes import NatureDemande, SuiteContestation, SuiteDemande
from app.referentiels.acteurs.schemas.comptes import (
    FormulaireOrganisationConfirmee,
    FormulaireSuite,
    FormulaireSuiteContestation,
)
from app.referentiels.acteurs.service import confirmation, relais
from app.referentiels.contrats import repository as contrats
from app.referentiels.contrats.models import Contrat

routeur = APIRouter()
NOMME = exiger(Role.CHARGE_MISSION)
REPONDUE = annoncer(
    "administration-repondue", "Votre réponse est enregistrée. Un courriel la dit aux personnes concernées."
)
CONFIRMEE = annoncer("organisation-confirmee", "L’organisation est confirmée. Un courriel le dit à qui la tient.")
TRANCHEE = annoncer("contestation-tranchee", "Votre réponse est enregistrée. Un courriel la dit aux deux côtés.")
CLOSE = annoncer(
    "contestation-close",
    "Votre réponse est enregistrée : les autres n’ont plus accès, et les comptes bancaires qu’ils avaient ajoutés ne "
    "servent plus. Un courriel le dit aux deux côtés.",
)
EFFETS = (
    "Si les autres n’y ont plus accès, les comptes bancaires qu’ils ont ajoutés sont retirés de la fiche, et leurs "
    "dossiers signés mais pas encore déposés seront à signer à nouveau."
)
REPONSES = [
    (SuiteContestation.CLORE.value, "Accorder : cette personne administre, les autres n’y ont plus accès"),
    (SuiteContestation.AJOUTER.value, "Accorder : cette personne administre aussi, les autres restent"),
    (SuiteContestation.REFUSEE.value, "Refuser : rien ne change"),
]


def _contrat(session: SessionDep, acteur: Identite, code: str) -> Contrat:
    trouve = contrats.get_contrat_par_code(session, code)
    if trouve is None or trouve.id not in acteur.contrats({Role.CHARGE_MISSION}):
        raise Introuvable("Ce contrat n’existe pas, ou vous n’en êtes pas chargé de mission.")
    return trouve


def _contexte(
    session: SessionDep, contrat: Contrat, visee: str, saisie: dict[str, str], maintenant: datetime
) -> dict[str, Any]:
    """Ce qui attend une réponse. Trois requêtes."""
    posees = lectures.list_demandes(
        session, NatureDemande.ADMINISTRATION, NatureDemande.CONTESTATION, contrat_id=contrat.id
    )
    a_confirmer = tenues.list_a_confirmer(session)
    montrees = {o.id for o, _, _ in a_confirmer} | {o.id for _, o, _ in posees}
    tenants = tenues.tenues_de(session, montrees, maintenant) if montrees else {}
    return {
        "contrat": contrat,
        "demandes": posees,
        "a_confirmer": [
            {
                "organisation": o,
                "annuaire": nom,
                "est_public": est_public(o.forme, nature),
                "tenants": confirmation.empreinte_des_tenants(tenants.get(o.id, ())),
            }
            for o, nom, nature in a_confirmer[: tenues.A_CONFIRMER_MAX]
        ],
        "en_reste": len(a_confirmer) > tenues.A_CONFIRMER_MAX,
        "tenues": tenants,
        "reponses": REPONSES,
        "effets": EFFETS,
        "visee": visee,
        "saisie": saisie,
        "fil": (("Comptes", f"/comptes/{contrat.code}"), ("Organisations", None)),
    }


@routeur.get("/comptes/{contrat}/organisations", name="comptes:organisations", dependencies=[Depends(NOMME)])
def page_nominations(
    request: Request, session: SessionDep, acteur: Acteur, contrat: str, maintenant: Maintenant,
    demande: Annotated[str, Query(max_length=40)] = "",
) -> Response:  # fmt: skip
    """Les organisations à confirmer, les demandes sans réponse ; `demande` : celle à laquelle on répond."""
    lieu = _contrat(session, acteur, contrat)
    return rendre(request, "acteurs/nominations.html", _contexte(session, lieu, demande, {}, maintenant))


@routeur.post("/comptes/{contrat}/organisations/{lien}/suite", name="comptes:repondre", dependencies=[Depends(NOMME)])
def repondre(envoi: EnvoiDep, contrat: str, lien: str) -> Response:
    """Nomme la personne administratrice, ou refuse en disant pourquoi."""
    session = envoi.session
    lieu = _contrat(session, envoi.acteur, contrat)
    demande = lectures.get_demande(session, lien, NatureDemande.ADMINISTRATION, contrat_id=lieu.id)
    if demande is None:
        raise Introuvable("Cette demande n’existe pas.")

    def page() -> Page:
        return "acteurs/nominations.html", _contexte(session, lieu, lien, envoi.saisie, envoi.maintenant)

    with envoi.sinon(page):
        donnees = valider(FormulaireSuite, envoi.formulaire.en_dict())
        relais.repondre_a_l_administration(
            session, demande, est_acceptee=donnees.suite == SuiteDemande.ACCEPTEE.value, motif=donnees.motif,
            acteur=envoi.acteur.acteur, url_publique=envoi.request.app.state.config.url_publique,
            maintenant=envoi.maintenant,
        )  # fmt: skip
    return envoi.vers("comptes:organisations", contrat=contrat, fait=REPONDUE)


@routeur.post("/comptes/{contrat}/organisations/{organisation}/confirmation", name="comptes:confirmer",
              dependencies=[Depends(NOMME)])  # fmt: skip
def confirmer(envoi: EnvoiDep, contrat: str, organisation: str) -> Response:
    """Confirme que ceux qui tiennent cette organisation la représentent."""
    lieu = _contrat(envoi.session, envoi.acteur, contrat)
    trouvee = tenues.get_pour_confirmer(envoi.session, organisation)
    if trouvee is None:
        raise Introuvable("Cette organisation n’existe pas.")

    def page() -> Page:
        return "acteurs/nominations.html", _contexte(envoi.session, lieu, "", {}, envoi.maintenant)

    with envoi.sinon(page):
        donnees = valider(FormulaireOrganisationConfirmee, envoi.formulaire.en_dict())
        confirmation.confirmer(
            envoi.session, trouvee, lieu, tenants_lus=donnees.tenants,
            url_publique=envoi.request.app.state.config.url_publique, **envoi.qui,
        )  # fmt: skip
    return envoi.vers("comptes:organisations", contrat=contrat, fait=CONFIRMEE)


@routeur.post("/comptes/{contrat}/contestations/{lien}/suite", name="comptes:trancher",
              dependencies=[Depends(NOMME)])  # fmt: skip
def trancher(envoi: EnvoiDep, contrat: str, lien: str) -> Response:
    """Refuse, ou rend l'organisation à qui la réclame, avec ou sans ceux qui la tenaient."""
    lieu = _contrat(envoi.session, envoi.acteur, contrat)
    demande = lectures.get_demande(envoi.session, lien, NatureDemande.CONTESTATION, contrat_id=lieu.id)
    if demande is None:
        raise Introuvable("Cette demande n’existe pas.")

    def page() -> Page:
        return "acteurs/nominations.html", _contexte(envoi.session, lieu, lien, envoi.saisie, envoi.maintenant)

    with envoi.sinon(page):
        donnees = valider(FormulaireSuiteContestation, envoi.formulaire.en_dict())
        confirmation.trancher(
            envoi.session, demande, suite=donnees.suite, motif=donnees.motif, machine=heure_machine(),
            url_publique=envoi.request.app.state.config.url_publique, **envoi.qui,
        )  # fmt: skip
    fait = CLOSE if donnees.suite is SuiteContestation.CLORE else TRANCHEE
    return envoi.vers("comptes:organisations", contrat=contrat, fait=fait)

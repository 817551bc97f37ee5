"""Pages : les organisations que plus personne n'administre, pour le chargé de mission d'un contrat."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from app.infra.acces import Acteur, exiger
from app.infra.envoi import EnvoiDep, Page
from app.infra.forms import valider
from app.infra.identite import Identite
from app.infra.web import SessionDep, annoncer, rendre
from app.noyau.erreurs import Introuvable
from app.noyau.roles import Role
from app.referentiels.acteurs.repository import comptes as lectures
from app.referentiels.acteurs.rules.comptes import NatureDemande, SuiteDemande
from app.referentiels.acteurs.schemas.comptes import FormulaireSuite
from app.referentiels.acteurs.service import relais
from app.referentiels.contrats import repository as contrats
from app.referentiels.contrats.models import Contrat

routeur = APIRouter()
NOMME = exiger(Role.CHARGE_MISSION)
REPONDUE = annoncer(
    "administration-repondue", "Votre réponse est enregistrée. Un courriel la dit aux personnes concernées."
)


def _contrat(session: SessionDep, acteur: Identite, code: str) -> Contrat:
    trouve = contrats.get_contrat_par_code(session, code)
    if trouve is None or trouve.id not in acteur.contrats({Role.CHARGE_MISSION}):
        raise Introuvable("Ce contrat n’existe pas, ou vous n’en êtes pas chargé de mission.")
    return trouve


def _contexte(session: SessionDep, contrat: Contrat, visee: str, saisie: dict[str, str]) -> dict[str, Any]:
    return {
        "contrat": contrat,
        "demandes": lectures.list_demandes(session, NatureDemande.ADMINISTRATION, contrat_id=contrat.id),
        "visee": visee,
        "saisie": saisie,
        "fil": (("Comptes", f"/comptes/{contrat.code}"), ("Organisations sans administrateur", None)),
    }


@routeur.get("/comptes/{contrat}/organisations", name="comptes:organisations", dependencies=[Depends(NOMME)])
def page_nominations(
    request: Request, session: SessionDep, acteur: Acteur, contrat: str,
    demande: Annotated[str, Query(max_length=40)] = "",
) -> Response:  # fmt: skip
    """Les demandes qui attendent une réponse ; `demande` : celle à laquelle on répond."""
    lieu = _contrat(session, acteur, contrat)
    return rendre(request, "acteurs/nominations.html", _contexte(session, lieu, demande, {}))


@routeur.post("/comptes/{contrat}/organisations/{lien}/suite", name="comptes:repondre", dependencies=[Depends(NOMME)])
def repondre(envoi: EnvoiDep, contrat: str, lien: str) -> Response:
    """Nomme la personne administratrice, ou refuse en disant pourquoi."""
    session = envoi.session
    lieu = _contrat(session, envoi.acteur, contrat)
    demande = lectures.get_demande(session, lien, NatureDemande.ADMINISTRATION, contrat_id=lieu.id)
    if demande is None:
        raise Introuvable("Cette demande n’existe pas.")

    def page() -> Page:
        return "acteurs/nominations.html", _contexte(session, lieu, lien, envoi.saisie)

    with envoi.sinon(page):
        donnees = valider(FormulaireSuite, envoi.formulaire.en_dict())
        relais.repondre_a_l_administration(
            session, demande, est_acceptee=donnees.suite == SuiteDemande.ACCEPTEE.value, motif=donnees.motif,
            acteur=envoi.acteur.acteur, url_publique=envoi.request.app.state.config.url_publique,
            maintenant=envoi.maintenant,
        )  # fmt: skip
    return envoi.vers("comptes:organisations", contrat=contrat, fait=REPONDUE)

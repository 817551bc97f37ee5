"""Page : l'accueil d'une personne connectée, selon ses rôles."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from app.espaces.accueil import repository
from app.espaces.instructeur import repository as instruction
from app.espaces.instructeur.repository import CORBEILLE_MAX
from app.etapes.appel import repository as appels
from app.etapes.consultation import repository as consultation
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.gabarits import accord, compte
from app.infra.identite import Identite
from app.infra.web import SessionDep, rendre
from app.noyau.periodes import instant_long
from app.noyau.roles import ROLES_AGENT, ROLES_COMMISSION, ROLES_LECTURE, ROLES_PORTEUR, Portee, Role

routeur = APIRouter()
TRAVAILLE = ROLES_AGENT | ROLES_COMMISSION | ROLES_LECTURE


@routeur.get("/accueil", name="accueil", dependencies=[Depends(exiger())])
def page_accueil(request: Request, session: SessionDep, acteur: Acteur, maintenant: Maintenant) -> Response:
    """Ce qui attend la personne ; un porteur va droit à ses dossiers."""
    roles = acteur.roles
    if roles and roles <= ROLES_PORTEUR:
        return RedirectResponse("/dossiers", status_code=303)
    contrats = acteur.contrats(TRAVAILLE)
    appel = appels.appel_de_travail(appels.list_appels(session, contrats))
    lignes = acteur.cibles(Portee.LIGNE, Role.INSTRUCTEUR, Role.SOUS_PREFECTURE)
    arbitrees = acteur.cibles(Portee.LIGNE, Role.ELU_LIGNE)
    services = consultation.services_de(acteur)
    contexte: dict[str, Any] = {
        "appel": appel,
        "roles": {r.value for r in roles},
        "est_porteur": bool(roles & ROLES_PORTEUR),
        "est_du_terrain": bool(roles & _DU_TERRAIN),
        "lignes": sorted(lignes),
        "lignes_arbitrees": sorted(arbitrees),
        "corbeille_max": CORBEILLE_MAX,
        "corbeille": instruction.corbeille(session, acteur, lignes, appel.id) if appel and lignes else None,
        "montants": repository.montants_attendus(session, appel.id, arbitrees, lignes)
        if appel and (lignes or arbitrees)
        else None,
        "avis": repository.avis_a_rendre(session, acteur, services) if services else (),
        "avis_manquants": _avis_manquants(session, acteur),
        "seance": repository.prochaine_seance(session, contrats, maintenant) if roles & _SUIT_LA_COMMISSION else None,
        "enveloppes": appels.list_enveloppes(session, appel.contrat_id, appel.annee)
        if appel and roles & _SUIT_LES_CREDITS
        else (),
    }
    contexte["phrase"] = _phrase(contexte)
    return rendre(request, "espaces/accueil/accueil.html", contexte)


_SUIT_LA_COMMISSION = ROLES_COMMISSION | {Role.CHARGE_MISSION, Role.EQUIPE_PROJET}
_DU_TERRAIN = frozenset({Role.DELEGUE_PREFET, Role.CONSEIL_HABITANTS, Role.BINOME_QUARTIER})
_SUIT_LES_CREDITS = frozenset({Role.CHARGE_MISSION, Role.EQUIPE_PROJET, Role.SOUS_PREFECTURE, Role.ELU_LIGNE})


def _avis_manquants(session: SessionDep, acteur: Identite) -> int | None:
    contrats = acteur.contrats({Role.SOUS_PREFECTURE})
    return repository.avis_manquants(session, contrats) if contrats else None


def _phrase(contexte: dict[str, Any]) -> str:
    """La première phrase : combien de choses attendent, ou qu'il n'y a rien."""
    attend = []
    corbeille = contexte["corbeille"]
    if corbeille is not None and corbeille.a_verifier:
        attend.append(
            f"{compte(corbeille.a_verifier)} {accord(corbeille.a_verifier, 'demande', 'demandes')} à vérifier"
        )
    if corbeille is not None and corbeille.a_proposer:
        attend.append(
            f"{compte(corbeille.a_proposer)} {accord(corbeille.a_proposer, 'montant', 'montants')} à proposer"
        )
    montants = contexte["montants"]
    if montants is not None and montants.a_arbitrer:
        n = montants.a_arbitrer
        attend.append(f"{compte(n)} {accord(n, 'montant', 'montants')} à arbitrer")
    if montants is not None and montants.a_decider:
        n = montants.a_decider
        attend.append(f"{compte(n)} {accord(n, 'demande votée', 'demandes votées')} à arrêter ou à décider")
    if contexte["avis"]:
        attend.append(f"{len(contexte['avis'])} avis à rendre")
    if contexte["avis_manquants"]:
        attend.append(f"{contexte['avis_manquants']} avis attendus des services")
    if contexte["seance"] is not None:
        attend.append(f"la séance du {instant_long(contexte['seance'].prevue_le)}")
    if not attend:
        return "Rien ne vous attend pour l’instant."
    return "Vous attendent : " + ", ".join(attend) + "."

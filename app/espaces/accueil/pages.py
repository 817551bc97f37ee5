"""Page : l'accueil d'une personne connectée, selon ses rôles."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from app.espaces.accueil import blocs, repository
from app.espaces.instructeur import repository as instruction
from app.espaces.instructeur.repository import CORBEILLE_MAX
from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.consultation import repository as consultation
from app.etapes.dossier.repository import LIT_SON_QUARTIER
from app.etapes.notation import repository as notation
from app.etapes.programmation.repository import soldes
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant, heure_machine
from app.infra.gabarits import accord, compte, en_nombre
from app.infra.identite import Identite
from app.infra.web import SessionDep, rendre
from app.noyau.periodes import instant_long
from app.noyau.roles import ROLES_AGENT, ROLES_COMMISSION, ROLES_LECTURE, ROLES_PORTEUR, Portee, Role
from app.referentiels.lignes.repository import list_lignes

routeur = APIRouter()
TRAVAILLE = ROLES_AGENT | ROLES_COMMISSION | ROLES_LECTURE
_SUIT_LA_COMMISSION = ROLES_COMMISSION | {Role.CHARGE_MISSION, Role.EQUIPE_PROJET, Role.ELU_LIGNE}
_SUIT_LES_RENCONTRES = frozenset({Role.CHARGE_MISSION, Role.SOUS_PREFECTURE})
_SUIT_LES_CREDITS = frozenset({Role.CHARGE_MISSION, Role.EQUIPE_PROJET, Role.SOUS_PREFECTURE, Role.ELU_LIGNE})
_VOIT_TOUTES_LES_LIGNES = _SUIT_LES_CREDITS - {Role.ELU_LIGNE}


@routeur.get("/accueil", name="accueil", dependencies=[Depends(exiger())])
def page_accueil(request: Request, session: SessionDep, acteur: Acteur, maintenant: Maintenant) -> Response:
    """Ce qui attend la personne ; un porteur va droit à ses dossiers."""
    roles = acteur.roles
    if roles and roles <= ROLES_PORTEUR:
        return RedirectResponse("/dossiers", status_code=303)
    appel = appels.appel_de_travail(appels.list_appels(session, acteur.contrats(TRAVAILLE)))
    services = consultation.services_de(acteur)
    geres = acteur.contrats({Role.ADMINISTRATEUR})
    contexte: dict[str, Any] = {
        "appel": appel,
        "maintenant": maintenant,
        "roles": {r.value for r in roles},
        "est_porteur": bool(roles & ROLES_PORTEUR),
        "corbeille_max": CORBEILLE_MAX,
        "avis": repository.avis_a_rendre(session, acteur, services) if services else (),
        "avis_manquants": _avis_manquants(session, acteur),
        "comptes": repository.comptes_des_contrats(session, geres, maintenant, heure_machine()) if geres else (),
        "seance": repository.prochaine_seance(session, acteur, maintenant) if roles & _SUIT_LA_COMMISSION else None,
        "rencontre": repository.prochaine_rencontre(session, acteur, maintenant)
        if roles & _SUIT_LES_RENCONTRES
        else None,
        "suit_la_commission": bool(roles & _SUIT_LA_COMMISSION),
        "suit_les_rencontres": bool(roles & _SUIT_LES_RENCONTRES),
    }
    contexte |= _des_lignes(session, acteur, appel)
    contexte["ordre_du_jour"] = (
        repository.ordre_du_jour(session, acteur, contexte["seance"].id)
        if contexte["seance"] is not None and roles & ROLES_COMMISSION
        else None
    )
    contexte["terrain"] = blocs.terrain(session, acteur, appel) if appel and roles & LIT_SON_QUARTIER else None
    contexte["campagne"] = (
        blocs.campagne(session, acteur, appel, contexte["soldes"], contexte["seance"], maintenant)
        if appel and Role.CHARGE_MISSION in roles
        else None
    )
    contexte["phrase"] = _phrase(contexte)
    return rendre(request, "espaces/accueil/accueil.html", contexte)


def _des_lignes(session: SessionDep, acteur: Identite, appel: Appel | None) -> dict[str, Any]:
    """Les lignes qu'on instruit, celles qu'on arbitre, les crédits qu'on suit, et le nom de chacune."""
    lignes = acteur.cibles(Portee.LIGNE, Role.INSTRUCTEUR, Role.SOUS_PREFECTURE)
    arbitrees = acteur.cibles(Portee.LIGNE, Role.ELU_LIGNE)
    vide: dict[str, Any] = {
        "lignes": sorted(lignes), "lignes_arbitrees": sorted(arbitrees), "noms": {}, "soldes": (), "soldes_vus": (),
        "voit_toutes_les_lignes": False, "corbeille": None, "montants": None, "a_arbitrer": (), "reserve": None,
        "lectures": (),
    }  # fmt: skip
    if appel is None:
        return vide
    tous = soldes.list_soldes(session, acteur, appel, appel.annee) if acteur.roles & _SUIT_LES_CREDITS else ()
    nommees = [s.ligne for s in tous]
    if lignes and not nommees:
        nommees = list(list_lignes(session, appel.contrat_id))
    large = bool(acteur.roles & _VOIT_TOUTES_LES_LIGNES)
    return vide | {
        "noms": {ligne.code: ligne.financeur for ligne in nommees},
        "soldes": tous,
        "soldes_vus": [s for s in tous if large or s.ligne.code in arbitrees],
        "voit_toutes_les_lignes": large,
        "corbeille": instruction.corbeille(session, acteur, lignes, appel.id) if lignes else None,
        "lectures": notation.list_lectures_dues(session, acteur) if lignes else (),
        "montants": repository.montants_attendus(session, appel.id, arbitrees, lignes) if lignes or arbitrees else None,
        "a_arbitrer": repository.demandes_a_arbitrer(session, acteur, appel.id, arbitrees) if arbitrees else (),
    }


def _avis_manquants(session: SessionDep, acteur: Identite) -> int | None:
    contrats = acteur.contrats({Role.SOUS_PREFECTURE})
    return repository.avis_manquants(session, contrats) if contrats else None


def _phrase(contexte: dict[str, Any]) -> str:
    """La première phrase : combien de choses attendent, ou qu'il n'y a rien."""
    attend = [*_de_la_corbeille(contexte), *_des_montants(contexte)]
    if contexte["lectures"]:
        attend.append(en_nombre(len(contexte["lectures"]), "seconde lecture à rendre", "secondes lectures à rendre"))
    if contexte["avis"]:
        attend.append(f"{len(contexte['avis'])} avis à rendre")
    if contexte["avis_manquants"]:
        attend.append(f"{contexte['avis_manquants']} avis attendus des services")
    if contexte["campagne"] is not None and contexte["campagne"].suites:
        attend.append(en_nombre(len(contexte["campagne"].suites), "action sur l’appel", "actions sur l’appel"))
    depassees = [s for s in contexte["soldes"] if contexte["voit_toutes_les_lignes"] and s.solde.est_depasse]
    if depassees:
        attend.append(en_nombre(len(depassees), "enveloppe dépassée", "enveloppes dépassées"))
    if contexte["seance"] is not None:
        attend.append(f"la séance du {instant_long(contexte['seance'].prevue_le)}")
    if attend:
        return "Vous attendent : " + ", ".join(attend) + "."
    terrain = contexte["terrain"]
    if terrain is not None and terrain.total:
        concernent = accord(terrain.total, "dossier concerne", "dossiers concernent")
        return f"{compte(terrain.total)} {concernent} {terrain.ou}."
    return "Rien ne vous attend pour l’instant."


def _de_la_corbeille(contexte: dict[str, Any]) -> list[str]:
    corbeille = contexte["corbeille"]
    if corbeille is None:
        return []
    comptes = (
        (corbeille.a_verifier, "demande à vérifier", "demandes à vérifier"),
        (corbeille.a_proposer, "montant à proposer", "montants à proposer"),
        (corbeille.complements_recus, "dossier complété à relire", "dossiers complétés à relire"),
    )
    return [f"{compte(n, CORBEILLE_MAX)} {accord(n, un, plusieurs)}" for n, un, plusieurs in comptes if n]


def _des_montants(contexte: dict[str, Any]) -> list[str]:
    montants = contexte["montants"]
    if montants is None:
        return []
    comptes = (
        (montants.a_arbitrer, "montant à arbitrer", "montants à arbitrer"),
        (montants.a_decider, "demande votée à arrêter ou à décider", "demandes votées à arrêter ou à décider"),
    )
    return [f"{compte(n)} {accord(n, un, plusieurs)}" for n, un, plusieurs in comptes if n]

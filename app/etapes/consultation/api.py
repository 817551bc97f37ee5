"""API : rencontres et avis."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from app.etapes.appel import repository as appels
from app.etapes.consultation import repository, service
from app.etapes.consultation.models import Rencontre
from app.etapes.consultation.schemas import AvisEntrant, RencontreEntrante
from app.etapes.dossier import repository as dossiers
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.web import SessionDep
from app.noyau.erreurs import Faute, Introuvable, SaisieInvalide
from app.noyau.euros import Euros
from app.noyau.roles import ROLES_AGENT, Role

routeur = APIRouter(prefix="/api/v1", tags=["consultation"])
LIT = exiger(*ROLES_AGENT, Role.REFERENT_SERVICE)


def _montrer(rencontre: Rencontre) -> dict[str, Any]:
    return {
        "code": rencontre.code,
        "intitule": rencontre.intitule,
        "prevue_le": rencontre.prevue_le.isoformat(),
        "lieu": rencontre.lieu,
        "autorite": rencontre.autorite,
        "etat": rencontre.etat.value,
    }


@routeur.get("/rencontres", name="api:rencontres", dependencies=[Depends(LIT)])
def list_rencontres(session: SessionDep, acteur: Acteur) -> dict[str, Any]:
    """Les rencontres en vue, de la plus récente à la plus ancienne."""
    return {"elements": [_montrer(r) for r in repository.list_rencontres(session, acteur)], "suivant": None}


@routeur.post(
    "/rencontres", name="api:rencontre", status_code=201, dependencies=[Depends(exiger(Role.SOUS_PREFECTURE))]
)
def preparer(session: SessionDep, acteur: Acteur, entree: RencontreEntrante, maintenant: Maintenant) -> dict[str, Any]:
    """Prépare une rencontre."""
    if entree.prevue_le.tzinfo is None:
        raise SaisieInvalide([Faute("prevue_le", "Écrivez un instant avec son fuseau.", "fuseau_absent")])
    appel = appels.get_appel_par_code(session, entree.appel)
    if appel is None or not acteur.tient(Role.SOUS_PREFECTURE, contrat_id=appel.contrat_id):
        raise Introuvable("Cet appel n’existe pas, ou vous n’y avez pas accès.")
    valeurs = entree.model_dump(exclude={"appel"})
    rencontre = service.preparer_rencontre(session, appel=appel, acteur=acteur, maintenant=maintenant, **valeurs)
    return _montrer(rencontre)


@routeur.post(
    "/rencontres/{code}/convoquer", name="api:convoquer", dependencies=[Depends(exiger(Role.SOUS_PREFECTURE))]
)
def convoquer(session: SessionDep, acteur: Acteur, code: str, maintenant: Maintenant) -> dict[str, Any]:
    """Convoque les services."""
    return _montrer(service.convoquer(session, code, acteur=acteur, maintenant=maintenant))


@routeur.post("/rencontres/{code}/tenir", name="api:tenir", dependencies=[Depends(exiger(Role.SOUS_PREFECTURE))])
def tenir(session: SessionDep, acteur: Acteur, code: str, maintenant: Maintenant) -> dict[str, Any]:
    """Note que la rencontre s'est tenue."""
    return _montrer(service.tenir(session, code, acteur=acteur, maintenant=maintenant))


@routeur.get("/dossiers/{numero}/avis", name="api:avis", dependencies=[Depends(LIT)])
def list_avis(session: SessionDep, acteur: Acteur, numero: str) -> dict[str, Any]:
    """Les avis en vigueur sur un dossier."""
    dossier = dossiers.get_dossier(session, numero, acteur)
    elements = [
        {
            "service": a.service.code,
            "nom": a.service.nom,
            "degre": a.avis.degre.value,
            "motif": a.avis.motif,
            "rendu_le": a.avis.a.isoformat(),
            "droit_commun": a.avis.droit_commun_dispositif,
        }
        for a in repository.avis_courants(session, [dossier.id]).get(dossier.id, ())
    ]
    return {"elements": elements, "suivant": None}


@routeur.post(
    "/dossiers/{numero}/avis",
    name="api:emettre_avis",
    status_code=201,
    dependencies=[Depends(exiger(Role.REFERENT_SERVICE, Role.SOUS_PREFECTURE))],
)
def emettre_avis(
    session: SessionDep, acteur: Acteur, numero: str, entree: AvisEntrant, maintenant: Maintenant
) -> dict[str, Any]:
    """Rend l'avis d'un service sur un dossier."""
    rencontre = repository.get_rencontre(session, entree.rencontre, acteur) if entree.rencontre else None
    centimes = entree.droit_commun_montant_centimes
    avis = service.emettre_avis(
        session, numero=numero, service=entree.service, degre=entree.degre, motif=entree.motif, rencontre=rencontre,
        droit_commun_dispositif=entree.droit_commun_dispositif,
        droit_commun_montant=Euros(centimes) if centimes is not None else None, acteur=acteur, maintenant=maintenant,
    )  # fmt: skip
    return {"service": entree.service, "degre": avis.degre.value, "rang": avis.rang}

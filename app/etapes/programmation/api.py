"""API de la programmation : proposer, arbitrer, lire le tableau, simuler."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.repository import visibles
from app.etapes.dossier.rules.complement import EtatComplement
from app.etapes.dossier.rules.etats import TRANSITIONS_DEMANDE, EtatDemande, TransitionDemande
from app.etapes.programmation import service
from app.etapes.programmation.models import ScenarioEnregistre
from app.etapes.programmation.repository import scenarios, tableau
from app.etapes.programmation.repository.tableau import Avancement, DemandeVue, Filtre
from app.etapes.programmation.schemas import MontantEntrant, ScenarioEntrant
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.curseur import TAILLE, TAILLE_MAX
from app.infra.identite import Identite
from app.infra.web import SessionDep
from app.noyau.erreurs import Faute, Introuvable, SaisieInvalide
from app.noyau.euros import Euros
from app.noyau.roles import ROLES_AGENT
from app.referentiels.lignes import repository as lignes

routeur = APIRouter(prefix="/api/v1", tags=["programmation"])
LIT = exiger(*ROLES_AGENT)
SIMULE = exiger(*service.SIMULENT)
Taille = Annotated[int, Query(ge=1, le=TAILLE_MAX)]


def _centimes(montant: Euros | None) -> int | None:
    return None if montant is None else montant.centimes


def _montrer(v: DemandeVue, maintenant: datetime) -> dict[str, Any]:
    complement = v.complement(maintenant)
    return {
        "dossier": v.numero,
        "titre": v.titre,
        "porteur": v.porteur,
        "ligne": v.ligne,
        "annee": v.annee,
        "etat": v.etat.value,
        "complement_attendu": complement is EtatComplement.ATTENDU,
        "complement": complement.value if complement is not None else None,
        "demande_centimes": v.demande.centimes,
        "demande_n1_centimes": _centimes(v.demande_n1),
        "accorde_n1_centimes": _centimes(v.accorde_n1),
        "depense_n1_centimes": _centimes(v.depense_n1),
        "propose_centimes": _centimes(v.propose),
        "arbitre_centimes": _centimes(v.arbitre),
        "rang": v.rang,
        "motif": v.motif,
        "note": None
        if v.note_basse is None
        else {"minimum": str(v.note_basse), "maximum": str(v.note_haute), "provisoire": v.note_provisoire},
        "autres_lignes": [
            {
                "ligne": c.ligne,
                "etat": c.etat.value,
                "demande_centimes": c.demande.centimes,
                "montant_centimes": _centimes(c.montant),
                "nature": None if c.nature is None else c.nature.value,
            }
            for c in v.autres
        ],
        "fictif": v.est_fictif,
    }


def _appel(session: SessionDep, code: str, acteur: Identite) -> Appel:
    appel = appels.get_appel_par_code(session, code)
    if appel is None or appel.contrat_id not in acteur.contrats(ROLES_AGENT):
        raise Introuvable("Cet appel n’existe pas, ou vous n’y avez pas accès.")
    return appel


@routeur.get("/appels/{code}/programmation", name="api:programmation", dependencies=[Depends(LIT)])
def list_programmation(
    session: SessionDep,
    acteur: Acteur,
    code: str,
    maintenant: Maintenant,
    ligne: str = "",
    annee: Annotated[int | None, Query(ge=2000, le=2100)] = None,
    etat: EtatDemande | None = None,
    avancement: Avancement | None = None,
    q: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
    tri: str = tableau.TRI_PAR_DEFAUT,
    apres: str = "",
    taille: Taille = TAILLE,
) -> dict[str, Any]:
    """Les demandes d'un appel (d'une ligne, si elle est donnée), page par page. `tri` : « note », « -note »…"""
    appel = _appel(session, code, acteur)
    ligne_id = None
    if ligne:
        trouvee = lignes.get_ligne(session, appel.contrat_id, ligne)
        if trouvee is None:
            raise SaisieInvalide([Faute("ligne", "Cette ligne n’existe pas.", "ligne_inconnue")])
        ligne_id = trouvee.id
    if tri.removeprefix("-") not in tableau.TRIS:
        raise SaisieInvalide([Faute("tri", f"Choisissez un tri parmi {', '.join(tableau.TRIS)}.", "tri_inconnu")])
    page = tableau.list_demandes(
        session, acteur, appel, appel.annee if annee is None else annee, ligne_id=ligne_id,
        filtre=Filtre(q=q, etat=etat, avancement=avancement), tri=tri, jeton=apres, taille=taille,
    )  # fmt: skip
    return {"elements": [_montrer(v, maintenant) for v in page.elements], "suivant": page.suivant}


def _montrer_scenario(s: ScenarioEnregistre) -> dict[str, Any]:
    return {
        "code": s.code,
        "intitule": s.intitule,
        "motif": s.motif,
        "etat": s.etat.value,
        "demande_le": s.a.isoformat(),
        "calcule_le": s.calcule_at.isoformat() if s.calcule_at is not None else None,
        "solveur": s.version_solveur,
    }


@routeur.get("/appels/{code}/scenarios", name="api:scenarios", dependencies=[Depends(SIMULE)])
def list_scenarios(
    session: SessionDep, acteur: Acteur, code: str, apres: str = "", taille: Taille = TAILLE
) -> dict[str, Any]:
    """Les simulations d'un appel, de la plus récente à la plus ancienne."""
    appel = _appel_simule(session, code, acteur)
    page = scenarios.list_scenarios(session, appel, jeton=apres, taille=taille)
    return {"elements": [_montrer_scenario(s) for s in page.elements], "suivant": page.suivant}


def _appel_simule(session: SessionDep, code: str, acteur: Identite) -> Appel:
    appel = appels.get_appel_par_code(session, code)
    if appel is None or not service.peut_simuler(acteur, appel.contrat_id):
        raise Introuvable("Cet appel n’existe pas, ou vous n’y avez pas accès.")
    return appel


@routeur.post(
    "/appels/{code}/scenarios", name="api:demander_scenario", status_code=202, dependencies=[Depends(SIMULE)]
)  # fmt: skip
def demander_scenario(
    session: SessionDep, acteur: Acteur, code: str, entree: ScenarioEntrant, maintenant: Maintenant
) -> dict[str, Any]:
    """Met une simulation en file ; son résultat se lit ensuite à `GET /scenarios/{code}`."""
    _appel_simule(session, code, acteur)
    scenario = service.demander_scenario(
        session, code, intitule=entree.intitule, motif=entree.motif, reglages=entree.contraintes.reglages(),
        acteur=acteur, maintenant=maintenant,
    )  # fmt: skip
    return _montrer_scenario(scenario)


@routeur.get("/scenarios/{code}", name="api:scenario", dependencies=[Depends(SIMULE)])
def get_scenario(session: SessionDep, acteur: Acteur, code: str) -> dict[str, Any]:
    """Une simulation, ses réglages et son résultat figé ; `resultat` est nul tant que le calcul n'est pas fini."""
    scenario = scenarios.get_scenario(session, code, acteur.contrats(service.SIMULENT))
    if scenario is None:
        raise Introuvable("Cette simulation n’existe pas, ou vous n’y avez pas accès.")
    resultat = scenario.resultat
    if resultat is not None and "montants" in resultat:
        numeros = sorted({m["dossier"] for m in resultat["montants"]})
        en_vue = scenarios.nommer_dossiers(session, visibles(acteur), numeros)
        resultat = {**resultat, "montants": [m for m in resultat["montants"] if m["dossier"] in en_vue]}
    return {**_montrer_scenario(scenario), "contraintes": scenario.parametres, "resultat": resultat}


def _route_acte(transition: TransitionDemande) -> Callable[..., dict[str, Any]]:
    def agir(
        session: SessionDep, acteur: Acteur, numero: str, code: str, entree: MontantEntrant, maintenant: Maintenant
    ) -> dict[str, Any]:
        proposition = service.ACTES[transition.acte](
            session, numero, ligne=code, annee=entree.annee, montant=Euros(entree.montant_centimes),
            motif=entree.motif, acteur=acteur, maintenant=maintenant, rang_lu=entree.rang,
        )  # fmt: skip
        dossier = dossiers.get_dossier(session, numero, acteur)
        demande = dossiers.get_demande(session, dossier, code, entree.annee)
        return {
            "dossier": dossier.numero,
            "ligne": code,
            "annee": demande.annee,
            "etat": demande.etat.value,
            "nature": proposition.nature.value,
            "montant_centimes": proposition.montant.centimes,
            "motif": proposition.motif,
            "rang": proposition.rang,
        }

    agir.__name__ = f"{transition.acte}_demande"
    agir.__doc__ = f"{transition.libelle}."
    return agir


for _t in TRANSITIONS_DEMANDE:
    if _t.etape == "programmation":
        routeur.post(
            f"/dossiers/{{numero}}/lignes/{{code}}/{_t.acte}",
            name=f"api:demande:{_t.acte}",
            dependencies=[Depends(exiger(*_t.roles))],
        )(_route_acte(_t))

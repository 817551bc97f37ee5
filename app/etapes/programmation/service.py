"""Actes de la programmation : proposer, arbitrer un montant ; demander une simulation, puis en ranger le résultat."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Demande
from app.etapes.dossier.rules.etats import EtatDemande, actes_possibles_demande
from app.etapes.dossier.service.vie import passer_demande
from app.etapes.programmation.models import EtatScenario, NatureProposition, Proposition, ScenarioEnregistre
from app.etapes.programmation.repository import montants, scenarios
from app.etapes.programmation.repository.scenarios import Donnees
from app.etapes.programmation.rules import Scenario, Statut, fautes_du_montant
from app.etapes.programmation.rules.figer import figer
from app.etapes.programmation.rules.reglages import Reglages, reglages_de
from app.infra.identite import Identite
from app.infra.jobs import differer
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, Introuvable, SaisieInvalide, VersionPerimee
from app.noyau.euros import Euros
from app.noyau.roles import Role

SIMULENT = frozenset({Role.EQUIPE_PROJET, Role.CHARGE_MISSION})
TACHE_CALCUL = "programmation.calculer_scenario"
LONGUEUR_MOTIF = 2000
NATURES = {"proposer": NatureProposition.PROPOSE, "arbitrer": NatureProposition.ARBITRE}


def proposer(
    session: Session,
    identifiant: str,
    *,
    ligne: str,
    annee: int,
    montant: Euros,
    motif: str,
    acteur: Identite,
    maintenant: datetime,
    rang_lu: int | None = None,
) -> Proposition:
    """L'instructeur de la ligne propose un montant, de zéro au demandé. Un complément attendu ne l'en empêche pas.

    `rang_lu` : la proposition que la personne avait sous les yeux (0 : aucune). Lève SaisieInvalide, ActeInterdit,
    ActeImpossible, Introuvable, ou VersionPerimee si quelqu'un a proposé ou arbitré entre-temps.
    """
    return _fixer(
        session, identifiant, "proposer", ligne=ligne, annee=annee, montant=montant, motif=motif, acteur=acteur,
        maintenant=maintenant, rang_lu=rang_lu,
    )  # fmt: skip


def arbitrer(
    session: Session,
    identifiant: str,
    *,
    ligne: str,
    annee: int,
    montant: Euros,
    motif: str,
    acteur: Identite,
    maintenant: datetime,
    rang_lu: int | None = None,
) -> Proposition:
    """L'autorité de la ligne arbitre le montant proposé. Mêmes bornes, mêmes refus que `proposer`."""
    return _fixer(
        session, identifiant, "arbitrer", ligne=ligne, annee=annee, montant=montant, motif=motif, acteur=acteur,
        maintenant=maintenant, rang_lu=rang_lu,
    )  # fmt: skip


ACTES = {"proposer": proposer, "arbitrer": arbitrer}


def _fixer(
    session: Session,
    identifiant: str,
    acte: str,
    *,
    ligne: str,
    annee: int,
    montant: Euros,
    motif: str,
    acteur: Identite,
    maintenant: datetime,
    rang_lu: int | None,
) -> Proposition:
    dossier = dossiers.get_dossier(session, identifiant, acteur, verrou=True)
    demande = dossiers.get_demande(session, dossier, ligne, annee, verrou=True)
    courante = montants.get_courante(session, demande.id)
    rang = courante.rang if courante is not None else 0
    # Un acte interdit ou impossible se dit avant une faute de saisie ; rien n'est changé avant un refus.
    if acte in actes_ouverts(acteur, dossier.contrat_id, ligne, demande.etat):
        _verifier(montant, motif, demande)
        if rang_lu is not None and rang_lu != rang:
            _refuser_perimee(courante, montant)
    passer_demande(
        session, dossier, demande, acte, ligne=ligne, acteur=acteur, maintenant=maintenant, motif=motif
    )  # fmt: skip
    proposition = Proposition(
        contrat_id=dossier.contrat_id, demande_id=demande.id, rang=rang + 1, nature=NATURES[acte], montant=montant,
        motif=motif.strip(), acteur=acteur.acteur, a=maintenant,
    )  # fmt: skip
    session.add(proposition)
    session.flush()
    consigner(
        session, contrat_id=dossier.contrat_id, acte="proposition.ajoutee", objet=f"{dossier.numero}/{ligne}/{annee}",
        acteur=acteur.acteur, maintenant=maintenant,
        avant=None if courante is None else {"rang": courante.rang, "montant_centimes": courante.montant.centimes},
        apres={"rang": rang + 1, "nature": NATURES[acte].value, "montant_centimes": montant.centimes},
    )  # fmt: skip
    return proposition


def _verifier(montant: Euros, motif: str, demande: Demande) -> None:
    fautes = list(fautes_du_montant(montant, demande.montant_demande))
    if not motif.strip():
        fautes.append(Faute("motif", "Dites pourquoi, en une phrase.", "motif_exige"))
    elif len(motif) > LONGUEUR_MOTIF:
        fautes.append(Faute("motif", f"Écrivez au plus {LONGUEUR_MOTIF} caractères.", "motif_trop_long"))
    if fautes:
        raise SaisieInvalide(fautes)


def actes_ouverts(acteur: Identite, contrat_id: int, ligne: str, etat: EtatDemande) -> tuple[str, ...]:
    """Les actes de la programmation que cette personne peut faire sur une demande de cette ligne dans cet état."""
    roles = acteur.roles_sur_ligne(contrat_id, ligne)
    return tuple(t.acte for t in actes_possibles_demande(etat, roles) if t.etape == "programmation")


def _refuser_perimee(courante: Proposition | None, montant: Euros) -> None:
    actuel = "aucun montant" if courante is None else str(courante.montant)
    phrase = f"Quelqu’un a enregistré entre-temps : le montant est maintenant {actuel}. Relisez, puis recommencez."
    raise VersionPerimee(phrase, {"montant": (actuel, str(montant))})


def simulation_allumee(appel: Appel) -> bool:
    """Vrai si les orientations de l'appel allument la simulation ; éteinte par défaut."""
    return appel.orientations.get("simulation") is True


def peut_simuler(acteur: Identite, contrat_id: int) -> bool:
    """Vrai pour l'équipe projet et le chargé de mission du contrat."""
    return acteur.tient(*SIMULENT, contrat_id=contrat_id)


def demander_scenario(
    session: Session,
    code_appel: str,
    *,
    intitule: str,
    motif: str,
    reglages: Reglages,
    acteur: Identite,
    maintenant: datetime,
) -> ScenarioEnregistre:
    """Met une simulation en file. Les réglages sont vérifiés tout de suite, le calcul se fait hors de la requête.

    Lève Introuvable, ActeInterdit, ActeImpossible (`simulation_eteinte`) ou SaisieInvalide.
    """
    appel = appels.get_appel_par_code(session, code_appel, verrou=True)
    if appel is None:
        raise Introuvable("Cet appel n’existe pas.")
    if not peut_simuler(acteur, appel.contrat_id):
        raise ActeInterdit("La simulation est réservée à l’équipe projet et au chargé de mission.")
    if not simulation_allumee(appel):
        phrase = "La simulation est éteinte pour cet appel : ses orientations ne l’allument pas."
        raise ActeImpossible(phrase, code="simulation_eteinte")
    fautes = [
        Faute(champ, phrase, f"{champ}_exige")
        for champ, valeur, phrase in (
            ("intitule", intitule, "Donnez un nom à cette simulation."),
            ("motif", motif, "Dites ce que vous cherchez à comparer."),
        )
        if not valeur.strip()
    ]
    if fautes:
        raise SaisieInvalide(fautes)
    scenarios.charger(session, appel, reglages)
    scenario = ScenarioEnregistre(
        contrat_id=appel.contrat_id, appel_id=appel.id,
        code=f"{appel.code}-s{scenarios.compter_scenarios(session, appel.id) + 1}", intitule=intitule.strip(),
        motif=motif.strip(), etat=EtatScenario.DEMANDE, parametres=reglages.en_donnees(), resultat=None,
        acteur=acteur.acteur, a=maintenant, calcule_at=None,
    )  # fmt: skip
    session.add(scenario)
    session.flush()
    consigner(
        session, contrat_id=appel.contrat_id, acte="scenario.demande", objet=scenario.code, acteur=acteur.acteur,
        maintenant=maintenant, apres=scenario.parametres,
    )  # fmt: skip
    differer(session, TACHE_CALCUL, maintenant=maintenant, scenario_id=scenario.id)
    return scenario


def preparer_calcul(session: Session, scenario_id: int) -> Donnees | None:
    """Ce que le calcul doit lire, ou None s'il est déjà fait. Lève SaisieInvalide si un réglage ne tient plus."""
    scenario = scenarios.get_scenario_par_id(session, scenario_id)
    if scenario is None or scenario.etat is not EtatScenario.DEMANDE:
        return None
    appel = appels.get_appel(session, scenario.appel_id)
    return scenarios.charger(session, appel, reglages_de(scenario.parametres))


def ranger_calcul(
    session: Session, scenario_id: int, donnees: Donnees, calcule: Scenario, *, maintenant: datetime
) -> None:
    """Fige le résultat d'un calcul, une seule fois."""
    resultat = figer(donnees.probleme, calcule, donnees.reperes, donnees.attendus)
    trouve = calcule.statut in {Statut.OPTIMAL, Statut.INTERROMPU}
    etat = EtatScenario.CALCULE if trouve else EtatScenario.IMPOSSIBLE
    _ranger(session, scenario_id, etat, resultat, calcule.solveur, maintenant)


def ranger_echec(session: Session, scenario_id: int, raison: str, *, maintenant: datetime) -> None:
    """Fige un calcul qui n'a pas abouti, avec sa raison en français."""
    _ranger(session, scenario_id, EtatScenario.ECHOUE, {"raison": raison}, "", maintenant)


def _ranger(
    session: Session,
    scenario_id: int,
    etat: EtatScenario,
    resultat: dict[str, object],
    solveur: str,
    maintenant: datetime,
) -> None:
    scenario = scenarios.get_scenario_par_id(session, scenario_id, verrou=True)
    if scenario is None or scenario.etat is not EtatScenario.DEMANDE:
        return
    scenario.etat, scenario.resultat, scenario.version_solveur, scenario.calcule_at = (
        etat, resultat, solveur, maintenant,
    )  # fmt: skip
    consigner(
        session, contrat_id=scenario.contrat_id, acte=f"scenario.{etat.value}", objet=scenario.code,
        acteur=scenario.acteur, maintenant=maintenant, apres={"solveur": solveur},
    )  # fmt: skip

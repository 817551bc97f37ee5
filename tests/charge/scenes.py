"""Ce que les mesures jouent : qui est connecté, quelles pages, quels formulaires. Rien d'inventé : de vrais actes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.commandes.base import Base, fabrique_de
from app.commandes.charge.patrons import actions_reelles
from app.commandes.charge.socle import ANNEE, CODE_APPEL, ORGANISATIONS
from app.etapes.appel import repository as appels
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.service import brouillon, depot
from app.infra.acces import TEMOIN
from app.infra.config import Config
from app.infra.heure import heure_machine
from app.infra.identite import Identite
from app.infra.secret import deriver, secret_du_service
from app.referentiels.acteurs import repository as acteurs
from app.referentiels.acteurs.models import Compte, Organisation
from app.referentiels.acteurs.service import empreinte_secret, ouvrir_session_de
from seeds.demo.derivation import deduire
from tests.charge.client import CONNEXIONS, Appel, Suite, appel

HORLOGE = datetime(2026, 12, 15, 10, tzinfo=UTC)
INSTRUCTEUR, PORTEUR = "instruction-m2a@demo.invalid", "charge-001@demo.invalid"
DOSSIERS_LUS = 50
DEPOTS = 5 * CONNEXIONS
LISTE = f"/instruction?appel={CODE_APPEL}"
FILTREE = f"{LISTE}&etat=depose&quartier=QN06803M"
RECHERCHE = f"{LISTE}&q=wittenheim"


@dataclass(frozen=True, slots=True)
class Connecte:
    """Une personne connectée : ses en-têtes, son jeton de formulaire."""

    entetes: Mapping[str, str]
    csrf: str


@dataclass(frozen=True, slots=True)
class Brouillon:
    """Un dossier du porteur : sa référence, la version qu'on en a lue, ce que contient sa première étape."""

    reference: str
    version: int
    projet: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Scene:
    """Tout ce qu'il faut pour jouer les pages d'une base."""

    instructeur: Connecte
    porteur: Connecte
    numeros: Sequence[str]
    brouillons: Sequence[Brouillon]
    signes: Sequence[Brouillon]


def preparer(base: Base, config: Config, depots: int = DEPOTS) -> Scene:
    """Ouvre deux sessions, écrit par les vrais actes un brouillon par connexion et `depots` dossiers signés."""
    with fabrique_de(base) as fabrique, fabrique.begin() as session:
        porteur = _identite(session, PORTEUR)
        return Scene(
            instructeur=_connecter(session, config, INSTRUCTEUR),
            porteur=_connecter(session, config, PORTEUR),
            numeros=_numeros(session),
            brouillons=[_brouillon(session, porteur, rang) for rang in range(CONNEXIONS)],
            signes=[_signe(session, porteur, CONNEXIONS + rang) for rang in range(depots)],
        )


def _compte(session: Session, courriel: str) -> Compte:
    compte = acteurs.get_compte_par_courriel(session, courriel)
    assert compte is not None, courriel
    return compte


def _identite(session: Session, courriel: str) -> Identite:
    identite = acteurs.identite_de_compte(session, _compte(session, courriel).id, HORLOGE)
    assert identite is not None
    return identite


def _connecter(session: Session, config: Config, courriel: str) -> Connecte:
    compte = _compte(session, courriel)
    temoin = ouvrir_session_de(session, compte, machine=heure_machine(), duree=timedelta(hours=2))
    csrf = deriver(secret_du_service(config), "csrf", empreinte_secret(temoin)).hex()
    return Connecte({"Cookie": f"{TEMOIN}={temoin}", "X-Horloge": HORLOGE.isoformat()}, csrf)


def _numeros(session: Session) -> list[str]:
    """Des numéros répartis sur toute la base, au pas régulier."""
    requete = select(Dossier.numero).where(Dossier.numero.is_not(None)).order_by(Dossier.id)
    tous = [numero for numero in session.scalars(requete) if numero is not None]
    return tous[:: max(1, len(tous) // DOSSIERS_LUS)][:DOSSIERS_LUS]


def _brouillon(session: Session, acteur: Identite, rang: int) -> Brouillon:
    trouve = appels.get_appel_par_code(session, CODE_APPEL)
    assert trouve is not None
    organisation = session.get_one(Organisation, next(iter(acteur.organisations())))
    dossier = brouillon.creer_brouillon(
        session, acteur=acteur, appel=trouve, organisation=organisation, maintenant=HORLOGE
    )
    actions = actions_reelles()
    contenu: dict[str, Any] = deduire(rang + 1, actions[rang % len(actions)], ANNEE, ORGANISATIONS).contenu
    contenu.pop("numero_dauphin", None)  # le portail de l’État n’en a pas encore donné
    brouillon.enregistrer(session, dossier.reference, contenu, versions={}, acteur=acteur, maintenant=HORLOGE)
    projet = {code: str(contenu[code]) for code in ("titre", "besoin", "description", "objectif_principal")}
    return Brouillon(dossier.reference, dossier.version, projet)


def _signe(session: Session, acteur: Identite, rang: int) -> Brouillon:
    ecrit = _brouillon(session, acteur, rang)
    dossier = brouillon.envoyer_en_signature(session, ecrit.reference, acteur=acteur, maintenant=HORLOGE)
    depot.signer(session, ecrit.reference, version_lue=dossier.version, acteur=acteur, maintenant=HORLOGE)
    return Brouillon(ecrit.reference, dossier.version, ecrit.projet)


def page(adresse: str, chemin: str, connecte: Connecte | None = None) -> Suite:
    """Toujours la même page."""
    demande = appel(adresse, "GET", chemin, connecte.entetes if connecte else {})
    return lambda _rang, _tour: demande


def details(adresse: str, chemins: Sequence[str], connecte: Connecte | None = None) -> Suite:
    """Des dossiers différents, à tour de rôle, décalés d'une connexion à l'autre."""
    demandes = [appel(adresse, "GET", chemin, connecte.entetes if connecte else {}) for chemin in chemins]
    return lambda rang, tour: demandes[(tour + rang * len(demandes) // CONNEXIONS) % len(demandes)]


def etape(adresse: str, scene: Scene, depart: int = 0) -> Suite:
    """L'étape « projet » enregistrée : la description change à chaque fois, avec sa version. Un dossier par connexion.

    `depart` : combien de fois chaque dossier a déjà été enregistré par une série précédente.
    """
    faits = [depart] * CONNEXIONS

    def suivante(rang: int, _tour: int) -> Appel:
        dossier, tour = scene.brouillons[rang], faits[rang]
        faits[rang] += 1
        corps = formulaire_etape(scene, dossier, tour)
        return appel(adresse, "POST", f"/dossiers/{dossier.reference}/etapes/projet", scene.porteur.entetes, corps)

    return suivante


def formulaire_etape(scene: Scene, dossier: Brouillon, tour: int) -> dict[str, str]:
    """Le formulaire entier de l'étape, tel que la page l'envoie."""
    versions = {f"v.{code}": "1" for code in dossier.projet} | {"v.description": str(tour + 1)}
    description = f"{dossier.projet['description']} Relu {tour + 1} fois."
    return {**dossier.projet, **versions, "description": description, "acte": "suivante", "_csrf": scene.porteur.csrf}


def depots(adresse: str, scene: Scene) -> Suite:
    """Un dépôt par dossier signé, jusqu'au dernier."""
    restants = iter(scene.signes)

    def suivant(_rang: int, _tour: int) -> Appel | None:
        dossier = next(restants, None)
        if dossier is None:
            return None
        corps = formulaire_depot(scene, dossier)
        return appel(adresse, "POST", f"/dossiers/{dossier.reference}/depot", scene.porteur.entetes, corps)

    return suivant


def formulaire_depot(scene: Scene, dossier: Brouillon) -> dict[str, str]:
    """Le bouton « Déposer »."""
    cle = f"mesure-{dossier.reference}"
    return {"version": str(dossier.version), "cle": cle, "_csrf": scene.porteur.csrf}

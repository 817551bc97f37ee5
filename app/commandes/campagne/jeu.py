"""Jouer une campagne entière sur une base prête, par l'API HTTP d'un service lancé pour elle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.commandes.base import Base, fabrique_de
from app.commandes.campagne import (
    acteurs,
    consultation,
    decision,
    depot,
    en_cours,
    instruction,
    montants,
    preparation,
    relecture,
    seance,
    transparence,
)
from app.commandes.campagne.client import Api
from app.commandes.campagne.scene import CONTRAT, LIGNES, Calendrier, DossierJoue, Scene
from app.commandes.charger import charger_reference
from app.commandes.servir import service_lance
from app.commandes.worker import vider_la_file
from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.appel.rules import EtatAppel
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.etats import DEPOSES
from app.infra.config import Config
from app.infra.heure import heure_machine
from app.noyau.erreurs import ErreurMetier
from app.referentiels.contrats import repository as contrats
from app.referentiels.contrats.models import Contrat
from app.referentiels.grilles import repository as grilles
from app.referentiels.instances import repository as instances
from seeds.demo.derivation import cle_de_l_action, dossiers_deduits, enveloppe
from seeds.lecture import lire
from seeds.schemas.demo import FichierComptes, FichierServices

DEMO = Path(__file__).resolve().parents[3] / "seeds" / "demo"
COMPTES = DEMO / "comptes.yaml"
SERVICES = DEMO / "services.yaml"
ESSAI = en_cours.CODE
PAUSE_DES_TACHES = 0.5  # seconde
Dire = Callable[[str], None]


class TachesEnEchec(ErreurMetier):
    """Une tâche de fond a échoué."""

    code = "taches_en_echec"


@dataclass(frozen=True, slots=True)
class Plateau:
    """Où la campagne se joue : l'adresse du service, la base, et de quoi exécuter les tâches de fond."""

    adresse: str
    fabrique: sessionmaker[Session]
    config: Config
    url: str

    def faire_les_taches(self) -> None:
        """Exécute tout ce qui attend en file. Lève TachesEnEchec."""
        bilan = vider_la_file(self.config, self.url)
        if bilan.echecs:
            raise TachesEnEchec(f"{bilan.echecs} tâche(s) de fond ont échoué : {' ; '.join(bilan.erreurs)}")

    @contextmanager
    def taches_en_fond(self) -> Iterator[None]:
        """Exécute les tâches pendant que le bloc en produit (les PDF se composent hors du verrou de Python), puis
        le reste. Lève TachesEnEchec."""
        with ThreadPoolExecutor(1) as fils:
            fini = Event()
            travail = fils.submit(self._jusqu_a, fini)
            try:
                yield
            finally:
                fini.set()
        travail.result()
        self.faire_les_taches()

    def _jusqu_a(self, fini: Event) -> None:
        while not fini.wait(PAUSE_DES_TACHES):
            self.faire_les_taches()


@dataclass(frozen=True, slots=True)
class Campagne:
    """Une campagne à jouer : année financée, année réelle des titres, nombre d'actions."""

    annee: int
    annee_reelle: int
    limite: int | None = None


CAMPAGNES = (Campagne(2026, 2024, 36), Campagne(2027, 2025))


def charger_le_decor(fabrique: sessionmaker[Session]) -> None:
    """Le contrat, la grille, les comptes, les organisations. Idempotent."""
    comptes = lire(COMPTES, FichierComptes).contenu
    with fabrique.begin() as session:
        charger_reference(session)
        contrat = _contrat(session)
        acteurs.charger_comptes(session, contrat, comptes)
        acteurs.charger_porteurs(session, comptes.mot_de_passe)
        acteurs.charger_services(session, contrat, lire(SERVICES, FichierServices).contenu)


def _contrat(session: Session) -> Contrat:
    contrat = contrats.get_contrat_par_code(session, CONTRAT)
    if contrat is None:
        raise ErreurMetier(f"Le contrat {CONTRAT} n’est pas chargé.")
    return contrat


@contextmanager
def service_de_la_campagne(config: Config, base: Base) -> Iterator[Plateau]:
    """Un service lancé sur un port libre ; les tâches de fond se font quand la campagne le demande."""
    with fabrique_de(base) as fabrique, service_lance(config, nullcontext(base), taches=False) as processus:
        yield Plateau(processus.adresse, fabrique, config, base.url)


def jouer(plateau: Plateau, campagne: Campagne, dire: Dire) -> Scene:
    """Joue une campagne du dépôt à la notification. Lève EchecApi ou TachesEnEchec."""
    deduits = dossiers_deduits(campagne.annee_reelle, campagne.annee, acteurs.PORTEURS, campagne.limite)
    with plateau.fabrique.begin() as session:
        jetons = acteurs.jetons(session)
        organisations = acteurs.codes_des_organisations(session)
        contrat_id = _contrat(session).id
        services = [s.code for s in instances.list_services(session, contrat_id)]
        grille = grilles.list_grilles(session, contrat_id)[0].version
        deja_engage = _deja_engage(session, contrat_id, campagne.annee)
        avant = _renouvelables(session, f"m2a-{campagne.annee - 1}")
    scene = Scene(
        api=Api(plateau.adresse, Calendrier(campagne.annee).ouverture),
        jetons=jetons,
        annee=campagne.annee,
        enveloppes={ligne: enveloppe(deduits, ligne) for ligne in LIGNES},
        dossiers=[DossierJoue(d, renouvelle=avant.pop(cle_de_l_action(d.action.titre), "")) for d in deduits],
        deja_engage=deja_engage,
    )
    dire(f"Campagne {campagne.annee} : {len(deduits)} dossiers déduits des titres réels de {campagne.annee_reelle}.")
    preparation.ouvrir_l_appel(scene, grille, f"Appel à initiatives {campagne.annee}")
    with plateau.taches_en_fond():
        deposes = depot.deposer_tout(scene, organisations)
    reconduits = sum(bool(d.renouvelle) for d in scene.dossiers)
    dire(f"  déposés : {deposes}, dont {reconduits} qui renouvellent un dossier de {campagne.annee - 1}")
    instruction.instruire(scene)
    plateau.faire_les_taches()
    ajustees, relues = relecture.relire(scene)
    dire(f"  recevabilité close, notes calculées, {ajustees} ajustées, {relues} relues par une seconde personne")
    dire(f"  avis des services : {consultation.consulter(scene, services)}")
    totaux = montants.arbitrer_tout(scene)
    dire("  arbitré : " + ", ".join(f"{ligne} {total // 100} €" for ligne, total in totaux.items()))
    seance.voter(scene)
    dire("  séance close, procès-verbal")
    with plateau.taches_en_fond():
        notices = decision.decider(scene)
    dire(f"  décidé et notifié, {notices} notices demandées ({scene.api.appels} appels à l’API)")
    scene.api.fermer()
    return scene


def _deja_engage(session: Session, contrat_id: int, annee: int) -> dict[str, int]:
    """Ligne → centimes déjà engagés sur cette année : les tranches de CPO réservées par les campagnes d'avant."""
    return {ligne.code: e.engage.centimes for e, ligne in appels.list_enveloppes(session, contrat_id, annee)}


def _renouvelables(session: Session, code: str) -> dict[str, str]:
    """Action → numéro de son dossier d'un an dans cet appel, s'il n'est pas retiré."""
    requete = (
        select(Dossier.titre, Dossier.numero)
        .join(Appel, Appel.id == Dossier.appel_id)
        .where(Appel.code == code, Dossier.duree_annees == 1, Dossier.etat.in_(DEPOSES))
        .order_by(Dossier.id.desc())
    )
    return {cle_de_l_action(titre): numero for titre, numero in session.execute(requete) if numero}


def ouvrir_l_essai(plateau: Plateau, dossiers: int = en_cours.DOSSIERS) -> None:
    """Un appel ouvert toute l'année, pour que chacun essaie un dépôt ou une instruction aujourd'hui. Idempotent."""
    with plateau.fabrique.begin() as session:
        essai = appels.get_appel_par_code(session, ESSAI)
        if essai is not None and essai.etat is not EtatAppel.PREPARE:
            return
        contrat_id = _contrat(session).id
        dotees = {ligne.code for _, ligne in appels.list_enveloppes(session, contrat_id, en_cours.ANNEE)}
        jetons, organisations = acteurs.jetons(session), acteurs.codes_des_organisations(session)
        grille = grilles.list_grilles(session, contrat_id)[0].version
    maintenant = heure_machine()
    scene = en_cours.ouvrir(plateau.adresse, jetons, grille, dotees, maintenant, dossiers, existe=essai is not None)
    with plateau.taches_en_fond():
        en_cours.deposer(scene, organisations, maintenant)
    en_cours.relire(scene, maintenant)
    with plateau.fabrique.begin() as session:
        transparence.preparer_une_grille(session, contrat_id, maintenant)
    essais = f"/api/v1/contrats/{CONTRAT}/grilles/brouillons/{transparence.VERSION}/essais"
    scene.post(essais, "charge", {"appel": f"m2a-{CAMPAGNES[-1].annee}"})
    plateau.faire_les_taches()
    scene.api.fermer()

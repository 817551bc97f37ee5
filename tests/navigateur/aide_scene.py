"""Ce que le navigateur trouve : le contrat réel, un appel ouvert, des dossiers notés et proposés, une commission."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from threading import Thread

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.commandes.charger import charger_reference
from app.commandes.worker import vider_la_file
from app.etapes.appel.models import Appel, PieceExigee
from app.etapes.appel.rules import TOUS, EtatAppel, code_de_piece
from app.etapes.commission.models import Seance
from app.etapes.commission.repository import get_commission
from app.etapes.commission.service import preparation
from app.etapes.consultation import service as consultation
from app.etapes.convention.service import decision, notification
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.recevabilite import tous_verifies
from app.etapes.dossier.service import recevabilite
from app.etapes.notation import service as notation
from app.etapes.programmation import service as programmation
from app.etapes.programmation.rules.reglages import Reglages
from app.infra.clock import heure_machine
from app.infra.config import Config
from app.noyau.roles import Portee, Role
from app.referentiels.acteurs import service as acteurs
from app.referentiels.acteurs.models import Compte
from app.referentiels.grilles import repository as versions
from app.referentiels.grilles import service as grilles
from app.referentiels.grilles.rules import grille_depuis_donnees
from app.referentiels.grilles.rules.edition import lire_poids
from app.referentiels.instances.models import MembreInstance
from tests.etapes.commission.aide_seance import AVANT, JOUR_J, Campagne, demandes_de, proposer, une_campagne
from tests.etapes.convention.aide_decision import APRES, accorde, arreter, de_la_ligne, voter_tout
from tests.factories import (
    DEBUT_HABILITATION,
    MAINTENANT,
    UnContrat,
    identite,
    un_appel,
    un_brouillon,
    un_compte,
    un_contrat_charge,
    un_dossier_complet,
    une_organisation,
)

CONTRAT = "m2a-2024-2030"
MOT_DE_PASSE = "essai-du-navigateur-2027"
RECEVABILITE = MAINTENANT + timedelta(days=40)
MONTANTS: Mapping[str, int] = {"BOP147": 300_000, "M2A": 500_000}
PIECES = ("Statuts signés", "Relevé d’identité bancaire", "Lettre d’intention d’un partenaire")
TITRES = (
    "Café des parents",
    "Tous au jardin : ateliers de jardinage, de cuisine et de compostage au pied des immeubles, avec les habitants",
    "Permanence d’accès aux droits",
)


@dataclass
class Scene:
    """L'état de la base que sert le vrai service, et de quoi en refaire pour un essai."""

    config: Config
    url: str
    fabrique: sessionmaker[Session]
    comptes: dict[str, Compte] = field(default_factory=dict)
    rangs: Iterator[int] = field(default_factory=lambda: count(1))
    contrat: UnContrat = field(init=False)
    appel: Appel = field(init=False)
    seance: Seance = field(init=False)
    dossier: Dossier = field(init=False)

    def temoin(self, compte: Compte) -> str:
        """Ouvre une session pour ce compte et rend le témoin à donner au navigateur."""
        with self.fabrique.begin() as session:
            return acteurs.ouvrir_session_de(session, compte, machine=heure_machine(), duree=timedelta(hours=1))

    def faire_les_taches(self) -> None:
        """Exécute ce qui attend en file. Dans un fil à part : celui de l'essai porte la boucle du navigateur."""
        echecs: list[int] = []
        fil = Thread(target=lambda: echecs.append(vider_la_file(self.config, self.url).echecs))
        fil.start()
        fil.join()
        assert echecs == [0]

    def un_benevole(self) -> str:
        """L'adresse d'une personne qui rédige et signe pour une association à elle ; mot de passe : MOT_DE_PASSE."""
        rang = next(self.rangs)
        adresse = f"benevole{rang}@exemple.invalid"
        with self.fabrique.begin() as session:
            organisation = une_organisation(session, rang=rang)
            compte = acteurs.creer_compte(
                session, courriel=adresse, nom_affiche=f"Bénévole {rang} (fictif)", mot_de_passe=MOT_DE_PASSE,
                maintenant=DEBUT_HABILITATION,
            )  # fmt: skip
            for role in (Role.REDACTEUR, Role.SIGNATAIRE):
                acteurs.habiliter(
                    session, compte=compte, role=role, portee=Portee.ORGANISATION, acteur="essai",
                    maintenant=DEBUT_HABILITATION, organisation_id=organisation.id,
                )  # fmt: skip
        return adresse

    def une_seance_convoquee(self) -> Seance:
        """Trois dossiers notés et proposés sur deux lignes (six points) et leur séance, convoquée."""
        with self.fabrique() as session:
            for titre in TITRES:
                self._un_dossier_propose(session, titre)
            charge = identite(session, self.comptes["charge"])
            seance = preparation.creer(
                session, appel_code=self.appel.code, prevue_le=JOUR_J, lieu="Salle du conseil (fictif)", acteur=charge,
                maintenant=AVANT,
            )  # fmt: skip
            preparation.convoquer(session, seance.code, acteur=charge, maintenant=AVANT)
            session.commit()
            return seance

    def une_rencontre_convoquee(self) -> str:
        """Une rencontre sur le dossier du porteur, le service du référent convoqué ; rend son code."""
        with self.fabrique.begin() as session:
            prefecture = identite(session, self.comptes["BOP147"])
            rencontre = consultation.preparer_rencontre(
                session, appel=self.appel, intitule="Rencontre Éducation", prevue_le=AVANT, lieu="Sous-préfecture",
                autorite="Le sous-préfet de Mulhouse", numeros=[str(self.dossier.numero)],
                services=[next(iter(self.contrat.services))], acteur=prefecture, maintenant=RECEVABILITE,
            )  # fmt: skip
            consultation.convoquer(session, rencontre.code, acteur=prefecture, maintenant=RECEVABILITE)
            return rencontre.code

    def un_scenario(self) -> str:
        """Une simulation demandée et calculée ; rend son code."""
        with self.fabrique.begin() as session:
            scenario = programmation.demander_scenario(
                session, self.appel.code, intitule="Équilibrée", motif="Comparer.", reglages=Reglages(),
                acteur=identite(session, self.comptes["equipe"]), maintenant=AVANT,
            )  # fmt: skip
            code = scenario.code
        self.faire_les_taches()
        return code

    def une_grille_essayee(self) -> str:
        """Une grille en préparation, deux poids changés, essayée sur l'appel ; rend son numéro."""
        with self.fabrique.begin() as session:
            origine = versions.get_grille(session, session.get_one(Appel, self.appel.id).grille_id)
            qui = {"acteur": identite(session, self.comptes["charge"]), "maintenant": AVANT}
            brouillon = grilles.preparer(session, origine, version="2028.0", **qui)
            saisie = {"poids.M2A.QPV": "2", "poids.M2A.LAN": "15", "poids.BOP147.FAI": "3", "poids.BOP147.HAB": "13"}
            donnees, _ = lire_poids(brouillon.contenu, saisie)
            grille = grille_depuis_donnees(donnees)
            grilles.modifier(session, origine.contrat_id, "2028.0", grille, revision=1, **qui)
            notation.demander_essai(session, origine.contrat_id, "2028.0", self.appel.code, **qui)
        self.faire_les_taches()
        return "2028.0"

    def une_lecture_rendue_une_due(self) -> None:
        """Deux secondes lectures de m2A sur le dossier de la scène : l'une rendue et en désaccord, l'autre due."""
        numero = str(self.dossier.numero)
        with self.fabrique.begin() as session:
            qui = {"acteur": identite(session, self.comptes["M2A"]), "maintenant": AVANT}
            for nom in ("relecture", "relecture_due"):
                self.comptes[nom] = un_compte(session, Role.INSTRUCTEUR, contrat=self.contrat, ligne="M2A")
                notation.demander_lecture(session, numero, "M2A", lecteur=self.comptes[nom].acteur, **qui)
            lecteur = identite(session, self.comptes["relecture"])
            _, _, posees = notation.lire_questions(session, numero, "M2A", acteur=lecteur)
            taux = {question.code: str(question.options[-1][0]) for question in posees}
            notation.rendre_lecture(
                session, numero, "M2A", taux=taux, motifs={"HAB": "Les habitants ne sont pas associés."},
                acteur=lecteur, maintenant=AVANT,
            )  # fmt: skip

    def une_campagne_decidee(self) -> Campagne:
        """Un autre contrat, sa campagne votée ; le premier dossier accordé et notifié par m2A."""
        with self.fabrique.begin() as session:
            campagne = une_campagne(session, premiere_organisation=500)
            voter_tout(session, campagne)
            arreter(session, campagne, "M2A")
            numero, m2a = str(campagne.dossiers[0].numero), de_la_ligne(session, campagne, "M2A")
            decision.decider(session, numero, "M2A", accorde(2_000, "Budget réduit"), acteur=m2a, maintenant=APRES)
            notification.notifier(session, numero, "M2A", acteur=m2a, maintenant=APRES)
            campagne.appel.etat = EtatAppel.CLOS  # un seul appel reste ouvert au dépôt pour les autres essais
        self.faire_les_taches()
        return campagne

    def un_brouillon(self) -> tuple[Compte, str]:
        """Un dossier vide et la personne qui le rédige : (compte, référence)."""
        with self.fabrique.begin() as session:
            organisation = une_organisation(session, rang=next(self.rangs))
            compte = un_compte(session, Role.REDACTEUR, organisation=organisation)
            dossier = un_brouillon(session, self.appel, organisation, identite(session, compte))
            return compte, dossier.reference

    def _un_dossier_propose(self, session: Session, titre: str) -> None:
        organisation = une_organisation(session, rang=next(self.rangs))
        roles = (Role.ADMINISTRATEUR_PORTEUR, Role.REDACTEUR, Role.SIGNATAIRE)
        porteur = un_compte(session, *roles, organisation=organisation)
        demandes = [{"ligne": ligne, "annee": 2027, "montant": montant} for ligne, montant in MONTANTS.items()]
        dossier = un_dossier_complet(
            session, self.appel, organisation, identite(session, porteur), titre=titre, demandes=demandes,
        )  # fmt: skip
        for ligne in MONTANTS:
            recevabilite.examiner(
                session, str(dossier.numero), ligne=ligne, annee=2027, conclusion="recevable",
                points=tous_verifies(), motif="",
                acteur=identite(session, self.comptes[ligne]), maintenant=RECEVABILITE,
            )  # fmt: skip
        notation.noter_dossier(session, dossier.id, acteur="service", maintenant=RECEVABILITE)
        for demande, ligne in demandes_de(session, dossier):
            proposer(session, demande, MONTANTS[ligne] // 125, identite(session, self.comptes["charge"]))
        if "porteur" not in self.comptes:
            self.comptes["porteur"], self.dossier = porteur, dossier


def _les_comptes(session: Session, scene: Scene) -> dict[str, Compte]:
    """Une personne par public ; les élus de la commission tiennent leur siège, « membre » le deuxième."""
    contrat = scene.contrat
    commission = get_commission(session, contrat.id)
    assert commission is not None
    requete = select(MembreInstance).where(MembreInstance.instance_id == commission.id).order_by(MembreInstance.rang)
    sieges = session.scalars(requete).all()
    comptes = {
        "charge": un_compte(session, Role.CHARGE_MISSION, contrat=contrat),
        "BOP147": un_compte(session, Role.SOUS_PREFECTURE, contrat=contrat, ligne="BOP147"),
        "equipe": un_compte(session, Role.EQUIPE_PROJET, contrat=contrat),
        "administrateur": un_compte(session, Role.ADMINISTRATEUR, contrat=contrat),
        "M2A": un_compte(session, Role.INSTRUCTEUR, contrat=contrat, ligne="M2A"),
        "elu": un_compte(session, Role.ELU_LIGNE, contrat=contrat, ligne="M2A"),
        "referent": un_compte(session, Role.REFERENT_SERVICE, contrat=contrat, service=next(iter(contrat.services))),
        "membre": un_compte(session, Role.MEMBRE_COMMISSION, contrat=contrat),
    }
    sieges[1].compte_id = comptes["membre"].id
    return comptes


def une_scene(config: Config, url: str, fabrique: sessionmaker[Session]) -> Scene:
    """Le contrat réel, l'appel 2027 ouvert, les comptes, une séance convoquée que personne ne vote."""
    scene = Scene(config, url, fabrique)
    with fabrique() as session:
        charger_reference(session)
        scene.contrat = un_contrat_charge(session, CONTRAT)
        scene.appel = un_appel(session, scene.contrat, orientations={"simulation": True})
        scene.comptes = _les_comptes(session, scene)
        for libelle in PIECES:
            session.add(
                PieceExigee(
                    contrat_id=scene.contrat.id, appel_id=scene.appel.id, code=code_de_piece(libelle), forme=TOUS,
                    libelle=libelle, est_obligatoire=libelle != PIECES[-1], source="",
                )
            )  # fmt: skip
        session.commit()
    scene.seance = scene.une_seance_convoquee()
    return scene

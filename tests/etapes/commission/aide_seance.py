"""De quoi tenir une séance : une commission de cinq voix, des demandes proposées, une séance ouverte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.commission.models import Seance, StatutPresence
from app.etapes.commission.service import preparation, presences
from app.etapes.commission.service.presences import PresenceDite
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.programmation.models import NatureProposition, Proposition
from app.infra.identite import Identite
from app.noyau.euros import Euros
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte, Organisation
from app.referentiels.instances.models import Instance, MembreInstance
from app.referentiels.lignes.models import LigneFinancement
from tests.factories import (
    UnContrat,
    identite,
    un_appel,
    un_compte,
    un_contrat,
    un_dossier_complet,
    un_porteur,
    une_organisation,
)

AVANT = datetime(2027, 2, 20, 9, 0, tzinfo=UTC)
JOUR_J = datetime(2027, 3, 9, 8, 0, tzinfo=UTC)
EN_SEANCE = JOUR_J + timedelta(minutes=15)
PROPOSE: Mapping[str, int] = {"BOP147": 2_500, "M2A": 4_000}
"""Euros proposés par défaut, par ligne."""


@dataclass
class Campagne:
    """Un contrat, un appel, sa commission et ses dossiers proposés."""

    contrat: UnContrat
    appel: Appel
    charge: Identite
    compte_charge: Compte
    instance: Instance
    comptes: dict[int, Compte]
    dossiers: list[Dossier] = field(default_factory=list)
    porteurs: list[Identite] = field(default_factory=list)
    organisations: list[Organisation] = field(default_factory=list)

    def membre(self, session: Session, rang: int) -> Identite:
        """L'identité de l'élu qui tient ce siège."""
        return identite(session, self.comptes[rang], EN_SEANCE)


def une_commission(session: Session, contrat: UnContrat, voix: int = 5) -> tuple[Instance, dict[int, Compte]]:
    """Une commission : `voix` élus (le premier préside), chacun son compte, et un service sans voix."""
    instance = Instance(
        contrat_id=contrat.id, code="COMMISSION_ELUS", rang=3, nom="Commission des élus (fictif)", pilotage="m2A",
        frequence="5 à 10 fois par an", composition="", role="", source="essai",
    )  # fmt: skip
    session.add(instance)
    session.flush()
    comptes = {}
    for rang in range(1, voix + 2):
        role = Role.PRESIDENT_COMMISSION if rang == 1 else Role.MEMBRE_COMMISSION
        comptes[rang] = un_compte(session, role, contrat=contrat, nom=f"Siège {rang}")
        session.add(
            MembreInstance(
                contrat_id=contrat.id, instance_id=instance.id, compte_id=comptes[rang].id,
                qualite=f"Élu {rang}" if rang <= voix else "Service de m2A", rang=rang, a_voix=rang <= voix,
                est_president=rang == 1, debut=date(2024, 4, 1), fin=None,
            )
        )  # fmt: skip
    session.flush()
    return instance, comptes


def proposer(session: Session, demande: Demande, euros: int, acteur: Identite) -> None:
    """Un montant proposé sur une demande, qui devient votable."""
    session.add(
        Proposition(
            contrat_id=demande.contrat_id, demande_id=demande.id, rang=1, nature=NatureProposition.PROPOSE,
            montant=Euros.de(euros), motif="Proposition d’essai", acteur=acteur.acteur, a=AVANT,
        )
    )  # fmt: skip
    demande.etat = EtatDemande.PROPOSEE
    session.flush()


def une_campagne(
    session: Session,
    *,
    dossiers: int = 2,
    propose: Sequence[Mapping[str, int]] = (),
    enveloppe: Euros = Euros.de(100_000),  # noqa: B008 -- Euros est figé
    code: str = "essai-2024-2030",
    prefixe: str = "ESS",
    premiere_organisation: int = 1,
) -> Campagne:
    """Des dossiers déposés et proposés ; `propose` : par dossier, ligne → euros (0 : ne pas financer)."""
    contrat = un_contrat(session, code=code, prefixe=prefixe)
    appel = un_appel(session, contrat, enveloppe=enveloppe)
    compte = un_compte(session, Role.CHARGE_MISSION, contrat=contrat)
    instance, comptes = une_commission(session, contrat)
    campagne = Campagne(contrat, appel, identite(session, compte), compte, instance, comptes)
    for rang in range(1, dossiers + 1):
        organisation = une_organisation(session, rang=premiere_organisation + rang - 1)
        porteur = un_porteur(session, organisation)
        dossier = un_dossier_complet(session, appel, organisation, porteur, titre=f"Action {rang}")
        montants = propose[rang - 1] if rang <= len(propose) else PROPOSE
        for demande, ligne in demandes_de(session, dossier):
            if ligne in montants:
                proposer(session, demande, montants[ligne], campagne.charge)
        campagne.dossiers.append(dossier)
        campagne.porteurs.append(porteur)
        campagne.organisations.append(organisation)
    return campagne


def demandes_de(session: Session, dossier: Dossier) -> list[tuple[Demande, str]]:
    """Les demandes d'un dossier et le code de leur ligne."""
    requete = (
        select(Demande, LigneFinancement.code)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .where(Demande.dossier_id == dossier.id)
        .order_by(LigneFinancement.rang)
    )
    return [(d, code) for d, code in session.execute(requete)]


def la_demande(session: Session, dossier: Dossier, ligne: str) -> Demande:
    """La demande d'un dossier à une ligne, relue."""
    demande = next(d for d, code in demandes_de(session, dossier) if code == ligne)
    session.refresh(demande)
    return demande


def tous_presents(voix: int = 5) -> dict[int, PresenceDite]:
    """Tous les élus sont là."""
    return {rang: PresenceDite(StatutPresence.PRESENT) for rang in range(1, voix + 1)}


def une_seance(session: Session, campagne: Campagne) -> Seance:
    """Une séance en préparation, son ordre du jour fait."""
    return preparation.creer(
        session, appel_code=campagne.appel.code, prevue_le=JOUR_J, lieu="Salle du conseil", acteur=campagne.charge,
        maintenant=AVANT,
    )  # fmt: skip


def une_seance_ouverte(
    session: Session,
    campagne: Campagne,
    *,
    presents: Mapping[int, PresenceDite] | None = None,
    jeu: str = "commission_des_elus",
) -> Seance:
    """Une séance ouverte ; tous les élus présents, sauf dit autrement."""
    seance = une_seance(session, campagne)
    presences.noter(
        session, seance.code, tous_presents() if presents is None else presents, acteur=campagne.charge,
        maintenant=JOUR_J,
    )  # fmt: skip
    return preparation.ouvrir(session, seance.code, acteur=campagne.charge, maintenant=JOUR_J, jeu=jeu)

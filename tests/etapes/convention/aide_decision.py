"""De quoi décider : une campagne votée en séance, les personnes de chaque ligne, une ligne arrêtée."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy.orm import Session

from app.etapes.commission.models import Seance
from app.etapes.commission.repository import list_points
from app.etapes.commission.rules import Sens
from app.etapes.commission.service import preparation, votes
from app.etapes.convention.rules import DecisionDite, SensDecision
from app.etapes.convention.service.arret import arreter_ligne
from app.infra.identite import Identite
from app.noyau.euros import Euros
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte
from tests.etapes.commission.aide_seance import EN_SEANCE, Campagne, une_seance_ouverte
from tests.factories import identite, un_compte

APRES = datetime(2027, 5, 20, 9, 0, tzinfo=UTC)
ACTE_LE = date(2027, 5, 18)


def voter_tout(session: Session, campagne: Campagne, sens: Sens = Sens.POUR) -> Seance:
    """Une séance ouverte, votée bloc par bloc à l'unanimité, puis close."""
    seance = une_seance_ouverte(session, campagne)
    for bloc in dict.fromkeys(p.point.bloc for p in list_points(session, seance.id)):
        votes.voter_bloc(session, seance.code, bloc, bulletins=sens, acteur=campagne.charge, maintenant=EN_SEANCE)
    return preparation.clore(session, seance.code, acteur=campagne.charge, maintenant=EN_SEANCE)


def compte_de_ligne(session: Session, campagne: Campagne, ligne: str) -> Compte:
    """Le compte d'une personne de l'autorité de cette ligne."""
    role = Role.SOUS_PREFECTURE if ligne == "BOP147" else Role.INSTRUCTEUR
    return un_compte(session, role, contrat=campagne.contrat, ligne=ligne)


def de_la_ligne(session: Session, campagne: Campagne, ligne: str) -> Identite:
    """Une personne de l'autorité de cette ligne."""
    return identite(session, compte_de_ligne(session, campagne, ligne), APRES)


def arreter(session: Session, campagne: Campagne, *lignes: str) -> None:
    """Arrête ces lignes."""
    for ligne in lignes:
        arreter_ligne(
            session, campagne.appel.code, ligne, acteur=de_la_ligne(session, campagne, ligne), maintenant=APRES
        )


def accorde(euros: int, motif: str = "") -> DecisionDite:
    """Une attribution de ce montant."""
    return DecisionDite(SensDecision.ATTRIBUEE, Euros.de(euros), "2027-05-CA-12", ACTE_LE, motif)


def refuse(motif: str = "Crédits épuisés") -> DecisionDite:
    """Un refus motivé."""
    return DecisionDite(SensDecision.REFUSEE, Euros(0), "2027-05-CA-12", ACTE_LE, motif)

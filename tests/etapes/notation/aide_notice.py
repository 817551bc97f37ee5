"""Des dossiers notés dont une ligne est décidée et notifiée, sans passer par la commission."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.etapes.convention.models import Decision, Notification
from app.etapes.convention.rules import SensDecision
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.dossier.service.reprise import constater_accorde
from app.etapes.notation import service
from app.noyau.euros import Euros
from app.referentiels.lignes.models import LigneFinancement
from tests.etapes.notation.aide_dossier import PLUS_TARD, Scene, un_dossier

NOTIFIEE_LE = datetime(2027, 5, 20, 9, 0, tzinfo=UTC)
ENSUITE = datetime(2027, 5, 28, 9, 0, tzinfo=UTC)
NOM_D_AGENT = "Jeanne Instruit (fictive)"
RAISON = "Un interprète vient à chaque atelier."


def un_dossier_note(session: Session, scene: Scene, **champs: Any) -> Dossier:
    """Un dossier déposé et noté sur ses lignes ; « maîtrise de la langue » ajustée par l'instructeur de m2A."""
    dossier = un_dossier(session, scene, **champs)
    service.noter_dossier(session, dossier.id, acteur=service.SERVICE, maintenant=PLUS_TARD)
    return dossier


def ajuster(session: Session, scene: Scene, dossier: Dossier, critere: str = "LAN", taux: int = 60) -> None:
    """L'instructeur de m2A, dont le nom ne doit jamais sortir, retient d'autres points."""
    scene.instructeur.nom_affiche = NOM_D_AGENT
    session.flush()
    service.ajuster(
        session, str(dossier.numero), "M2A", critere=critere, taux_pour_cent=taux, motif=RAISON,
        acteur=scene.agent(session), maintenant=PLUS_TARD,
    )  # fmt: skip


def la_demande(session: Session, dossier: Dossier, ligne: str) -> tuple[Demande, LigneFinancement]:
    """La demande d'un dossier à une ligne."""
    requete = select(Demande, LigneFinancement).join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
    demande, trouvee = session.execute(
        requete.where(Demande.dossier_id == dossier.id, LigneFinancement.code == ligne).order_by(Demande.annee)
    ).first() or (None, None)
    assert demande is not None
    assert trouvee is not None
    return demande, trouvee


def notifier(session: Session, dossier: Dossier, ligne: str = "M2A", euros: int = 0, motif: str = "") -> Notification:
    """La décision d'une autorité, notifiée : `euros` à zéro, un refus."""
    demande, trouvee = la_demande(session, dossier, ligne)
    sens = SensDecision.ATTRIBUEE if euros else SensDecision.REFUSEE
    session.add(
        Decision(
            contrat_id=dossier.contrat_id, demande_id=demande.id, sens=sens, montant=Euros.de(euros),
            reference_acte="2027-05-CA-12", acte_le=date(2027, 5, 18),
            motif=motif or ("" if euros else "Crédits épuisés (fictif)"), acteur="c-agent", a=NOTIFIEE_LE,
        )
    )  # fmt: skip
    notification = Notification(
        contrat_id=dossier.contrat_id, dossier_id=dossier.id, ligne_id=trouvee.id, document_sha256=None,
        acteur="c-agent", a=NOTIFIEE_LE, envoyee_at=None, lue_at=None,
    )  # fmt: skip
    session.add(notification)
    demande.etat = EtatDemande.NOTIFIEE if euros else EtatDemande.REFUS_NOTIFIE
    constater_accorde(
        session, dossier, ligne=ligne, annee=demande.annee, montant=Euros.de(euros), source="2027-05-CA-12",
        le=NOTIFIEE_LE.date(),
    )  # fmt: skip
    session.flush()
    return notification

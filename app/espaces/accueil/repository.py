"""Lectures de l'accueil : avis à rendre, prochaine séance, dossiers de mes quartiers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ScalarSelect, exists, func, select
from sqlalchemy.orm import Session

from app.etapes.commission.models import EtatSeance, Seance
from app.etapes.consultation.models import Avis, Rencontre, RencontreDossier, RencontreService
from app.etapes.consultation.rules import EtatRencontre
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.repository import visibles
from app.etapes.dossier.rules.etats import AVANT_DECISION, EtatDemande
from app.infra.db import compter
from app.infra.identite import Identite
from app.referentiels.instances.models import ServiceConsulte
from app.referentiels.lignes.models import LigneFinancement


@dataclass(frozen=True, slots=True)
class AvisARendre:
    """Un avis attendu d'un service, dans une rencontre."""

    rencontre: Rencontre
    dossier: Dossier
    service: ServiceConsulte


def avis_a_rendre(
    session: Session, acteur: Identite, services: Iterable[str], limite: int = 50
) -> Sequence[AvisARendre]:
    """Les avis que ces services n'ont pas encore rendus, par date de rencontre. Une requête."""
    requete = (
        select(Rencontre, Dossier, ServiceConsulte)
        .join(RencontreDossier, RencontreDossier.rencontre_id == Rencontre.id)
        .join(Dossier, Dossier.id == RencontreDossier.dossier_id)
        .join(RencontreService, RencontreService.rencontre_id == Rencontre.id)
        .join(ServiceConsulte, ServiceConsulte.id == RencontreService.service_id)
        .where(
            ServiceConsulte.code.in_(list(services)),
            Rencontre.etat == EtatRencontre.CONVOQUEE,
            visibles(acteur),
            ~exists().where(Avis.dossier_id == Dossier.id, Avis.service_id == ServiceConsulte.id),
            exists().where(Demande.dossier_id == Dossier.id, Demande.etat.in_(AVANT_DECISION)),
        )
        .order_by(Rencontre.prevue_le, RencontreDossier.rang, Dossier.id)
        .limit(limite)
    )
    return [AvisARendre(r, d, s) for r, d, s in session.execute(requete)]


def avis_manquants(session: Session, contrats: Iterable[int]) -> int:
    """Combien d'avis manquent dans les rencontres convoquées de ces contrats. Une requête."""
    requete = (
        select(func.count())
        .select_from(RencontreDossier)
        .join(Rencontre, Rencontre.id == RencontreDossier.rencontre_id)
        .join(RencontreService, RencontreService.rencontre_id == Rencontre.id)
        .where(
            Rencontre.contrat_id.in_(list(contrats)),
            Rencontre.etat == EtatRencontre.CONVOQUEE,
            ~exists().where(
                Avis.dossier_id == RencontreDossier.dossier_id, Avis.service_id == RencontreService.service_id
            ),
            exists().where(Demande.dossier_id == RencontreDossier.dossier_id, Demande.etat.in_(AVANT_DECISION)),
        )
    )
    return session.scalar(requete) or 0


@dataclass(frozen=True, slots=True)
class MontantsAttendus:
    """Ce qui attend une personne d'une ligne : à arbitrer (proposés), à décider (votés)."""

    a_arbitrer: int
    a_decider: int


def montants_attendus(
    session: Session, appel_id: int, arbitre: Iterable[str], decide: Iterable[str]
) -> MontantsAttendus:
    """Combien de demandes attendent un arbitrage sur ces lignes, une décision sur celles-là. Une requête."""

    def combien(etats: Iterable[EtatDemande], codes: Iterable[str]) -> ScalarSelect[int]:
        requete = (
            select(Demande.id)
            .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
            .join(Dossier, Dossier.id == Demande.dossier_id)
            .where(Dossier.appel_id == appel_id, LigneFinancement.code.in_(list(codes)), Demande.etat.in_(list(etats)))
        )
        return compter(requete)

    votees = (EtatDemande.VALIDEE, EtatDemande.AVIS_RENDU)
    return MontantsAttendus(
        *session.execute(select(combien((EtatDemande.PROPOSEE,), arbitre), combien(votees, decide))).one()
    )


def prochaine_seance(session: Session, contrats: Iterable[int], maintenant: datetime) -> Seance | None:
    """La prochaine séance qui n'est pas close. Une requête."""
    requete = (
        select(Seance)
        .where(Seance.contrat_id.in_(list(contrats)), Seance.etat != EtatSeance.CLOSE)
        .order_by(Seance.prevue_le < maintenant, Seance.prevue_le, Seance.id)
        .limit(1)
    )
    return session.scalar(requete)

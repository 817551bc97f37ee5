"""La part des enveloppes que les phases à venir d'un appel gardent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from app.etapes.appel.models import Appel, Engagement, Phase
from app.etapes.appel.rules import NatureEngagement, part_reservee
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.etats import AVANT_DECISION, EtatDemande
from app.noyau.euros import Euros

A_PROGRAMMER = AVANT_DECISION - {EtatDemande.AVIS_RENDU, EtatDemande.RESERVE}
"""Ce qui peut encore prendre sa part d'une enveloppe à l'arrêté de sa phase."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """Les parts réservées d'un appel (rang → pour mille), la phase où l'on en est, les noms et clôtures des phases."""

    parts: Mapping[int, int]
    rang: int
    intitules: Mapping[int, str]
    clotures: Mapping[int, datetime]

    @property
    def suivantes(self) -> tuple[str, ...]:
        """Les phases d'après qui gardent une part."""
        return tuple(self.intitules[r] for r, part in self.parts.items() if r > self.rang and part)

    @property
    def cloture_le(self) -> datetime | None:
        """La fin du dépôt de la phase où l'on en est."""
        return self.clotures.get(self.rang)

    @property
    def phase(self) -> str:
        """Le nom de la phase où l'on en est ; vide si l'appel n'en a qu'une."""
        return self.intitules.get(self.rang, "") if len(self.intitules) > 1 else ""

    def au_rang(self, rang: int) -> Reserve:
        """La même, vue de cette phase."""
        return replace(self, rang=rang)

    def sur(self, montant: Euros) -> Euros:
        """Ce que les phases suivantes gardent de ce montant."""
        return part_reservee(montant, self.parts, self.rang)


def reste_une_phase(session: Session, appel: Appel, maintenant: datetime) -> bool:
    """Vrai si une phase d'après celle où l'on en est n'est pas encore close. Deux requêtes."""
    suivantes = exists().where(
        Phase.appel_id == appel.id, Phase.rang > get_reserve(session, appel).rang, Phase.cloture_le > maintenant
    )
    return bool(session.scalar(select(suivantes)))


def get_reserve(session: Session, appel: Appel) -> Reserve:
    """La réserve d'un appel. On en est à la première phase qui a encore quelque chose à programmer ; sinon à la
    dernière qui a reçu un dossier, ou à la première. Une requête."""
    recus = exists().where(Dossier.phase_id == Phase.id, Dossier.numero.is_not(None))
    requete = select(Phase, recus, _a_programmer(appel)).where(Phase.appel_id == appel.id).order_by(Phase.rang)
    rangees = session.execute(requete).all()
    encore = min((phase.rang for phase, _, a_programmer in rangees if a_programmer), default=0)
    rang = encore or max((phase.rang for phase, recu, _ in rangees if recu), default=1)
    phases = [phase for phase, _, _ in rangees]
    return _reserve({phase.rang: phase.part_reservee_milliemes for phase in phases}, rang, phases)


def get_reserve_de_la_ligne(session: Session, appel: Appel, ligne_id: int, rang: int, maintenant: datetime) -> Reserve:
    """La réserve d'une ligne vue de la phase de ce rang. Une phase close où plus rien n'attend sur la ligne rend sa
    part. Une requête."""
    attend = exists().where(
        Demande.dossier_id == Dossier.id, Dossier.phase_id == Phase.id, Dossier.numero.is_not(None),
        Demande.ligne_id == ligne_id, Demande.annee == appel.annee, Demande.etat.in_(AVANT_DECISION),
    )  # fmt: skip
    requete = select(Phase, or_(Phase.cloture_le > maintenant, attend)).where(Phase.appel_id == appel.id)
    rangees = session.execute(requete.order_by(Phase.rang)).all()
    parts = {phase.rang: phase.part_reservee_milliemes if tient else 0 for phase, tient in rangees}
    return _reserve(parts, rang, [phase for phase, _ in rangees])


def _reserve(parts: Mapping[int, int], rang: int, phases: Sequence[Phase]) -> Reserve:
    return Reserve(parts, rang, {p.rang: p.intitule for p in phases}, {p.rang: p.cloture_le for p in phases})


def _a_programmer(appel: Appel) -> ColumnElement[bool]:
    """La phase a une demande à programmer sur une ligne qui n'a encore rien arrêté pour elle, ni pour une suivante."""
    autre, son_dossier, sa_phase = aliased(Demande), aliased(Dossier), aliased(Phase)
    arretee = (
        exists()
        .where(Engagement.nature == NatureEngagement.ARRETE, Engagement.demande_id == autre.id)
        .where(autre.ligne_id == Demande.ligne_id, autre.dossier_id == son_dossier.id)
        .where(son_dossier.appel_id == appel.id, sa_phase.id == son_dossier.phase_id, sa_phase.rang >= Phase.rang)
        .correlate(Demande, Phase)
    )
    en_cours = and_(
        Demande.dossier_id == Dossier.id, Dossier.phase_id == Phase.id, Dossier.numero.is_not(None),
        Demande.annee == appel.annee, Demande.etat.in_(A_PROGRAMMER),
    )  # fmt: skip
    return exists().where(en_cours, ~arretee).correlate(Phase)

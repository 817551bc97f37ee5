"""La part des enveloppes que les phases à venir d'un appel gardent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel, Phase
from app.etapes.appel.rules import part_reservee
from app.etapes.dossier.models import Dossier
from app.noyau.euros import Euros


@dataclass(frozen=True, slots=True)
class Reserve:
    """Les parts réservées d'un appel (rang → pour mille), la phase où l'on en est, sa clôture, les suivantes."""

    parts: Mapping[int, int]
    rang: int
    suivantes: tuple[str, ...]
    cloture_le: datetime | None

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
    """La réserve d'un appel. On en est à la dernière phase qui a reçu un dossier, la première sinon. Une requête."""
    recus = exists().where(Dossier.phase_id == Phase.id, Dossier.numero.is_not(None))
    requete = select(Phase.rang, Phase.intitule, Phase.part_reservee_milliemes, recus, Phase.cloture_le)
    rangees = session.execute(requete.where(Phase.appel_id == appel.id).order_by(Phase.rang)).all()
    rang = max((r for r, _, _, recu, _ in rangees if recu), default=1)
    suivantes = tuple(intitule for r, intitule, part, _, _ in rangees if r > rang and part)
    cloture = next((fin for r, _, _, _, fin in rangees if r == rang), None)
    return Reserve({r: part for r, _, part, _, _ in rangees}, rang, suivantes, cloture)

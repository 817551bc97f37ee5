"""Ce qui est notifié au porteur d'un dossier : l'accordé, son acte, son jour, la lettre lue ou non."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.etapes.dossier.models import FaitExterne, Passage
from app.etapes.dossier.rules.reprise import ACCORDE, code_accorde
from app.etapes.dossier.rules.suivi import LETTRE_LUE, code_lettre_lue
from app.noyau.euros import Euros


@dataclass(frozen=True, slots=True)
class Accorde:
    """Ce qu'une autorité a accordé et notifié (zéro : refus ou renonciation). `le` : jour de la notification."""

    montant: Euros
    source: str
    le: date


@dataclass(frozen=True, slots=True)
class Notifies:
    """Ce qui est notifié d'un dossier."""

    accordes: Mapping[str, Accorde] = field(default_factory=dict)
    lues: frozenset[str] = frozenset()

    def accorde(self, ligne: str, annee: int) -> Accorde | None:
        """L'accordé d'une ligne pour une année ; None tant que rien n'est notifié."""
        return self.accordes.get(code_accorde(ligne, annee))

    def est_lue(self, ligne: str) -> bool:
        """Vrai si le porteur a ouvert la lettre de cette ligne."""
        return code_lettre_lue(ligne) in self.lues


RIEN = Notifies()


def list_notifies(session: Session, dossier_ids: Iterable[int]) -> dict[int, Notifies]:
    """Dossier → ce qui lui est notifié. Une requête ; aucune si la liste est vide."""
    ids = list(dossier_ids)
    if not ids:
        return {}
    requete = (
        select(FaitExterne)
        .where(
            FaitExterne.dossier_id.in_(ids),
            or_(FaitExterne.code.startswith(ACCORDE), FaitExterne.code.startswith(LETTRE_LUE)),
        )
        .order_by(FaitExterne.id)
    )
    accordes: dict[int, dict[str, Accorde]] = {}
    lues: dict[int, set[str]] = {}
    for fait in session.scalars(requete):
        if fait.code.startswith(ACCORDE):
            lu = Accorde(Euros(int(fait.valeur)), fait.source, fait.constate_le)
            accordes.setdefault(fait.dossier_id, {})[fait.code] = lu
        else:
            lues.setdefault(fait.dossier_id, set()).add(fait.code)
    return {i: Notifies(accordes.get(i, {}), frozenset(lues.get(i, ()))) for i in accordes.keys() | lues.keys()}


def list_motifs(session: Session, demande_ids: Iterable[int]) -> Sequence[Passage]:
    """Les passages motivés de ces demandes, dans l'ordre. Une requête ; aucune si la liste est vide."""
    ids = list(demande_ids)
    if not ids:
        return ()
    requete = select(Passage).where(Passage.demande_id.in_(ids), Passage.motif != "").order_by(Passage.id)
    return session.scalars(requete).all()

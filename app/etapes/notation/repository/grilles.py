"""Ce que les notes d'un contrat doivent à ses grilles : y en a-t-il, quels critères des personnes ont-elles lus."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.appel.rules import EtatAppel
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.notation.models import Ajustement, NoteEnregistree, SecondeLecture


def a_des_notes(session: Session, contrat_id: int) -> bool:
    """Vrai si une demande au moins est notée dans ce contrat."""
    return bool(session.scalar(select(exists().where(NoteEnregistree.contrat_id == contrat_id))))


def usages_des_criteres(session: Session, grille_id: int, codes: Collection[str]) -> dict[str, list[str]]:
    """Critère → où des personnes s'en servent, en clair, dans les appels en cours qui épinglent cette grille."""
    usages: defaultdict[str, list[str]] = defaultdict(list)
    if not codes:
        return usages
    derniers = (
        select(Ajustement.demande_id, Ajustement.critere, Ajustement.taux_pour_cent)
        .where(Ajustement.critere.in_(codes))
        .ext(distinct_on(Ajustement.demande_id, Ajustement.critere))
        .order_by(Ajustement.demande_id, Ajustement.critere, Ajustement.id.desc())
        .subquery()
    )
    lus = select(SecondeLecture.demande_id, func.jsonb_object_keys(SecondeLecture.criteres).label("critere")).subquery()
    for mot, pluriel, source, retenu in (
        ("ajustement", "ajustements", derniers, derniers.c.taux_pour_cent.is_not(None)),
        ("seconde lecture", "secondes lectures", lus, lus.c.critere.in_(codes)),
    ):
        requete = (
            select(source.c.critere, Appel.intitule, func.count())
            .join(Demande, Demande.id == source.c.demande_id)
            .join(Dossier, Dossier.id == Demande.dossier_id)
            .join(Appel, Appel.id == Dossier.appel_id)
            .where(_en_cours(grille_id), retenu)
            .group_by(source.c.critere, Appel.id, Appel.intitule)
            .order_by(source.c.critere, Appel.id)
        )
        for critere, intitule, nombre in session.execute(requete):
            usages[critere].append(f"{nombre} {mot if nombre == 1 else pluriel} dans « {intitule} »")
    return usages


def _en_cours(grille_id: int) -> ColumnElement[bool]:
    return and_(Appel.grille_id == grille_id, Appel.etat != EtatAppel.ARRETE)

"""Les secondes lectures : demandées, rendues, et celles qu'une personne doit encore rendre."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Row, and_, bindparam, exists, func, select
from sqlalchemy.orm import Session, aliased

from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.etats import AVANT_DECISION
from app.etapes.notation.models import Ajustement, NoteEnregistree, SecondeLecture
from app.infra.db import parmi_cles
from app.infra.identite import Identite
from app.referentiels.acteurs.models import Compte
from app.referentiels.lignes.models import LigneFinancement


@dataclass(frozen=True, slots=True)
class LectureVue:
    """Une seconde lecture, et les noms de qui lit et de qui l'a demandée."""

    lecture: SecondeLecture
    par: str
    demandee_par: str


@dataclass(frozen=True, slots=True)
class LectureDue:
    """Une lecture attendue de quelqu'un : le dossier, la ligne, depuis quand."""

    numero: str
    titre: str
    ligne: str
    financeur: str
    demandee_le: datetime


def list_lectures(session: Session, demande_ids: Iterable[int]) -> dict[int, list[LectureVue]]:
    """Les secondes lectures de ces demandes, dans l'ordre où elles ont été demandées. Une requête."""
    lecteur, demandeur = aliased(Compte), aliased(Compte)
    requete = (
        select(SecondeLecture, func.coalesce(lecteur.nom_affiche, SecondeLecture.acteur))
        .add_columns(func.coalesce(demandeur.nom_affiche, SecondeLecture.demandee_par))
        .outerjoin(lecteur, lecteur.acteur == SecondeLecture.acteur)
        .outerjoin(demandeur, demandeur.acteur == SecondeLecture.demandee_par)
        .where(parmi_cles(SecondeLecture.demande_id, demande_ids))
        .order_by(SecondeLecture.demande_id, SecondeLecture.id)
    )
    rendu: defaultdict[int, list[LectureVue]] = defaultdict(list)
    for lecture, par, demandee_par in session.execute(requete):
        rendu[lecture.demande_id].append(LectureVue(lecture, par, demandee_par))
    return rendu


def get_lecture(session: Session, demande_id: int, acteur: str, *, verrou: bool = False) -> SecondeLecture | None:
    """La lecture de cette personne sur cette demande."""
    requete = select(SecondeLecture).where(SecondeLecture.demande_id == demande_id, SecondeLecture.acteur == acteur)
    return session.scalar(requete.with_for_update(key_share=True) if verrou else requete)


def note_cachee() -> ColumnElement[bool]:
    """Vrai pour une note (et sa demande) dont la personne liée à `lecteur` doit encore une seconde lecture.

    Sans `lecteur` lié, personne : le service lit toutes les notes.
    """
    due = exists().where(
        SecondeLecture.demande_id == NoteEnregistree.demande_id,
        SecondeLecture.acteur == bindparam("lecteur", ""),
        SecondeLecture.rendue_le.is_(None),
    )
    return and_(due, Demande.etat.in_(AVANT_DECISION))


def get_lecture_a_annoncer(session: Session, lecture_id: int) -> Row[Compte, Compte, Dossier, LigneFinancement] | None:
    """Qui doit lire, qui le demande, le dossier et la ligne d'une lecture encore attendue."""
    lecteur, demandeur = aliased(Compte), aliased(Compte)
    requete = (
        select(lecteur, demandeur, Dossier, LigneFinancement)
        .select_from(SecondeLecture)
        .join(Demande, Demande.id == SecondeLecture.demande_id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .join(lecteur, lecteur.acteur == SecondeLecture.acteur)
        .join(demandeur, demandeur.acteur == SecondeLecture.demandee_par)
        .where(SecondeLecture.id == lecture_id, SecondeLecture.rendue_le.is_(None), lecteur.est_actif)
    )
    return session.execute(requete).one_or_none()


def list_lectures_dues(session: Session, acteur: Identite, limite: int = 50) -> Sequence[LectureDue]:
    """Les lectures que cette personne doit encore rendre, les plus anciennes d'abord. Une requête."""
    requete = (
        select(Dossier.numero, Dossier.titre, LigneFinancement.code, LigneFinancement.financeur)
        .add_columns(SecondeLecture.demandee_le)
        .select_from(SecondeLecture)
        .join(Demande, Demande.id == SecondeLecture.demande_id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .where(
            SecondeLecture.acteur == acteur.acteur,
            SecondeLecture.rendue_le.is_(None),
            Demande.etat.in_(AVANT_DECISION),
            dossiers.visibles(acteur),
        )
        .order_by(SecondeLecture.id)
        .limit(limite)
    )
    return [LectureDue(*rangee) for rangee in session.execute(requete)]


def ont_ajuste(session: Session, demande_id: int) -> frozenset[str]:
    """Qui a déjà ajusté un critère de cette demande : ces personnes ne peuvent plus lire sans savoir."""
    requete = select(Ajustement.acteur).where(Ajustement.demande_id == demande_id).distinct()
    return frozenset(session.scalars(requete.order_by(Ajustement.acteur)))

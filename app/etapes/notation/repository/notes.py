"""Les notes gardées, leur histoire, les ajustements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from app.etapes.dossier.models import Demande, Dossier
from app.etapes.notation.models import Ajustement, NoteEnregistree, ReleveFaits
from app.infra.db import parmi_cles
from app.referentiels.acteurs.models import Compte
from app.referentiels.grilles.models import GrilleEnregistree
from app.referentiels.lignes.models import LigneFinancement


@dataclass(frozen=True, slots=True)
class NoteLue:
    """Une note gardée, sa ligne, l'empreinte de sa grille, ses faits (JSON), et le nom de qui l'a fait calculer."""

    note: NoteEnregistree
    ligne: str
    empreinte_grille: str
    faits: dict[str, Any]
    par: str


@dataclass(frozen=True, slots=True)
class AjustementCourant:
    """Le dernier ajustement d'un critère ; `taux` absent : la valeur calculée a été rétablie."""

    critere: str
    taux: int | None
    motif: str
    acteur: str
    par: str
    a: datetime


def notes_courantes(session: Session, demande_ids: Iterable[int]) -> dict[int, NoteLue]:
    """La note de plus grand rang de chaque demande. Une requête."""
    requete = (
        _notes()
        .where(parmi_cles(NoteEnregistree.demande_id, demande_ids))
        .ext(distinct_on(NoteEnregistree.demande_id))
        .order_by(NoteEnregistree.demande_id, NoteEnregistree.rang.desc())
    )
    return {rangee[0].demande_id: _lue(rangee) for rangee in session.execute(requete)}


def list_notes(session: Session, demande_ids: Iterable[int]) -> dict[int, list[NoteLue]]:
    """L'histoire de la note de chaque demande, de la plus récente à la première. Une requête."""
    requete = _notes().where(parmi_cles(NoteEnregistree.demande_id, demande_ids))
    rendu: defaultdict[int, list[NoteLue]] = defaultdict(list)
    for rangee in session.execute(requete.order_by(NoteEnregistree.demande_id, NoteEnregistree.rang.desc())):
        rendu[rangee[0].demande_id].append(_lue(rangee))
    return rendu


def page_notes(session: Session, appel_id: int, *, apres: int = 0, taille: int) -> Sequence[NoteLue]:
    """Toutes les notes d'un appel, courantes ou non, par clé croissante, après celle-ci. Une requête."""
    requete = _notes().join(Dossier, Dossier.id == Demande.dossier_id)
    requete = requete.where(Dossier.appel_id == appel_id, NoteEnregistree.id > apres)
    return [_lue(rangee) for rangee in session.execute(requete.order_by(NoteEnregistree.id).limit(taille))]


def _notes() -> Any:
    return (
        select(NoteEnregistree, LigneFinancement.code, GrilleEnregistree.empreinte, ReleveFaits.faits)
        .add_columns(func.coalesce(Compte.nom_affiche, NoteEnregistree.acteur))
        .join(GrilleEnregistree, GrilleEnregistree.id == NoteEnregistree.grille_id)
        .join(ReleveFaits, ReleveFaits.id == NoteEnregistree.releve_id)
        .join(Demande, Demande.id == NoteEnregistree.demande_id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .outerjoin(Compte, Compte.acteur == NoteEnregistree.acteur)
    )


def _lue(rangee: Any) -> NoteLue:
    return NoteLue(*rangee)


def ajustements_courants(session: Session, demande_ids: Iterable[int]) -> dict[int, list[AjustementCourant]]:
    """Le dernier ajustement de chaque critère, par demande, dans l'ordre des critères."""
    requete = (
        select(Ajustement, func.coalesce(Compte.nom_affiche, Ajustement.acteur))
        .outerjoin(Compte, Compte.acteur == Ajustement.acteur)
        .where(parmi_cles(Ajustement.demande_id, demande_ids))
        .ext(distinct_on(Ajustement.demande_id, Ajustement.critere))
        .order_by(Ajustement.demande_id, Ajustement.critere, Ajustement.id.desc())
    )
    rendu: defaultdict[int, list[AjustementCourant]] = defaultdict(list)
    for ajustement, nom in session.execute(requete):
        rendu[ajustement.demande_id].append(
            AjustementCourant(
                ajustement.critere, ajustement.taux_pour_cent, ajustement.motif, ajustement.acteur, nom, ajustement.a
            )
        )
    return rendu

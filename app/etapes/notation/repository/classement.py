"""Le classement d'une ligne : chaque demande notée, sa note courante, son rang."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Integer, Subquery, cast, exists, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from app.etapes.appel.models import Appel
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.notation.models import NoteEnregistree
from app.etapes.notation.repository.lot import SORTIES
from app.infra import curseur
from app.infra.identite import Identite
from app.referentiels.acteurs.models import Organisation
from app.referentiels.lignes.models import LigneFinancement

# Une note a une décimale : le minimum puis le maximum tiennent dans un entier, qui se compare et se pagine.
_BASE = 10_000


@dataclass(frozen=True, slots=True)
class Classe:
    """Une rangée du classement d'une ligne. `rang` : sur toute la ligne, quels que soient les filtres."""

    rang: int
    dossier: Dossier
    organisation: str
    demande: Demande
    minimum: Decimal
    maximum: Decimal
    est_provisoire: bool


def _classement(appel_id: int, ligne_id: int, annee: int) -> Subquery:
    """Les demandes notées d'une ligne, leur note courante et leur rang parmi toutes."""
    courante = (
        select(
            NoteEnregistree.demande_id,
            NoteEnregistree.minimum,
            NoteEnregistree.maximum,
            NoteEnregistree.est_provisoire,
        )
        .join(Demande, Demande.id == NoteEnregistree.demande_id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .where(
            Dossier.appel_id == appel_id,
            Demande.ligne_id == ligne_id,
            Demande.annee == annee,
            Demande.etat.not_in(SORTIES),
        )
        .ext(distinct_on(NoteEnregistree.demande_id))
        .order_by(NoteEnregistree.demande_id, NoteEnregistree.rang.desc())
        .subquery("courante")
    )
    cle = (cast(courante.c.minimum * 10, Integer) * _BASE + cast(courante.c.maximum * 10, Integer)).label("cle")
    return select(courante, cle, func.rank().over(order_by=cle.desc()).label("place")).subquery("classement")


def page_classement(
    session: Session,
    appel: Appel,
    ligne: LigneFinancement,
    acteur: Identite,
    *,
    quartier: str = "",
    objectif: str = "",
    jeton: str = "",
    taille: int = curseur.TAILLE,
) -> curseur.Page[Classe]:
    """Une page du classement, note la plus basse possible décroissante. Une requête. Lève SaisieInvalide (jeton)."""
    notes = _classement(appel.id, ligne.id, appel.annee)
    requete = (
        select(notes.c.place, Dossier, Organisation.nom, Demande, notes.c.minimum, notes.c.maximum)
        .add_columns(notes.c.est_provisoire)
        .join(Demande, Demande.id == notes.c.demande_id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .where(dossiers.visibles(acteur))
    )
    if quartier:
        requete = requete.where(Dossier.quartiers.contains([quartier]))
    if objectif:
        requete = requete.where(Dossier.objectif == objectif)
    ordre = curseur.Ordre("note", notes.c.cle, Demande.id, descendant=True)
    page = curseur.paginer(session, requete, ordre, jeton, taille)
    elements = tuple(Classe(*rangee[:7]) for rangee in page.elements)
    return curseur.Page(elements, page.precedent, page.suivant)


def compter_a_noter(session: Session, appel: Appel, ligne_id: int, acteur: Identite) -> tuple[int, int]:
    """(demandes en jeu sur la ligne, dont sans note), parmi les dossiers en vue."""
    note = aliased(NoteEnregistree)
    notee = exists().where(note.demande_id == Demande.id)
    requete = (
        select(func.count(), func.count().filter(~notee))
        .select_from(Demande)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .where(
            Dossier.appel_id == appel.id,
            Demande.ligne_id == ligne_id,
            Demande.annee == appel.annee,
            Demande.etat.not_in(SORTIES),
            dossiers.visibles(acteur),
        )
    )
    total, sans_note = session.execute(requete).one()
    return total, sans_note

"""Ce que l'écran de séance montre en plus des points : soldes, notes, avis, quartiers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, exists, func, select
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel, Engagement, Enveloppe
from app.etapes.commission.models import PointSeance, ResultatPoint, Seance
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.notation.models import NoteEnregistree
from app.noyau.euros import Euros
from app.referentiels.instances.models import Instance
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.territoires.models import Quartier


@dataclass(frozen=True, slots=True)
class SeanceLue:
    """Une séance, son appel, son instance."""

    seance: Seance
    appel: Appel
    instance: Instance


@dataclass(frozen=True, slots=True)
class SoldeVote:
    """Une ligne en séance : son enveloppe, ce qui est engagé, ce qui est voté et pas encore engagé."""

    ligne: LigneFinancement
    montant: Euros
    engage: Euros
    vote: Euros

    @property
    def reste(self) -> Euros:
        """Ce qui reste à voter ; négatif si les votes dépassent."""
        return self.montant - self.engage - self.vote


@dataclass(frozen=True, slots=True)
class Avancement:
    """Où en est une séance : combien de points, combien proclamés."""

    points: int
    proclames: int


def avec_appel(session: Session, seance: Seance) -> SeanceLue:
    """La séance, son appel et son instance. Une requête."""
    requete = select(Appel, Instance).join(Instance, Instance.contrat_id == Appel.contrat_id)
    appel, instance = session.execute(
        requete.where(Appel.id == seance.appel_id, Instance.id == seance.instance_id)
    ).one()
    return SeanceLue(seance, appel, instance)


def avancements(session: Session, seances: Iterable[int]) -> Mapping[int, Avancement]:
    """Séance → où elle en est. Une requête."""
    requete = (
        select(PointSeance.seance_id, func.count(PointSeance.id), func.count(ResultatPoint.point_id))
        .outerjoin(ResultatPoint, ResultatPoint.point_id == PointSeance.id)
        .where(PointSeance.seance_id.in_(list(seances)))
        .group_by(PointSeance.seance_id)
    )
    return {seance: Avancement(points, proclames) for seance, points, proclames in session.execute(requete)}


def soldes_de_seance(session: Session, seance: Seance) -> Sequence[SoldeVote]:
    """Les enveloppes des lignes à l'ordre du jour, l'engagé et le voté, dans l'ordre des lignes. Une requête."""
    engagee = exists().where(Engagement.demande_id == Demande.id, Engagement.annee == Demande.annee)
    vote = (
        select(Demande.ligne_id, Demande.annee, func.sum(ResultatPoint.montant).label("vote"))
        .join(PointSeance, PointSeance.demande_id == Demande.id)
        .join(ResultatPoint, ResultatPoint.point_id == PointSeance.id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .where(
            Dossier.appel_id == seance.appel_id,
            Demande.etat.in_((EtatDemande.VALIDEE, EtatDemande.AVIS_RENDU)),
            ~engagee,
        )
        .group_by(Demande.ligne_id, Demande.annee)
        .subquery()
    )
    a_l_ordre = exists().where(
        PointSeance.seance_id == seance.id,
        PointSeance.demande_id == Demande.id,
        Demande.ligne_id == LigneFinancement.id,
    )
    requete = (
        select(LigneFinancement, Enveloppe.montant, Enveloppe.engage, vote.c.vote)
        .select_from(LigneFinancement)
        .join(Appel, Appel.id == seance.appel_id)
        .outerjoin(Enveloppe, and_(Enveloppe.ligne_id == LigneFinancement.id, Enveloppe.annee == Appel.annee))
        .outerjoin(vote, and_(vote.c.ligne_id == LigneFinancement.id, vote.c.annee == Appel.annee))
        .where(LigneFinancement.contrat_id == seance.contrat_id, a_l_ordre)
        .order_by(LigneFinancement.rang, LigneFinancement.id)
    )
    return [
        SoldeVote(ligne, montant or Euros(0), engage or Euros(0), vote or Euros(0))
        for ligne, montant, engage, vote in session.execute(requete)
    ]


def notes_de(session: Session, demande_ids: Iterable[int]) -> Mapping[int, NoteEnregistree]:
    """Demande → sa note de plus grand rang. Une requête."""
    cles = list(demande_ids)
    dernier = (
        select(NoteEnregistree.demande_id, func.max(NoteEnregistree.rang).label("rang"))
        .where(NoteEnregistree.demande_id.in_(cles))
        .group_by(NoteEnregistree.demande_id)
        .subquery()
    )
    courante = and_(NoteEnregistree.demande_id == dernier.c.demande_id, NoteEnregistree.rang == dernier.c.rang)
    requete = select(NoteEnregistree).join(dernier, courante).order_by(NoteEnregistree.demande_id)
    return {note.demande_id: note for note in session.scalars(requete)}


def noms_des_quartiers(session: Session, contrat_id: int, codes: Iterable[str]) -> Sequence[str]:
    """Les noms de ces quartiers, dans l'ordre du contrat."""
    requete = select(Quartier.nom).where(Quartier.contrat_id == contrat_id, Quartier.code.in_(list(codes)))
    return session.scalars(requete.order_by(Quartier.rang, Quartier.id)).all()

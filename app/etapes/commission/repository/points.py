"""Les points de l'ordre du jour et les demandes qui peuvent y entrer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, exists, func, select
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.commission.models import EtatSeance, PointSeance, ResultatPoint, Seance
from app.etapes.commission.rules import Issue, NatureActe, Point, TypeIssue
from app.etapes.contrat.models import Objectif
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.programmation.models import Proposition
from app.noyau.euros import Euros
from app.referentiels.acteurs.models import Organisation
from app.referentiels.lignes.models import LigneFinancement

VOTABLES = (EtatDemande.PROPOSEE, EtatDemande.ARBITREE)
_PROPOSES = {
    TypeIssue.AMENDE.value: "Amendement : ",
    TypeIssue.REFUSE.value: "Ne pas financer : ",
    TypeIssue.AJOURNE.value: "Ajourner : ",
    TypeIssue.RESERVE.value: "Mettre en réserve : ",
}


@dataclass(frozen=True, slots=True)
class Votable:
    """Une demande qui peut entrer à l'ordre du jour, et le montant qui y serait soumis."""

    demande: Demande
    dossier: Dossier
    ligne: LigneFinancement
    objectif: str
    montant: Euros


@dataclass(frozen=True, slots=True)
class PointLu:
    """Un point et tout ce qu'il met en jeu."""

    point: PointSeance
    demande: Demande
    dossier: Dossier
    ligne: LigneFinancement
    organisation: Organisation
    resultat: ResultatPoint | None

    @property
    def nature(self) -> NatureActe:
        """Ce que vaut le vote sur cette ligne : valider (m2A) ou donner un avis."""
        return NatureActe(self.ligne.acte_commission.value)

    @property
    def est_retiree(self) -> bool:
        """Vrai si la demande n'est plus à voter sans que ce point l'ait tranchée (dossier retiré)."""
        return self.resultat is None and self.demande.etat not in VOTABLES

    @property
    def phrase_du_vote(self) -> str:
        """Le décompte, précédé de ce qui était mis aux voix quand ce n'était pas de retenir ; le quorum sans vote."""
        if self.resultat is None:
            return ""
        decompte = self.resultat.decompte
        propose = _PROPOSES.get(decompte["soumis"]["type"], "")
        return f"{propose}{decompte['phrase']}" if decompte["phrase"] else str(decompte["quorum"])

    def fait(self) -> Point:
        """Le point tel que les règles le jugent : retenir le montant soumis, ou ne pas financer s'il est nul."""
        montant = self.point.montant_soumis
        proposition = Issue(TypeIssue.RETENU, montant) if montant else Issue(TypeIssue.REFUSE)
        return Point(str(self.point.rang), self.dossier.numero or "", self.ligne.code, proposition)


def list_votables(session: Session, appel: Appel, *, seance_id: int | None = None) -> Sequence[Votable]:
    """Les demandes proposées ou arbitrées de l'année de l'appel, absentes d'une autre séance en cours.

    Par ligne, objectif, numéro. Le montant est celui de la dernière proposition.
    """
    dernier = (
        select(Proposition.demande_id, func.max(Proposition.rang).label("rang"))
        .group_by(Proposition.demande_id)
        .subquery()
    )
    ailleurs = exists().where(
        PointSeance.demande_id == Demande.id,
        PointSeance.seance_id == Seance.id,
        Seance.etat != EtatSeance.CLOSE,
        Seance.id != (seance_id or 0),
    )
    requete = (
        select(Demande, Dossier, LigneFinancement, Objectif.intitule, Proposition.montant)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .join(dernier, dernier.c.demande_id == Demande.id)
        .join(Proposition, and_(Proposition.demande_id == Demande.id, Proposition.rang == dernier.c.rang))
        .outerjoin(Objectif, and_(Objectif.version_id == Dossier.version_id, Objectif.code == Dossier.objectif))
        .where(Dossier.appel_id == appel.id, Demande.annee == appel.annee, Demande.etat.in_(VOTABLES), ~ailleurs)
        .order_by(LigneFinancement.rang, Objectif.rang.nulls_last(), Dossier.numero, Demande.id)
    )
    return [
        Votable(demande, dossier, ligne, f"{dossier.objectif} {objectif or ''}".strip(), montant)
        for demande, dossier, ligne, objectif, montant in session.execute(requete)
    ]


def list_points(session: Session, seance_id: int, *, rangs: Iterable[int] | None = None) -> Sequence[PointLu]:
    """Les points d'une séance (de ces rangs), dans l'ordre du jour. Une requête."""
    requete = (
        select(PointSeance, Demande, Dossier, LigneFinancement, Organisation, ResultatPoint)
        .join(Demande, Demande.id == PointSeance.demande_id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .outerjoin(ResultatPoint, ResultatPoint.point_id == PointSeance.id)
        .where(PointSeance.seance_id == seance_id)
        .order_by(PointSeance.rang)
    )
    if rangs is not None:
        requete = requete.where(PointSeance.rang.in_(list(rangs)))
    return [PointLu(*rangee) for rangee in session.execute(requete)]


def verrouiller_demandes(session: Session, demande_ids: Iterable[int]) -> None:
    """Verrouille les dossiers puis les demandes, triés : après les enveloppes, avant la séance."""
    cles = sorted(set(demande_ids))
    dossiers = select(Dossier).where(Dossier.id.in_(select(Demande.dossier_id).where(Demande.id.in_(cles))))
    demandes = select(Demande).where(Demande.id.in_(cles))
    for requete in (dossiers.order_by(Dossier.id), demandes.order_by(Demande.id)):
        verrou = requete.with_for_update(key_share=True).execution_options(populate_existing=True)
        session.scalars(verrou).all()


def rangs_de_reserve(session: Session, appel_id: int, ligne_id: int) -> frozenset[int]:
    """Les rangs déjà donnés sur la liste de réserve d'une ligne."""
    requete = (
        select(ResultatPoint.rang_reserve)
        .join(PointSeance, PointSeance.id == ResultatPoint.point_id)
        .join(Demande, Demande.id == PointSeance.demande_id)
        .join(Seance, Seance.id == PointSeance.seance_id)
        .where(Seance.appel_id == appel_id, Demande.ligne_id == ligne_id, ResultatPoint.rang_reserve.is_not(None))
        .order_by(ResultatPoint.rang_reserve)
    )
    return frozenset(rang for rang in session.scalars(requete) if rang is not None)


def prochain_rang_de_reserve(session: Session, appel_id: int, ligne_id: int) -> int:
    """Le rang qui suit le dernier donné sur cette ligne."""
    return max(rangs_de_reserve(session, appel_id, ligne_id), default=0) + 1

"""Lectures de l'accueil : ce qui attend chacun, selon ce qu'il tient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, and_, exists, func, or_, select, true
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel, Phase
from app.etapes.commission.models import EtatSeance, PointSeance, Seance
from app.etapes.commission.repository import seances
from app.etapes.consultation import repository as consultation
from app.etapes.consultation.models import Avis, Rencontre, RencontreDossier, RencontreService
from app.etapes.consultation.rules import EtatRencontre
from app.etapes.convention.repository import EN_COURS, derniers_arretes
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.repository import visibles
from app.etapes.dossier.rules.etats import AVANT_DECISION, EtatDemande
from app.etapes.programmation.repository.montants import dernier_propose, rang_du_numero
from app.infra.db import compter
from app.infra.identite import Identite
from app.noyau.euros import Euros
from app.noyau.periodes import a_paris
from app.referentiels.acteurs.models import Compte, DemandeAcces, HabilitationCompte, LienAcces, Organisation
from app.referentiels.contrats.models import Contrat
from app.referentiels.instances.models import MembreInstance, ServiceConsulte
from app.referentiels.lignes.models import LigneFinancement

APERCU = 10
PREMIERS_POINTS = 5
VOTEES = (EtatDemande.VALIDEE, EtatDemande.AVIS_RENDU)


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
            Rencontre.etat.in_((EtatRencontre.CONVOQUEE, EtatRencontre.TENUE)),
            visibles(acteur),
            ~exists().where(Avis.dossier_id == Dossier.id, Avis.service_id == ServiceConsulte.id),
            exists().where(Demande.dossier_id == Dossier.id, Demande.etat.in_(AVANT_DECISION)),
        )
        .order_by(Rencontre.prevue_le, RencontreDossier.rang, Dossier.id)
        .limit(limite)
    )
    return [AvisARendre(r, d, s) for r, d, s in session.execute(requete)]


def avis_manquants(session: Session, contrats: Iterable[int]) -> int:
    """Combien d'avis manquent dans les rencontres convoquées ou tenues de ces contrats. Une requête."""
    requete = (
        select(func.count())
        .select_from(RencontreDossier)
        .join(Rencontre, Rencontre.id == RencontreDossier.rencontre_id)
        .join(RencontreService, RencontreService.rencontre_id == Rencontre.id)
        .where(
            Rencontre.contrat_id.in_(list(contrats)),
            Rencontre.etat.in_((EtatRencontre.CONVOQUEE, EtatRencontre.TENUE)),
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

    return MontantsAttendus(
        *session.execute(select(combien((EtatDemande.PROPOSEE,), arbitre), combien(VOTEES, decide))).one()
    )


def prochaine_seance(session: Session, acteur: Identite, maintenant: datetime) -> Seance | None:
    """La prochaine séance en vue qui n'est pas close ; à défaut, la plus ancienne restée ouverte. Une requête."""
    encore = [s for s in seances.list_seances(session, acteur) if s.etat is not EtatSeance.CLOSE]
    return min(encore, key=lambda s: (s.prevue_le < maintenant, s.prevue_le, s.id), default=None)


def prochaine_rencontre(session: Session, acteur: Identite, maintenant: datetime) -> Rencontre | None:
    """La prochaine rencontre des services en vue qui n'est pas tenue ; à défaut, la plus ancienne. Une requête."""
    encore = [r for r in consultation.list_rencontres(session, acteur) if r.etat is not EtatRencontre.TENUE]
    return min(encore, key=lambda r: (r.prevue_le < maintenant, r.prevue_le, r.id), default=None)


@dataclass(frozen=True, slots=True)
class PointAnnonce:
    """Un point de l'ordre du jour, tel qu'un élu le lit d'abord."""

    rang: int
    numero: str
    titre: str
    financeur: str
    montant_soumis: Euros


@dataclass(frozen=True, slots=True)
class OrdreDuJour:
    """Les premiers points d'une séance que la personne peut lire, et combien il y en a."""

    points: Sequence[PointAnnonce]
    nombre: int


def ordre_du_jour(session: Session, acteur: Identite, seance_id: int) -> OrdreDuJour:
    """Les premiers points d'une séance, dans l'ordre. Une requête."""
    requete = (
        select(PointSeance.rang, Dossier.numero, Dossier.titre, LigneFinancement.financeur, PointSeance.montant_soumis)
        .add_columns(func.count().over())
        .join(Demande, Demande.id == PointSeance.demande_id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .where(PointSeance.seance_id == seance_id, visibles(acteur))
        .order_by(PointSeance.rang)
        .limit(PREMIERS_POINTS)
    )
    rangees = session.execute(requete).all()
    return OrdreDuJour([PointAnnonce(*r[:-1]) for r in rangees], rangees[0][-1] if rangees else 0)


@dataclass(frozen=True, slots=True)
class AArbitrer:
    """Une demande proposée, devant l'autorité de sa ligne. `propose` est le dernier montant proposé."""

    numero: str
    titre: str
    porteur: str
    ligne: str
    annee: int
    demande: Euros
    accorde_n1: Euros | None
    propose: Euros | None


def demandes_a_arbitrer(
    session: Session, acteur: Identite, appel_id: int, lignes: Iterable[str]
) -> Sequence[AArbitrer]:
    """Les premières demandes proposées sur ces lignes, par ligne puis par rang de dépôt. Une requête."""
    propose = dernier_propose()
    requete: Any = (
        select(Dossier.numero, Dossier.titre, Organisation.nom, LigneFinancement.code, Demande.annee)
        .add_columns(Demande.montant_demande, Demande.montant_accorde_n1, propose.c.montant)
        .select_from(Demande)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .outerjoin(propose, true())
        .where(Dossier.appel_id == appel_id, visibles(acteur), Demande.etat == EtatDemande.PROPOSEE)
        .where(LigneFinancement.code.in_(list(lignes)))
        .order_by(LigneFinancement.rang, rang_du_numero(), Demande.annee, Demande.id)
        .limit(APERCU)
    )
    return [
        AArbitrer(
            r.numero, r.titre, r.nom, r.code, r.annee, r.montant_demande, r.montant_accorde_n1,
            None if r.montant is None else Euros(r.montant),
        )
        for r in session.execute(requete)
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class LigneSuivie:
    """Une ligne vue par qui conduit l'appel : ses dossiers par état de la demande, son dernier arrêté ; `sans_arrete` :
    ceux des phases d'après.
    """

    code: str
    financeur: str
    arretee_le: datetime | None
    dossiers: Mapping[EtatDemande, int]
    sans_arrete: Mapping[EtatDemande, int]

    @property
    def votees(self) -> int:
        """Dossiers votés sur cette ligne, pas encore décidés."""
        return sum(self.dossiers.get(etat, 0) for etat in VOTEES)

    @property
    def attend_un_arrete(self) -> bool:
        """Vrai si des demandes sont encore à proposer, à voter ou à décider dans une phase sans arrêté."""
        return any(self.sans_arrete.get(etat, 0) for etat in EN_COURS)

    @property
    def est_a_arreter(self) -> bool:
        """Vrai si des votes attendent que la ligne soit arrêtée."""
        return any(self.sans_arrete.get(etat, 0) for etat in VOTEES)


def lignes_suivies(session: Session, acteur: Identite, appel: Appel) -> Sequence[LigneSuivie]:
    """Chaque ligne du contrat : dossiers de l'appel par état de la demande de son année, arrêté. Une requête.

    Un compte vaut exactement ce que la liste des dossiers montre sous ce filtre (ligne, état de la demande).
    """
    nombre, arretes = func.count(Dossier.id.distinct()), derniers_arretes()
    sans_arrete = nombre.filter(Phase.rang > func.coalesce(arretes.c.rang, 0))
    requete = (
        select(LigneFinancement.code, LigneFinancement.financeur, arretes.c.a, Demande.etat, nombre, sans_arrete)
        .outerjoin(arretes, and_(arretes.c.ligne_id == LigneFinancement.id, arretes.c.appel_id == appel.id))
        .outerjoin(
            Demande.__table__.join(Dossier.__table__, and_(Dossier.id == Demande.dossier_id, visibles(acteur))).join(
                Phase.__table__, Phase.id == Dossier.phase_id
            ),
            and_(Demande.ligne_id == LigneFinancement.id, Demande.annee == appel.annee, Dossier.appel_id == appel.id),
        )
        .where(LigneFinancement.contrat_id == appel.contrat_id)
        .group_by(LigneFinancement.rang, LigneFinancement.id, arretes.c.a, Demande.etat)
        .order_by(LigneFinancement.rang, LigneFinancement.id, Demande.etat)
    )
    lues: dict[str, tuple[str, datetime | None, dict[EtatDemande, int], dict[EtatDemande, int]]] = {}
    for code, financeur, a, etat, compte, hors in session.execute(requete):
        _, _, dossiers, sans_arrete_de = lues.setdefault(code, (financeur, a, {}, {}))
        if etat is not None:
            dossiers[etat], sans_arrete_de[etat] = compte, hors
    return [LigneSuivie(code, *suivie) for code, suivie in lues.items()]


@dataclass(frozen=True, slots=True)
class ComptesDuContrat:
    """Les comptes d'un contrat, les liens de première connexion qui n'ont pas servi, les sièges sans compte."""

    code: str
    intitule: str
    comptes: int
    liens_envoyes: int
    liens_expires: int
    sieges: int
    sieges_libres: int


@dataclass(frozen=True, slots=True)
class Conduite:
    """Ce qui attend qui conduit un appel, hors des dossiers : ses phases, les organisations de son contrat."""

    contrat: str
    a_confirmer: int
    reclamees: int
    phases: Sequence[tuple[str, datetime, datetime]]


def conduite(session: Session, appel: Appel) -> Conduite:
    """Phases (intitulé, ouverture, clôture) de l'appel ; organisations à confirmer, et réclamées. Une requête.

    Une organisation à confirmer attend tout chargé de mission ; une réclamation, celui de son contrat.
    """
    a_confirmer = select(func.count(Organisation.id)).where(Organisation.confirmee_at.is_(None)).scalar_subquery()
    reclamees = (
        select(func.count(DemandeAcces.id))
        .where(DemandeAcces.contrat_id == Contrat.id, DemandeAcces.suite.is_(None))
        .correlate(Contrat)
        .scalar_subquery()
    )
    requete = (
        select(Contrat.code, a_confirmer, reclamees, Phase.intitule, Phase.ouverture_le, Phase.cloture_le)
        .outerjoin(Phase, Phase.appel_id == appel.id)
        .where(Contrat.id == appel.contrat_id)
        .order_by(Phase.rang)
    )
    rangees = session.execute(requete).all()
    code, combien, demandes = rangees[0][:3]
    return Conduite(code, combien, demandes, [(r[3], r[4], r[5]) for r in rangees if r[3] is not None])


def comptes_des_contrats(
    session: Session, contrats: Iterable[int], maintenant: datetime, machine: datetime
) -> Sequence[ComptesDuContrat]:
    """Un résumé par contrat géré. `machine` : l'heure vraie, celle des liens. Une requête."""
    h, jour = HabilitationCompte, a_paris(maintenant).date()
    tenue = exists().where(
        h.compte_id == Compte.id, h.contrat_id == Contrat.id, or_(h.fin.is_(None), h.fin > maintenant)
    )
    du_lien = (LienAcces.compte_id == Compte.id, LienAcces.annule_at.is_(None))
    attend = exists().where(*du_lien, LienAcces.utilise_at.is_(None), LienAcces.expire_at > machine)
    a_servi = exists().where(*du_lien, LienAcces.utilise_at.is_not(None))
    a_expire = exists().where(*du_lien, LienAcces.utilise_at.is_(None), LienAcces.expire_at <= machine)

    def comptes(*conditions: ColumnElement[bool]) -> ScalarSelect[int]:
        requete = select(func.count(Compte.id)).where(Compte.est_actif, tenue, *conditions)
        return requete.correlate(Contrat).scalar_subquery()

    def sieges(*conditions: ColumnElement[bool]) -> ScalarSelect[int]:
        occupe = or_(MembreInstance.fin.is_(None), MembreInstance.fin >= jour)
        requete = select(func.count(MembreInstance.id)).where(
            MembreInstance.contrat_id == Contrat.id, occupe, *conditions
        )
        return requete.correlate(Contrat).scalar_subquery()

    requete = (
        select(Contrat.code, Contrat.intitule, comptes(), comptes(attend), comptes(a_expire, ~attend, ~a_servi))
        .add_columns(sieges(), sieges(MembreInstance.compte_id.is_(None)))
        .where(Contrat.id.in_(list(contrats)))
        .order_by(Contrat.intitule, Contrat.id)
    )
    return [ComptesDuContrat(*rangee) for rangee in session.execute(requete)]

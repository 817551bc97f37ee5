"""Les lignes : ce qui est voté, arrêté, décidé, notifié ; ce qui permet de les arrêter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, func, select
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel, Enveloppe
from app.etapes.appel.repository import get_appel_par_code
from app.etapes.commission.models import ResultatPoint
from app.etapes.convention.models import ArreteLigne, Decision, Notification
from app.etapes.convention.repository.demandes import (
    A_DECIDER,
    A_VOTER,
    FINANCENT,
    RIEN,
    dernier_resultat,
)
from app.etapes.convention.rules import AvancementDeLaLigne, EtatDeLaLigne
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.repository import visibles
from app.etapes.dossier.repository.complement import derniere_echeance
from app.etapes.dossier.repository.phases import get_reserve
from app.etapes.dossier.rules.complement import EtatComplement, complement_en_suspens
from app.etapes.dossier.rules.etats import AVANT_DECISION, EtatDemande
from app.etapes.notation.models import NoteEnregistree
from app.infra.identite import Identite
from app.noyau.erreurs import Introuvable
from app.noyau.euros import Euros
from app.noyau.roles import ROLES_COMMISSION, Role
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.lignes.repository import get_ligne
from app.referentiels.territoires.models import Commune

EN_COURS = AVANT_DECISION - {EtatDemande.AJOURNEE}
LISENT = ROLES_COMMISSION | {
    Role.CHARGE_MISSION,
    Role.EQUIPE_PROJET,
    Role.INSTRUCTEUR,
    Role.SOUS_PREFECTURE,
    Role.ELU_LIGNE,
}


@dataclass(frozen=True, slots=True)
class Compte:
    """Combien de demandes d'une ligne sont dans un état, pour quels montants votés et décidés."""

    appel_id: int
    ligne_id: int
    etat: EtatDemande
    nombre: int
    vote: Euros
    decide: Euros


def get_appel_et_ligne(
    session: Session, appel_code: str, ligne_code: str, acteur: Identite
) -> tuple[Appel, LigneFinancement]:
    """L'appel et la ligne, s'ils sont en vue. Lève Introuvable."""
    appel = get_appel_par_code(session, appel_code)
    if appel is not None and appel.contrat_id in acteur.contrats(LISENT):
        ligne = get_ligne(session, appel.contrat_id, ligne_code)
        if ligne is not None:
            return appel, ligne
    raise Introuvable("Cette ligne n’existe pas dans cet appel, ou vous n’y avez pas accès.")


def compter(session: Session, appels: Iterable[int], acteur: Identite) -> Sequence[Compte]:
    """Par appel, ligne et état : nombre, voté, décidé. Une requête."""
    dernier = dernier_resultat()
    requete = (
        select(
            Dossier.appel_id, Demande.ligne_id, Demande.etat, func.count(Demande.id),
            func.coalesce(func.sum(ResultatPoint.montant), RIEN), func.coalesce(func.sum(Decision.montant), RIEN),
        )
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(Appel, Appel.id == Dossier.appel_id)
        .outerjoin(dernier, dernier.c.demande_id == Demande.id)
        .outerjoin(ResultatPoint, ResultatPoint.point_id == dernier.c.point_id)
        .outerjoin(Decision, Decision.demande_id == Demande.id)
        .where(Dossier.appel_id.in_(list(appels)), Demande.annee == Appel.annee, visibles(acteur))
        .group_by(Dossier.appel_id, Demande.ligne_id, Demande.etat)
        .order_by(Dossier.appel_id, Demande.ligne_id, Demande.etat)
    )  # fmt: skip
    return [Compte(*rangee) for rangee in session.execute(requete)]


def get_arrete(session: Session, appel_id: int, ligne_id: int) -> ArreteLigne | None:
    """L'arrêté de cette ligne pour cet appel."""
    requete = select(ArreteLigne).where(ArreteLigne.appel_id == appel_id, ArreteLigne.ligne_id == ligne_id)
    return session.scalar(requete)


def list_arretes(session: Session, appels: Iterable[int]) -> Sequence[ArreteLigne]:
    """Les arrêtés de ces appels."""
    return session.scalars(
        select(ArreteLigne).where(ArreteLigne.appel_id.in_(list(appels))).order_by(ArreteLigne.id)
    ).all()


def get_arrete_et_enveloppe(
    session: Session, appel: Appel, ligne_id: int
) -> tuple[ArreteLigne | None, Enveloppe | None]:
    """L'arrêté d'une ligne pour cet appel, et son enveloppe de l'année. Une requête."""
    arrete = and_(ArreteLigne.ligne_id == LigneFinancement.id, ArreteLigne.appel_id == appel.id)
    enveloppe = and_(Enveloppe.ligne_id == LigneFinancement.id, Enveloppe.annee == appel.annee)
    requete = select(ArreteLigne, Enveloppe).select_from(LigneFinancement)
    requete = requete.outerjoin(ArreteLigne, arrete).outerjoin(Enveloppe, enveloppe)
    trouve, credits = session.execute(requete.where(LigneFinancement.id == ligne_id)).one()
    return trouve, credits


def etat_de_la_ligne(
    session: Session,
    appel: Appel,
    ligne: LigneFinancement,
    arrete: ArreteLigne | None,
    enveloppe: Enveloppe | None,
    maintenant: datetime,
) -> EtatDeLaLigne:
    """Ce que les règles jugent avant d'arrêter une ligne à cet instant. Deux requêtes."""
    dernier, garde = dernier_resultat(), get_reserve(session, appel)
    requete = (
        select(Dossier.numero, Demande.etat, ResultatPoint.issue, ResultatPoint.montant, derniere_echeance())
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .outerjoin(dernier, dernier.c.demande_id == Demande.id)
        .outerjoin(ResultatPoint, ResultatPoint.point_id == dernier.c.point_id)
        .where(Dossier.appel_id == appel.id, Demande.ligne_id == ligne.id, Demande.annee == appel.annee)
        .where(Demande.etat.in_(A_VOTER + A_DECIDER))
        .order_by(Dossier.numero, Demande.id)
    )
    rangees = [(n or "", *reste) for n, *reste in session.execute(requete)]
    votees = [r for r in rangees if r[1] in A_DECIDER]
    retenues = [r for r in votees if r[2] in FINANCENT]
    return EtatDeLaLigne(
        deja_arretee=arrete is not None,
        a_voter=tuple(r[0] for r in rangees if r[1] in A_VOTER),
        en_complement=_numeros(retenues, EtatComplement.ATTENDU, maintenant),
        sans_reponse=_numeros(retenues, EtatComplement.NON_RECU, maintenant),
        nombre_vote=len(votees),
        vote=Euros.somme(r[3] for r in retenues),
        reste=enveloppe.montant - enveloppe.engage if enveloppe is not None else Euros(0),
        reserve=garde.sur(enveloppe.montant) if enveloppe is not None else Euros(0),
        cloture=garde.cloture_le,
    )


def _numeros(rangees: Iterable[Sequence[Any]], etat: EtatComplement, maintenant: datetime) -> tuple[str, ...]:
    """Les numéros (première colonne) dont le complément sans réponse (échéance en dernier) est dans cet état."""
    return tuple(r[0] for r in rangees if complement_en_suspens(r[-1], maintenant) is etat)


def avancement_de_l_appel(session: Session, appel: Appel) -> list[AvancementDeLaLigne]:
    """Chaque ligne du contrat : arrêtée pour cet appel ou non, demandes à voter ou à décider. Une requête."""
    en_cours = (
        select(Demande.ligne_id, func.count().label("nombre"))
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .where(
            Dossier.appel_id == appel.id, Demande.annee == appel.annee,
            Demande.etat.in_(EN_COURS),
        )
        .group_by(Demande.ligne_id)
        .subquery("en_cours")
    )  # fmt: skip
    requete = (
        select(LigneFinancement.financeur, ArreteLigne.id, func.coalesce(en_cours.c.nombre, 0))
        .outerjoin(ArreteLigne, and_(ArreteLigne.ligne_id == LigneFinancement.id, ArreteLigne.appel_id == appel.id))
        .outerjoin(en_cours, en_cours.c.ligne_id == LigneFinancement.id)
        .where(LigneFinancement.contrat_id == appel.contrat_id)
        .order_by(LigneFinancement.rang, LigneFinancement.id)
    )
    return [
        AvancementDeLaLigne(financeur, arrete is not None, nombre)
        for financeur, arrete, nombre in session.execute(requete)
    ]


def get_ligne_du_contrat(session: Session, contrat_id: int, code: str) -> LigneFinancement | None:
    """La ligne de ce code."""
    return get_ligne(session, contrat_id, code)


def get_notification(session: Session, dossier_id: int, ligne_id: int, *, verrou: bool = False) -> Notification | None:
    """La lettre d'une autorité pour un dossier."""
    requete = select(Notification).where(Notification.dossier_id == dossier_id, Notification.ligne_id == ligne_id)
    return session.scalar(requete.with_for_update(key_share=True) if verrou else requete)


def notes_calculees(session: Session, demande_ids: Iterable[int]) -> bool:
    """Vrai si une note a été calculée pour l'une de ces demandes : la décision doit alors le dire."""
    requete = select(exists().where(NoteEnregistree.demande_id.in_(list(demande_ids))))
    return bool(session.scalar(requete))


def departement(session: Session, contrat_id: int) -> str:
    """Le département d'un contrat, d'après sa première commune ; vide s'il n'en a pas."""
    requete = select(Commune.insee).where(Commune.contrat_id == contrat_id).order_by(Commune.id).limit(1)
    insee = session.scalar(requete) or ""
    return insee[:3] if insee.startswith("97") else insee[:2]

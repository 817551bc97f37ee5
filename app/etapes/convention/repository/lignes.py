"""Les lignes : ce qui est voté, arrêté, décidé, notifié ; ce qui permet de les arrêter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, Subquery, and_, case, exists, func, select
from sqlalchemy.orm import Session, aliased

from app.etapes.appel.models import Appel, Enveloppe, Phase
from app.etapes.appel.repository import get_appel_par_code
from app.etapes.appel.rules import EtatAppel
from app.etapes.commission.models import ResultatPoint
from app.etapes.convention.models import ArreteLigne, Decision, Notification
from app.etapes.convention.repository.demandes import (
    A_DECIDER,
    A_VOTER,
    FINANCENT,
    RIEN,
    dernier_resultat,
    tenu,
)
from app.etapes.convention.rules import AvancementDeLaLigne, EtatDeLaLigne, Votee, phase_a_arreter
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.repository import visibles
from app.etapes.dossier.repository.complement import derniere_echeance
from app.etapes.dossier.repository.phases import get_reserve_de_la_ligne
from app.etapes.dossier.rules.complement import EtatComplement, complement_en_suspens
from app.etapes.dossier.rules.etats import AVANT_DECISION, JAMAIS_PROPOSEES, EtatDemande
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
    """Combien de demandes d'une ligne et d'une phase sont dans un état, pour quels montants votés et décidés."""

    appel_id: int
    ligne_id: int
    phase: int
    etat: EtatDemande
    nombre: int
    vote: Euros
    decide: Euros


@dataclass(frozen=True, slots=True)
class Arrete:
    """L'arrêté d'une ligne, le rang de sa phase et son nom (vide si l'appel n'en a qu'une)."""

    acte: ArreteLigne
    rang: int
    phase: str


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
    """Par appel, ligne, phase et état : nombre, voté, décidé. Une requête."""
    dernier = dernier_resultat()
    requete = (
        select(
            Dossier.appel_id, Demande.ligne_id, Phase.rang, Demande.etat, func.count(Demande.id),
            func.coalesce(func.sum(ResultatPoint.montant), RIEN), func.coalesce(func.sum(Decision.montant), RIEN),
        )
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(Phase, Phase.id == Dossier.phase_id)
        .join(Appel, Appel.id == Dossier.appel_id)
        .outerjoin(dernier, dernier.c.demande_id == Demande.id)
        .outerjoin(ResultatPoint, ResultatPoint.point_id == dernier.c.point_id)
        .outerjoin(Decision, Decision.demande_id == Demande.id)
        .where(Dossier.appel_id.in_(list(appels)), Demande.annee == Appel.annee, visibles(acteur))
        .group_by(Dossier.appel_id, Demande.ligne_id, Phase.rang, Demande.etat)
        .order_by(Dossier.appel_id, Demande.ligne_id, Phase.rang, Demande.etat)
    )  # fmt: skip
    return [Compte(*rangee) for rangee in session.execute(requete)]


def get_rang_arrete(session: Session, appel_id: int, ligne_id: int) -> int:
    """Le rang de la dernière phase arrêtée sur cette ligne pour cet appel ; zéro si aucune ne l'est."""
    requete = select(func.max(Phase.rang)).join(ArreteLigne, ArreteLigne.phase_id == Phase.id)
    rang = session.scalar(requete.where(ArreteLigne.appel_id == appel_id, ArreteLigne.ligne_id == ligne_id))
    return rang or 0


def get_phase_id(session: Session, appel_id: int, rang: int) -> int:
    """La phase de ce rang."""
    return session.scalars(select(Phase.id).where(Phase.appel_id == appel_id, Phase.rang == rang)).one()


def derniers_arretes() -> Subquery:
    """Appel et ligne → rang de la dernière phase arrêtée, instant du dernier arrêté."""
    requete = select(
        ArreteLigne.appel_id, ArreteLigne.ligne_id, func.max(Phase.rang).label("rang"),
        func.max(ArreteLigne.a).label("a"),
    )  # fmt: skip
    requete = requete.join(Phase, Phase.id == ArreteLigne.phase_id)
    return requete.group_by(ArreteLigne.appel_id, ArreteLigne.ligne_id).subquery("derniers_arretes")


def _arretes() -> Select[ArreteLigne, int, str]:
    autre = aliased(Phase)
    plusieurs = exists().where(autre.appel_id == Phase.appel_id, autre.id != Phase.id)
    nom = case((plusieurs, Phase.intitule), else_="").label("phase")
    return select(ArreteLigne, Phase.rang, nom).join(Phase, Phase.id == ArreteLigne.phase_id)


def list_arretes(session: Session, appels: Iterable[int]) -> Sequence[Arrete]:
    """Les arrêtés de ces appels. Une requête."""
    requete = _arretes().where(ArreteLigne.appel_id.in_(list(appels))).order_by(ArreteLigne.id)
    return [Arrete(acte, rang, phase) for acte, rang, phase in session.execute(requete)]


def list_arretes_et_enveloppe(
    session: Session, appel: Appel, ligne_id: int
) -> tuple[Sequence[Arrete], Enveloppe | None]:
    """Les arrêtés d'une ligne pour cet appel, phase après phase, et son enveloppe de l'année. Une requête."""
    arretes = _arretes().where(ArreteLigne.appel_id == appel.id, ArreteLigne.ligne_id == ligne_id).subquery()
    acte = aliased(ArreteLigne, arretes)
    enveloppe = and_(Enveloppe.ligne_id == LigneFinancement.id, Enveloppe.annee == appel.annee)
    requete = (
        select(Enveloppe, acte, arretes.c.rang, arretes.c.phase)
        .select_from(LigneFinancement)
        .outerjoin(Enveloppe, enveloppe)
        .outerjoin(arretes, arretes.c.ligne_id == LigneFinancement.id)
        .where(LigneFinancement.id == ligne_id)
        .order_by(arretes.c.rang)
    )
    rangees = session.execute(requete).all()
    return [Arrete(acte, rang, phase) for _, acte, rang, phase in rangees if acte is not None], rangees[0][0]


def etat_de_la_ligne(
    session: Session, appel: Appel, ligne: LigneFinancement, dernier: int, enveloppe: Enveloppe | None,
    maintenant: datetime,
) -> EtatDeLaLigne:  # fmt: skip
    """Ce que les règles jugent avant d'arrêter une ligne à cet instant, après la phase `dernier`. Deux requêtes."""
    lues = _lire_en_cours(session, appel, ligne.id)
    a_arreter = phase_a_arreter((r.phase for r in lues if r.etat not in JAMAIS_PROPOSEES), dernier)
    rang = a_arreter or max(dernier, 1)
    garde = get_reserve_de_la_ligne(session, appel, ligne.id, rang, maintenant)
    de_la_phase = [r for r in lues if r.phase <= rang and a_arreter is not None]
    votees = [r for r in de_la_phase if r.etat in A_DECIDER and r.votee.attend(rang, dernier)]
    retenues = [r for r in votees if r.votee.vote is not None]
    return EtatDeLaLigne(
        deja_arretee=dernier > 0 and a_arreter is None,
        a_voter=tuple(r.numero for r in de_la_phase if r.etat in A_VOTER),
        en_complement=_numeros(retenues, EtatComplement.ATTENDU, maintenant),
        sans_reponse=_numeros(retenues, EtatComplement.NON_RECU, maintenant),
        nombre_vote=len(votees),
        vote=Euros.somme(r.votee.vote or Euros(0) for r in retenues),
        reste=enveloppe.montant - enveloppe.engage if enveloppe is not None else Euros(0),
        reserve=garde.sur(enveloppe.montant) if enveloppe is not None else Euros(0),
        cloture=garde.cloture_le if appel.etat is EtatAppel.OUVERT else None,
        rang=rang,
        phase=garde.phase,
        jamais_proposees=tuple(r.numero for r in de_la_phase if r.etat in JAMAIS_PROPOSEES),
    )


@dataclass(frozen=True, slots=True)
class _EnCours:
    """Une demande qu'un arrêté regarde."""

    numero: str
    etat: EtatDemande
    phase: int
    votee: Votee
    echeance: datetime | None


def _lire_en_cours(session: Session, appel: Appel, ligne_id: int) -> list[_EnCours]:
    """Les demandes d'une ligne encore à proposer, à voter ou à décider. Une requête."""
    dernier = dernier_resultat()
    requete = (
        select(
            Dossier.numero, Demande.etat, Phase.rang, ResultatPoint.issue, ResultatPoint.montant, tenu(),
            derniere_echeance(),
        )
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(Phase, Phase.id == Dossier.phase_id)
        .outerjoin(dernier, dernier.c.demande_id == Demande.id)
        .outerjoin(ResultatPoint, ResultatPoint.point_id == dernier.c.point_id)
        .where(Dossier.appel_id == appel.id, Demande.ligne_id == ligne_id, Demande.annee == appel.annee)
        .where(Demande.etat.in_((*JAMAIS_PROPOSEES, *A_VOTER, *A_DECIDER)))
        .order_by(Dossier.numero, Demande.id)
    )  # fmt: skip
    return [
        _EnCours(numero or "", etat, phase, Votee(phase, montant if issue in FINANCENT else None, engage), echeance)
        for numero, etat, phase, issue, montant, engage, echeance in session.execute(requete)
    ]


def _numeros(lues: Iterable[_EnCours], etat: EtatComplement, maintenant: datetime) -> tuple[str, ...]:
    """Les numéros dont le complément sans réponse est dans cet état."""
    return tuple(r.numero for r in lues if complement_en_suspens(r.echeance, maintenant) is etat)


def avancement_de_l_appel(session: Session, appel: Appel) -> list[AvancementDeLaLigne]:
    """Chaque ligne du contrat : arrêtée une fois ou non, demandes à voter ou à décider d'une phase sans arrêté. Une
    requête."""
    arretes = derniers_arretes()
    en_cours = (
        select(Demande.ligne_id, Phase.rang)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(Phase, Phase.id == Dossier.phase_id)
        .where(Dossier.appel_id == appel.id, Demande.annee == appel.annee, Demande.etat.in_(EN_COURS))
        .subquery("en_cours")
    )
    apres = en_cours.c.rang > func.coalesce(arretes.c.rang, 0)
    requete = (
        select(LigneFinancement.financeur, arretes.c.rang, func.count(en_cours.c.rang))
        .outerjoin(arretes, and_(arretes.c.ligne_id == LigneFinancement.id, arretes.c.appel_id == appel.id))
        .outerjoin(en_cours, and_(en_cours.c.ligne_id == LigneFinancement.id, apres))
        .where(LigneFinancement.contrat_id == appel.contrat_id)
        .group_by(LigneFinancement.id, arretes.c.rang)
        .order_by(LigneFinancement.rang, LigneFinancement.id)
    )
    return [
        AvancementDeLaLigne(financeur, rang is not None, nombre) for financeur, rang, nombre in session.execute(requete)
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

"""Renoter un appel entier, essayer une grille : demander, avancer lot par lot, finir. Rejouable à chaque pas."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.appel.rules import EtatAppel
from app.etapes.notation import repository
from app.etapes.notation.models import TravailNotation
from app.etapes.notation.repository import travaux
from app.etapes.notation.rules import mesurer_effet
from app.etapes.notation.rules.effet import effet_vers_donnees
from app.etapes.notation.rules.travaux import EtatTravail, NatureTravail
from app.etapes.notation.service.comparaison import Couple, comparer_lot, lignes_ecartees
from app.etapes.notation.service.notes import SERVICE, noter_appel
from app.infra.identite import Identite
from app.infra.jobs import differer
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Faute, Introuvable, SaisieInvalide
from app.noyau.roles import Role
from app.referentiels.grilles import repository as versions
from app.referentiels.grilles import service as grilles
from app.referentiels.grilles.rules import Grille

# Au-delà, un travail qui n'est pas fini est tenu pour perdu : on peut le relancer.
RELANCE_APRES = timedelta(hours=1)
PERIMEE = "La grille a changé depuis que cet essai est demandé : essayez-la de nouveau."


# --- renoter --------------------------------------------------------------------------------------------------------


def demander_renotation(session: Session, code: str, *, acteur: Identite, maintenant: datetime) -> TravailNotation:
    """Fait renoter tout un appel en tâche de fond. Lève Introuvable, ActeInterdit ou ActeImpossible (déjà en cours)."""
    appel = appels.get_appel_par_code(session, code, verrou=True)
    if appel is None:
        raise Introuvable("Cet appel n’existe pas.")
    if not acteur.tient(Role.CHARGE_MISSION, contrat_id=appel.contrat_id):
        raise ActeInterdit("Seul le chargé de mission du contrat fait renoter un appel.")
    if appel.etat is EtatAppel.PREPARE:
        raise ActeImpossible("L’appel est en préparation : il n’a aucun dossier à noter.", code="etat_contraire")
    ouvert = travaux.get_ouvert(session, appel.id, NatureTravail.RENOTER)
    if ouvert is not None and maintenant < ouvert.demande_le + RELANCE_APRES:
        raise ActeImpossible("L’appel est déjà en train d’être renoté.", code="travail_en_cours")
    return lancer_renotation(session, appel, acteur=acteur.acteur, maintenant=maintenant)


def lancer_renotation(session: Session, appel: Appel, *, acteur: str, maintenant: datetime) -> TravailNotation:
    """Le travail ouvert de l'appel, repris du début, ou un neuf ; puis la tâche qui l'accomplit."""
    travail = travaux.get_ouvert(session, appel.id, NatureTravail.RENOTER)
    if travail is None:
        travail = TravailNotation(
            contrat_id=appel.contrat_id, appel_id=appel.id, nature=NatureTravail.RENOTER, brouillon_id=None,
            empreinte_grille=None, resultat=None, fini_le=None,
        )  # fmt: skip
        session.add(travail)
    travail.etat, travail.total, travail.faits = EtatTravail.EN_ATTENTE, 0, 0
    travail.demande_par, travail.demande_le = acteur, maintenant
    session.flush()
    consigner(
        session, contrat_id=appel.contrat_id, acte="appel.renotation_demandee", objet=appel.code, acteur=acteur,
        maintenant=maintenant,
    )  # fmt: skip
    differer(
        session, "notation.noter_appel", appel_id=appel.id, maintenant=maintenant,
        cle_unique=f"notation.noter_appel/{appel.id}",
    )  # fmt: skip
    return travail


def avancer_renotation(session: Session, appel_id: int, *, apres: int, maintenant: datetime) -> int | None:
    """Note le lot qui suit la clé `apres` et compte ; rend la clé d'où repartir, None si c'est fini.

    `apres` nul : la tâche commence, ou recommence après la mort de son worker. Un travail remis en attente par une
    nouvelle demande repart du début.
    """
    travail = travaux.get_ouvert(session, appel_id, NatureTravail.RENOTER)
    if travail is None:
        return None
    if travail.etat is EtatTravail.EN_ATTENTE or not apres:
        apres = 0
        travail.etat, travail.faits = EtatTravail.EN_COURS, 0
        travail.total = repository.compter_deposes(session, appel_id)
    appel = appels.get_appel(session, appel_id)
    bilan = noter_appel(session, appel, acteur=SERVICE, maintenant=maintenant, apres=apres)
    if bilan is None:
        _finir(travail, maintenant)
        return None
    travail.faits = min(travail.total, travail.faits + bilan.dossiers)
    return bilan.dernier


def interrompre_renotation(session: Session, appel_id: int, raison: str, *, maintenant: datetime) -> None:
    """Clôt le travail ouvert d'un appel qui ne peut pas aboutir, avec sa raison."""
    travail = travaux.get_ouvert(session, appel_id, NatureTravail.RENOTER)
    if travail is not None:
        travail.etat, travail.fini_le, travail.resultat = EtatTravail.FINI, maintenant, {"raison": raison}


def _finir(travail: TravailNotation, maintenant: datetime) -> None:
    travail.etat, travail.fini_le, travail.faits = EtatTravail.FINI, maintenant, travail.total


# --- essayer --------------------------------------------------------------------------------------------------------


def demander_essai(
    session: Session, contrat_id: int, version: str, code_appel: str, *, acteur: Identite, maintenant: datetime
) -> TravailNotation:
    """Essaie un brouillon sur un appel, en tâche de fond ; le même essai déjà en route suffit.

    Lève Introuvable, ActeInterdit, ActeImpossible (brouillon fini) ou SaisieInvalide (appel).
    """
    brouillon = grilles.brouillon_a_changer(session, contrat_id, version, acteur)
    appel = appels.get_appel_par_code(session, code_appel)
    if appel is None or appel.contrat_id != contrat_id:
        raise SaisieInvalide([Faute("appel", "Choisissez un appel de ce contrat.", "appel_inconnu")])
    if not repository.compter_deposes(session, appel.id):
        phrase = "Cet appel n’a encore aucun dossier déposé : choisissez-en un autre."
        raise SaisieInvalide([Faute("appel", phrase, "appel_vide")])
    ouvert = travaux.get_essai_ouvert(session, brouillon.id, appel.id, brouillon.empreinte)
    if ouvert is not None and maintenant < ouvert.demande_le + RELANCE_APRES:
        return ouvert
    travail = TravailNotation(
        contrat_id=contrat_id, appel_id=appel.id, nature=NatureTravail.ESSAYER, brouillon_id=brouillon.id,
        empreinte_grille=brouillon.empreinte, etat=EtatTravail.EN_ATTENTE, resultat=None,
        demande_par=acteur.acteur, demande_le=maintenant, fini_le=None,
    )  # fmt: skip
    session.add(travail)
    session.flush()
    consigner(
        session, contrat_id=contrat_id, acte="grille.essai_demande", objet=f"{version}/{appel.code}",
        acteur=acteur.acteur, maintenant=maintenant, apres={"empreinte": brouillon.empreinte},
    )  # fmt: skip
    differer(session, "notation.essayer_grille", travail_id=travail.id, maintenant=maintenant)
    return travail


def commencer_essai(session: Session, travail_id: int, *, maintenant: datetime) -> Grille | None:
    """La grille à essayer, et le travail remis à zéro ; None s'il est déjà fini, ou si la grille a changé depuis."""
    travail = travaux.get_travail(session, travail_id)
    if travail.etat is EtatTravail.FINI or travail.brouillon_id is None:
        return None
    brouillon = versions.get_brouillon_par_cle(session, travail.brouillon_id)
    if brouillon.empreinte != travail.empreinte_grille:
        _ranger(travail, {"raison": PERIMEE}, maintenant)
        return None
    travail.etat, travail.faits = EtatTravail.EN_COURS, 0
    travail.total = repository.compter_deposes(session, travail.appel_id)
    return grilles.grille_du_brouillon(brouillon)


def avancer_essai(session: Session, travail_id: int, grille: Grille, *, apres: int) -> tuple[int | None, list[Couple]]:
    """Compare le lot qui suit la clé `apres` ; rend la clé d'où repartir (None : plus rien) et les couples."""
    travail = travaux.get_travail(session, travail_id)
    lot = comparer_lot(session, appels.get_appel(session, travail.appel_id), grille, apres=apres)
    if lot is None:
        return None, []
    travail.faits = min(travail.total, travail.faits + lot.dossiers)
    return lot.dernier, lot.couples


def ranger_essai(
    session: Session, travail_id: int, grille: Grille, couples: Iterable[Couple], *, maintenant: datetime
) -> None:
    """Garde l'effet de la grille essayée, et les lignes qu'elle n'a pas ou qu'elle ajoute ; une fois."""
    travail = travaux.get_travail(session, travail_id)
    if travail.etat is EtatTravail.FINI:
        return
    appel = appels.get_appel(session, travail.appel_id)
    contre = versions.get_grille(session, appel.grille_id).version
    ecartees = lignes_ecartees(session, appel, grille).en_donnees()
    _ranger(travail, effet_vers_donnees(mesurer_effet(couples)) | {"contre": contre} | ecartees, maintenant)


def interrompre_essai(session: Session, travail_id: int, raison: str, *, maintenant: datetime) -> None:
    """Clôt un essai qui ne peut pas aboutir, avec sa raison."""
    travail = travaux.get_travail(session, travail_id)
    if travail.etat is not EtatTravail.FINI:
        _ranger(travail, {"raison": raison}, maintenant)


def _ranger(travail: TravailNotation, resultat: dict[str, object], maintenant: datetime) -> None:
    travail.resultat = resultat
    _finir(travail, maintenant)

"""Notifier la décision d'une autorité : une lettre par autorité et par dossier, seulement après sa décision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.convention import repository
from app.etapes.convention.models import Notification
from app.etapes.convention.repository import DemandeLue
from app.etapes.convention.service import tranches
from app.etapes.convention.service.gardes import exiger_la_ligne
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.repository import get_dossier
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.dossier.service import reprise
from app.etapes.dossier.service.vie import passer_demande
from app.etapes.notation.service import notice
from app.infra.identite import Identite
from app.infra.jobs import differer
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, Introuvable
from app.noyau.periodes import a_paris
from app.referentiels.lignes.models import LigneFinancement

ACTES = {EtatDemande.DECIDEE: "notifier", EtatDemande.REFUSEE: "notifier_refus"}


def notifier(session: Session, numero: str, ligne_code: str, *, acteur: Identite, maintenant: datetime) -> Notification:
    """Notifie à un porteur la décision d'une autorité. La lettre est scellée et le courriel envoyé par une tâche.

    Lève Introuvable, ActeInterdit ou ActeImpossible (`sans_decision`, `deja_notifie`).
    """
    appel, vue = repository.get_en_vue(session, numero, ligne_code, acteur)
    dossier, ligne = vue.dossier, vue.ligne
    exiger_la_ligne(acteur, appel.contrat_id, ligne.code)
    connues = repository.list_demandes_du_dossier(session, dossier.id, ligne.id)
    repository.verrouiller(session, [lue.demande.id for lue in connues])
    lues = repository.list_demandes_du_dossier(session, dossier.id, ligne.id)
    return _notifier(session, dossier, ligne, lues, acteur, maintenant)


def notifier_ligne(
    session: Session, appel_code: str, ligne_code: str, *, acteur: Identite, maintenant: datetime
) -> int:
    """Notifie d'un coup tout ce qui est décidé sur une ligne et pas encore notifié ; rend le nombre de lettres."""
    appel, ligne = repository.get_appel_et_ligne(session, appel_code, ligne_code, acteur)
    exiger_la_ligne(acteur, appel.contrat_id, ligne.code)
    connues = repository.list_demandes_de_la_ligne(session, appel, ligne.id)
    decidees = [lue.demande.id for lue in connues if lue.demande.etat in ACTES]
    repository.verrouiller(session, repository.avec_les_annees_suivantes(session, decidees))
    lues = repository.list_demandes_de_la_ligne(session, appel, ligne.id)
    suivantes: dict[int, list[DemandeLue]] = {}
    for lue in repository.list_tranches_a_notifier(session, appel, ligne.id):
        suivantes.setdefault(lue.dossier.id, []).append(lue)
    a_notifier = [lue for lue in lues if lue.demande.etat in ACTES and lue.notification is None]
    if not a_notifier:
        raise ActeImpossible("Aucune décision de cette ligne n’attend sa notification.", code="sans_decision")
    for lue in a_notifier:
        _notifier(session, lue.dossier, ligne, [lue, *suivantes.get(lue.dossier.id, ())], acteur, maintenant)
    return len(a_notifier)


def _notifier(
    session: Session,
    dossier: Dossier,
    ligne: LigneFinancement,
    lues: Sequence[DemandeLue],
    acteur: Identite,
    maintenant: datetime,
) -> Notification:
    if any(lue.notification is not None for lue in lues):
        raise ActeImpossible("Cette autorité a déjà notifié sa décision à ce porteur.", code="deja_notifie")
    decidees = [lue for lue in lues if lue.demande.etat in ACTES]
    if not decidees:
        phrase = "L’autorité n’a pas décidé : on ne notifie qu’une décision prise."
        raise ActeImpossible(phrase, code="sans_decision")
    notification = Notification(
        contrat_id=dossier.contrat_id, dossier_id=dossier.id, ligne_id=ligne.id, document_sha256=None,
        acteur=acteur.acteur, a=maintenant, envoyee_at=None, lue_at=None,
    )  # fmt: skip
    session.add(notification)
    session.flush()
    for lue in decidees:
        passer_demande(
            session, dossier, lue.demande, ACTES[lue.demande.etat], ligne=ligne.code, acteur=acteur,
            maintenant=maintenant,
        )  # fmt: skip
        _faire_remonter(session, lue, maintenant)
    tranches.notifier(session, lues, ligne.code, acteur=acteur, maintenant=maintenant)
    differer(session, "convention.sceller_notification", notification_id=notification.id, maintenant=maintenant)
    notice.completer(session, dossier.id, maintenant=maintenant)
    return notification


def _faire_remonter(session: Session, lue: DemandeLue, maintenant: datetime) -> None:
    """L'accordé, désormais connu du porteur, sera « l'an dernier » d'un dossier qui renouvelle celui-ci."""
    if lue.decision is not None:
        reprise.constater_accorde(
            session, lue.dossier, ligne=lue.ligne.code, annee=lue.demande.annee, montant=lue.decision.montant,
            source=lue.decision.reference_acte, le=a_paris(maintenant).date(),
        )  # fmt: skip


def ouvrir(
    session: Session, numero: str, ligne_code: str, *, acteur: Identite, maintenant: datetime
) -> tuple[Notification, Sequence[DemandeLue]]:
    """La notification lue par son porteur (la première lecture est datée) ou par un agent. Lève Introuvable."""
    dossier = get_dossier(session, numero, acteur)
    est_du_porteur = dossier.organisation_id in acteur.organisations()
    if est_du_porteur or dossier.contrat_id in acteur.contrats(repository.LISENT):
        ligne = repository.get_ligne_du_contrat(session, dossier.contrat_id, ligne_code)
        notification = repository.get_notification(session, dossier.id, ligne.id) if ligne is not None else None
        if ligne is not None and notification is not None:
            if est_du_porteur and notification.lue_at is None:
                _dater_la_lecture(session, dossier, notification, ligne_code, acteur, maintenant)
            return notification, repository.list_demandes_du_dossier(session, dossier.id, ligne.id)
    raise Introuvable("Aucune décision n’est notifiée pour ce dossier sur cette ligne.")


def _dater_la_lecture(
    session: Session,
    dossier: Dossier,
    notification: Notification,
    ligne_code: str,
    acteur: Identite,
    maintenant: datetime,
) -> None:
    notification.lue_at = maintenant
    reprise.constater_lecture(session, dossier, ligne=ligne_code, le=a_paris(maintenant).date())
    consigner(
        session, contrat_id=dossier.contrat_id, acte="notification.lue", objet=f"{dossier.numero}/{ligne_code}",
        acteur=acteur.acteur, maintenant=maintenant,
    )  # fmt: skip

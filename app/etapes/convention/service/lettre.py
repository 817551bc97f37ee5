"""La lettre de notification : ce qu'elle dit, son scellement, le courriel qui l'annonce."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.convention import repository
from app.etapes.convention.models import Notification
from app.etapes.convention.repository import DemandeLue
from app.etapes.convention.rules import (
    DELAI_RECOURS_MOIS,
    DELAI_VERSEMENT_JOURS,
    SensDecision,
    acte_cite,
    tribunal_competent,
)
from app.etapes.dossier.models import DocumentDossier
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.notation.rules.transparence import adresse_des_regles
from app.etapes.notation.rules.transparence import mention as mention_du_calcul
from app.infra.documents import sceller as sceller_document
from app.infra.journal.ancres import ancrer, mention_ancre
from app.infra.journal.ecriture import consigner
from app.infra.mail import prevenir
from app.infra.pdf import compiler
from app.noyau.euros import Euros
from app.noyau.periodes import a_paris, date_longue
from app.noyau.roles import Role
from app.referentiels.acteurs.repository import list_comptes_habilites
from app.referentiels.contrats.repository import get_contrat
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.lignes.rules import NatureAutorite, en_phrase

SUITES_DITES = (EtatDemande.TRANCHE_RESERVEE, EtatDemande.CADUQUE)
PREVENUS = (Role.ADMINISTRATEUR_PORTEUR, Role.SIGNATAIRE, Role.REDACTEUR)


def sceller_et_envoyer(session: Session, notification_id: int, *, url_publique: str, maintenant: datetime) -> bool:
    """Scelle la lettre, l'ancre, prévient le porteur. Faux si c'est déjà fait : la tâche peut être rejouée."""
    notification = session.get_one(Notification, notification_id, with_for_update={"key_share": True})
    if notification.document_sha256 is not None:
        return False
    lues = repository.list_demandes_du_dossier(session, notification.dossier_id, notification.ligne_id)
    lettre = donnees(session, notification, lues, url_publique)
    lettre["mention"] = mention_ancre(session, notification.contrat_id)
    nom = f"notification-{lettre['numero']}-{lues[0].ligne.code.lower()}.pdf"
    empreinte = sceller_document(
        session, compiler("notification", lettre), media="application/pdf", nom=nom, maintenant=maintenant
    )
    ancrer(session, notification.contrat_id, f"pdf:{empreinte}", maintenant)
    notification.document_sha256, notification.envoyee_at = empreinte, maintenant
    session.add(
        DocumentDossier(
            contrat_id=notification.contrat_id, dossier_id=notification.dossier_id,
            nature=f"lettre:{lues[0].ligne.code}", sha256=empreinte, a=maintenant,
        )
    )  # fmt: skip
    contexte = {
        "financeur": lettre["attribuant_sujet"],
        "numero": lettre["numero"],
        "titre": lettre["action"],
        "recours_mois": DELAI_RECOURS_MOIS.au(a_paris(notification.a).date()),
        "url": f"{url_publique}/dossiers/{lettre['numero']}/notifications/{lues[0].ligne.code}",
        "algorithme": lettre["algorithme"],
    }
    comptes = list_comptes_habilites(session, lues[0].organisation.id, PREVENUS, maintenant)
    prevenir(session, comptes, "notification", contexte, cle=f"notification:{notification_id}", maintenant=maintenant)
    consigner(
        session, contrat_id=notification.contrat_id, acte="notification.scellee",
        objet=f"{lettre['numero']}/{lues[0].ligne.code}", acteur="service", maintenant=maintenant,
        apres={"sha256": empreinte},
    )  # fmt: skip
    return True


def donnees(
    session: Session, notification: Notification, lues: Sequence[DemandeLue], url_publique: str = ""
) -> dict[str, Any]:
    """Ce que dit la lettre ; la page du porteur montre les mêmes faits."""
    premiere, jour = lues[0], a_paris(notification.a).date()
    ligne, dossier = premiere.ligne, premiere.dossier
    nom = en_phrase(ligne.attribuant_nom)
    decisions = [lue.decision for lue in lues if lue.decision is not None]
    attribue = Euros.somme(d.montant for d in decisions)
    tribunal = tribunal_competent(repository.departement(session, notification.contrat_id))
    regles = adresse_des_regles(session.get_one(Appel, dossier.appel_id).code)
    note = repository.notes_calculees(session, [lue.demande.id for lue in lues])
    return {
        "titre": "Notification d’attribution" if attribue else "Notification de refus",
        "surtitre": get_contrat(session, notification.contrat_id).intitule,
        "reference": dossier.numero,
        "auteur": ligne.attribuant_nom,
        "instant": notification.a,
        "numero": dossier.numero,
        "action": dossier.titre,
        "porteur": premiere.organisation.nom,
        "attribuant": ligne.attribuant_nom,
        "attribuant_sujet": nom.titre,
        "attribuant_de": nom.de,
        "ligne": f"{ligne.financeur} — {ligne.intitule}",
        "le": date_longue(jour),
        "est_attribution": bool(attribue),
        "montant": str(attribue),
        "demande": str(Euros.somme(lue.demande.montant_demande for lue in lues if lue.decision is not None)),
        "decisions": [
            {
                "annee": lue.demande.annee,
                "sens": "attribuée" if lue.decision.sens is SensDecision.ATTRIBUEE else "refusée",
                "montant": str(lue.decision.montant),
                "acte": acte_cite(_acte(ligne), lue.decision.reference_acte, lue.decision.acte_le),
                "motif": lue.decision.motif,
            }
            for lue in lues
            if lue.decision is not None
        ],
        "suites": _suites(session, lues),
        "versement_jours": DELAI_VERSEMENT_JOURS.au(jour) if attribue else None,
        "recours_mois": DELAI_RECOURS_MOIS.au(jour),
        "tribunal": tribunal,
        "algorithme": mention_du_calcul(f"{url_publique}{regles}") if note else "",
        "regles": regles,
    }


def _suites(session: Session, lues: Sequence[DemandeLue]) -> list[str]:
    """Une phrase par année suivante d'une CPO : réservée sous condition, ou pourquoi rien ne l'est."""
    dites = [lue for lue in lues if lue.decision is None and lue.demande.etat in SUITES_DITES]
    motifs = repository.motifs_des_tranches(session, [lue.demande.id for lue in dites])
    return [motifs[lue.demande.id] for lue in dites if lue.demande.id in motifs]


def _acte(ligne: LigneFinancement) -> str:
    return ligne.acte_decision or ("décision" if ligne.nature_autorite is NatureAutorite.ETAT else "délibération")

"""API de la décision : arrêter une ligne, attribuer, refuser, notifier, renoncer."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from app.etapes.convention import repository
from app.etapes.convention.models import Decision, Notification
from app.etapes.convention.repository import DemandeLue
from app.etapes.convention.schemas import (
    ArretEntrant,
    AttributionEntrante,
    LotEntrant,
    RefusEntrant,
    RenonciationEntrante,
)
from app.etapes.convention.service import decision, notification
from app.etapes.convention.service.arret import arreter_appel, arreter_ligne
from app.etapes.dossier.rules.complement import EtatComplement
from app.infra.acces import Acteur, exiger
from app.infra.clock import Maintenant
from app.infra.curseur import TAILLE, TAILLE_MAX
from app.infra.web import SessionDep
from app.noyau.euros import Euros
from app.noyau.roles import ROLES_PORTEUR, Role

routeur = APIRouter(prefix="/api/v1", tags=["decision"])
LIT = Depends(exiger(*repository.LISENT))
DECIDE = Depends(exiger(Role.INSTRUCTEUR, Role.SOUS_PREFECTURE))
CONDUIT = Depends(exiger(Role.CHARGE_MISSION))
RENONCE = Depends(exiger(*ROLES_PORTEUR))
Objet = dict[str, Any]
DEMANDE = "/dossiers/{numero}/lignes/{code}"


def _iso(valeur: date | datetime | None) -> str | None:
    return valeur.isoformat() if valeur is not None else None


def _centimes(montant: Euros | None) -> int | None:
    return montant.centimes if montant is not None else None


def _montrer_decision(d: Decision) -> Objet:
    return {
        "sens": d.sens.value,
        "montant_centimes": d.montant.centimes,
        "reference_acte": d.reference_acte,
        "acte_le": _iso(d.acte_le),
        "motif": d.motif,
    }


def _montrer_notification(n: Notification) -> Objet:
    return {
        "notifiee_le": _iso(n.a),
        "envoyee_le": _iso(n.envoyee_at),
        "lue_le": _iso(n.lue_at),
        "sha256": n.document_sha256,
    }


def _montrer(lue: DemandeLue, maintenant: datetime) -> Objet:
    complement = lue.complement(maintenant)
    return {
        "dossier": lue.dossier.numero,
        "titre": lue.dossier.titre,
        "porteur": lue.organisation.nom,
        "ligne": lue.ligne.code,
        "annee": lue.demande.annee,
        "etat": lue.demande.etat.value,
        "demande_centimes": lue.demande.montant_demande.centimes,
        "issue": lue.resultat.issue if lue.resultat is not None else None,
        "vote_centimes": _centimes(lue.vote),
        "engage_centimes": lue.engage.centimes,
        "phase": lue.phase,
        "complement_attendu": complement is EtatComplement.ATTENDU,
        "complement": complement.value if complement is not None else None,
        "decision": _montrer_decision(lue.decision) if lue.decision is not None else None,
        "notification": _montrer_notification(lue.notification) if lue.notification is not None else None,
    }


@routeur.get("/appels/{code}/lignes/{ligne}/decisions", name="api:decisions", dependencies=[LIT])
def list_decisions(
    session: SessionDep,
    acteur: Acteur,
    code: str,
    ligne: str,
    maintenant: Maintenant,
    etape: repository.Etape | None = None,
    apres: str = "",
    taille: Annotated[int, Query(ge=1, le=TAILLE_MAX)] = TAILLE,
) -> Objet:
    """Les demandes d'une ligne, du vote à la notification, page par page."""
    appel, trouvee = repository.get_appel_et_ligne(session, code, ligne, acteur)
    page = repository.page_de_la_ligne(
        session, appel, trouvee.id, acteur, etape=etape, jeton=apres, taille=taille
    )  # fmt: skip
    return {"elements": [_montrer(lue, maintenant) for lue in page.elements], "suivant": page.suivant}


@routeur.post("/appels/{code}/arreter", name="api:appel:arreter", dependencies=[CONDUIT])
def arreter_la_programmation(session: SessionDep, acteur: Acteur, code: str, maintenant: Maintenant) -> Objet:
    """Arrête la programmation de l'appel, une fois ses lignes arrêtées."""
    appel = arreter_appel(session, code, acteur=acteur, maintenant=maintenant)
    return {"code": appel.code, "annee": appel.annee, "etat": appel.etat.value}


@routeur.post("/appels/{code}/lignes/{ligne}/arreter", name="api:arreter_ligne", dependencies=[DECIDE])
def arreter(
    session: SessionDep,
    acteur: Acteur,
    code: str,
    ligne: str,
    maintenant: Maintenant,
    entree: ArretEntrant | None = None,
) -> Objet:
    """Arrête la programmation d'une ligne : engage tout ce qui est voté, ou rien."""
    confirme = entree is not None and entree.confirme
    arrete = arreter_ligne(session, code, ligne, acteur=acteur, maintenant=maintenant, confirme=confirme)
    return {
        "ligne": ligne,
        "phase": repository.get_rang_arrete(session, arrete.appel_id, arrete.ligne_id),
        "montant_centimes": arrete.montant.centimes,
        "nombre": arrete.nombre,
        "le": _iso(arrete.a),
    }


@routeur.post("/appels/{code}/lignes/{ligne}/decisions", name="api:decider_lot", dependencies=[DECIDE])
def decider_lot(
    session: SessionDep, acteur: Acteur, code: str, ligne: str, entree: LotEntrant, maintenant: Maintenant
) -> Objet:
    """Contrôle un lot de décisions ; l'enregistre tout entier avec `enregistrer: true`, s'il n'a aucune faute."""
    lot = decision.decider_lot(
        session, code, ligne, texte=entree.lot, reference_acte=entree.reference_acte, acte_le=entree.acte_le,
        acteur=acteur, maintenant=maintenant, pour_de_vrai=entree.enregistrer,
    )  # fmt: skip
    return {
        "enregistre": entree.enregistrer,
        "nombre": len(lot.lignes),
        "total_centimes": lot.total.centimes,
        "fautes": [{"message": f.message, "code": f.code} for f in lot.fautes],
    }


@routeur.post("/appels/{code}/lignes/{ligne}/notifier", name="api:notifier_ligne", dependencies=[DECIDE])
def notifier_ligne(session: SessionDep, acteur: Acteur, code: str, ligne: str, maintenant: Maintenant) -> Objet:
    """Notifie tout ce qui est décidé et pas encore notifié sur une ligne."""
    nombre = notification.notifier_ligne(session, code, ligne, acteur=acteur, maintenant=maintenant)
    return {"nombre": nombre}


@routeur.post(f"{DEMANDE}/attribuer", name="api:demande:attribuer", dependencies=[DECIDE])
def attribuer(
    session: SessionDep, acteur: Acteur, numero: str, code: str, entree: AttributionEntrante, maintenant: Maintenant
) -> Objet:
    """Enregistre l'attribution décidée par l'autorité de la ligne."""
    prise = decision.decider(session, numero, code, entree.dite(), acteur=acteur, maintenant=maintenant)
    return _montrer_decision(prise)


@routeur.post(f"{DEMANDE}/refuser", name="api:demande:refuser", dependencies=[DECIDE])
def refuser(
    session: SessionDep, acteur: Acteur, numero: str, code: str, entree: RefusEntrant, maintenant: Maintenant
) -> Objet:
    """Enregistre le refus décidé par l'autorité de la ligne."""
    prise = decision.decider(session, numero, code, entree.dite(), acteur=acteur, maintenant=maintenant)
    return _montrer_decision(prise)


def _notifier(session: SessionDep, acteur: Acteur, numero: str, code: str, maintenant: Maintenant) -> Objet:
    """Notifie la décision de l'autorité (attribution ou refus) ; la lettre est scellée ensuite."""
    partie = notification.notifier(session, numero, code, acteur=acteur, maintenant=maintenant)
    return _montrer_notification(partie)


for _acte in ("notifier", "notifier_refus"):
    routeur.post(f"{DEMANDE}/{_acte}", name=f"api:demande:{_acte}", dependencies=[DECIDE])(_notifier)


@routeur.post(f"{DEMANDE}/renoncer", name="api:demande:renoncer", dependencies=[RENONCE])
def renoncer(
    session: SessionDep, acteur: Acteur, numero: str, code: str, entree: RenonciationEntrante, maintenant: Maintenant
) -> Objet:
    """Le porteur renonce à ce qui lui est accordé sur cette ligne."""
    rendu = decision.renoncer(session, numero, code, motif=entree.motif, acteur=acteur, maintenant=maintenant)
    return {"libere_centimes": rendu.centimes}

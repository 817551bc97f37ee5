"""Accuser réception d'un dépôt (PDF scellé, courriel) et annoncer un complément attendu."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.etapes.dossier import repository
from app.etapes.dossier.models import DemandeComplement, DocumentDossier, Dossier
from app.etapes.dossier.repository.accuses import list_accuses
from app.etapes.dossier.repository.referentiel import Cadre, get_cadre
from app.etapes.dossier.rules.accuse import VOIES_DE_RECOURS, AccuseAutorite
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.dossier.rules.suivi import jusqu_au
from app.infra import documents, mail, pdf
from app.infra.journal.ancres import ancrer, mention_ancre
from app.noyau.periodes import date_longue, instant_long
from app.noyau.roles import Role
from app.referentiels.acteurs import repository as acteurs
from app.referentiels.lignes.rules import NatureAutorite

ACCUSE = "accuse"
DESTINATAIRES = (Role.ADMINISTRATEUR_PORTEUR, Role.REDACTEUR, Role.SIGNATAIRE)


def accuser_reception(session: Session, dossier_id: int, *, url_publique: str, maintenant: datetime) -> None:
    """Scelle l'accusé d'un dossier déposé, ancre le journal, range le courriel. Rejouable : ne fait rien deux fois."""
    dossier = session.get_one(Dossier, dossier_id, with_for_update={"key_share": True})
    if dossier.depose_le is None or repository.get_document(session, dossier.id, ACCUSE) is not None:
        return
    cadre = get_cadre(session, dossier)
    octets = pdf.compiler("accuse", _donnees(session, dossier, cadre))
    empreinte = documents.sceller(
        session, octets, media="application/pdf", nom=f"accuse-{dossier.numero}.pdf", maintenant=maintenant
    )
    ancrer(session, dossier.contrat_id, f"pdf:{empreinte}", maintenant)
    session.add(
        DocumentDossier(
            contrat_id=dossier.contrat_id, dossier_id=dossier.id, nature=ACCUSE, sha256=empreinte, a=maintenant
        )
    )
    a_l_etat = any(
        ligne.nature_autorite is NatureAutorite.ETAT and not demande.numero_dauphin
        for demande, ligne in repository.list_demandes(session, [dossier.id])
        if demande.etat is not EtatDemande.HORS_CHAMP
    )
    contexte = {
        "numero": dossier.numero,
        "titre": dossier.titre,
        "organisation": cadre.organisation.nom,
        "depose_le": instant_long(dossier.depose_le),
        "url": f"{url_publique.rstrip('/')}/dossiers/{dossier.numero}/accuse",
        "portail": f"{url_publique.rstrip('/')}/dossiers/{dossier.numero}/portail" if a_l_etat else "",
    }
    _ecrire_au_porteur(session, dossier, "accuse_reception", contexte, f"accuse:{dossier.numero}", maintenant)


def annoncer_complement(session: Session, complement_id: int, *, url_publique: str, maintenant: datetime) -> None:
    """Écrit au porteur ce qui est attendu, pourquoi et jusqu'à quand. Rejouable."""
    complement = session.get_one(DemandeComplement, complement_id)
    dossier = session.get_one(Dossier, complement.dossier_id)
    contexte = {
        "numero": dossier.numero,
        "titre": dossier.titre,
        "objet": complement.objet,
        "pourquoi": complement.pourquoi,
        "echeance": jusqu_au(complement.echeance_le),
        "url": f"{url_publique.rstrip('/')}/dossiers/{dossier.numero}",
    }
    _ecrire_au_porteur(session, dossier, "complement_attendu", contexte, f"complement:{complement.id}", maintenant)


def _ecrire_au_porteur(
    session: Session, dossier: Dossier, gabarit: str, contexte: dict[str, Any], cle: str, maintenant: datetime
) -> None:
    comptes = acteurs.list_comptes_habilites(session, dossier.organisation_id, DESTINATAIRES, maintenant)
    mail.prevenir(session, comptes, gabarit, contexte, cle=cle, maintenant=maintenant)


def _donnees(session: Session, dossier: Dossier, cadre: Cadre) -> dict[str, Any]:
    version = repository.get_version(session, dossier.id, 1)
    depose_le = dossier.depose_le
    organisation, phase = cadre.organisation, cadre.phase
    return {
        "titre": "Accusé de réception",
        "surtitre": cadre.contrat.intitule,
        "reference": f"Dossier n° {dossier.numero}",
        "mention": mention_ancre(session, dossier.contrat_id),
        "instant": depose_le,
        "numero": dossier.numero,
        "action": dossier.titre,
        "appel": cadre.appel.intitule,
        "organisation": organisation.nom,
        "siret": organisation.siret,
        "depose_le": instant_long(depose_le) if depose_le is not None else "",
        "commission_le": instant_long(phase.commission_le) if phase.commission_le is not None else "",
        "porteur_prive": organisation.forme.est_privee,
        "empreinte": version.empreinte if version is not None else "",
        "autorites": [_autorite(a) for a in list_accuses(session, dossier, cadre)],
        "voies": list(VOIES_DE_RECOURS),
    }


def _autorite(accuse: AccuseAutorite) -> dict[str, Any]:
    demande = accuse.demande
    return {
        "financeur": demande.financeur,
        "service": list(accuse.joindre),
        "montant": demande.montant,
        "est_saisie": accuse.est_saisie,
        "acte_decision": demande.acte_decision,
        "rejet_le": date_longue(accuse.rejet_le) if accuse.rejet_le is not None else "",
        "recours_jusqu_au": date_longue(accuse.recours_jusqu_au) if accuse.recours_jusqu_au is not None else "",
    }

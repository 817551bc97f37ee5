"""Arrêter la programmation d'une ligne : tout ce qui est voté est engagé, en un acte."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.appel.repository import get_appel_par_code, verrouiller_enveloppes
from app.etapes.appel.rules import ACTE_ARRETER, NatureEngagement
from app.etapes.appel.service import AEngager, engager, exiger_passage, passer
from app.etapes.convention import repository
from app.etapes.convention.models import ArreteLigne
from app.etapes.convention.rules import Empechement, Votee, empechements_de_l_appel, empechements_de_l_arrete
from app.etapes.convention.service.gardes import exiger_la_ligne
from app.etapes.dossier.repository.attente import get_attente
from app.etapes.dossier.repository.phases import reste_une_phase
from app.etapes.dossier.rules import attente as attentes
from app.infra.identite import Identite
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible, Introuvable, SaisieInvalide

PHASE_A_VENIR = (
    "Une phase de l’appel n’est pas finie : arrêtez-le après sa clôture. Pour y renoncer, rouvrez l’appel et avancez "
    "ses dates."
)


def arreter_appel(session: Session, code: str, *, acteur: Identite, maintenant: datetime) -> Appel:
    """Arrête la programmation d'un appel, une fois arrêtée chaque ligne qui a quelque chose à arrêter.

    Une phase à venir ou une demande jamais proposée le retient : un appel arrêté ne se rouvre pas. Lève Introuvable,
    ActeInterdit ou ActeImpossible (aucune_ligne_arretee, lignes_a_arreter, phase_a_venir, demandes_non_examinees,
    recevabilite_ouverte, etat_contraire).
    """
    appel = get_appel_par_code(session, code, verrou=True)
    if appel is None or appel.contrat_id not in acteur.contrats(repository.LISENT):
        raise Introuvable("Cet appel n’existe pas, ou vous n’y avez pas accès.")
    exiger_passage(appel, ACTE_ARRETER, acteur)
    empechements = [*empechements_de_l_appel(repository.avancement_de_l_appel(session, appel))]
    if reste_une_phase(session, appel, maintenant):
        empechements.append(Empechement("phase_a_venir", PHASE_A_VENIR))
    if (attente := attentes.empechement_de_l_appel(get_attente(session, appel))) is not None:
        empechements.append(Empechement(attentes.CODE, attente))
    if empechements:
        raise ActeImpossible(" ".join(e.message for e in empechements), code=empechements[0].code)
    return passer(session, code, ACTE_ARRETER, acteur=acteur, maintenant=maintenant)


def arreter_ligne(
    session: Session,
    appel_code: str,
    ligne_code: str,
    *,
    acteur: Identite,
    maintenant: datetime,
    confirme: bool = False,
) -> ArreteLigne:
    """Engage tous les montants votés de l'année d'une ligne pour la phase à arrêter, ou rien.

    Cette phase est la première dont des demandes attendent un arrêté ; les demandes des suivantes n'y comptent pas.

    `confirme` : la personne a vu les demandes que nul n'a proposées. Verrous : enveloppe, dossiers, journal. Lève
    Introuvable, ActeInterdit, SaisieInvalide (demandes_non_examinees) ou ActeImpossible (son code dit pourquoi :
    ligne_arretee, demandes_a_voter, complement_attendu, rien_a_arreter, enveloppe_depassee, part_reservee,
    depot_ouvert).
    """
    appel, ligne = repository.get_appel_et_ligne(session, appel_code, ligne_code, acteur)
    exiger_la_ligne(acteur, appel.contrat_id, ligne.code)
    enveloppes = verrouiller_enveloppes(session, appel.contrat_id, [(ligne.id, appel.annee)])
    connues = repository.list_demandes_de_la_ligne(session, appel, ligne.id)
    repository.verrouiller(session, [lue.demande.id for lue in connues])
    lues = repository.list_demandes_de_la_ligne(session, appel, ligne.id)
    dernier = repository.get_rang_arrete(session, appel.id, ligne.id)
    enveloppe = enveloppes[0] if enveloppes else None
    etat = repository.etat_de_la_ligne(session, appel, ligne, dernier, enveloppe, maintenant)
    empechements = empechements_de_l_arrete(etat, maintenant)
    if empechements:
        raise ActeImpossible(" ".join(e.message for e in empechements), code=empechements[0].code)
    en_attente = _exiger_confirmation(etat.jamais_proposees, confirme)
    actes = [
        AEngager(lue.demande.id, ligne.id, appel.annee, lue.vote)
        for lue in lues
        if lue.demande.etat in repository.A_DECIDER
        and lue.vote is not None
        and Votee(lue.phase, lue.vote, lue.engage).attend(etat.rang, dernier)
    ]
    total = engager(
        session, contrat_id=appel.contrat_id, actes=actes, nature=NatureEngagement.ARRETE, acteur=acteur,
        maintenant=maintenant,
    )  # fmt: skip
    arrete = ArreteLigne(
        contrat_id=appel.contrat_id, appel_id=appel.id, ligne_id=ligne.id,
        phase_id=repository.get_phase_id(session, appel.id, etat.rang), montant=total, nombre=len(actes),
        acteur=acteur.acteur, a=maintenant,
    )  # fmt: skip
    session.add(arrete)
    session.flush()
    consigner(
        session, contrat_id=appel.contrat_id, acte="ligne.arretee", objet=f"{appel.code}/{ligne.code}",
        acteur=acteur.acteur, maintenant=maintenant,
        apres={
            "montant_centimes": total.centimes, "nombre": len(actes), "annee": appel.annee,
            "jamais_proposees": en_attente, "phase": etat.rang,
        },
    )  # fmt: skip
    return arrete


def _exiger_confirmation(numeros: Sequence[str], confirme: bool) -> int:
    """Combien de demandes à arrêter n'ont jamais été proposées (leurs numéros). Lève SaisieInvalide sans accord."""
    if fautes := attentes.verifier_arrete(attentes.EnAttente.de(numeros), confirme=confirme):
        refus = SaisieInvalide(list(fautes), fautes[0].message)
        refus.code = attentes.CODE
        raise refus
    return len(numeros)

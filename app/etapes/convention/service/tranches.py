"""Les années suivantes d'une CPO : réservées quand l'autorité décide la première, dites quand elle la notifie.

Voir docs/adr/0008-les-annees-suivantes-d-une-cpo.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.appel.rules import NatureEngagement
from app.etapes.convention import repository
from app.etapes.convention.repository import DemandeLue
from app.etapes.convention.rules import AnneeSuivante, tranche
from app.etapes.convention.service.guichet import Guichet
from app.etapes.dossier.rules.etats import EtatDemande, transition_demande
from app.etapes.dossier.service.vie import passer_demande
from app.infra.identite import Identite
from app.noyau.euros import Euros

DECIDABLES = transition_demande("decider_tranche").depuis
TENUES = frozenset({EtatDemande.TRANCHE_DECIDEE, EtatDemande.TRANCHE_RESERVEE})


def _suivantes(session: Session, premiere: DemandeLue) -> Sequence[DemandeLue]:
    if premiere.dossier.duree_annees == 1:
        return ()
    lues = repository.list_demandes_du_dossier(session, premiere.dossier.id, premiere.ligne.id)
    return [lue for lue in lues if lue.demande.annee > premiere.demande.annee]


def decider(guichet: Guichet, premiere: DemandeLue, accorde: Euros) -> None:
    """Réserve les années suivantes d'une demande dont la première année vient d'être décidée, année par année.

    Ce qui ne peut pas se réserver ne bloque rien : la phrase dit pourquoi.
    """
    suivantes = [lue for lue in _suivantes(guichet.session, premiere) if lue.demande.etat in DECIDABLES]
    montants = repository.derniers_montants(guichet.session, [lue.demande.id for lue in suivantes])
    for lue in suivantes:
        demande = lue.demande
        suite = AnneeSuivante(
            demande.annee, demande.montant_demande, montants.get(demande.id), guichet.reste(demande.annee)
        )
        dite = tranche(suite, premiere.demande.montant_demande, accorde)
        if dite.montant:
            guichet.engager(lue, dite.montant, NatureEngagement.RESERVATION_CPO)
        passer_demande(
            guichet.session, lue.dossier, demande, "decider_tranche", ligne=guichet.ligne.code, acteur=guichet.acteur,
            maintenant=guichet.maintenant, motif=dite.motif,
        )  # fmt: skip


def renoncer(guichet: Guichet, premiere: DemandeLue, motif: str) -> None:
    """Le porteur renonce : ses années réservées reviennent à leurs enveloppes."""
    for lue in _suivantes(guichet.session, premiere):
        if lue.demande.etat in TENUES:
            passer_demande(
                guichet.session, lue.dossier, lue.demande, "renoncer", ligne=guichet.ligne.code,
                acteur=guichet.acteur, maintenant=guichet.maintenant, motif=motif,
            )  # fmt: skip
            if lue.engage:
                guichet.liberer(lue, lue.engage, f"Renonciation du porteur : {motif.strip()}")


def notifier(
    session: Session, lues: Sequence[DemandeLue], ligne: str, *, acteur: Identite, maintenant: datetime
) -> None:
    """Dit au porteur, avec la décision de la première année, ce qui est réservé ensuite et ce qui ne l'est pas."""
    a_dire = [lue for lue in lues if lue.demande.etat is EtatDemande.TRANCHE_DECIDEE]
    motifs = repository.motifs_des_tranches(session, [lue.demande.id for lue in a_dire])
    for lue in a_dire:
        acte = "notifier_tranche" if lue.engage else "ecarter_tranche"
        passer_demande(
            session, lue.dossier, lue.demande, acte, ligne=ligne, acteur=acteur, maintenant=maintenant,
            motif=motifs[lue.demande.id],
        )  # fmt: skip

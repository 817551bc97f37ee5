"""Une ligne ouverte à la décision : ses enveloppes verrouillées d'abord, ses demandes ensuite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel, Enveloppe
from app.etapes.appel.repository import verrouiller_enveloppes
from app.etapes.appel.rules import NatureEngagement
from app.etapes.appel.service import AEngager
from app.etapes.appel.service import engager as engager_sur_les_enveloppes
from app.etapes.appel.service import liberer as liberer_sur_l_enveloppe
from app.etapes.convention import repository
from app.etapes.convention.repository import DemandeLue
from app.etapes.convention.rules import ANNEES_D_UNE_CPO
from app.etapes.dossier.repository.phases import Reserve, get_reserve_de_la_ligne
from app.infra.identite import Identite
from app.noyau.erreurs import ActeImpossible
from app.noyau.euros import Euros
from app.referentiels.lignes.models import LigneFinancement


@dataclass(frozen=True, slots=True)
class Guichet:
    """Une ligne ouverte à la décision. `enveloppes` : par année, celle de l'appel et celles d'une CPO ; `rang_arrete` :
    la dernière phase arrêtée (zéro : aucune) ; `garde` : ce que gardent les suivantes."""

    session: Session
    appel: Appel
    ligne: LigneFinancement
    enveloppes: Mapping[int, Enveloppe]
    rang_arrete: int
    garde: Reserve
    acteur: Identite
    maintenant: datetime

    def reste(self, annee: int) -> Euros | None:
        """Ce qui reste sur l'enveloppe d'une année ; None si elle n'est pas ouverte."""
        enveloppe = self.enveloppes.get(annee)
        return enveloppe.montant - enveloppe.engage if enveloppe is not None else None

    def reserve(self) -> Euros:
        """Ce que les phases pas encore arrêtées gardent de l'enveloppe de l'année de l'appel."""
        return self.garde.sur(self.enveloppes[self.appel.annee].montant)

    def engager(self, lue: DemandeLue, montant: Euros, nature: NatureEngagement) -> None:
        """Engage un montant sur l'enveloppe de l'année de la demande. Lève EnveloppeDepassee."""
        acte = AEngager(lue.demande.id, self.ligne.id, lue.demande.annee, montant)
        engager_sur_les_enveloppes(
            self.session, contrat_id=self.appel.contrat_id, actes=[acte], nature=nature, acteur=self.acteur,
            maintenant=self.maintenant,
        )  # fmt: skip

    def liberer(self, lue: DemandeLue, montant: Euros, motif: str) -> None:
        """Rend un montant à l'enveloppe de l'année de la demande."""
        liberer_sur_l_enveloppe(
            self.session, self.enveloppes[lue.demande.annee], lue.demande.id, montant, motif=motif, acteur=self.acteur,
            maintenant=self.maintenant,
        )  # fmt: skip


def ouvrir(
    session: Session,
    appel: Appel,
    ligne: LigneFinancement,
    demandes: Sequence[int],
    acteur: Identite,
    maintenant: datetime,
) -> Guichet:
    """Verrouille les enveloppes de la ligne (années d'une CPO comprises, triées), puis ces demandes et leurs années
    suivantes. Lève ActeImpossible (`enveloppe_absente`)."""
    cles = [(ligne.id, appel.annee + n) for n in range(ANNEES_D_UNE_CPO)]
    enveloppes = {e.annee: e for e in verrouiller_enveloppes(session, appel.contrat_id, cles)}
    if appel.annee not in enveloppes:
        phrase = f"Aucune enveloppe n’est ouverte pour {appel.annee} sur cette ligne."
        raise ActeImpossible(phrase, code="enveloppe_absente")
    repository.verrouiller(session, repository.avec_les_annees_suivantes(session, demandes))
    rang = repository.get_rang_arrete(session, appel.id, ligne.id)
    garde = get_reserve_de_la_ligne(session, appel, ligne.id, rang, maintenant)
    return Guichet(session, appel, ligne, enveloppes, rang, garde, acteur, maintenant)

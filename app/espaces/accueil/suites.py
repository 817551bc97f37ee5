"""Ce que le chargé de mission fait ensuite, d'après l'état de son appel. Pur."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.etapes.appel.rules import EtatAppel
from app.infra.gabarits import en_nombre
from app.noyau.periodes import instant_long


@dataclass(frozen=True, slots=True)
class Suite:
    """Une action : ce qu'il y a à faire, pourquoi, et où aller."""

    titre: str
    detail: str
    libelle: str
    url: str
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Depot:
    """Le dépôt d'une phase : ouverture comprise, clôture exclue."""

    intitule: str
    ouverture_le: datetime
    cloture_le: datetime


@dataclass(frozen=True, slots=True)
class SeanceEnVue:
    """La prochaine séance : convoquée ou non."""

    code: str
    prevue_le: datetime
    est_convoquee: bool


@dataclass(frozen=True, slots=True)
class Situation:
    """Où en est un appel. `votables` : dossiers proposés ou arbitrés ; les listes nomment des financeurs.

    `organisations` : à confirmer ; `reclamees` : demandes de les administrer.
    """

    appel: str
    etat: EtatAppel
    depots: Sequence[Depot]
    maintenant: datetime
    sans_enveloppe: Sequence[str]
    votables: int
    seance: SeanceEnVue | None
    a_arreter: Sequence[str]
    reste_a_voir: bool
    contrat: str = ""
    organisations: int = 0
    reclamees: int = 0


def depot_a_dire(depots: Iterable[Depot], maintenant: datetime) -> Depot | None:
    """La phase dont le dépôt est ouvert, sinon la prochaine, sinon la dernière close.

    Choix du projet : une seule date se lit d'un coup d'œil, celle qui vient.
    """
    ranges = sorted(depots, key=lambda d: d.ouverture_le)
    a_venir = [d for d in ranges if maintenant < d.cloture_le]
    return next(iter(a_venir or ranges[-1:]), None)


def suites(s: Situation) -> list[Suite]:
    """Les actions suivantes, la plus pressée d'abord ; vide s'il n'y a rien à faire.

    Choix du projet : conception/produit.md, « Le parcours d'un dossier », dans l'ordre réel.
    """
    campagne = f"/campagne/{s.appel}"
    liste: list[Suite] = []
    if s.sans_enveloppe:
        detail = f"Sans elle, aucune programmation n’est possible : {', '.join(s.sans_enveloppe)}."
        liste.append(Suite("Donner les enveloppes qui manquent", detail, "Donner les enveloppes", campagne))
    if s.etat is EtatAppel.PREPARE:
        detail = "Les porteurs ne le voient pas encore."
        liste.append(Suite("Ouvrir l’appel", detail, "Aller à l’appel", campagne))
    if s.etat is EtatAppel.OUVERT and s.depots and all(d.cloture_le <= s.maintenant for d in s.depots):
        fin = instant_long(max(d.cloture_le for d in s.depots))
        detail = f"Le dépôt est achevé depuis le {fin}."
        liste.append(Suite("Clore l’appel", detail, "Aller à l’appel", campagne, urgent=True))
    return [*liste, *_organisations(s), *_seances(s), *_arrets(s)]


def _organisations(s: Situation) -> list[Suite]:
    adresse = f"/comptes/{s.contrat}/organisations"
    liste = []
    if s.reclamees:
        combien = en_nombre(s.reclamees, "personne demande", "personnes demandent")
        detail = f"{combien} à administrer une organisation."
        liste.append(Suite("Dire qui administre une organisation", detail, "Voir les demandes", f"{adresse}#demandes"))
    if s.organisations:
        detail = f"{en_nombre(s.organisations, 'attend', 'attendent')} que l’on vérifie qui la représente."
        liste.append(Suite("Confirmer les organisations enregistrées", detail, "Confirmer", f"{adresse}#a-confirmer"))
    return liste


def _seances(s: Situation) -> list[Suite]:
    if s.seance is None:
        if not s.votables:
            return []
        dossiers = "dossier proposé ou arbitré attend" if s.votables == 1 else "dossiers proposés ou arbitrés attendent"
        return [
            Suite("Préparer une séance de la commission", f"{s.votables} {dossiers} un vote.", "Préparer", "/seances")
        ]
    if s.seance.est_convoquee:
        return []
    quand = instant_long(s.seance.prevue_le)
    return [
        Suite(
            "Convoquer la commission", f"La séance du {quand} n’est pas encore convoquée.", "Voir la séance",
            f"/seances/{s.seance.code}",
        )
    ]  # fmt: skip


def _arrets(s: Situation) -> list[Suite]:
    if s.a_arreter:
        detail = f"Des votes y attendent que l’autorité les engage : {', '.join(s.a_arreter)}."
        return [Suite("Faire arrêter les lignes votées", detail, "Voir les décisions", "/decisions")]
    if s.etat is EtatAppel.CLOS and not s.reste_a_voir:
        detail = "Chaque ligne est arrêtée : il reste à le dire pour tout l’appel."
        return [Suite("Arrêter la programmation de l’appel", detail, "Voir les décisions", "/decisions")]
    return []

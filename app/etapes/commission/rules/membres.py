"""Qui est membre, qui est là, qui porte le pouvoir de qui, qui s'est déporté."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.etapes.commission.rules.regles import ReglesDeVote, accorder


@dataclass(frozen=True, slots=True)
class Membre:
    """Un membre de l'instance à la date de la séance. `rang` : ordre de suppléance de la présidence.

    Sans voix : services, État, ORIV ; ils assistent et ne comptent pas dans le quorum.

    Source : contrat de ville m2A 2024-2030, l. 1692 ; reference/domaine.md, J29.
    """

    code: str
    libelle: str
    a_voix: bool
    preside: bool = False
    rang: int = 0


@dataclass(frozen=True, slots=True)
class Presence:
    """Une arrivée et un départ. L'instant d'arrivée compte, l'instant de départ ne compte plus.

    Source : CGCT, art. L.2121-17 (le quorum se vérifie à chaque mise en discussion).
    """

    membre: str
    arrivee: datetime
    depart: datetime | None = None


@dataclass(frozen=True, slots=True)
class Procuration:
    """Un pouvoir de voter. `seances` : combien de séances de suite il sert, celle-ci comprise.

    Source : CGCT, art. L.2121-20 ; reference/domaine.md, J18.
    """

    mandant: str
    mandataire: str
    donnee_le: datetime
    ecrite: bool = True
    revoquee_le: datetime | None = None
    seances: int = 1
    maladie_constatee: bool = False


@dataclass(frozen=True, slots=True)
class Deport:
    """Le retrait d'un membre sur un point, avec sa raison, porté au procès-verbal.

    Source : CGCT, art. L.2131-11 et L.1111-6 ; reference/domaine.md, J21 à J23.
    """

    membre: str
    point: str
    motif: str


@dataclass(frozen=True, slots=True)
class Refus:
    """Un pouvoir ou une voix écartés : qui, et la phrase à lui dire.

    Choix du projet : un refus porte toujours son motif.
    """

    membre: str
    motif: str


class Participation(StrEnum):
    """Ce qu'un membre peut faire sur un point.

    Source : CGCT, art. L.2131-11 (vote, débat et travaux préparatoires) ; reference/domaine.md, J21.
    """

    LIRE = "lire"
    DEBATTRE = "debattre"
    VOTER = "voter"
    DONNER_POUVOIR = "donner_pouvoir"
    PORTER_POUVOIR = "porter_pouvoir"


_SANS_VOIX = frozenset({Participation.LIRE, Participation.DEBATTRE})


def participations(membre: Membre, *, deporte: bool) -> frozenset[Participation]:
    """Tout pour un membre qui a voix, lire et débattre pour les autres, rien pour un membre déporté.

    Source : CGCT, art. L.2131-11 ; reference/domaine.md, J21 et § 8 « Votes ».
    """
    if deporte:
        return frozenset()
    return frozenset(Participation) if membre.a_voix else _SANS_VOIX


def presents_a(presences: Iterable[Presence], instant: datetime) -> frozenset[str]:
    """Les codes des membres présents à cet instant ; plusieurs présences d'un même membre s'ajoutent.

    Source : CGCT, art. L.2121-17.
    """
    return frozenset(p.membre for p in presences if p.arrivee <= instant and (p.depart is None or instant < p.depart))


def deportes_du_point(deports: Iterable[Deport], point: str) -> frozenset[str]:
    """Les codes des membres qui se sont retirés sur ce point.

    Source : CGCT, art. L.2131-11.
    """
    return frozenset(d.membre for d in deports if d.point == point)


def avec_voix(membres: Iterable[Membre]) -> frozenset[str]:
    """Les codes des membres en exercice : ceux qui ont une voix.

    Source : contrat de ville m2A 2024-2030, l. 1692 ; règle du projet (reference/domaine.md, J29).
    """
    return frozenset(m.code for m in membres if m.a_voix)


def president_de_seance(
    membres: Iterable[Membre], presents: Collection[str], deportes: Collection[str] = ()
) -> str | None:
    """Le président s'il est là et non déporté, sinon le premier membre à voix par ordre de rang ; None si personne.

    Règle locale : présidence par le vice-président politique de la ville (contrat, l. 1693), suppléance par rang.
    """
    possibles = [m for m in membres if m.a_voix and m.code in presents and m.code not in deportes]
    ordre = sorted(possibles, key=lambda m: (not m.preside, m.rang, m.code))
    return ordre[0].code if ordre else None


def _defaut_de_forme(procuration: Procuration, regles: ReglesDeVote, instant: datetime) -> str | None:
    """Ce qui manque au pouvoir lui-même, sans regarder la salle."""
    trop_longue = procuration.seances > regles.pouvoir_seances_consecutives and not procuration.maladie_constatee
    defauts = (
        (regles.pouvoir_ecrit and not procuration.ecrite, "Un pouvoir se donne par écrit."),
        (procuration.donnee_le > instant, "Le pouvoir n’était pas encore donné."),
        (procuration.revoquee_le is not None and procuration.revoquee_le <= instant, "Le pouvoir a été révoqué."),
        (
            trop_longue,
            f"Un pouvoir ne vaut pas plus de {accorder(regles.pouvoir_seances_consecutives, 'séance')} de suite, "
            "sauf maladie constatée.",
        ),
        (procuration.mandant == procuration.mandataire, "On ne se donne pas pouvoir à soi-même."),
    )
    return next((motif for est_vrai, motif in defauts if est_vrai), None)


def _defaut_de_personnes(
    procuration: Procuration, votants: Collection[str], presents: Collection[str], deportes: Collection[str]
) -> str | None:
    """Ce qui empêche le mandant de donner ou le mandataire de porter."""
    defauts = (
        (procuration.mandant not in votants, "Seul un membre qui a voix peut donner pouvoir."),
        (procuration.mandataire not in votants, "Seul un membre qui a voix peut porter un pouvoir."),
        (procuration.mandant in deportes, "Un membre déporté ne donne pas pouvoir sur ce point."),
        (procuration.mandataire in deportes, "Un membre déporté ne porte pas de pouvoir sur ce point."),
        (procuration.mandant in presents, "Un membre présent vote lui-même : son pouvoir ne sert pas."),
        (procuration.mandataire not in presents, "Le porteur du pouvoir est absent."),
    )
    return next((motif for est_vrai, motif in defauts if est_vrai), None)


def trop_de_pouvoirs(regles: ReglesDeVote) -> str:
    """La phrase qui refuse un pouvoir de trop.

    Source : CGCT, art. L.2121-20 ; règle du projet, réglable (conception/produit.md).
    """
    if not regles.pouvoirs_par_porteur:
        return "Le règlement de cette séance n’admet pas de pouvoir."
    return f"Un membre ne porte pas plus de {accorder(regles.pouvoirs_par_porteur, 'pouvoir')}."


def controler_procurations(
    procurations: Sequence[Procuration],
    membres: Iterable[Membre],
    presents: Collection[str],
    regles: ReglesDeVote,
    *,
    instant: datetime,
    deportes: Collection[str] = (),
) -> tuple[tuple[Procuration, ...], tuple[Refus, ...]]:
    """Les pouvoirs qui servent sur ce point et ceux qui sont écartés, dans l'ordre où ils ont été donnés.

    Source : CGCT, art. L.2121-20 ; reference/domaine.md, J18 et § 8 « Votes » (deux pouvoirs au même élu).
    """
    votants = avec_voix(membres)
    valides: list[Procuration] = []
    refus: list[Refus] = []
    for procuration in sorted(procurations, key=lambda p: (p.donnee_le, p.mandant, p.mandataire)):
        motif = _defaut_de_forme(procuration, regles, instant)
        motif = motif or _defaut_de_personnes(procuration, votants, presents, deportes)
        if motif is None and any(p.mandant == procuration.mandant for p in valides):
            motif = "Ce membre a déjà donné pouvoir : il faut d’abord révoquer le premier."
        if motif is None and _portes(valides, procuration.mandataire) >= regles.pouvoirs_par_porteur:
            motif = trop_de_pouvoirs(regles)
        if motif is None:
            valides.append(procuration)
        else:
            refus.append(Refus(procuration.mandant, motif))
    return tuple(valides), tuple(refus)


def _portes(procurations: Iterable[Procuration], mandataire: str) -> int:
    return sum(p.mandataire == mandataire for p in procurations)

"""Le quorum, le scrutin et son résultat."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.etapes.commission.rules.membres import Membre, Procuration, Refus, avec_voix
from app.etapes.commission.rules.regles import ReglesDeVote, accorder
from app.noyau.periodes import jours_francs_avant


class Scrutin(StrEnum):
    """Comment on vote. Ordinaire : à main levée.

    Source : CGCT, art. L.2121-21 ; reference/domaine.md, J19.
    """

    ORDINAIRE = "ordinaire"
    PUBLIC = "public"
    SECRET = "secret"  # noqa: S105 — un mode de scrutin, pas un mot de passe


class Sens(StrEnum):
    """Le sens d'une voix. Seuls pour et contre sont des suffrages exprimés.

    Source : CGCT, art. L.2121-20 ; reference/domaine.md, J18.
    """

    POUR = "pour"
    CONTRE = "contre"
    ABSTENTION = "abstention"
    BLANC = "blanc"
    NUL = "nul"


class Sort(StrEnum):
    """Ce que donne un vote. Tout ce qui n'est pas adopté est non adopté ; la nuance va au procès-verbal.

    Source : CGCT, art. L.2121-20.
    """

    ADOPTE = "adopte"
    REJETE = "rejete"
    PARTAGE = "partage"
    SANS_SUFFRAGE = "sans_suffrage"


@dataclass(frozen=True, slots=True)
class Quorum:
    """Atteint ou non, et de quoi le dire au procès-verbal. `requis` vaut 0 quand aucune condition n'est posée.

    Source : CGCT, art. L.2121-17 et L.2541-4.
    """

    atteint: bool
    presents: int
    requis: int
    en_exercice: int
    motif: str


@dataclass(frozen=True, slots=True)
class Voix:
    """La voix d'un membre ; `mandataire` : celui qui la porte, si c'est par pouvoir.

    Source : CGCT, art. L.2121-20.
    """

    membre: str
    sens: Sens
    mandataire: str | None = None


@dataclass(frozen=True, slots=True)
class Decompte:
    """Les voix comptées, sans les noms : c'est tout ce qu'un scrutin secret laisse.

    Source : CGCT, art. L.2121-20 et L.2121-21.
    """

    pour: int = 0
    contre: int = 0
    abstentions: int = 0
    blancs: int = 0
    nuls: int = 0

    def __post_init__(self) -> None:
        if min(self.pour, self.contre, self.abstentions, self.blancs, self.nuls) < 0:
            raise ValueError("Un nombre de voix n'est jamais négatif.")

    @property
    def exprimes(self) -> int:
        """Pour et contre seulement."""
        return self.pour + self.contre


@dataclass(frozen=True, slots=True)
class Resultat:
    """Le résultat d'un vote, prêt pour le procès-verbal.

    Source : CGCT, art. L.2121-20.
    """

    sort: Sort
    pour: int
    contre: int
    abstentions: int
    blancs: int
    nuls: int
    exprimes: int
    motif: str

    @property
    def adopte(self) -> bool:
        """Vrai si la proposition passe."""
        return self.sort is Sort.ADOPTE


@dataclass(frozen=True, slots=True)
class Convocation:
    """Une seconde convocation pour le même objet, faute de quorum la première fois.

    Source : CGCT, art. L.2121-17 et L.2541-4 ; reference/domaine.md, J17 et J28.
    """

    envoyee_le: date
    seance_le: date
    rappelle_la_regle: bool = False


def seconde_convocation_valable(convocation: Convocation, regles: ReglesDeVote) -> str | None:
    """None si elle dispense de quorum, sinon pourquoi elle n'en dispense pas.

    Le délai se compte en jours francs entre l'envoi et la séance.

    Source : CGCT, art. L.2121-17 (CE, 16 juin 1997, n° 142691) et L.2541-4 ; reference/domaine.md, J17 et J28.
    """
    if convocation.envoyee_le > jours_francs_avant(convocation.seance_le, regles.seconde_jours_francs):
        jours = regles.seconde_jours_francs
        if jours:
            return f"La seconde convocation laisse moins de {accorder(jours, 'jour franc', 'jours francs')}."
        return "La seconde convocation part au plus tard la veille de la séance."
    if regles.seconde_rappel_exige and not convocation.rappelle_la_regle:
        return "La seconde convocation ne rappelle pas que l’on délibérera sans condition de quorum."
    return None


def presents_requis(en_exercice: int, regles: ReglesDeVote) -> int:
    """Le nombre de présents qu'il faut ; jamais moins d'un. Dix membres : six ; neuf membres : cinq.

    Source : CGCT, art. L.2121-17 ; reference/domaine.md, J17 et § 8 « Votes ».
    """
    if not regles.quorum_exige:
        return 1
    seuil = regles.quorum_part * en_exercice
    return max(1, math.floor(seuil) + 1 if regles.quorum_strict else math.ceil(seuil))


def quorum(
    membres: Iterable[Membre],
    presents: Collection[str],
    regles: ReglesDeVote,
    *,
    deportes: Collection[str] = (),
    pouvoirs: Sequence[Procuration] = (),
    seconde: Convocation | None = None,
) -> Quorum:
    """Le quorum d'un point. `pouvoirs` : ceux que `controler_procurations` admet ; comptés si le règlement le dit.

    Un membre déporté ne compte ni parmi les présents, ni (réglable) parmi les membres en exercice.

    Source : CGCT, art. L.2121-17, L.2131-11 II, L.2541-4 ; reference/domaine.md, J17, J22, J28.
    """
    votants = avec_voix(membres)
    retires = votants & frozenset(deportes)
    en_exercice = votants - retires if regles.quorum_sans_les_deportes else votants
    comptes = len((votants & frozenset(presents)) - retires)
    if regles.quorum_compte_les_pouvoirs:
        comptes += len(pouvoirs)
    mots = (
        ("membre présent ou représenté", "membres présents ou représentés")
        if regles.quorum_compte_les_pouvoirs
        else ("membre présent", "membres présents")
    )
    salle = f"{accorder(comptes, *mots)} sur {len(en_exercice)} en exercice"
    dispense = _dispense(len(votants), len(retires), regles, seconde)
    if dispense is not None and comptes:
        return Quorum(True, comptes, 0, len(en_exercice), f"{dispense} ; {salle}.")
    requis = presents_requis(len(en_exercice), regles)
    mot = "atteint" if comptes >= requis else "non atteint"
    phrases = [f"Quorum {mot} : {salle}, il en faut {requis}."]
    if seconde is not None:
        phrases.extend(filter(None, [seconde_convocation_valable(seconde, regles)]))
    return Quorum(comptes >= requis, comptes, requis, len(en_exercice), " ".join(phrases))


def _dispense(votants: int, retires: int, regles: ReglesDeVote, seconde: Convocation | None) -> str | None:
    """Pourquoi aucun quorum n'est exigé, s'il n'est pas exigé."""
    if not regles.quorum_exige:
        return "Le règlement n’exige pas de quorum"
    if seconde is not None and seconde_convocation_valable(seconde, regles) is None:
        return "Seconde convocation pour le même objet : pas de condition de quorum"
    if regles.quorum_leve_si_moitie_interessee and votants and 2 * retires >= votants:
        return "La moitié des membres au moins est intéressée : pas de condition de quorum"
    return None


def scrutin_du_point(presents: int, demandes_public: int, demandes_secret: int, regles: ReglesDeVote) -> Scrutin:
    """Le scrutin qui s'impose, d'après le nombre de membres présents qui le demandent. Le secret l'emporte.

    Source : CGCT, art. L.2121-21 (CE, 15 mai 1908, Souet) ; reference/domaine.md, J19.
    """
    if demandes_secret and demandes_secret >= regles.scrutin_secret_part * presents:
        return Scrutin.SECRET
    if demandes_public and demandes_public >= regles.scrutin_public_part * presents:
        return Scrutin.PUBLIC
    return Scrutin.ORDINAIRE


def controler_voix(
    voix: Sequence[Voix],
    membres: Iterable[Membre],
    presents: Collection[str],
    *,
    deportes: Collection[str] = (),
    pouvoirs: Sequence[Procuration] = (),
) -> tuple[Refus, ...]:
    """Les voix qui ne peuvent pas être comptées, avec la raison ; vide si toutes le peuvent.

    Source : CGCT, art. L.2121-20 et L.2131-11 ; reference/domaine.md, § 8 « Votes ».
    """
    connus = {m.code: m for m in membres}
    portes = {(p.mandant, p.mandataire) for p in pouvoirs}
    combien = Counter(v.membre for v in voix)
    refus: list[Refus] = []
    for une in voix:
        membre = connus.get(une.membre)
        defauts = (
            (membre is None, "Cette personne n’est pas membre de l’instance."),
            (membre is not None and not membre.a_voix, "Ce membre assiste sans voix."),
            (une.membre in deportes, "Ce membre s’est déporté : il ne vote pas sur ce point."),
            (
                une.mandataire is None and une.membre not in presents,
                "Ce membre est absent et personne ne porte sa voix.",
            ),
            (
                une.mandataire is not None and (une.membre, une.mandataire) not in portes,
                "Aucun pouvoir valable ne permet de voter pour ce membre.",
            ),
            (combien[une.membre] > 1, "Ce membre a voté plus d’une fois."),
        )
        motif = next((phrase for est_vrai, phrase in defauts if est_vrai), None)
        if motif is not None:
            refus.append(Refus(une.membre, motif))
    return tuple(refus)


def decompter(voix: Iterable[Voix]) -> Decompte:
    """Les voix par sens.

    Source : CGCT, art. L.2121-20.
    """
    par_sens = Counter(v.sens for v in voix)
    return Decompte(
        pour=par_sens[Sens.POUR],
        contre=par_sens[Sens.CONTRE],
        abstentions=par_sens[Sens.ABSTENTION],
        blancs=par_sens[Sens.BLANC],
        nuls=par_sens[Sens.NUL],
    )


def voix_du_president(voix: Iterable[Voix], president: str | None) -> Sens | None:
    """Le sens de la voix du président de séance, ou None s'il n'a pas voté.

    Source : CGCT, art. L.2121-20.
    """
    return next((v.sens for v in voix if v.membre == president), None)


def resultat(
    votes: Decompte,
    regles: ReglesDeVote,
    *,
    scrutin: Scrutin = Scrutin.ORDINAIRE,
    president: Sens | None = None,
) -> Resultat:
    """Le résultat à la majorité des suffrages exprimés. `president` : sens de sa voix ; il départage, sauf au secret.

    Source : CGCT, art. L.2121-20 ; reference/domaine.md, J18 et § 8 « Votes ».
    """
    sort, phrase = _juger(votes, regles, scrutin, president)
    details = [
        f"{votes.pour} pour",
        f"{votes.contre} contre",
        accorder(votes.abstentions, "abstention"),
        *([accorder(votes.blancs, "blanc")] if votes.blancs else []),
        *([accorder(votes.nuls, "nul")] if votes.nuls else []),
    ]
    return Resultat(
        sort=sort,
        pour=votes.pour,
        contre=votes.contre,
        abstentions=votes.abstentions,
        blancs=votes.blancs,
        nuls=votes.nuls,
        exprimes=votes.exprimes,
        motif=f"{', '.join(details)} : {phrase}",
    )


def _juger(votes: Decompte, regles: ReglesDeVote, scrutin: Scrutin, president: Sens | None) -> tuple[Sort, str]:
    if votes.exprimes == 0:
        return Sort.SANS_SUFFRAGE, "aucun suffrage exprimé, la proposition n’est pas adoptée."
    if votes.pour == votes.contre and 2 * regles.majorite_part == 1 and regles.majorite_stricte:
        return _departager(regles, scrutin, president)
    seuil = regles.majorite_part * votes.exprimes
    passe = votes.pour > seuil or (votes.pour == seuil and not regles.majorite_stricte)
    exprimes = accorder(votes.exprimes, "suffrage exprimé", "suffrages exprimés")
    if passe:
        juste = ", au nombre exact qu’il fallait" if votes.pour == seuil else ""
        return Sort.ADOPTE, f"adopté{juste} ({exprimes})."
    return Sort.REJETE, f"rejeté ({exprimes})."


def _departager(regles: ReglesDeVote, scrutin: Scrutin, president: Sens | None) -> tuple[Sort, str]:
    if scrutin is Scrutin.SECRET:
        return Sort.REJETE, "partage des voix au scrutin secret, la proposition est rejetée."
    if not regles.voix_preponderante:
        return Sort.PARTAGE, "partage des voix, la proposition n’est pas adoptée."
    if president is Sens.POUR:
        return Sort.ADOPTE, "partage des voix, adopté par la voix prépondérante du président de séance."
    if president is Sens.CONTRE:
        return Sort.REJETE, "partage des voix, rejeté par la voix prépondérante du président de séance."
    return (
        Sort.PARTAGE,
        "partage des voix, le président de séance ne départage pas : la proposition n’est pas adoptée.",
    )

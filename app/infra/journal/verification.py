"""Vérifier le journal. Pur : des entrées, des contenus et des ancres entrent, un rapport sort ; tout se lit en flux."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from app.infra.journal.chaine import ORIGINE, Contenu, Entree
from app.noyau.periodes import instant_long

SUSPECTES_MAX = 200
"""Entrées fautives gardées par chaîne pour dire d'où vient une entrée déplacée ; au-delà, dites modifiées."""
PREFIXE_MIN = 8
"""Octets d'empreinte exigés d'une ancre recopiée à la main (16 caractères)."""


class Nature(StrEnum):
    """Ce qui est arrivé à une entrée."""

    MODIFIEE = "modifiee"
    DEPLACEE = "deplacee"
    INSEREE = "inseree"
    RETIREE = "retiree"
    REECRITE = "reecrite"
    CONTENU = "contenu"
    ANCRE = "ancre"
    FICHIER = "fichier"


@dataclass(frozen=True, slots=True)
class Ancre:
    """La tête d'une chaîne recopiée ailleurs. `hors_base` : sur un support que qui tient la base ne tient pas."""

    chaine: int
    rang: int
    empreinte: bytes
    support: str
    hors_base: bool = False


@dataclass(frozen=True, slots=True)
class Anomalie:
    """Un défaut trouvé. `chaine` absente : le défaut est celui d'un fichier."""

    nature: Nature
    phrase: str
    chaine: int | None = None
    rang: int | None = None


@dataclass(frozen=True, slots=True)
class Couverture:
    """Jusqu'où va la dernière ancre qui concorde, et ce qui vient après elle."""

    ancre: Ancre | None = None
    non_couvertes: int = 0
    depuis: datetime | None = None

    def suivre(self, entree: Entree, ancre: Ancre | None) -> Couverture:
        """La couverture une entrée plus loin."""
        if ancre is not None:
            return Couverture(ancre)
        return Couverture(self.ancre, self.non_couvertes + 1, self.depuis or entree.instant)


@dataclass(frozen=True, slots=True)
class EtatChaine:
    """Une chaîne lue. `hors_base` ne compte que les ancres gardées hors de la base."""

    chaine: int
    entrees: int
    effaces: int
    couverture: Couverture
    hors_base: Couverture


@dataclass(frozen=True, slots=True)
class Rapport:
    """Ce que la vérification a vu. Une queue sans ancre n'est pas une anomalie : elle est dite."""

    chaines: tuple[EtatChaine, ...]
    anomalies: tuple[Anomalie, ...]

    @property
    def est_sain(self) -> bool:
        """Vrai si rien n'a été trouvé."""
        return not self.anomalies

    def avec(self, anomalies: Iterable[Anomalie]) -> Rapport:
        """Le même, plus les défauts trouvés en lisant les fichiers."""
        return replace(self, anomalies=(*self.anomalies, *anomalies))


@dataclass(slots=True)
class _Marche:
    """L'état de lecture d'une chaîne."""

    chaine: int
    precedente: Entree | None = None
    precedente_saine: bool = True
    lues: int = 0
    effaces: int = 0
    suspectes: list[Entree] = field(default_factory=list)
    anomalies: list[Anomalie] = field(default_factory=list)
    couverture: Couverture = field(default_factory=Couverture)
    hors_base: Couverture = field(default_factory=Couverture)

    @property
    def rang_lu(self) -> int:
        return self.precedente.rang if self.precedente is not None else 0

    def signaler(self, nature: Nature, rang: int, phrase: str) -> None:
        self.anomalies.append(Anomalie(nature, phrase, self.chaine, rang))

    def avancer(self, entree: Entree, ancres: Iterable[Ancre]) -> None:
        self.lues += 1
        saine = entree.empreinte_au_rang(entree.rang) == entree.empreinte
        if not saine:
            self._suspecter(entree)
        attendu = self.rang_lu + 1
        if entree.rang < attendu:
            self.signaler(Nature.INSEREE, entree.rang, f"L’entrée {entree.rang} est en trop ou hors de sa place.")
            return
        if entree.rang > attendu:
            self.signaler(Nature.RETIREE, attendu, f"{_les_entrees(attendu, entree.rang - 1)} au milieu de la chaîne.")
        elif saine:
            self._verifier_le_lien(entree)
        self._couvrir(entree, ancres)
        self.precedente, self.precedente_saine = entree, saine

    def _suspecter(self, entree: Entree) -> None:
        if len(self.suspectes) < SUSPECTES_MAX:
            self.suspectes.append(entree)
        else:
            self.signaler(Nature.MODIFIEE, entree.rang, _modifiee(entree.rang))

    def _verifier_le_lien(self, entree: Entree) -> None:
        scellee = self.precedente.empreinte if self.precedente is not None else ORIGINE
        if entree.precedente == scellee or not self.precedente_saine:
            return
        if self.precedente is None:
            self.signaler(Nature.RETIREE, entree.rang, "La première entrée ne part pas de l’origine de la chaîne.")
        else:
            phrase = f"L’entrée {self.rang_lu} n’est plus celle que l’entrée {entree.rang} a scellée."
            self.signaler(Nature.MODIFIEE, self.rang_lu, phrase)

    def _couvrir(self, entree: Entree, ancres: Iterable[Ancre]) -> None:
        bonnes = []
        for ancre in ancres:
            if entree.empreinte.startswith(ancre.empreinte) and len(ancre.empreinte) >= PREFIXE_MIN:
                bonnes.append(ancre)
            else:
                phrase = f"L’entrée {entree.rang} n’a plus l’empreinte gardée par l’ancre « {ancre.support} »."
                self.signaler(Nature.REECRITE, entree.rang, f"{phrase} Elle ou une entrée d’avant a été réécrite.")
        externes = [ancre for ancre in bonnes if ancre.hors_base]
        self.couverture = self.couverture.suivre(entree, next(iter(externes or bonnes), None))
        self.hors_base = self.hors_base.suivre(entree, next(iter(externes), None))

    def juger(self, contenu: Contenu | None, entree: Entree) -> None:
        if contenu is None:
            self.effaces += 1
        elif not contenu.correspond(entree):
            phrase = f"Le contenu de l’entrée {entree.rang} ne correspond plus à son empreinte."
            self.signaler(Nature.CONTENU, entree.rang, phrase)

    def finir(self, ancres: list[Ancre]) -> None:
        """Dit d'où viennent les entrées suspectes, et ce qu'une ancre garde au-delà de la dernière entrée."""
        for entree in self.suspectes:
            origine = self._rang_d_origine(entree)
            if origine is None:
                self.signaler(Nature.MODIFIEE, entree.rang, _modifiee(entree.rang))
            else:
                phrase = f"L’entrée placée au rang {entree.rang} est celle du rang {origine}."
                self.signaler(Nature.DEPLACEE, entree.rang, phrase)
        au_dela = [ancre for ancre in ancres if ancre.rang > self.rang_lu]
        if au_dela:
            loin = max(au_dela, key=lambda ancre: ancre.rang)
            quoi = f"{_les_entrees(self.rang_lu + 1, loin.rang)} à la fin" if self.lues else "La chaîne entière manque"
            phrase = f"{quoi} : l’ancre « {loin.support} » garde l’entrée {loin.rang}."
            self.signaler(Nature.RETIREE, self.rang_lu + 1, phrase)

    def _rang_d_origine(self, entree: Entree) -> int | None:
        for autre in self.suspectes:
            if autre is not entree and entree.empreinte_au_rang(autre.rang) == entree.empreinte:
                return autre.rang
        return None

    def etat(self) -> EtatChaine:
        return EtatChaine(self.chaine, self.lues, self.effaces, self.couverture, self.hors_base)


def _modifiee(rang: int) -> str:
    return f"L’entrée {rang} a été modifiée."


def _les_entrees(premiere: int, derniere: int) -> str:
    if premiere == derniere:
        return f"L’entrée {premiere} manque"
    return f"Les entrées {premiere} à {derniere} manquent"


class Rapprochement:
    """Des contenus rapprochés des entrées au fil de la lecture ; `ecarter` reçoit ceux qu'aucune ne réclame."""

    def __init__(self, contenus: Iterable[Contenu], ecarter: Callable[[Contenu], None]) -> None:
        self._suite: Iterator[Contenu] = iter(contenus)
        self._prochain = next(self._suite, None)
        self._ecarter = ecarter

    def de(self, entree: Entree) -> Contenu | None:
        """Le contenu de cette entrée, ou None s'il a été effacé."""
        while self._prochain is not None and self._prochain.place < entree.place:
            self._ecarter(self._prochain)
            self._prochain = next(self._suite, None)
        if self._prochain is None or self._prochain.place != entree.place:
            return None
        contenu, self._prochain = self._prochain, next(self._suite, None)
        return contenu

    def vider(self) -> None:
        """Écarte ce qui reste une fois toutes les entrées lues."""
        while self._prochain is not None:
            self._ecarter(self._prochain)
            self._prochain = next(self._suite, None)


def verifier(entrees: Iterable[Entree], contenus: Iterable[Contenu], ancres: Iterable[Ancre]) -> Rapport:
    """Relit tout le journal. `entrees` et `contenus` arrivent par (chaîne, rang) ; un désordre est une anomalie.

    Un contenu absent est admis (effacé) et compté. Une ancre ne prouve que ce qui la précède.
    """
    par_place: dict[tuple[int, int], list[Ancre]] = defaultdict(list)
    par_chaine: dict[int, list[Ancre]] = defaultdict(list)
    for ancre in ancres:
        par_place[ancre.chaine, ancre.rang].append(ancre)
        par_chaine[ancre.chaine].append(ancre)
    marches = {chaine: _Marche(chaine) for chaine in par_chaine}
    orphelins: list[tuple[int, int]] = []
    lisibles = Rapprochement(contenus, lambda contenu: orphelins.append(contenu.place))
    for entree in entrees:
        marche = marches.setdefault(entree.chaine, _Marche(entree.chaine))
        marche.avancer(entree, par_place.get(entree.place, ()))
        marche.juger(lisibles.de(entree), entree)
    lisibles.vider()
    for chaine, rang in orphelins:
        phrase = f"Le contenu {rang} est resté sans son entrée : elle a été retirée."
        marches.setdefault(chaine, _Marche(chaine)).signaler(Nature.RETIREE, rang, phrase)
    rangees = [marches[chaine] for chaine in sorted(marches)]
    for marche in rangees:
        marche.finir(par_chaine.get(marche.chaine, []))
    return Rapport(
        tuple(marche.etat() for marche in rangees), tuple(anomalie for m in rangees for anomalie in m.anomalies)
    )


def _queue(couverture: Couverture, entrees: int, quelle: str) -> str:
    depuis = f"depuis le {instant_long(couverture.depuis)}" if couverture.depuis is not None else ""
    if couverture.non_couvertes == entrees:
        return f"  Aucune de ses entrées, {depuis}, n’est couverte par une {quelle}."
    if couverture.non_couvertes == 1:
        return f"  La dernière entrée, {depuis}, n’est couverte par aucune {quelle}."
    return f"  Les {couverture.non_couvertes} dernières entrées, {depuis}, ne sont couvertes par aucune {quelle}."


def _dire_chaine(etat: EtatChaine, nom: str) -> Iterator[str]:
    effaces = f", dont {etat.effaces} au contenu effacé" if etat.effaces else ""
    yield f"Chaîne {nom} : {etat.entrees} {'entrées' if etat.entrees > 1 else 'entrée'}{effaces}."
    ancre = etat.couverture.ancre
    if ancre is not None:
        yield f"  Dernière ancre qui concorde : « {ancre.support} », entrée {ancre.rang}."
    if etat.couverture.non_couvertes:
        yield _queue(etat.couverture, etat.entrees, "ancre")
    if etat.hors_base.non_couvertes > etat.couverture.non_couvertes:
        yield _queue(etat.hors_base, etat.entrees, "ancre gardée hors de la base")


def dire(rapport: Rapport, noms: Mapping[int, str], *, limite: int = 50) -> Iterator[str]:
    """Le rapport en phrases. `noms` : chaîne → nom lisible ; `limite` : anomalies écrites au plus."""
    for etat in rapport.chaines:
        yield from _dire_chaine(etat, noms.get(etat.chaine, str(etat.chaine)))
    if rapport.est_sain:
        yield "Rien n’a été modifié, retiré, déplacé ni inséré dans ce qui est couvert."
        return
    for anomalie in rapport.anomalies[:limite]:
        ou = "" if anomalie.chaine is None else f"Chaîne {noms.get(anomalie.chaine, str(anomalie.chaine))} : "
        yield f"ANOMALIE. {ou}{anomalie.phrase}"
    if len(rapport.anomalies) > limite:
        yield f"… et {len(rapport.anomalies) - limite} autres anomalies."
    nombre = len(rapport.anomalies)
    yield f"{nombre} {'anomalies' if nombre > 1 else 'anomalie'} au total."

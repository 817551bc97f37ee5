"""Les passages d'un contrat : ce qu'il écrit de chaque objectif et de chaque priorité de quartier, avec ses lignes."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.etapes.contrat.rules.contenu import ContenuContrat, Fiche, Json, Objectif
from app.etapes.contrat.rules.suggestions.mots import mots, racine, utiles

_SATURATION = 1.2
_LONGUEUR = 0.75
_PHRASE = re.compile(r"(?<=[.!?])\s|\n")


@dataclass(frozen=True, slots=True)
class Passage:
    """Ce que le contrat écrit, et où (lignes). `operationnel` vide : le passage parle de tout l'objectif.

    Choix du projet : une proposition cite ce qui la fonde.
    """

    objectif: str
    operationnel: str
    texte: str
    source: str


@dataclass(frozen=True, slots=True)
class Priorite:
    """Une priorité d'un projet de quartier. Source : contrat, Partie 2."""

    fiche: str
    nom: str
    commune: str
    rang: int
    intitule: str
    source: str


@dataclass(frozen=True, slots=True)
class Ecrit:
    """Un passage ou une priorité, ses racines, ses phrases et les leurs. Choix du projet : ADR 0014."""

    de: Passage | Priorite
    texte: str
    racines: Mapping[str, int]
    phrases: tuple[tuple[str, frozenset[str]], ...]


@dataclass(frozen=True, slots=True)
class Index:
    """Des écrits, et pour chaque racine sa rareté et où elle est (rang, valeur). Choix du projet : ADR 0014."""

    ecrits: tuple[Ecrit, ...]
    raretes: Mapping[str, float]
    places: Mapping[str, tuple[tuple[int, float], ...]]

    def notes(self, voulues: Iterable[str]) -> dict[int, float]:
        """La proximité (BM25) des écrits qui ont au moins une de ces racines, par rang. Choix du projet : ADR 0014."""
        rendu: dict[int, float] = {}
        for voulue in voulues:
            for rang, valeur in self.places.get(voulue, ()):
                rendu[rang] = rendu.get(rang, 0.0) + valeur
        return rendu


def phrase_la_plus_proche(ecrit: Ecrit, raretes: Mapping[str, float]) -> str:
    """La phrase qui porte les racines les plus rares ; à égalité, la première. Choix du projet : citer court."""
    return max(ecrit.phrases, key=lambda phrase: sum(raretes.get(une, 0.0) for une in phrase[1]))[0]


def passages(contenu: ContenuContrat) -> tuple[Passage, ...]:
    """Les passages de tous les objectifs, dans l'ordre du document. Choix du projet : ADR 0014."""
    return tuple(passage for objectif in contenu.objectifs for passage in _de_l_objectif(objectif))


def index_des_objectifs(contenu: ContenuContrat) -> Index:
    """De quoi chercher parmi les passages du contrat. Choix du projet : ADR 0014."""
    return _index([(passage, passage.texte) for passage in passages(contenu)])


def index_des_priorites(contenu: ContenuContrat) -> Index:
    """De quoi chercher parmi les priorités de quartier : intitulé, texte et sous-points. Choix du projet : ADR 0014."""
    return _index([paire for fiche in contenu.fiches for paire in _de_la_fiche(fiche)])


def _index(paires: Sequence[tuple[Passage | Priorite, str]]) -> Index:
    ecrits = [Ecrit(de, texte, Counter(_racines(texte)), _phrases(texte)) for de, texte in paires]
    longueurs = [sum(ecrit.racines.values()) for ecrit in ecrits]
    moyenne = max(1.0, sum(longueurs) / max(1, len(ecrits)))
    presences = Counter(une for ecrit in ecrits for une in ecrit.racines)
    raretes = {une: math.log(1 + (len(ecrits) - n + 0.5) / (n + 0.5)) for une, n in presences.items()}
    places: dict[str, list[tuple[int, float]]] = {}
    for rang, (ecrit, longueur) in enumerate(zip(ecrits, longueurs, strict=True)):
        usure = _SATURATION * (1 - _LONGUEUR + _LONGUEUR * longueur / moyenne)
        for une, n in ecrit.racines.items():
            places.setdefault(une, []).append((rang, raretes[une] * n * (_SATURATION + 1) / (n + usure)))
    return Index(tuple(ecrits), raretes, {une: tuple(ou) for une, ou in places.items()})


def _racines(texte: str) -> list[str]:
    return [racine(mot.plie) for mot in utiles(mots(texte))]


def _phrases(texte: str) -> tuple[tuple[str, frozenset[str]], ...]:
    return tuple((phrase.strip(), frozenset(_racines(phrase))) for phrase in _PHRASE.split(texte) if phrase.strip())


def _de_l_objectif(objectif: Objectif) -> Iterator[Passage]:
    c = objectif.contenu
    yield Passage(objectif.code, "", objectif.intitule, c["source"])
    for paragraphe in c["enjeux"]["texte"].split("\n"):
        yield Passage(objectif.code, "", paragraphe, c["enjeux"]["source"])
    for element in (*c["pistes"], *c["reperes"], *c["definitions"]):
        yield Passage(objectif.code, "", _dire(element), element["source"])
    for o in objectif.operationnels:
        yield Passage(objectif.code, o.code, o.intitule, o.source)
        for action in o.contenu["sous_actions"]:
            yield Passage(objectif.code, o.code, " ".join((action["intitule"], *action["details"])), action["source"])


def _dire(element: Json) -> str:
    tete = element.get("intitule") or element["terme"]
    suite = element.get("texte")
    return f"{tete} : {suite}" if suite else str(tete)


def _de_la_fiche(fiche: Fiche) -> Iterator[tuple[Priorite, str]]:
    for p in fiche.priorites:
        textes = [p["intitule"], p["texte"] or "", *p["sous_points"]]
        de = Priorite(fiche.code, fiche.nom, fiche.commune.nom, p["rang"], p["intitule"], p["source"])
        yield de, "\n".join(texte for texte in textes if texte)

"""Deux notes d'une même ligne, critère par critère : les points, et les faits qui les séparent."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from app.etapes.notation.rules.note import LigneNote, Note
from app.referentiels.grilles.rules import Fait


@dataclass(frozen=True, slots=True)
class FaitCompare:
    """Un fait lu par un critère dans l'un ou l'autre dossier. None : manquant.

    Choix du projet : issue 4, « side-by-side of two dossiers ».
    """

    code: str
    a: Fait | None
    b: Fait | None

    @property
    def differe(self) -> bool:
        """Vrai si la valeur n'est pas la même ; un fait vérifié d'un côté et déclaré de l'autre ne diffère pas."""
        return _valeur(self.a) != _valeur(self.b)


@dataclass(frozen=True, slots=True)
class CritereCompare:
    """Un critère des deux côtés ; None : il n'est pas dans cette note (deux grilles, ou deux versions).

    Choix du projet : issue 4, « side-by-side of two dossiers ».
    """

    code: str
    libelle: str
    a: LigneNote | None
    b: LigneNote | None
    faits: tuple[FaitCompare, ...]

    @property
    def ecart(self) -> Fraction | None:
        """Points de a moins points de b, une fois sur 100 ; None si l'un des deux n'a pas de points sûrs."""
        a, b = _sur_cent(self.a), _sur_cent(self.b)
        return a - b if a is not None and b is not None else None

    @property
    def differents(self) -> tuple[FaitCompare, ...]:
        """Les faits qui ne sont pas les mêmes."""
        return tuple(fait for fait in self.faits if fait.differe)


def comparer_deux(a: Note, b: Note) -> tuple[CritereCompare, ...]:
    """Chaque critère des deux notes, dans l'ordre de la première, puis ceux que la seconde a seule.

    Choix du projet : issue 4, « side-by-side of two dossiers ».
    """
    de_a, de_b = ({ligne.code: ligne for ligne in note.lignes} for note in (a, b))
    return tuple(_critere(code, de_a.get(code), de_b.get(code)) for code in dict.fromkeys((*de_a, *de_b)))


def _critere(code: str, a: LigneNote | None, b: LigneNote | None) -> CritereCompare:
    faits_a, faits_b = (dict(ligne.faits_utilises) if ligne is not None else {} for ligne in (a, b))
    presente = a if a is not None else b
    return CritereCompare(
        code=code,
        libelle=presente.libelle if presente is not None else code,
        a=a,
        b=b,
        faits=tuple(FaitCompare(f, faits_a.get(f), faits_b.get(f)) for f in dict.fromkeys((*faits_a, *faits_b))),
    )


def _sur_cent(ligne: LigneNote | None) -> Fraction | None:
    """Les points d'un critère dans la note ramenée sur 100."""
    if ligne is None or ligne.points is None:
        return None
    return ligne.points * 100 / ligne.poids_total


def _valeur(fait: Fait | None) -> object:
    return None if fait is None else fait.valeur

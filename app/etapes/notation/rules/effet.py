"""Ce qu'une autre grille changerait sur un appel entier : qui bouge, de combien, quel rang."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from app.etapes.notation.rules.note import HorsChamp, Resultat

Bornes = tuple[Fraction, Fraction]


@dataclass(frozen=True, slots=True)
class Placement:
    """Un dossier sur une ligne, avant et après. None : hors champ. Le rang est celui de la note la plus basse possible.

    Choix du projet : issue 4, « who moves, by how much, effect on each line's ranking ».
    """

    dossier: str
    avant: Bornes | None
    apres: Bornes | None
    rang_avant: int | None
    rang_apres: int | None

    @property
    def ecart(self) -> Fraction:
        """Points gagnés (ou perdus) à la note la plus basse possible ; zéro si l'une des deux manque."""
        return self.apres[0] - self.avant[0] if self.avant is not None and self.apres is not None else Fraction(0)

    @property
    def bouge(self) -> bool:
        """Vrai si la note, l'intervalle ou le champ change."""
        return self.avant != self.apres


@dataclass(frozen=True, slots=True)
class EffetLigne:
    """L'effet sur une ligne : tous les dossiers, ceux qui bouge le plus d'abord.

    Choix du projet : issue 4, « compares a grid on a whole appel before adoption ».
    """

    ligne: str
    placements: tuple[Placement, ...]

    @property
    def bougent(self) -> tuple[Placement, ...]:
        """Les dossiers dont la note change, le plus gros écart d'abord."""
        return tuple(placement for placement in self.placements if placement.bouge)

    @property
    def changent_de_rang(self) -> int:
        """Combien de dossiers changent de rang."""
        return sum(placement.rang_avant != placement.rang_apres for placement in self.placements)

    @property
    def ecart_moyen(self) -> Fraction:
        """La moyenne des écarts, en valeur absolue, sur tous les dossiers notés des deux côtés."""
        ecarts = [abs(p.ecart) for p in self.placements if p.avant is not None and p.apres is not None]
        return sum(ecarts, Fraction(0)) / len(ecarts) if ecarts else Fraction(0)


def bornes(resultat: Resultat) -> Bornes | None:
    """La note la plus basse et la plus haute possibles, exactes ; None si la ligne est hors champ.

    Choix du projet : conception/notation.md, « Hors champ n'est pas 0 : pas de note ».
    """
    return None if isinstance(resultat, HorsChamp) else (resultat.minimum, resultat.maximum)


def mesurer_effet(
    couples: Iterable[tuple[str, str, Bornes | None, Bornes | None]],
) -> tuple[EffetLigne, ...]:
    """L'effet par ligne, dans l'ordre où elles viennent. Un couple : (ligne, dossier, avant, après).

    Choix du projet : issue 4, « who moves, by how much, effect on each line's ranking ».
    """
    lignes: defaultdict[str, list[tuple[str, Bornes | None, Bornes | None]]] = defaultdict(list)
    for ligne, dossier, avant, apres in couples:
        lignes[ligne].append((dossier, avant, apres))
    return tuple(_effet(ligne, trouves) for ligne, trouves in lignes.items())


def _effet(ligne: str, trouves: list[tuple[str, Bornes | None, Bornes | None]]) -> EffetLigne:
    rangs_avant = _rangs({dossier: avant for dossier, avant, _ in trouves})
    rangs_apres = _rangs({dossier: apres for dossier, _, apres in trouves})
    placements = [
        Placement(dossier, avant, apres, rangs_avant.get(dossier), rangs_apres.get(dossier))
        for dossier, avant, apres in trouves
    ]
    return EffetLigne(ligne, tuple(sorted(placements, key=lambda p: (-abs(p.ecart), not p.bouge, p.dossier))))


def _rangs(notes: Mapping[str, Bornes | None]) -> dict[str, int]:
    """Rang de chaque dossier noté ; deux notes égales ont le même rang."""
    notees = sorted(((borne, dossier) for dossier, borne in notes.items() if borne is not None), reverse=True)
    rangs: dict[str, int] = {}
    precedente: Bornes | None = None
    for place, (borne, dossier) in enumerate(notees, 1):
        rangs[dossier] = rangs[notees[place - 2][1]] if borne == precedente else place
        precedente = borne
    return rangs

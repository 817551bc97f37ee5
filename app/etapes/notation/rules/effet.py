"""Ce qu'une autre grille changerait sur un appel entier : qui bouge, de combien, quel rang, quelle distribution."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from app.etapes.notation.rules.note import HorsChamp, Resultat

# La note la plus basse et la plus haute possibles, en dixièmes de point, arrondies : celles que classe le service.
Bornes = tuple[int, int]
DIXIEMES = 10
TRANCHES = 10
_LARGEUR = 100 * DIXIEMES // TRANCHES


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
    def ecart(self) -> int:
        """Dixièmes de point gagnés (ou perdus) à la note la plus basse possible ; zéro si l'une des deux manque."""
        return self.apres[0] - self.avant[0] if self.avant is not None and self.apres is not None else 0

    @property
    def bouge(self) -> bool:
        """Vrai si la note, l'intervalle ou le champ change."""
        return self.avant != self.apres

    @property
    def change_de_rang(self) -> bool:
        """Vrai si le rang change, même si la note ne bouge pas."""
        return self.rang_avant != self.rang_apres

    @property
    def places(self) -> int:
        """Places gagnées (ou perdues) ; zéro si le dossier n'est pas classé des deux côtés."""
        return (self.rang_avant - self.rang_apres) if self.rang_avant is not None and self.rang_apres is not None else 0


@dataclass(frozen=True, slots=True)
class EffetLigne:
    """L'effet sur une ligne : tous les dossiers, ceux qui bougent le plus d'abord.

    Choix du projet : issue 4, « compares a grid on a whole appel before adoption ».
    """

    ligne: str
    placements: tuple[Placement, ...]

    @property
    def bougent(self) -> tuple[Placement, ...]:
        """Les dossiers dont la note change, le plus gros écart d'abord."""
        return tuple(placement for placement in self.placements if placement.bouge)

    @property
    def touches(self) -> tuple[Placement, ...]:
        """Les dossiers dont la note ou le rang change, le plus gros écart d'abord."""
        return tuple(placement for placement in self.placements if placement.bouge or placement.change_de_rang)

    @property
    def changent_de_rang(self) -> int:
        """Combien de dossiers changent de rang."""
        return sum(placement.change_de_rang for placement in self.placements)

    @property
    def ecart_moyen(self) -> Fraction:
        """La moyenne des écarts, en points et en valeur absolue, sur tous les dossiers notés des deux côtés."""
        ecarts = [abs(p.ecart) for p in self.placements if p.avant is not None and p.apres is not None]
        return Fraction(sum(ecarts), len(ecarts) * DIXIEMES) if ecarts else Fraction(0)

    @property
    def distribution(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Combien de dossiers par tranche de dix points, avant et après (100 compte dans la dernière)."""
        return repartir(p.avant for p in self.placements), repartir(p.apres for p in self.placements)


def bornes(resultat: Resultat) -> Bornes | None:
    """La note la plus basse et la plus haute possibles, arrondies comme on les montre ; None si hors champ.

    Source : conception/notation.md, « Hors champ n'est pas 0 : pas de note » ; « une décimale, demi vers le haut ».
    """
    if isinstance(resultat, HorsChamp):
        return None
    bas, haut = resultat.intervalle
    return int(bas * DIXIEMES), int(haut * DIXIEMES)


def repartir(notes: Iterable[Bornes | None]) -> tuple[int, ...]:
    """Combien de notes (la plus basse possible) dans chaque tranche de dix points.

    Choix du projet : issue 4, « distribution charts ».
    """
    comptes = [0] * TRANCHES
    for note in notes:
        if note is not None:
            comptes[min(note[0] // _LARGEUR, TRANCHES - 1)] += 1
    return tuple(comptes)


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


def effet_vers_donnees(effets: Sequence[EffetLigne]) -> dict[str, Any]:
    """L'effet en JSON : `resume`, une entrée par ligne ; `touches`, ligne → rangées, le plus gros écart d'abord.

    Une rangée : [numéro, avant bas, avant haut, après bas, après haut, rang avant, rang après], en dixièmes de point.
    Choix du projet : issue 4, « who moves, by how much, effect on each line's ranking ».
    """
    return {
        "resume": [
            {
                "ligne": effet.ligne,
                "dossiers": len(effet.placements),
                "bougent": len(effet.bougent),
                "montent": sum(p.ecart > 0 for p in effet.placements),
                "descendent": sum(p.ecart < 0 for p in effet.placements),
                "changent_de_rang": effet.changent_de_rang,
                "ecart_moyen_centiemes": round(effet.ecart_moyen * 100),
                "touches": len(effet.touches),
                "avant": list(effet.distribution[0]),
                "apres": list(effet.distribution[1]),
            }
            for effet in effets
        ],
        "touches": {effet.ligne: [_rangee(placement) for placement in effet.touches] for effet in effets},
    }


def placement_depuis(rangee: Sequence[Any]) -> Placement:
    """L'inverse de la rangée que rend effet_vers_donnees.

    Choix du projet : issue 4, « who moves, by how much, effect on each line's ranking ».
    """
    dossier, avant_bas, avant_haut, apres_bas, apres_haut, rang_avant, rang_apres = rangee
    avant = None if avant_bas is None else (avant_bas, avant_haut)
    apres = None if apres_bas is None else (apres_bas, apres_haut)
    return Placement(dossier, avant, apres, rang_avant, rang_apres)


def _rangee(placement: Placement) -> list[Any]:
    avant, apres = placement.avant or (None, None), placement.apres or (None, None)
    return [placement.dossier, *avant, *apres, placement.rang_avant, placement.rang_apres]


def _effet(ligne: str, trouves: list[tuple[str, Bornes | None, Bornes | None]]) -> EffetLigne:
    rangs_avant = _rangs({dossier: avant for dossier, avant, _ in trouves})
    rangs_apres = _rangs({dossier: apres for dossier, _, apres in trouves})
    placements = [
        Placement(dossier, avant, apres, rangs_avant.get(dossier), rangs_apres.get(dossier))
        for dossier, avant, apres in trouves
    ]
    ordre = sorted(placements, key=lambda p: (-abs(p.ecart), not p.bouge, -abs(p.places), p.dossier))
    return EffetLigne(ligne, tuple(ordre))


def _rangs(notes: Mapping[str, Bornes | None]) -> dict[str, int]:
    """Rang de chaque dossier noté ; deux notes égales ont le même rang."""
    notees = sorted(((borne, dossier) for dossier, borne in notes.items() if borne is not None), reverse=True)
    rangs: dict[str, int] = {}
    precedente: Bornes | None = None
    for place, (borne, dossier) in enumerate(notees, 1):
        rangs[dossier] = rangs[notees[place - 2][1]] if borne == precedente else place
        precedente = borne
    return rangs

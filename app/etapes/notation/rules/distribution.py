"""Comment les notes d'une ligne se répartissent, et ce que chaque critère départage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from app.etapes.notation.rules.note import EtatLigne

LARGEUR = 10
TRANCHES = 10
SATURE = Fraction(4, 5)
DEPARTAGE = Fraction(1, 4)


@dataclass(frozen=True, slots=True)
class Tranche:
    """Une tranche de dix points, borne basse comprise ; 100 est dans la dernière.

    `au_moins` : dossiers dont la note la plus basse possible y tombe ; `au_plus` : la plus haute possible.
    Choix du projet : issue 4, « distribution charts ».
    """

    debut: int
    au_moins: int
    au_plus: int

    @property
    def libelle(self) -> str:
        """« 70 à 79,9 », « 90 à 100 »."""
        fin = self.debut + LARGEUR
        return f"{self.debut} à {fin}" if fin == LARGEUR * TRANCHES else f"{self.debut} à {fin - 1},9"


class Verdict(StrEnum):
    """Ce qu'un critère fait au classement.

    Choix du projet : sature dès que quatre dossiers sur cinq ont le même palier ; départage quand deux dossiers pris
    au hasard s'écartent en moyenne d'un quart du poids.
    """

    SATURE = "sature"
    DEPARTAGE = "departage"
    ENTRE_DEUX = "entre_deux"
    VIDE = "vide"


@dataclass(frozen=True, slots=True)
class Compte:
    """Combien de notes ont ce résultat à ce critère. `bas` et `haut` : taux, en % du poids.

    Choix du projet : issue 4, « distribution charts ».
    """

    code: str
    poids: int
    bas: int
    haut: int
    etat: EtatLigne
    nombre: int


@dataclass(frozen=True, slots=True)
class Repartition:
    """Un critère et ce que les dossiers y obtiennent. `paliers` : taux → nombre, du plus haut au plus bas.

    `ecart_moyen` : de combien de points deux dossiers pris au hasard s'écartent, exactement ; None s'il y en a moins
    de deux.
    Choix du projet : issue 4, « distribution charts » ; l'écart moyen est la différence moyenne de Gini.
    """

    code: str
    poids: int
    paliers: tuple[tuple[int, int], ...]
    indecis: int
    sans_objet: int
    ecart_moyen: Fraction | None

    @property
    def notes(self) -> int:
        """Combien de dossiers y ont un palier."""
        return sum(nombre for _, nombre in self.paliers)

    @property
    def frequent(self) -> tuple[int, Fraction] | None:
        """Le palier le plus fréquent (le plus haut, à égalité) et sa part ; None sans dossier noté."""
        if not self.paliers:
            return None
        taux, nombre = max(self.paliers, key=lambda palier: palier[1])
        return taux, Fraction(nombre, self.notes)

    @property
    def verdict(self) -> Verdict:
        """Ce que ce critère fait au classement."""
        if self.frequent is None or self.ecart_moyen is None:
            return Verdict.VIDE
        if self.frequent[1] >= SATURE:
            return Verdict.SATURE
        return Verdict.DEPARTAGE if self.ecart_moyen >= DEPARTAGE * self.poids else Verdict.ENTRE_DEUX

    def entre(self, debut: int, fin: int) -> int:
        """Combien de dossiers ont un taux dans cet intervalle, bornes comprises."""
        return sum(nombre for taux, nombre in self.paliers if debut <= taux <= fin)


def histogramme(notes: Iterable[tuple[int, int, int]]) -> tuple[Tranche, ...]:
    """Les dix tranches, d'après (tranche de la note basse, tranche de la note haute, combien) ; tranches de 0 à 10.

    Choix du projet : issue 4, « distribution charts ».
    """
    bas, haut = [0] * TRANCHES, [0] * TRANCHES
    for tranche_basse, tranche_haute, nombre in notes:
        bas[min(tranche_basse, TRANCHES - 1)] += nombre
        haut[min(tranche_haute, TRANCHES - 1)] += nombre
    return tuple(Tranche(LARGEUR * rang, *deux) for rang, deux in enumerate(zip(bas, haut, strict=True)))


def repartir(comptes: Iterable[Compte], ordre: Sequence[str] = ()) -> tuple[Repartition, ...]:
    """La répartition de chaque critère, dans cet ordre, les autres ensuite. Le poids : celui du plus de dossiers.

    Choix du projet : issue 4, « distribution charts ».
    """
    par_code: defaultdict[str, list[Compte]] = defaultdict(list)
    for compte in comptes:
        par_code[compte.code].append(compte)
    rangs = {code: rang for rang, code in enumerate(ordre)}
    codes = sorted(par_code, key=lambda code: (rangs.get(code, len(rangs)), code))
    return tuple(_repartition(code, par_code[code]) for code in codes)


def _repartition(code: str, comptes: list[Compte]) -> Repartition:
    poids: defaultdict[int, int] = defaultdict(int)
    paliers: defaultdict[int, int] = defaultdict(int)
    etats: defaultdict[EtatLigne, int] = defaultdict(int)
    for compte in comptes:
        poids[compte.poids] += compte.nombre
        etats[compte.etat] += compte.nombre
        if compte.etat is EtatLigne.NOTE:
            paliers[compte.bas] += compte.nombre
    poids_courant = max(poids, key=lambda un_poids: poids[un_poids])
    return Repartition(
        code=code,
        poids=poids_courant,
        paliers=tuple(sorted(paliers.items(), reverse=True)),
        indecis=etats[EtatLigne.MANQUANT],
        sans_objet=etats[EtatLigne.SANS_OBJET],
        ecart_moyen=_ecart_moyen(paliers, poids_courant),
    )


def _ecart_moyen(paliers: Mapping[int, int], poids: int) -> Fraction | None:
    total = sum(paliers.values())
    if total < 2:
        return None
    rangees = sorted(paliers.items())
    somme = sum(
        (taux - autre) * nombre * combien
        for rang, (taux, nombre) in enumerate(rangees)
        for autre, combien in rangees[:rang]
    )
    return Fraction(2 * somme * poids, 100 * total * (total - 1))

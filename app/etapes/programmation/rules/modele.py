"""Le modèle linéaire en nombres entiers, sans solveur : colonnes, rangées, et la prise où un solveur se branche."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction
from typing import Protocol

from app.etapes.programmation.rules.contraintes import Contrainte, contraintes, domaines
from app.etapes.programmation.rules.probleme import Couple, Probleme
from app.noyau.euros import Euros


@dataclass(frozen=True, slots=True)
class Limites:
    """Quand s'arrêter. `noeuds` est reproductible ; `secondes`, en secours, ne l'est pas et le résultat le dit.

    Source : issue 6, « Deterministic (one thread, fixed seed, limit counted in nodes) ».
    """

    noeuds: int = 20_000
    ecart: Fraction = Fraction(1, 1000)
    secondes: int | None = None


@dataclass(frozen=True, slots=True)
class Rangee:
    """Une inégalité entre entiers. `cle` : la contrainte qu'elle dit ; None pour la charpente du modèle.

    Choix du projet : les contraintes qu'on peut lever portent un nom, la charpente non.
    """

    cle: str | None
    termes: tuple[tuple[int, int], ...]
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Modele:
    """Maximiser `objectif` ; colonnes de 0 à `hauts`, entières sauf celles d'`entieres` à faux.

    Choix du projet : issue 6, « Assisted ».
    """

    hauts: tuple[int, ...]
    entieres: tuple[bool, ...]
    objectif: tuple[Fraction, ...]
    rangees: tuple[Rangee, ...]

    def avec_seulement(self, cles: Collection[str]) -> Modele:
        """Le même modèle sans objectif, avec la charpente et ces contraintes-là seulement."""
        gardees = tuple(r for r in self.rangees if r.cle is None or r.cle in cles)
        return replace(self, rangees=gardees, objectif=(Fraction(0),) * len(self.hauts))


class Etat(StrEnum):
    """Ce que le solveur a pu prouver.

    Choix du projet : issue 6, « gap proved and printed ».
    """

    OPTIMAL = "optimal"
    LIMITE = "limite"
    HORLOGE = "horloge"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Reponse:
    """La réponse d'un solveur. `valeurs` None : aucune solution trouvée. `borne` : majorant prouvé de l'objectif.

    Choix du projet : issue 6, « gap proved and printed ».
    """

    etat: Etat
    valeurs: tuple[int, ...] | None
    borne: Fraction | None
    noeuds: int


class SolveurEnDefaut(RuntimeError):
    """Le solveur a rendu un état que rien ne prévoit, ou une solution que le contrôle exact refuse.

    Choix du projet : une simulation douteuse n'est jamais montrée.
    """


class Moteur(Protocol):
    """Un solveur. `conflit` : des clés de contraintes en conflit d'après la relaxation, ou None s'il ne sait pas.

    Choix du projet : conception/exemples.md, motif 13.
    """

    @property
    def version(self) -> str: ...

    def resoudre(self, modele: Modele, limites: Limites) -> Reponse: ...

    def conflit(self, modele: Modele) -> tuple[str, ...] | None: ...


@dataclass(slots=True)
class _Chantier:
    """Le modèle en construction. `unite` : le plus grand centime commun à tous les montants possibles."""

    unite: int
    hauts: list[int] = field(default_factory=list)
    entieres: list[bool] = field(default_factory=list)
    objectif: list[Fraction] = field(default_factory=list)
    rangees: list[Rangee] = field(default_factory=list)
    montant: dict[Couple, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    finance: dict[Couple, list[int]] = field(default_factory=lambda: defaultdict(list))
    dossier_finance: dict[str, int] = field(default_factory=dict)

    def colonne(self, haut: int, *, entiere: bool = True, points: Fraction = Fraction(0)) -> int:
        self.hauts.append(haut)
        self.entieres.append(entiere)
        self.objectif.append(points)
        return len(self.hauts) - 1

    def charpente(self, termes: list[tuple[int, int]]) -> None:
        """Une rangée « somme négative ou nulle »."""
        self.rangees.append(Rangee(None, tuple(termes), maximum=0))


@dataclass(frozen=True, slots=True)
class ModelePose:
    """Le modèle, et de quoi relire une solution : chaque montant est une somme de colonnes, en `unite` centimes.

    Choix du projet : entiers partout, jamais de flottant dans un résultat.
    """

    modele: Modele
    unite: int
    montant: Mapping[Couple, tuple[tuple[int, int], ...]]
    contraintes: tuple[Contrainte, ...]

    def lire(self, valeurs: tuple[int, ...]) -> dict[Couple, Euros]:
        """Les montants d'une solution, zéro compris."""
        return {
            couple: Euros(self.unite * sum(fois * valeurs[colonne] for colonne, fois in termes))
            for couple, termes in self.montant.items()
        }


def poser(probleme: Probleme) -> ModelePose:
    """Pose le problème en nombres entiers, dans un ordre canonique.

    Par demande : une colonne « sur la grille » (0 ou 1), une « nombre de pas », une (0 ou 1) par montant à part. Par
    dossier : une colonne « financé », qui porte le seuil de viabilité. Objectif : somme des notes basses × montants.

    Source : issue 6, « Assisted ».
    """
    possibles = domaines(probleme)
    a_part = [m.centimes for d in possibles.values() for m in d.a_part]
    chantier = _Chantier(unite=math.gcd(probleme.pas.centimes, *a_part))
    for dossier in sorted({d.dossier for d in probleme.demandes}):
        chantier.dossier_finance[dossier] = chantier.colonne(1, entiere=False)
    for demande in probleme.demandes:
        domaine, couple = possibles[demande.couple], demande.couple
        if domaine.mini <= domaine.maxi:
            pas = domaine.pas.centimes // chantier.unite
            grille = chantier.colonne(1)
            fois = chantier.colonne(domaine.maxi, points=demande.note_basse * pas)
            chantier.charpente([(fois, 1), (grille, -domaine.maxi)])
            chantier.charpente([(fois, -1), (grille, domaine.mini)])
            chantier.montant[couple].append((fois, pas))
            chantier.finance[couple].append(grille)
        for montant in domaine.a_part:
            valeur = montant.centimes // chantier.unite
            choisi = chantier.colonne(1, points=demande.note_basse * valeur)
            chantier.montant[couple].append((choisi, valeur))
            chantier.finance[couple].append(choisi)
    _lier_les_dossiers(chantier)
    toutes = contraintes(probleme)
    for contrainte in toutes:
        chantier.rangees.append(_rangee(contrainte, chantier))
    return ModelePose(
        modele=Modele(
            tuple(chantier.hauts), tuple(chantier.entieres), tuple(chantier.objectif), tuple(chantier.rangees)
        ),
        unite=chantier.unite,
        montant={couple: tuple(termes) for couple, termes in chantier.montant.items()},
        contraintes=toutes,
    )


def _lier_les_dossiers(chantier: _Chantier) -> None:
    """Un dossier est financé si, et seulement si, une de ses demandes l'est ; une demande l'est d'une seule façon."""
    par_dossier: dict[str, list[int]] = defaultdict(list)
    for (dossier, _), choix in chantier.finance.items():
        chantier.charpente([*((c, 1) for c in choix), (chantier.dossier_finance[dossier], -1)])
        par_dossier[dossier].extend(choix)
    for dossier, choix in par_dossier.items():
        chantier.charpente([(chantier.dossier_finance[dossier], 1), *((c, -1) for c in choix)])


def _rangee(contrainte: Contrainte, chantier: _Chantier) -> Rangee:
    """La contrainte en unités : minimum arrondi vers le haut, maximum vers le bas ; les mêmes entiers sont admis."""
    termes = [terme for couple in contrainte.couples for terme in chantier.montant[couple]]
    minimum = None if contrainte.minimum is None else -(-contrainte.minimum.centimes // chantier.unite)
    maximum = None if contrainte.maximum is None else contrainte.maximum.centimes // chantier.unite
    if contrainte.si_finance and minimum is not None:
        termes.append((chantier.dossier_finance[contrainte.couples[0][0]], -minimum))
        minimum = 0
    return Rangee(contrainte.cle, tuple(termes), minimum, maximum)

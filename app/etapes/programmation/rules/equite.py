"""L'équité d'une programmation : par quartier, par habitant, par objectif, par commune, entre porteurs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from app.noyau.euros import ZERO, Euros

SANS_REPERE = "—"


@dataclass(frozen=True, slots=True)
class Financement:
    """Un montant accordé, et à quoi il se rattache. Le quartier est celui des bénéficiaires, pas celui du lieu.

    Source : issue 2, « Place of the action and quarter of the beneficiaries are two facts ».
    """

    dossier: str
    porteur: str
    montant: Euros
    quartiers: tuple[str, ...] = ()
    objectif: str = SANS_REPERE
    communes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Ce qui revient à un repère : montant, part du total (None si le total est nul), nombre de dossiers.

    Choix du projet : conception/produit.md, point 14 (équité territoriale).
    """

    repere: str
    montant: Euros
    part: Fraction | None
    dossiers: int


@dataclass(frozen=True, slots=True)
class Concentration:
    """À quel point quelques porteurs reçoivent l'essentiel. `indice` : somme des carrés des parts, de 1/n à 1.

    Choix du projet : conception/produit.md, point 14 ; indice de Herfindahl-Hirschman.
    """

    porteurs: int
    premier: Fraction
    cinq_premiers: Fraction
    indice: Fraction


def partager(montant: Euros, nombre: int) -> tuple[Euros, ...]:
    """Des parts égales au centime près, dont la somme est exacte ; les premières portent les centimes en trop.

    Choix du projet : un dossier qui vise plusieurs quartiers compte à parts égales dans chacun.
    """
    quotient, surplus = divmod(montant.centimes, nombre)
    return tuple(Euros(quotient + (rang < surplus)) for rang in range(nombre))


def _repartir(
    financements: Iterable[Financement], reperes: Callable[[Financement], tuple[str, ...]], attendus: Iterable[str]
) -> tuple[Part, ...]:
    montants: dict[str, Euros] = dict.fromkeys(attendus, ZERO)
    dossiers: dict[str, set[str]] = defaultdict(set)
    total = ZERO
    for financement in financements:
        noms = tuple(sorted(set(reperes(financement)))) or (SANS_REPERE,)
        total += financement.montant
        for nom, montant in zip(noms, partager(financement.montant, len(noms)), strict=True):
            montants[nom] = montants.get(nom, ZERO) + montant
            dossiers[nom].add(financement.dossier)
    return tuple(Part(nom, montants[nom], montants[nom].part_de(total), len(dossiers[nom])) for nom in sorted(montants))


def par_quartier(financements: Iterable[Financement], attendus: Iterable[str] = ()) -> tuple[Part, ...]:
    """La répartition par quartier, triée ; `attendus` : les quartiers à montrer même s'ils ne reçoivent rien.

    Choix du projet : conception/produit.md, point 14.
    """
    return _repartir(financements, lambda f: f.quartiers, attendus)


def par_commune(financements: Iterable[Financement], attendus: Iterable[str] = ()) -> tuple[Part, ...]:
    """La répartition par commune, à parts égales quand un dossier en touche plusieurs.

    Choix du projet : conception/produit.md, point 14.
    """
    return _repartir(financements, lambda f: f.communes, attendus)


def par_objectif(financements: Iterable[Financement], attendus: Iterable[str] = ()) -> tuple[Part, ...]:
    """La répartition par objectif principal.

    Choix du projet : conception/produit.md, point 14.
    """
    return _repartir(financements, lambda f: (f.objectif,), attendus)


def par_habitant(parts: Iterable[Part], population: Mapping[str, int]) -> dict[str, Fraction | None]:
    """Euros par habitant de chaque repère ; None où la population est inconnue ou nulle.

    Source : issue 2, « The contract as data » (population connue au niveau du QPV seulement, 49 000 en tout).
    """
    return {
        p.repere: Fraction(p.montant.centimes, 100 * population[p.repere]) if population.get(p.repere) else None
        for p in parts
    }


def concentration(financements: Iterable[Financement]) -> Concentration | None:
    """La concentration entre porteurs ; None si rien n'est financé.

    Choix du projet : conception/produit.md, point 14.
    """
    par_porteur: dict[str, int] = defaultdict(int)
    for financement in financements:
        par_porteur[financement.porteur] += financement.montant.centimes
    total = sum(par_porteur.values())
    if not total:
        return None
    parts = sorted((Fraction(montant, total) for montant in par_porteur.values() if montant), reverse=True)
    return Concentration(
        porteurs=len(parts),
        premier=parts[0],
        cinq_premiers=sum(parts[:5], Fraction(0)),
        indice=sum((part * part for part in parts), Fraction(0)),
    )

"""Le coût par bénéficiaire d'un dossier face aux dossiers comparables : où il se place, ou pourquoi on ne sait pas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from app.etapes.notation.rules.faits import FaitsDossier
from app.noyau.euros import Euros
from app.referentiels.grilles.rules import AuPlus, Condition, Fait, Grille, MoinsDe, Rapport, Tous, UnDe

ECHELLE = 4
COLONNES = 100
_MEDIANE = "mediane_cout"
_COMPARABLES = "comparables"
_CHARGES = "charges_total"


@dataclass(frozen=True, slots=True)
class ReglesDeCout:
    """Ce que la grille dit de la comparaison des coûts. `seuils` : fois la médiane, croissants.

    `comparables` : combien de dossiers il faut au moins ; `plancher` : budget sous lequel on ne compare pas (centimes).
    Source : reference/donnees/grille-depart.yaml, critère COU.
    """

    seuils: tuple[Fraction, ...]
    comparables: int
    plancher: int


class Pourquoi(StrEnum):
    """Pourquoi il n'y a rien à comparer.

    Source : reference/donnees/grille-depart.yaml, critère COU et son « sans objet ».
    """

    SANS_CRITERE = "sans_critere"
    TYPE_INCONNU = "type_inconnu"
    COUT_INCONNU = "cout_inconnu"
    RECEVABILITE_OUVERTE = "recevabilite_ouverte"
    PETIT_BUDGET = "petit_budget"
    TROP_PEU = "trop_peu"


@dataclass(frozen=True, slots=True)
class Situation:
    """Où se place un dossier. `cout` et `mediane` : centimes par personne. `pourquoi` : ce qui empêche de comparer.

    Source : reference/donnees/grille-depart.yaml, critère COU.
    """

    type_action: str
    cout: Fraction | None
    mediane: Fraction | None
    comparables: int | None
    pourquoi: Pourquoi | None

    @property
    def rapport(self) -> Fraction | None:
        """Combien de fois la médiane ; None s'il manque l'un des deux, ou si elle est nulle."""
        return self.cout / self.mediane if self.cout is not None and self.mediane else None


def regles_de_cout(grille: Grille, ligne: str) -> ReglesDeCout | None:
    """Ce que la grille de cette ligne dit du coût ; None si aucun critère ne le rapporte à la médiane.

    Source : reference/donnees/grille-depart.yaml, critère COU.
    """
    mesures = {
        m.code for m in grille.mesures
        if isinstance(m.operation, Rapport) and any(t.de == _MEDIANE for t in m.operation.denominateur)
    }  # fmt: skip
    seuils = {
        condition.valeur
        for critere in grille.criteres
        for bareme in critere.baremes
        if ligne in bareme.lignes
        for palier in bareme.paliers
        for condition in _simples(palier.si)
        if isinstance(condition, AuPlus) and condition.de in mesures
    }
    if not seuils:
        return None
    sorties = [c for cas in grille.sans_objet for c in _simples(cas.si) if isinstance(c, MoinsDe)]
    return ReglesDeCout(tuple(sorted(seuils)), _seuil(sorties, _COMPARABLES), _seuil(sorties, _CHARGES))


def _simples(condition: Condition) -> Iterator[Condition]:
    if isinstance(condition, Tous | UnDe):
        for membre in condition.conditions:
            yield from _simples(membre)
    else:
        yield condition


def _seuil(sorties: Iterable[MoinsDe], fait: str) -> int:
    return max((int(condition.valeur) for condition in sorties if condition.de == fait), default=0)


def situer(faits: FaitsDossier, regles: ReglesDeCout | None) -> Situation:
    """Le coût du dossier, la médiane figée de son type d'action, et ce qui empêche de comparer, s'il y a lieu.

    Source : reference/donnees/grille-depart.yaml, critère COU.
    """
    action, charges, personnes = (faits.fait(code) for code in ("type_action", _CHARGES, "beneficiaires"))
    cout = cout_par_personne(charges, personnes)
    mediane, comparables = faits.fait(_MEDIANE), faits.fait(_COMPARABLES)
    return Situation(
        type_action=str(action.valeur) if action is not None else "",
        cout=cout,
        mediane=Fraction(mediane.valeur)
        if mediane is not None and isinstance(mediane.valeur, Fraction | int)
        else None,
        comparables=int(comparables.valeur)
        if comparables is not None and isinstance(comparables.valeur, int)
        else None,
        pourquoi=_pourquoi(regles, action, cout, comparables, charges),
    )


def _pourquoi(
    regles: ReglesDeCout | None, action: Fait | None, cout: Fraction | None, comparables: Fait | None,
    charges: Fait | None,
) -> Pourquoi | None:  # fmt: skip
    raisons = (
        (regles is None, Pourquoi.SANS_CRITERE),
        (action is None, Pourquoi.TYPE_INCONNU),
        (cout is None, Pourquoi.COUT_INCONNU),
        (regles is not None and _centimes(charges) < regles.plancher, Pourquoi.PETIT_BUDGET),
        (comparables is None, Pourquoi.RECEVABILITE_OUVERTE),
        (
            regles is not None and comparables is not None and comparables.valeur < regles.comparables,  # type: ignore[operator]
            Pourquoi.TROP_PEU,
        ),
    )
    return next((raison for est_la, raison in raisons if est_la), None)


def _centimes(charges: Fait | None) -> int:
    return charges.valeur.centimes if charges is not None and isinstance(charges.valeur, Euros) else 0


def cout_par_personne(charges: Fait | None, personnes: Fait | None) -> Fraction | None:
    """Centimes par bénéficiaire ; None s'il manque l'un des deux, ou si personne n'est prévu.

    Source : reference/donnees/grille-depart.yaml, critère COU.
    """
    match charges, personnes:
        case Fait(Euros() as total), Fait(int(nombre)) if nombre > 0:
            return Fraction(total.centimes, nombre)
    return None


@dataclass(frozen=True, slots=True)
class Axe:
    """Un axe de coûts, de zéro à `haut` (centimes). `colonnes` : (où, entre 0 et 1, combien de dossiers).

    `dossier` : où est le dossier, entre 0 et 1 ; `sort` : il est plus cher que l'axe ; `au_dela` : combien d'autres.
    Choix du projet : quatre fois la médiane, pour que les seuils se lisent.
    """

    haut: Fraction
    dossier: Fraction
    sort: bool
    colonnes: tuple[tuple[Fraction, int], ...]
    au_dela: int

    @property
    def plus_haute(self) -> int:
        """Le plus grand nombre de dossiers au même endroit ; 1 au moins."""
        return max((nombre for _, nombre in self.colonnes), default=1)


def dresser_axe(cout: Fraction, mediane: Fraction, couts: Iterable[Fraction]) -> Axe:
    """L'axe où placer ces coûts, rangés en COLONNES colonnes.

    Choix du projet : issue 4, « cost per beneficiary against comparable dossiers ».
    """
    haut = max(ECHELLE * mediane, Fraction(1))
    comptes: Counter[int] = Counter()
    au_dela = 0
    for autre in couts:
        if autre > haut:
            au_dela += 1
        else:
            comptes[min(int(autre * COLONNES / haut), COLONNES - 1)] += 1
    return Axe(
        haut=haut,
        dossier=min(cout / haut, Fraction(1)),
        sort=cout > haut,
        colonnes=tuple((Fraction(rang, COLONNES), nombre) for rang, nombre in sorted(comptes.items())),
        au_dela=au_dela,
    )

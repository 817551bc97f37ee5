"""Le coût médian par bénéficiaire, par type d'action, figé à la clôture de la recevabilité."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from app.etapes.notation.rules.faits import FaitsDossier
from app.noyau.euros import Euros
from app.referentiels.grilles.rules import Fait, Statut, ecrire_nombre, lire_nombre


@dataclass(frozen=True, slots=True)
class CoutDossier:
    """Ce qu'un dossier recevable apporte à la médiane de son type d'action.

    Source : reference/donnees/grille-depart.yaml, critère COU.
    """

    type_action: str
    charges_total: Euros
    beneficiaires: int


@dataclass(frozen=True, slots=True)
class Mediane:
    """Le coût médian, en centimes par bénéficiaire, et le nombre de dossiers dont il vient.

    Source : reference/donnees/grille-depart.yaml, critère COU.
    """

    valeur: Fraction
    effectif: int


Medianes = Mapping[str, Mediane]


def medianes_par_type(couts: Iterable[CoutDossier]) -> dict[str, Mediane]:
    """La médiane exacte de chaque type d'action, triée par type ; un dossier sans bénéficiaire n'y entre pas.

    Tous les types y sont, même peu nombreux : c'est la grille qui dit combien de dossiers il faut (8 au départ).
    Source : reference/donnees/grille-depart.yaml, critère COU ; conception/notation.md.
    """
    par_type: defaultdict[str, list[Fraction]] = defaultdict(list)
    for cout in couts:
        if cout.beneficiaires > 0:
            par_type[cout.type_action].append(Fraction(cout.charges_total.centimes, cout.beneficiaires))
    return {type_action: Mediane(_mediane(valeurs), len(valeurs)) for type_action, valeurs in sorted(par_type.items())}


def avec_medianes(faits: FaitsDossier, medianes: Medianes) -> FaitsDossier:
    """Les faits, munis de la médiane et de l'effectif de leur type d'action : la note se rejoue avec eux seuls.

    Un type absent des médianes compte zéro dossier comparable ; un type manquant laisse les deux faits manquants.
    Choix du projet : issue 4, « frozen when recevabilité closes, so that no other dossier's correction moves a score ».
    """
    figes = faits.sans("comparables", "mediane_cout")
    return figes.avec(**faits_de_la_mediane(faits.fait("type_action"), medianes))


def faits_de_la_mediane(type_action: Fait | None, medianes: Medianes) -> dict[str, Fait]:
    """Les deux faits figés d'un type d'action : effectif et médiane. Aucun si le type manque.

    Source : reference/donnees/grille-depart.yaml, critère COU.
    """
    if type_action is None:
        return {}
    mediane = medianes.get(str(type_action.valeur))
    if mediane is None:
        return {"comparables": Fait(0, Statut.VERIFIE)}
    return {
        "comparables": Fait(mediane.effectif, Statut.VERIFIE),
        "mediane_cout": Fait(mediane.valeur, Statut.VERIFIE),
    }


def medianes_vers_donnees(medianes: Medianes) -> dict[str, Any]:
    """Les médianes en données JSON, sans flottant.

    Choix du projet : architecture, décision 7.
    """
    return {
        type_action: {"effectif": mediane.effectif, "valeur": ecrire_nombre(mediane.valeur)}
        for type_action, mediane in sorted(medianes.items())
    }


def medianes_depuis_donnees(donnees: Mapping[str, Any]) -> dict[str, Mediane]:
    """L'inverse de medianes_vers_donnees.

    Choix du projet : architecture, décision 7.
    """
    return {
        type_action: Mediane(lire_nombre(brute["valeur"]), int(brute["effectif"]))
        for type_action, brute in sorted(donnees.items())
    }


def _mediane(valeurs: list[Fraction]) -> Fraction:
    triees = sorted(valeurs)
    milieu = len(triees) // 2
    return triees[milieu] if len(triees) % 2 else (triees[milieu - 1] + triees[milieu]) / 2

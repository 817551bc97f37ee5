"""Le lexique d'une grille, et les faits qu'une condition lit, directement, par ses mesures ou par ses définitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.referentiels.grilles.rules.modele import (
    AuMoins,
    AuPlus,
    Compte,
    Condition,
    Definition,
    Ensemble,
    Est,
    Grille,
    Mesure,
    MoinsDe,
    Nombre,
    Parmi,
    Rapport,
    Toujours,
    Vrai,
)


@dataclass(frozen=True, slots=True)
class Lexique:
    """Ce que les noms d'une grille désignent.

    Choix du projet : issue 4, « no code in data ».
    """

    ensembles: Mapping[str, Ensemble]
    mesures: Mapping[str, Mesure]
    definitions: Mapping[str, Definition]


def lexique(grille: Grille) -> Lexique:
    """Les ensembles, mesures et définitions de la grille, par nom.

    Choix du projet : issue 4, « no code in data ».
    """
    return Lexique(
        {ensemble.nom: ensemble for ensemble in grille.ensembles},
        {mesure.code: mesure for mesure in grille.mesures},
        {definition.code: definition for definition in grille.definitions},
    )


def faits_lus(condition: Condition, noms: Lexique) -> tuple[str, ...]:
    """Codes des faits lus, sans doublon, dans l'ordre de lecture. La grille est supposée valide (aucun cycle).

    Choix du projet : conception/notation.md, « les faits utilisés sont gardés avec la note ».
    """
    return tuple(dict.fromkeys(_de_la_condition(condition, noms)))


def faits_de(code: str, noms: Lexique) -> tuple[str, ...]:
    """Le fait lui-même, ou les faits que lit cette mesure.

    Choix du projet : conception/notation.md, « les faits utilisés sont gardés avec la note ».
    """
    return tuple(dict.fromkeys(_du_nom(code, noms)))


def _de_la_condition(condition: Condition, noms: Lexique) -> Iterator[str]:
    match condition:
        case Toujours():
            return
        case Vrai(de) | Parmi(de):
            yield de
        case AuMoins(de) | AuPlus(de) | MoinsDe(de):
            yield from _du_nom(de, noms)
        case Est(definition):
            yield from _de_la_condition(noms.definitions[definition].si, noms)
        case _:
            for sous_condition in condition.conditions:
                yield from _de_la_condition(sous_condition, noms)


def _du_nom(code: str, noms: Lexique) -> Iterator[str]:
    if code not in noms.mesures:
        yield code
        return
    match noms.mesures[code].operation:
        case Rapport(numerateur, denominateur):
            for terme in (*numerateur, *denominateur):
                yield from _du_nom(terme.de, noms)
        case Compte(parmi):
            yield from parmi
        case Nombre(de):
            yield de
        case couverture:
            yield couverture.de
            yield couverture.par

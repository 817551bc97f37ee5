"""Une condition en entraîne-t-elle une autre, ou se contredit-elle ? Sûr, mais pas complet : dans le doute, non."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from app.referentiels.grilles.rules.lecture import Lexique
from app.referentiels.grilles.rules.modele import (
    AuMoins,
    AuPlus,
    Condition,
    Est,
    MoinsDe,
    Parmi,
    Toujours,
    Tous,
    UnDe,
)

Seuil = AuMoins | AuPlus | MoinsDe


def entraine(cause: Condition, effet: Condition, noms: Lexique) -> bool:
    """Vrai si tout dossier qui remplit `cause` remplit `effet`. Un nom inconnu n'entraîne rien ; aucune définition ne
    tourne en rond.

    Choix du projet : issue 4, « overlapping or gapped tiers » (un palier qu'un palier plus haut englobe).
    """
    return _entraine(_deplier(cause, noms), _deplier(effet, noms), noms)


def se_contredit(condition: Condition, noms: Lexique) -> bool:
    """Vrai si aucun dossier ne peut la remplir : deux seuils d'un même nombre qui s'excluent, ou un nombre négatif.

    Choix du projet : issue 4, « overlapping or gapped tiers » (un palier que rien n'atteint).
    """
    match _deplier(condition, noms):
        case UnDe(conditions):
            return bool(conditions) and all(se_contredit(c, noms) for c in conditions)
        case autre:
            seuils = list(seuils_exiges(autre, noms))
            return any(_vide(a, b) for a in seuils for b in seuils) or any(
                isinstance(s, MoinsDe) and s.valeur <= 0 for s in seuils
            )


def _deplier(condition: Condition, noms: Lexique) -> Condition:
    """La condition qu'une définition nomme, de proche en proche."""
    while isinstance(condition, Est) and condition.definition in noms.definitions:
        condition = noms.definitions[condition.definition].si
    return condition


def _entraine(cause: Condition, effet: Condition, noms: Lexique) -> bool:
    if cause == effet or isinstance(effet, Toujours):
        return True
    if isinstance(cause, UnDe):
        return bool(cause.conditions) and all(entraine(c, effet, noms) for c in cause.conditions)
    if isinstance(effet, Tous):
        return all(entraine(cause, c, noms) for c in effet.conditions)
    if isinstance(effet, UnDe) and any(entraine(cause, c, noms) for c in effet.conditions):
        return True
    if isinstance(cause, Tous):
        return any(entraine(c, effet, noms) for c in cause.conditions)
    return _simple_entraine(cause, effet, noms)


def _simple_entraine(cause: Condition, effet: Condition, noms: Lexique) -> bool:
    match cause, effet:
        case (AuMoins(de, haut), AuMoins(autre, bas)) if de == autre:
            return haut >= bas
        case (MoinsDe(de, haut), AuPlus(autre, bas)) | (MoinsDe(de, haut), MoinsDe(autre, bas)) if de == autre:
            return haut <= bas
        case (AuPlus(de, haut), AuPlus(autre, bas)) if de == autre:
            return haut <= bas
        case (AuPlus(de, haut), MoinsDe(autre, bas)) if de == autre:
            return haut < bas
        case (Parmi(de), Parmi(autre)) if de == autre:
            admis, larges = _codes(cause, noms), _codes(effet, noms)
            return bool(admis) and all(_descend(code, larges) for code in admis)
        case _:
            return False


def _codes(condition: Parmi, noms: Lexique) -> frozenset[str]:
    if condition.ensemble is None:
        return frozenset(condition.codes)
    ensemble = noms.ensembles.get(condition.ensemble)
    return frozenset() if ensemble is None else frozenset(ensemble.codes)


def _descend(code: str, codes: frozenset[str]) -> bool:
    morceaux = code.split(".")
    return any(".".join(morceaux[:longueur]) in codes for longueur in range(len(morceaux), 0, -1))


def seuils_exiges(condition: Condition, noms: Lexique) -> Iterator[Seuil]:
    """Les seuils que toute façon de remplir la condition exige ; aucune définition ne tourne en rond.

    Choix du projet : issue 4, « overlapping or gapped tiers ».
    """
    match _deplier(condition, noms):
        case AuMoins() | AuPlus() | MoinsDe() as seuil:
            yield seuil
        case Tous(conditions):
            for sous_condition in conditions:
                yield from seuils_exiges(sous_condition, noms)
        case _:
            return


def _vide(bas: Seuil, haut: Seuil) -> bool:
    """Vrai si aucun nombre n'est au moins `bas` et sous `haut`."""
    if not isinstance(bas, AuMoins) or isinstance(haut, AuMoins) or bas.de != haut.de:
        return False
    borne: Fraction = haut.valeur
    return bas.valeur > borne or (isinstance(haut, MoinsDe) and bas.valeur == borne)

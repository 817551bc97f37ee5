"""Les priorités que l'appel donne à une ligne : le critère OBJ les lit à la place des rangs de la grille. Pur."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from app.noyau.sources import Source
from app.referentiels.grilles.rules import (
    Bareme,
    Condition,
    Critere,
    Est,
    Grille,
    Lexique,
    Palier,
    Parmi,
    Toujours,
    Tous,
    UnDe,
    lexique,
)
from app.referentiels.grilles.rules.usages import CRITERE_DES_OBJECTIFS

# Pour chaque ligne, du premier rang au dernier, les codes d'objectifs du rang.
Rangs = tuple[tuple[str, ...], ...]
Priorites = Mapping[str, Rangs]

OBJECTIF = "objectif_principal"
# Les taux que la grille de départ donne aux rangs de m2A : 100, 70, 40, puis 20 au reste du contrat.
TAUX_DES_RANGS = (100, 70, 40)
TAUX_DU_RESTE = 20
SOURCE = Source("Orientations de l’appel", "priorités de la ligne, à la place de celles de la grille")
_ORDINAUX = ("premier", "deuxième", "troisième")


def orienter(grille: Grille, priorites: Priorites) -> Grille:
    """La grille, où le critère OBJ de chaque ligne citée suit les priorités de l'appel. Le reste ne change pas.

    Un objectif du premier rang obtient 100 %, du deuxième 70 %, du troisième 40 % ; un autre objectif du contrat 20 %.
    Le rang est celui de l'objectif principal. Une ligne que la grille ne note pas est laissée.
    Choix du projet : conception/notation.md, « Priorités par ligne » ; issue 2, « orientations that may override a
    line's priorities » ; taux de grille-depart.yaml, OBJ, M2A.
    """
    notees = {ligne.code for ligne in grille.lignes}
    voulues = {ligne: rangs for ligne, rangs in priorites.items() if ligne in notees and rangs}
    if not voulues:
        return grille
    noms = lexique(grille)
    criteres = (_orienter(c, voulues, noms) if c.code == CRITERE_DES_OBJECTIFS else c for c in grille.criteres)
    return replace(grille, criteres=tuple(criteres))


def _orienter(critere: Critere, priorites: Priorites, noms: Lexique) -> Critere:
    """Les barèmes d'origine, moins les lignes citées ; puis un barème par ligne citée."""
    gardes = [
        replace(bareme, lignes=restantes)
        for bareme in critere.baremes
        if (restantes := tuple(ligne for ligne in bareme.lignes if ligne not in priorites))
    ]
    connus = _objectifs_connus(critere, noms)
    neufs = [_bareme(ligne, rangs, connus) for ligne, rangs in priorites.items() if _pese(critere, ligne)]
    return replace(critere, baremes=(*gardes, *neufs))


def _pese(critere: Critere, ligne: str) -> bool:
    return any(ligne in bareme.lignes for bareme in critere.baremes)


def _bareme(ligne: str, rangs: Rangs, connus: Iterable[str]) -> Bareme:
    tout = tuple(dict.fromkeys((*connus, *(code for codes in rangs for code in codes))))
    paliers = [
        Palier(taux, Parmi(OBJECTIF, codes), f"{{{OBJECTIF}}}, {ordinal} rang des priorités de l’année")
        for taux, ordinal, codes in zip(TAUX_DES_RANGS, _ORDINAUX, rangs, strict=False)
    ]
    reste = Palier(TAUX_DU_RESTE, Parmi(OBJECTIF, tout), f"{{{OBJECTIF}}}, hors des priorités de l’année")
    hors = Palier(0, Toujours(), f"{{{OBJECTIF}}} n’est pas un objectif du contrat")
    return Bareme((ligne,), SOURCE, (*paliers, reste, hors))


def _objectifs_connus(critere: Critere, noms: Lexique) -> Iterator[str]:
    """Les objectifs que la grille cite pour ce critère : ceux du contrat."""
    for bareme in critere.baremes:
        for palier in bareme.paliers:
            yield from _cites(palier.si, noms)


def _cites(condition: Condition, noms: Lexique) -> Iterator[str]:
    match condition:
        case Tous(conditions) | UnDe(conditions):
            for sous_condition in conditions:
                yield from _cites(sous_condition, noms)
        case Est(definition):
            yield from _cites(noms.definitions[definition].si, noms)
        case Parmi(de, codes, ensemble) if de == OBJECTIF:
            yield from noms.ensembles[ensemble].codes if ensemble is not None else codes

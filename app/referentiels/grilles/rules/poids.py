"""Les poids d'une ligne de financement quand des critères sans objet sortent du barème."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction

from app.referentiels.grilles.rules.modele import Grille, LigneGrille


def poids_effectifs(ligne: LigneGrille, sortis: Collection[str] = ()) -> dict[str, Fraction]:
    """Le poids sur 100 de chaque critère qui reste, une fois `sortis` hors du barème. Vide si rien ne pèse plus.

    Source : conception/notation.md, « Sans objet sort du barème » ; « Le poids effectif s'affiche ».
    """
    restants = {code: valeur for code, valeur in ligne.poids if code not in sortis}
    total = sum(restants.values())
    return {code: Fraction(100 * valeur, total) for code, valeur in restants.items()} if total else {}


def criteres_sortables(grille: Grille) -> tuple[str, ...]:
    """Les codes des critères qui peuvent être sans objet, dans l'ordre de la grille.

    Source : conception/notation.md, « liste fermée de la grille (COU, PLU) ».
    """
    cites = {cas.critere for cas in grille.sans_objet}
    return tuple(critere.code for critere in grille.criteres if critere.code in cites)

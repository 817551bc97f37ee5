"""Rejouer une note gardée : les mêmes faits, la même grille, les mêmes ajustements, donc la même note."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from app.etapes.notation.rules.ajustements import appliquer_ajustements
from app.etapes.notation.rules.calcul import AUCUNE_PRIORITE, noter
from app.etapes.notation.rules.faits import FaitsDossier
from app.etapes.notation.rules.garde import criteres_a_garder
from app.etapes.notation.rules.note import Ajustement, HorsChamp, Note
from app.noyau.erreurs import ActeImpossible
from app.referentiels.grilles.rules import Grille


class NoteIrrejouable(ActeImpossible):
    """Une note gardée dont les faits et la grille ne redonnent plus les mêmes points : on ne la montre pas.

    Choix du projet : issue 4, « same score, bit for bit, forever ».
    """

    code = "note_irrejouable"


def ajuster_en_taux(note: Note, taux: Iterable[tuple[str, int, str, str]]) -> Note:
    """La note, chaque (critère, part du poids en %, motif, auteur) appliqué. Un critère qui ne compte pas est laissé.

    Une part du poids, pas des points : l'ajustement garde son sens quand la grille change de poids.
    Source : conception/notation.md, « L'instructeur peut ajuster un critère, avec motif ».
    """
    maximums = {ligne.code: ligne.maximum for ligne in note.lignes if ligne.compte}
    ajustements = [
        Ajustement(critere, Fraction(part * maximums[critere], 100), motif, auteur)
        for critere, part, motif, auteur in taux
        if critere in maximums
    ]
    return appliquer_ajustements(note, ajustements) if ajustements else note


def rejouer(
    grille: Grille,
    ligne: str,
    faits: FaitsDossier,
    criteres: Sequence[Mapping[str, Any]],
    priorites: Sequence[Sequence[str]] = (),
) -> Note:
    """La note recalculée d'après ses faits et priorités gardés, avec ses ajustements.

    Lève NoteIrrejouable si elle ne redonne pas les critères gardés, LigneInconnue.
    Choix du projet : issue 4, « same score, bit for bit, forever ».
    """
    rangs = tuple(tuple(codes) for codes in priorites)
    note = noter(grille, ligne, faits, priorites={ligne: rangs} if rangs else AUCUNE_PRIORITE)
    if isinstance(note, HorsChamp):
        raise NoteIrrejouable(f"Cette note de la ligne {ligne} ne se rejoue pas : la ligne serait hors champ.")
    portes = [critere for critere in criteres if "ajustement" in critere]
    rejouee = appliquer_ajustements(note, [_ajustement(critere) for critere in portes]) if portes else note
    if criteres_a_garder(rejouee) != list(criteres):
        raise NoteIrrejouable(f"Cette note de la ligne {ligne} ne se rejoue pas à l’identique.")
    return rejouee


def _ajustement(critere: Mapping[str, Any]) -> Ajustement:
    garde = critere["ajustement"]
    return Ajustement(critere["code"], Fraction(garde["points"]), garde["motif"], garde["auteur"])

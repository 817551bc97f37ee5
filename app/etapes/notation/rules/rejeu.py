"""Rejouer une note gardée : les mêmes faits, la même grille, les mêmes ajustements, donc les mêmes octets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from app.etapes.notation.rules.ajustements import appliquer_ajustements
from app.etapes.notation.rules.calcul import AUCUNE_PRIORITE, noter
from app.etapes.notation.rules.export import note_vers_donnees
from app.etapes.notation.rules.faits import faits_depuis_donnees
from app.etapes.notation.rules.note import Ajustement, HorsChamp, Note, Resultat
from app.referentiels.grilles.rules import Grille


def a_garder(resultat: Resultat) -> dict[str, Any]:
    """La note en données, sans ses faits : ils sont gardés une fois, à côté.

    Choix du projet : issue 4, « stored with it » (une seule copie).
    """
    return {champ: valeur for champ, valeur in note_vers_donnees(resultat).items() if champ != "faits"}


def ajuster_en_taux(note: Note, taux: Iterable[tuple[str, int, str, str]]) -> Note:
    """La note, chaque (critère, part du poids en %, motif, auteur) appliqué. Un critère qui ne compte pas est laissé.

    Une part du poids, pas des points : l'ajustement garde son sens quand la grille change de poids.
    Source : conception/notation.md, « L'instructeur peut ajuster un critère, avec motif ».
    """
    maximums = {ligne.code: ligne.maximum for ligne in note.lignes if ligne.compte}
    return appliquer_ajustements(
        note,
        [
            Ajustement(critere, Fraction(part * maximums[critere], 100), motif, auteur)
            for critere, part, motif, auteur in taux
            if critere in maximums
        ],
    )


def rejouer(grille: Grille, ligne: str, faits: Mapping[str, Any], resultat: Mapping[str, Any]) -> Resultat:
    """La note recalculée d'après ses faits et priorités gardés, avec ses ajustements. Lève LigneInconnue.

    Choix du projet : issue 4, « same score, bit for bit, forever ».
    """
    rangs = tuple(tuple(codes) for codes in resultat.get("priorites", ()))
    note = noter(grille, ligne, faits_depuis_donnees(faits), priorites={ligne: rangs} if rangs else AUCUNE_PRIORITE)
    if isinstance(note, HorsChamp):
        return note
    portes = [critere for critere in resultat.get("lignes", ()) if "ajustement" in critere]
    return appliquer_ajustements(
        note,
        [
            Ajustement(
                critere["code"],
                Fraction(critere["points"]),
                critere["ajustement"]["motif"],
                critere["ajustement"]["auteur"],
            )
            for critere in portes
        ],
    )

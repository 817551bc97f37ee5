"""Dire la valeur d'un fait : le nom d'un code du contrat, le libellé d'une liste fermée, sinon sa forme écrite."""

from __future__ import annotations

from app.etapes.notation.rules.motifs import SANS_NOM, Noms, ecrire_fait
from app.etapes.notation.rules.saisie import valeurs_admises
from app.referentiels.grilles.rules import CATALOGUE, Fait

__all__ = ["SANS_NOM", "Noms", "dire"]


def dire(code: str, fait: Fait | None, noms: Noms = SANS_NOM) -> str:
    """La valeur d'un fait, comme on la lit ; un code que `noms` ne connaît pas reste tel quel.

    Choix du projet : issue 4, « in words a volunteer understands ».
    """
    connus = noms.get(code) or dict(valeurs_admises(CATALOGUE[code]))
    match fait.valeur if fait is not None else None:
        case str(valeur) if valeur in connus:
            return connus[valeur]
        case frozenset(valeurs) if valeurs and connus:
            return " ; ".join(connus.get(v, v) for v in sorted(valeurs))
    return ecrire_fait(code, fait)

"""Les faits figés d'un dossier, leur forme canonique, et les médianes qu'on y fige."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from json.encoder import encode_basestring
from types import MappingProxyType
from typing import Any, Self

from app.noyau.erreurs import Faute, SaisieInvalide
from app.noyau.euros import Euros
from app.referentiels.grilles.rules import CATALOGUE, Fait, FaitInvalide, Statut, Valeur

_TEXTE = encode_basestring  # la forme JSON d’un texte, accents en clair
# Ce que le calcul lit : un montant y est en centimes.
Brute = bool | int | Fraction | str | frozenset[str]


class FaitsInvalides(SaisieInvalide):
    """Un fait inconnu, ou d'une forme qui n'est pas la sienne. `fautes` : une par fait.

    Choix du projet : conception/notation.md, « Principe ».
    """

    code = "faits_invalides"


@dataclass(frozen=True)
class FaitsDossier:
    """Les faits d'un dossier à un instant. Un fait absent est manquant, jamais faux ni nul. Lève FaitsInvalides.

    Choix du projet : conception/notation.md, « Principe ».
    """

    faits: Mapping[str, Fait]
    bruts: Mapping[str, Brute] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        fautes = [faute for code, fait in self.faits.items() if (faute := _faute(code, fait)) is not None]
        if fautes:
            fautes.sort(key=lambda faute: faute.champ)
            raise FaitsInvalides(fautes, " ".join(faute.message for faute in fautes))
        self._ranger(self.faits)

    @classmethod
    def etablis(cls, faits: Mapping[str, Fait]) -> Self:
        """Des faits dont la forme vient d'être vérifiée un par un : elle ne l'est pas une seconde fois."""
        releve = object.__new__(cls)
        releve._ranger(faits)
        return releve

    def _ranger(self, faits: Mapping[str, Fait]) -> None:
        tries = dict(sorted(faits.items()))
        object.__setattr__(self, "faits", MappingProxyType(tries))
        object.__setattr__(self, "bruts", {code: _brute(fait.valeur) for code, fait in tries.items()})

    def __hash__(self) -> int:
        return hash(tuple(self.faits.items()))

    def fait(self, code: str) -> Fait | None:
        """Le fait, ou None s'il manque."""
        return self.faits.get(code)

    def avec(self, **faits: Fait) -> FaitsDossier:
        """Les mêmes faits, ceux-ci ajoutés ou remplacés."""
        return FaitsDossier({**self.faits, **faits})

    def sans(self, *codes: str) -> FaitsDossier:
        """Les mêmes faits, ceux-ci manquants."""
        return FaitsDossier({code: fait for code, fait in self.faits.items() if code not in codes})


def faits_vers_json(faits: FaitsDossier) -> str:
    """Forme canonique, qui dit le type de chaque valeur : {"statut":"verifie","valeur":{"fraction":"17/20"}}.

    Les mêmes octets que texte_canonique(faits_vers_donnees(faits)), écrits directement : chaque note en passe par là.
    Choix du projet : architecture, décision 15 (JSON canonique).
    """
    return "{" + ",".join([f'"{code}":{_fait_vers_json(fait)}' for code, fait in faits.faits.items()]) + "}"


def faits_vers_donnees(faits: FaitsDossier) -> dict[str, Any]:
    """La même forme, en données JSON.

    Choix du projet : architecture, décision 15 (JSON canonique).
    """
    return {code: fait_vers_donnees(fait) for code, fait in faits.faits.items()}


def fait_vers_donnees(fait: Fait) -> dict[str, Any]:
    """Un fait en données JSON, sans flottant.

    Choix du projet : architecture, décision 7.
    """
    motif = {"motif": fait.motif} if fait.motif else {}
    return {"statut": fait.statut.value, "valeur": _valeur_vers_donnees(fait.valeur), **motif}


def faits_depuis_json(texte: str) -> FaitsDossier:
    """L'inverse de faits_vers_json. Lève FaitsInvalides.

    Choix du projet : architecture, décision 15 (JSON canonique).
    """
    return faits_depuis_donnees(json.loads(texte))


def faits_depuis_donnees(donnees: Mapping[str, Any]) -> FaitsDossier:
    """L'inverse de faits_vers_donnees. Lève FaitsInvalides.

    Choix du projet : architecture, décision 15 (JSON canonique).
    """
    faits: dict[str, Fait] = {}
    for code, brut in donnees.items():
        try:
            faits[code] = Fait(_valeur_depuis_donnees(brut["valeur"]), Statut(brut["statut"]), brut.get("motif", ""))
        except (KeyError, TypeError, ValueError, AttributeError) as erreur:
            raise FaitsInvalides(
                [Faute(code, "fait illisible", "fait_illisible")], f"« {code} » : illisible."
            ) from erreur
    return FaitsDossier(faits)


def _faute(code: str, fait: Fait) -> Faute | None:
    definition = CATALOGUE.get(code)
    if definition is None:
        return Faute(code, f"« {code} » n’est pas un fait du catalogue.", "fait_inconnu")
    raison = definition.faute(fait)
    return None if raison is None else Faute(code, raison, "fait_invalide")


# Les faits les plus courants, une fois chacun : un fait ne change pas, il se partage.
PARTAGES = {
    (valeur, statut): Fait(valeur, statut) for valeur in (True, False) for statut in (Statut.DECLARE, Statut.VERIFIE)
}


def _fait_vers_json(fait: Fait) -> str:
    ecrit = _ECRITS.get(id(fait))
    return _ecrire(fait) if ecrit is None else ecrit


def _ecrire(fait: Fait) -> str:
    motif = f'"motif":{_TEXTE(fait.motif)},' if fait.motif else ""
    return f'{{{motif}"statut":"{fait.statut.value}","valeur":{_valeur_vers_json(fait.valeur)}}}'


def _valeur_vers_json(valeur: Valeur) -> str:
    if isinstance(valeur, bool):
        return "true" if valeur else "false"
    match valeur:
        case frozenset():
            return '{"codes":[' + ",".join(map(_TEXTE, sorted(valeur))) + "]}"
        case Euros():
            return f'{{"centimes":{valeur.centimes}}}'
        case Fraction():
            return f'{{"fraction":"{valeur}"}}'
    return _TEXTE(valeur) if isinstance(valeur, str) else str(valeur)


_ECRITS = {id(fait): _ecrire(fait) for fait in PARTAGES.values()}


def _brute(valeur: Valeur) -> Brute:
    return valeur.centimes if isinstance(valeur, Euros) else valeur


def _valeur_vers_donnees(valeur: Valeur) -> object:
    match valeur:
        case Fraction():
            return {"fraction": str(valeur)}
        case Euros():
            return {"centimes": valeur.centimes}
        case frozenset():
            return {"codes": sorted(valeur)}
        case _:
            return valeur


def _valeur_depuis_donnees(brute: object) -> Valeur:
    match brute:
        case {"fraction": str(texte)}:
            return Fraction(texte)
        case {"centimes": int(centimes)}:
            return Euros(centimes)
        case {"codes": list(codes)}:
            return frozenset(codes)
        case bool() | int() | str():
            return brute
        case _:
            raise FaitInvalide(f"valeur illisible : {brute!r}")

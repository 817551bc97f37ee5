"""Les phrases de motif, remplies avec les valeurs : nombres à la française, codes par leur libellé."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Protocol

from app.etapes.notation.rules.evaluation import Bornes, contexte, mesureur
from app.etapes.notation.rules.faits import FaitsDossier
from app.noyau.euros import ESPACE_UNITE, Euros, arrondir
from app.referentiels.grilles.rules import (
    CATALOGUE,
    Compte,
    DefinitionFait,
    Fait,
    Forme,
    Lexique,
    Renvoi,
    Unite,
    Valeur,
    ecrire_decimal,
    morceaux,
)

Noms = Mapping[str, Mapping[str, str]]  # fait → code → nom
SANS_NOM: Noms = MappingProxyType({})
_Ecrire = Callable[[FaitsDossier, Noms], str]
NON_RENSEIGNE = "(non renseigné)"
SANS_VALEUR = "(sans valeur)"
_UNITES = {"part": Unite.PART, "centimes": Unite.CENTIMES}


class Rediger(Protocol):
    """Une phrase prête à remplir. Sans `noms`, les codes du contrat restent des codes.

    Choix du projet : conception/notation.md, « phrase de motif ».
    """

    def __call__(self, faits: FaitsDossier, noms: Noms = SANS_NOM, /) -> str: ...


def redacteur(motif: str, noms: Lexique) -> Rediger:
    """La phrase en fonction des faits : « (non renseigné) » s'il manque, « (sans valeur) » sans dénominateur.

    Choix du projet : conception/notation.md, « phrase de motif ».
    """
    ecrivains = [_ecrivain(morceau, noms) for morceau in morceaux(motif)]

    def rediger(faits: FaitsDossier, connus: Noms = SANS_NOM, /) -> str:
        return "".join([ecrire(faits, connus) for ecrire in ecrivains])

    return rediger


def ecrire_fait(code: str, fait: Fait | None, noms: Noms = SANS_NOM) -> str:
    """La valeur d'un fait du catalogue, comme on la lit. Un code que `noms` connaît se dit « par son nom ».

    Choix du projet : conception/notation.md, « phrase de motif ».
    """
    if fait is None:
        return NON_RENSEIGNE
    connus = noms.get(code)
    match fait.valeur if connus else None:
        case str(valeur):
            return _citer(valeur, connus or {})
        case frozenset(valeurs) if valeurs:
            return ", ".join(_citer(valeur, connus or {}) for valeur in sorted(valeurs))
    return _ecrire_valeur(CATALOGUE[code], fait.valeur)


def _citer(code: str, connus: Mapping[str, str]) -> str:
    return f"« {connus[code]} »" if code in connus else code


def _ecrivain(morceau: str | Renvoi, noms: Lexique) -> _Ecrire:
    if isinstance(morceau, str):
        return lambda _faits, _noms: morceau
    code, mesure = morceau.code, noms.mesures.get(morceau.code)
    if mesure is None:
        if morceau.forme is Forme.STATUT:
            return lambda faits, _noms: _statut(faits.fait(code))
        return lambda faits, connus: ecrire_fait(code, faits.fait(code), connus)
    if morceau.forme is Forme.LISTE and isinstance(mesure.operation, Compte):
        return _liste(mesure.operation)
    mesurer, unite = mesureur(code, noms), mesure.unite
    return lambda faits, _noms: _ecrire_bornes(mesurer(contexte(faits)), unite)


def _statut(fait: Fait | None) -> str:
    return "manquant" if fait is None else fait.statut.libelle


def _liste(compte: Compte) -> _Ecrire:
    libelles = [(code, CATALOGUE[code].libelle) for code in compte.parmi]
    return lambda faits, _noms: ", ".join([mot for code, mot in libelles if faits.bruts.get(code) is True]) or "aucun"


def _ecrire_bornes(bornes: Bornes | None, unite: Unite) -> str:
    if bornes is None:
        return SANS_VALEUR
    return NON_RENSEIGNE if bornes.bas != bornes.haut else _ecrire_nombre(Fraction(bornes.bas), unite)


def _ecrire_nombre(nombre: Fraction, unite: Unite) -> str:
    match unite:
        case Unite.PART:
            return f"{ecrire_decimal(nombre * 100)}{ESPACE_UNITE}%"
        case Unite.CENTIMES:
            return str(Euros(int(arrondir(nombre, 0))))
        case _:
            return ecrire_decimal(nombre)


def _ecrire_valeur(definition: DefinitionFait, valeur: Valeur) -> str:
    libelles = dict(definition.valeurs)
    match valeur:
        case bool():
            return "oui" if valeur else "non"
        case int():
            return ecrire_decimal(Fraction(valeur))
        case Fraction():
            return _ecrire_nombre(valeur, _UNITES.get(definition.unite, Unite.NOMBRE))
        case frozenset():
            ordre = list(libelles) if libelles else sorted(valeur)
            return ", ".join(libelles.get(code, code) for code in ordre if code in valeur) or "aucun"
        case str():
            return libelles.get(valeur, valeur)
        case _:
            return str(valeur)

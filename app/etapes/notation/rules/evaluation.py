"""Conditions et mesures d'une grille, mises en fonctions. Trois réponses : oui, non, on ne sait pas (un fait manque)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from app.etapes.notation.rules.faits import Brute
from app.referentiels.grilles.rules import (
    AuMoins,
    AuPlus,
    Compte,
    Condition,
    Couverture,
    Est,
    Lexique,
    MoinsDe,
    Nombre,
    Parmi,
    Rapport,
    Terme,
    Toujours,
    Tous,
    UnDe,
    Vrai,
)

Reel = int | Fraction


class Bornes(NamedTuple):
    """Où se trouve un nombre. `haut` absent : sans limite connue. `est_sur` : faux s'il peut n'avoir pas de valeur.

    Choix du projet : issue 4, « a missing fact gives an interval ».
    """

    bas: Reel
    haut: Reel | None
    est_sur: bool = True


Bruts = Mapping[str, Brute]
Juger = Callable[[Bruts], bool | None]
# None : le nombre n'a pas de valeur (dénominateur nul) ; aucun seuil n'est alors atteint.
Mesurer = Callable[[Bruts], Bornes | None]
_INCONNU = Bornes(0, None)


def juge(condition: Condition, noms: Lexique) -> Juger:
    """La condition en fonction : vrai, faux, ou None si un fait manquant empêche de conclure.

    Choix du projet : conception/notation.md, « Une donnée manquante donne un intervalle ».
    """
    match condition:
        case Toujours():
            return lambda _bruts: True
        case Vrai(de):
            return lambda bruts: bruts.get(de)  # type: ignore[return-value]
        case Parmi(de, codes, ensemble):
            return _parmi(de, frozenset(noms.ensembles[ensemble].codes if ensemble is not None else codes))
        case Est(definition):
            return juge(noms.definitions[definition].si, noms)
        case Tous(conditions):
            return _tous([juge(sous_condition, noms) for sous_condition in conditions])
        case UnDe(conditions):
            return _un_de([juge(sous_condition, noms) for sous_condition in conditions])
        case AuMoins(de, valeur):
            return _au_moins(mesureur(de, noms), _simple(valeur))
        case AuPlus(de, valeur):
            return _au_plus(mesureur(de, noms), _simple(valeur))
        case MoinsDe(de, valeur):
            return _moins_de(mesureur(de, noms), _simple(valeur))


def mesureur(code: str, noms: Lexique) -> Mesurer:
    """Un fait numérique ou une mesure, en fonction. Les montants sont en centimes.

    Choix du projet : issue 4, « formula from a small closed set ».
    """
    if code not in noms.mesures:
        return _du_fait(code)
    match noms.mesures[code].operation:
        case Rapport(numerateur, denominateur):
            return _rapport(numerateur, denominateur, noms)
        case Compte(parmi):
            return _compte(parmi)
        case Nombre(de, ensemble):
            return _nombre(de, _codes(ensemble, noms))
        case Couverture(de, par, ensemble):
            return _couverture(de, par, _codes(ensemble, noms))


def descend(code: str, codes: frozenset[str]) -> bool:
    """Vrai si le code est dans l'ensemble, ou descend d'un code de l'ensemble : E2.2.1 descend de E2.2.

    Choix du projet : conception/notation.md, « Codes ».
    """
    while code not in codes:
        code, point, _ = code.rpartition(".")
        if not point:
            return False
    return True


# --- conditions ---------------------------------------------------------------------------------------------------


def _parmi(de: str, codes: frozenset[str]) -> Juger:
    def juger(bruts: Bruts) -> bool | None:
        valeur = bruts.get(de)
        if valeur is None:
            return None
        if isinstance(valeur, frozenset):
            return any(descend(code, codes) for code in valeur)
        return descend(str(valeur), codes)

    return juger


def _tous(juges: list[Juger]) -> Juger:
    def juger(bruts: Bruts) -> bool | None:
        resultat: bool | None = True
        for sous_juge in juges:
            reponse = sous_juge(bruts)
            if reponse is False:
                return False
            if reponse is None:
                resultat = None
        return resultat

    return juger


def _un_de(juges: list[Juger]) -> Juger:
    def juger(bruts: Bruts) -> bool | None:
        resultat: bool | None = False
        for sous_juge in juges:
            reponse = sous_juge(bruts)
            if reponse:
                return True
            if reponse is None:
                resultat = None
        return resultat

    return juger


def _au_moins(mesurer: Mesurer, seuil: Reel) -> Juger:
    def juger(bruts: Bruts) -> bool | None:
        bornes = mesurer(bruts)
        if bornes is None or (bornes.haut is not None and bornes.haut < seuil):
            return False
        return True if bornes.est_sur and bornes.bas >= seuil else None

    return juger


def _au_plus(mesurer: Mesurer, seuil: Reel) -> Juger:
    def juger(bruts: Bruts) -> bool | None:
        bornes = mesurer(bruts)
        if bornes is None or bornes.bas > seuil:
            return False
        return True if bornes.est_sur and bornes.haut is not None and bornes.haut <= seuil else None

    return juger


def _moins_de(mesurer: Mesurer, seuil: Reel) -> Juger:
    def juger(bruts: Bruts) -> bool | None:
        bornes = mesurer(bruts)
        if bornes is None or bornes.bas >= seuil:
            return False
        return True if bornes.est_sur and bornes.haut is not None and bornes.haut < seuil else None

    return juger


# --- mesures ------------------------------------------------------------------------------------------------------


def _du_fait(code: str) -> Mesurer:
    def mesurer(bruts: Bruts) -> Bornes:
        valeur = bruts.get(code)
        return Bornes(valeur, valeur) if isinstance(valeur, int | Fraction) else _INCONNU

    return mesurer


def _rapport(numerateur: tuple[Terme, ...], denominateur: tuple[Terme, ...], noms: Lexique) -> Mesurer:
    echelle = lcm(*(terme.coefficient.denominator for terme in (*numerateur, *denominateur)))
    haut, bas = (
        [(mesureur(terme.de, noms), int(terme.coefficient * echelle)) for terme in termes]
        for termes in (numerateur, denominateur)
    )

    def mesurer(bruts: Bruts) -> Bornes | None:
        dessus, dessous = _somme(haut, bruts), _somme(bas, bruts)
        if dessus is None or dessous is None or dessous.haut == 0:
            return None
        mini = Fraction(0) if dessous.haut is None else Fraction(dessus.bas) / dessous.haut
        maxi = None if dessus.haut is None or dessous.bas == 0 else Fraction(dessus.haut) / dessous.bas
        return Bornes(mini, maxi, dessus.est_sur and dessous.est_sur and dessous.bas > 0)

    return mesurer


def _somme(termes: list[tuple[Mesurer, int]], bruts: Bruts) -> Bornes | None:
    """Bornes de la somme pondérée (coefficients positifs) ; None si un terme n'a pas de valeur."""
    bas: Reel = 0
    haut: Reel | None = 0
    est_sur = True
    for mesurer, coefficient in termes:
        bornes = mesurer(bruts)
        if bornes is None:
            return None
        bas += coefficient * bornes.bas
        haut = None if haut is None or bornes.haut is None else haut + coefficient * bornes.haut
        est_sur = est_sur and bornes.est_sur
    return Bornes(bas, haut, est_sur)


def _compte(parmi: tuple[str, ...]) -> Mesurer:
    def mesurer(bruts: Bruts) -> Bornes:
        reponses = [bruts.get(code) for code in parmi]
        vrais = reponses.count(True)
        return Bornes(vrais, vrais + reponses.count(None))

    return mesurer


def _nombre(de: str, codes: frozenset[str] | None) -> Mesurer:
    def mesurer(bruts: Bruts) -> Bornes:
        valeur = bruts.get(de)
        if not isinstance(valeur, frozenset):
            return _INCONNU
        nombre = len(_retenus(valeur, codes))
        return Bornes(nombre, nombre)

    return mesurer


def _couverture(de: str, par: str, codes: frozenset[str] | None) -> Mesurer:
    def mesurer(bruts: Bruts) -> Bornes | None:
        vises, couvrants = bruts.get(de), bruts.get(par)
        if not isinstance(vises, frozenset):
            return Bornes(0, 1, est_sur=False)
        retenus = _retenus(vises, codes)
        if not retenus:
            return None
        if not isinstance(couvrants, frozenset):
            return Bornes(0, 1)
        couverts = sum(any(descend(code, frozenset({vise})) for code in couvrants) for vise in retenus)
        part = Fraction(couverts, len(retenus))
        return Bornes(part, part)

    return mesurer


def _retenus(valeur: frozenset[str], codes: frozenset[str] | None) -> list[str]:
    return [code for code in valeur if codes is None or descend(code, codes)]


def _codes(ensemble: str | None, noms: Lexique) -> frozenset[str] | None:
    return None if ensemble is None else frozenset(noms.ensembles[ensemble].codes)


def _simple(valeur: Fraction) -> Reel:
    return valeur.numerator if valeur.denominator == 1 else valeur

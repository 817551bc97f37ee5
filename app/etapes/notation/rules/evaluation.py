"""Conditions et mesures d'une grille, mises en fonctions. Trois réponses : oui, non, on ne sait pas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from app.etapes.notation.rules.faits import Brute, FaitsDossier
from app.referentiels.grilles.rules import (
    CATALOGUE,
    AuMoins,
    AuPlus,
    Compte,
    Condition,
    Est,
    Lexique,
    MoinsDe,
    Nombre,
    Operation,
    Parmi,
    Rapport,
    Terme,
    Toujours,
    Tous,
    TypeFait,
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


class Contexte(NamedTuple):
    """Les faits bruts d'un dossier, ses mesures et ses définitions, calculées une fois chacune.

    Choix du projet : issue 4, « scoring is pure and fast ».
    """

    bruts: Mapping[str, Brute]
    mesures: dict[str, Bornes | None]
    definitions: dict[str, bool | None]


Juger = Callable[[Contexte], bool | None]
# None : le nombre n'a pas de valeur (dénominateur nul) ; aucun seuil n'est alors atteint.
Mesurer = Callable[[Contexte], Bornes | None]
_INCONNU = Bornes(0, None)
_CODES_GARDES = 1_024


def contexte(faits: FaitsDossier) -> Contexte:
    """De quoi juger un dossier.

    Choix du projet : issue 4, « scoring is pure and fast ».
    """
    return Contexte(faits.bruts, {}, {})


def juge(condition: Condition, noms: Lexique) -> Juger:
    """La condition en fonction : vrai, faux, ou None si un fait manquant empêche de conclure.

    Choix du projet : conception/notation.md, « Une donnée manquante donne un intervalle ».
    """
    match condition:
        case Toujours():
            return lambda _contexte: True
        case Vrai(de):
            return lambda contexte: contexte.bruts.get(de)  # type: ignore[return-value]
        case Parmi(de, codes, ensemble):
            return _parmi(de, frozenset(noms.ensembles[ensemble].codes if ensemble is not None else codes))
        case Est(definition):
            return _definie(definition, juge(noms.definitions[definition].si, noms))
        case Tous(conditions) | UnDe(conditions):
            assembler = _tous if isinstance(condition, Tous) else _un_de
            return assembler([juge(sous_condition, noms) for sous_condition in conditions])
        case _:
            return _SEUILS[type(condition)](mesureur(condition.de, noms), _simple(condition.valeur))


def mesureur(code: str, noms: Lexique) -> Mesurer:
    """Un fait numérique ou une mesure, en fonction. Les montants sont en centimes.

    Choix du projet : issue 4, « formula from a small closed set ».
    """
    if code not in noms.mesures:
        return _du_fait(code)
    calculer = _operation(noms.mesures[code].operation, noms)

    def mesurer(contexte: Contexte) -> Bornes | None:
        mesures = contexte.mesures
        if code in mesures:
            return mesures[code]
        bornes = mesures[code] = calculer(contexte)
        return bornes

    return mesurer


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


def _definie(code: str, juger_la_definition: Juger) -> Juger:
    def juger(contexte: Contexte) -> bool | None:
        definitions = contexte.definitions
        if code in definitions:
            return definitions[code]
        reponse = definitions[code] = juger_la_definition(contexte)
        return reponse

    return juger


def _parmi(de: str, codes: frozenset[str]) -> Juger:
    connus: dict[str, bool] = {}

    def repond(code: str) -> bool:
        reponse = connus.get(code)
        if reponse is None:
            if len(connus) >= _CODES_GARDES:
                connus.clear()
            reponse = connus[code] = descend(code, codes)
        return reponse

    def un_code(contexte: Contexte) -> bool | None:
        valeur = contexte.bruts.get(de)
        return None if valeur is None else repond(valeur)  # type: ignore[arg-type]

    def des_codes(contexte: Contexte) -> bool | None:
        valeur = contexte.bruts.get(de)
        return None if valeur is None else any(map(repond, valeur))  # type: ignore[arg-type]

    return un_code if CATALOGUE[de].type is TypeFait.CODE else des_codes


def _tous(juges: list[Juger]) -> Juger:
    def juger(contexte: Contexte) -> bool | None:
        resultat: bool | None = True
        for sous_juge in juges:
            reponse = sous_juge(contexte)
            if reponse is False:
                return False
            if reponse is None:
                resultat = None
        return resultat

    return juger


def _un_de(juges: list[Juger]) -> Juger:
    def juger(contexte: Contexte) -> bool | None:
        resultat: bool | None = False
        for sous_juge in juges:
            reponse = sous_juge(contexte)
            if reponse:
                return True
            if reponse is None:
                resultat = None
        return resultat

    return juger


# Un seuil se compare par produits croisés d'entiers : exact, et bien plus court qu'entre deux fractions.


def _au_moins(mesurer: Mesurer, seuil: Reel) -> Juger:
    haut, bas = seuil.numerator, seuil.denominator

    def juger(contexte: Contexte) -> bool | None:
        bornes = mesurer(contexte)
        if bornes is None:
            return False
        mini, maxi, est_sur = bornes
        if mini.numerator * bas >= haut * mini.denominator:
            return True if est_sur else None
        return False if maxi is not None and maxi.numerator * bas < haut * maxi.denominator else None

    return juger


def _au_plus(mesurer: Mesurer, seuil: Reel) -> Juger:
    haut, bas = seuil.numerator, seuil.denominator

    def juger(contexte: Contexte) -> bool | None:
        bornes = mesurer(contexte)
        if bornes is None:
            return False
        mini, maxi, est_sur = bornes
        if mini.numerator * bas > haut * mini.denominator:
            return False
        return True if est_sur and maxi is not None and maxi.numerator * bas <= haut * maxi.denominator else None

    return juger


def _moins_de(mesurer: Mesurer, seuil: Reel) -> Juger:
    haut, bas = seuil.numerator, seuil.denominator

    def juger(contexte: Contexte) -> bool | None:
        bornes = mesurer(contexte)
        if bornes is None:
            return False
        mini, maxi, est_sur = bornes
        if mini.numerator * bas >= haut * mini.denominator:
            return False
        return True if est_sur and maxi is not None and maxi.numerator * bas < haut * maxi.denominator else None

    return juger


_SEUILS: dict[type[Condition], Callable[[Mesurer, Reel], Juger]] = {
    AuMoins: _au_moins,
    AuPlus: _au_plus,
    MoinsDe: _moins_de,
}


# --- mesures ------------------------------------------------------------------------------------------------------


def _operation(operation: Operation, noms: Lexique) -> Mesurer:
    match operation:
        case Rapport(numerateur, denominateur):
            return _rapport(numerateur, denominateur, noms)
        case Compte(parmi):
            return _compte(parmi)
        case Nombre(de, ensemble):
            return _nombre(de, _codes(ensemble, noms))
        case _:
            return _couverture(operation.de, operation.par, _codes(operation.ensemble, noms))


def _du_fait(code: str) -> Mesurer:
    def mesurer(contexte: Contexte) -> Bornes:
        valeur = contexte.bruts.get(code)
        return _INCONNU if valeur is None else Bornes(valeur, valeur)  # type: ignore[arg-type]

    return mesurer


def _rapport(numerateur: tuple[Terme, ...], denominateur: tuple[Terme, ...], noms: Lexique) -> Mesurer:
    # Des coefficients entiers, à la même échelle en haut et en bas : le rapport ne change pas.
    echelle = lcm(*(terme.coefficient.denominator for terme in (*numerateur, *denominateur)))
    sommer_haut, sommer_bas = _somme(numerateur, echelle, noms), _somme(denominateur, echelle, noms)

    def mesurer(contexte: Contexte) -> Bornes | None:
        dessus, dessous = sommer_haut(contexte), sommer_bas(contexte)
        if dessus is None or dessous is None or dessous.haut == 0:
            return None
        mini = Fraction(0) if dessous.haut is None else Fraction(dessus.bas, dessous.haut)
        if dessus.bas == dessus.haut and dessous.bas == dessous.haut:
            return Bornes(mini, mini, dessus.est_sur and dessous.est_sur)
        maxi = None if dessus.haut is None or dessous.bas == 0 else Fraction(dessus.haut, dessous.bas)
        return Bornes(mini, maxi, dessus.est_sur and dessous.est_sur and dessous.bas > 0)

    return mesurer


def _somme(termes: tuple[Terme, ...], echelle: int, noms: Lexique) -> Mesurer:
    """La somme pondérée (coefficients positifs) ; sans valeur si un terme n'en a pas."""
    prets = [(mesureur(terme.de, noms), int(terme.coefficient * echelle)) for terme in termes]
    if len(prets) == 1 and prets[0][1] == 1:
        return prets[0][0]

    def mesurer(contexte: Contexte) -> Bornes | None:
        bas: Reel = 0
        haut: Reel | None = 0
        est_sur = True
        for mesurer_terme, coefficient in prets:
            bornes = mesurer_terme(contexte)
            if bornes is None:
                return None
            bas += coefficient * bornes.bas
            haut = None if haut is None or bornes.haut is None else haut + coefficient * bornes.haut
            est_sur = est_sur and bornes.est_sur
        return Bornes(bas, haut, est_sur)

    return mesurer


def _compte(parmi: tuple[str, ...]) -> Mesurer:
    def mesurer(contexte: Contexte) -> Bornes:
        reponses = [contexte.bruts.get(code) for code in parmi]
        vrais = reponses.count(True)
        return Bornes(vrais, vrais + reponses.count(None))

    return mesurer


def _nombre(de: str, codes: frozenset[str] | None) -> Mesurer:
    def mesurer(contexte: Contexte) -> Bornes:
        valeur = contexte.bruts.get(de)
        if valeur is None:
            return _INCONNU
        nombre = len(_retenus(valeur, codes))
        return Bornes(nombre, nombre)

    return mesurer


def _couverture(de: str, par: str, codes: frozenset[str] | None) -> Mesurer:
    def mesurer(contexte: Contexte) -> Bornes | None:
        vises, couvrants = contexte.bruts.get(de), contexte.bruts.get(par)
        if vises is None:
            return Bornes(0, 1, est_sur=False)
        retenus = _retenus(vises, codes)
        if not retenus:
            return None
        if couvrants is None:
            return Bornes(0, 1)
        couverts = sum(any(descend(code, frozenset({vise})) for code in _retenus(couvrants)) for vise in retenus)
        part = Fraction(couverts, len(retenus))
        return Bornes(part, part)

    return mesurer


def _retenus(valeur: Brute, codes: frozenset[str] | None = None) -> list[str]:
    assert isinstance(valeur, frozenset)  # noqa: S101 — la grille et les faits sont validés : ce sont des codes
    return [code for code in valeur if codes is None or descend(code, codes)]


def _codes(ensemble: str | None, noms: Lexique) -> frozenset[str] | None:
    return None if ensemble is None else frozenset(noms.ensembles[ensemble].codes)


def _simple(valeur: Fraction) -> Reel:
    return valeur.numerator if valeur.denominator == 1 else valeur

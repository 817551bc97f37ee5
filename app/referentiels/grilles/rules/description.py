"""Une grille dite en français : ses conditions, ses nombres, ses phrases, ses ensembles."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from app.noyau.euros import ESPACE_UNITE, Euros
from app.referentiels.grilles.rules.catalogue import CATALOGUE
from app.referentiels.grilles.rules.faits import TypeFait
from app.referentiels.grilles.rules.lecture import Lexique
from app.referentiels.grilles.rules.modele import (
    AuMoins,
    AuPlus,
    Compte,
    Condition,
    Est,
    MoinsDe,
    Nombre,
    Operation,
    Parmi,
    Rapport,
    Terme,
    Tous,
    UnDe,
    Unite,
    Vrai,
)
from app.referentiels.grilles.rules.nombres import ecrire_decimal
from app.referentiels.grilles.rules.phrases import morceaux

CODES_ECRITS = 6
COURT = 3
_UNITES = {"part": Unite.PART, "centimes": Unite.CENTIMES, "euros": Unite.CENTIMES}
_SEUILS: dict[type[Condition], str] = {AuMoins: "au moins", AuPlus: "au plus", MoinsDe: "moins de"}


def decrire(condition: Condition, noms: Lexique) -> str:
    """La condition en français. Un ensemble de plus de six codes est dit par son nom ; la page en donne la liste.

    Choix du projet : issue 4, « in words a volunteer understands ».
    """
    match condition:
        case Tous(conditions) | UnDe(conditions):
            mot = " et " if isinstance(condition, Tous) else " ou "
            return mot.join(_serrer(c, noms) for c in conditions)
        case AuMoins(de, valeur) | AuPlus(de, valeur) | MoinsDe(de, valeur):
            return f"{nommer(de, noms)} : {_SEUILS[type(condition)]} {montrer_nombre(de, valeur, noms)}"
        case Parmi(de, codes, ensemble):
            return _parmi(de, codes, ensemble, noms)
        case Est(definition):
            return noms.definitions[definition].libelle
        case Vrai(de):
            return CATALOGUE[de].libelle
    return "dans tous les autres cas"


def nom_lisible(ensemble: str) -> str:
    """« FICHES_MULHOUSE » devient « Fiches Mulhouse ».

    Choix du projet : issue 4, « in words a volunteer understands ».
    """
    return " ".join(mot.capitalize() if len(mot) > COURT else mot for mot in ensemble.split("_"))


def phrase_publique(motif: str, noms: Lexique) -> str:
    """La phrase de motif, chaque renvoi remplacé par le nom de la donnée entre crochets.

    Choix du projet : issue 4, « in words a volunteer understands ».
    """
    return "".join(m if isinstance(m, str) else f"[{nommer(m.code, noms)}]" for m in morceaux(motif))


def _serrer(condition: Condition, noms: Lexique) -> str:
    phrase = decrire(condition, noms)
    return f"({phrase})" if isinstance(condition, Tous | UnDe) else phrase


def _parmi(de: str, codes: tuple[str, ...], ensemble: str | None, noms: Lexique) -> str:
    definition = CATALOGUE[de]
    libelles = dict(definition.valeurs)
    admis = noms.ensembles[ensemble].codes if ensemble is not None else codes
    if ensemble is not None and len(admis) > CODES_ECRITS:
        return f"{definition.libelle} : dans la liste « {nom_lisible(ensemble)} »"
    liste = _enumerer(libelles.get(code, code) for code in admis)
    un_de = "l’un de " if definition.type is TypeFait.CODES and len(admis) > 1 else ""
    return f"{definition.libelle} : {un_de}{liste}"


def _enumerer(textes: Iterable[str]) -> str:
    *premiers, dernier = textes
    return f"{', '.join(premiers)} ou {dernier}" if premiers else dernier


def nommer(de: str, noms: Lexique) -> str:
    """Le libellé d'un fait ou d'une mesure.

    Choix du projet : issue 4, « in words a volunteer understands ».
    """
    return noms.mesures[de].libelle if de in noms.mesures else CATALOGUE[de].libelle


def unite_de(de: str, noms: Lexique) -> Unite:
    """Comment se montre ce fait ou cette mesure.

    Choix du projet : conception/notation.md, « Principe ».
    """
    return noms.mesures[de].unite if de in noms.mesures else _UNITES.get(CATALOGUE[de].unite, Unite.NOMBRE)


def montrer_nombre(de: str, valeur: Fraction, noms: Lexique) -> str:
    """Un seuil, dans l'unité de ce qu'il borne : « 60 % », « 3 000 € », « 1,5 fois ».

    Choix du projet : issue 4, « in words a volunteer understands ».
    """
    match unite_de(de, noms):
        case Unite.PART:
            return f"{ecrire_decimal(valeur * 100)}{ESPACE_UNITE}%"
        case Unite.CENTIMES:
            return str(Euros(int(valeur)))
        case Unite.FOIS:
            return f"{ecrire_decimal(valeur)}{ESPACE_UNITE}fois"
        case _:
            return ecrire_decimal(valeur)


def decrire_operation(operation: Operation, noms: Lexique) -> str:
    """La formule d'une mesure en français.

    Choix du projet : issue 4, « in words a volunteer understands ».
    """
    match operation:
        case Rapport(numerateur, denominateur):
            return f"({_somme(numerateur, noms)}) rapporté à ({_somme(denominateur, noms)})"
        case Compte(parmi):
            return "combien de faits vrais parmi : " + ", ".join(CATALOGUE[code].libelle for code in parmi)
        case Nombre(de, ensemble):
            return f"combien de codes dans « {CATALOGUE[de].libelle} »{_dans(ensemble)}"
        case couverture:
            de, par = CATALOGUE[couverture.de].libelle, CATALOGUE[couverture.par].libelle
            return f"part de « {de} » qui a un code dans « {par} »{_dans(couverture.ensemble)}"


def _somme(termes: Iterable[Terme], noms: Lexique) -> str:
    return " + ".join(
        nommer(terme.de, noms) + ("" if terme.coefficient == 1 else f" × {ecrire_decimal(terme.coefficient)}")
        for terme in termes
    )


def _dans(ensemble: str | None) -> str:
    return "" if ensemble is None else f", de la liste « {nom_lisible(ensemble)} »"

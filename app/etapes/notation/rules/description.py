"""Les règles d'une grille, dites en français : ce qui est lu, ce que chaque palier demande, ce qu'il rapporte."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from app.etapes.notation.rules.motifs import ecrire_decimal
from app.noyau.euros import ESPACE_UNITE, Euros
from app.noyau.sources import Source
from app.referentiels.grilles.rules import (
    CATALOGUE,
    AuMoins,
    AuPlus,
    Bareme,
    Condition,
    Critere,
    Est,
    Grille,
    Lexique,
    MoinsDe,
    Parmi,
    Tous,
    TypeFait,
    UnDe,
    Unite,
    Vrai,
    faits_lus,
    lexique,
    morceaux,
)

CODES_ECRITS = 6
COURT = 3
_UNITES = {"part": Unite.PART, "centimes": Unite.CENTIMES, "euros": Unite.CENTIMES}
_SEUILS: dict[type[Condition], str] = {AuMoins: "au moins", AuPlus: "au plus", MoinsDe: "moins de"}


@dataclass(frozen=True, slots=True)
class PalierPublic:
    """Un palier : la part du poids obtenue (en %), ce qui l'obtient, et la phrase écrite à côté des points.

    Source : CRPA, art. R.311-3-1-2 (paramètres de traitement et leur pondération).
    """

    taux: int
    condition: str
    phrase: str


@dataclass(frozen=True, slots=True)
class BaremePublic:
    """Les paliers d'un critère pour ces lignes de financement.

    Source : CRPA, art. R.311-3-1-2 (paramètres de traitement et leur pondération).
    """

    lignes: tuple[str, ...]
    source: Source
    paliers: tuple[PalierPublic, ...]


@dataclass(frozen=True, slots=True)
class CriterePublic:
    """Un critère : son poids par ligne (code de ligne, poids), ce qu'il lit, ses barèmes, quand il ne compte pas.

    Source : CRPA, art. R.311-3-1-2 (données traitées et leurs sources, paramètres et pondération).
    """

    code: str
    libelle: str
    source: Source
    poids: tuple[tuple[str, int], ...]
    donnees: tuple[str, ...]
    baremes: tuple[BaremePublic, ...]
    sans_objet: tuple[str, ...]
    est_transversal: bool


def regles_publiques(grille: Grille) -> tuple[CriterePublic, ...]:
    """Les critères de la grille, dans son ordre, comme on les publie.

    Source : CRPA, art. L.311-3-1 et R.311-3-1-2 ; art. L.312-1-3 (publication des règles).
    """
    noms = lexique(grille)
    libelles = {ligne.code: ligne.libelle for ligne in grille.lignes}
    return tuple(
        CriterePublic(
            code=critere.code,
            libelle=critere.libelle,
            source=critere.source,
            poids=tuple((ligne.code, dict(ligne.poids)[critere.code]) for ligne in grille.lignes),
            donnees=_donnees(critere, noms),
            baremes=tuple(_bareme(bareme, noms, libelles) for bareme in critere.baremes),
            sans_objet=tuple(decrire(cas.si, noms) for cas in grille.sans_objet if cas.critere == critere.code),
            est_transversal=critere.est_transversal,
        )
        for critere in grille.criteres
    )


def decrire(condition: Condition, noms: Lexique) -> str:
    """La condition en français. Un ensemble de plus de six codes est dit par son nom ; la page en donne la liste.

    Choix du projet : issue 4, « in words a volunteer understands ».
    """
    match condition:
        case Tous(conditions) | UnDe(conditions):
            mot = " et " if isinstance(condition, Tous) else " ou "
            return mot.join(_serrer(c, noms) for c in conditions)
        case AuMoins(de, valeur) | AuPlus(de, valeur) | MoinsDe(de, valeur):
            return f"{_nom(de, noms)} : {_SEUILS[type(condition)]} {_nombre(de, valeur, noms)}"
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
    return "".join(m if isinstance(m, str) else f"[{_nom(m.code, noms)}]" for m in morceaux(motif))


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


def _nom(de: str, noms: Lexique) -> str:
    return noms.mesures[de].libelle if de in noms.mesures else CATALOGUE[de].libelle


def _nombre(de: str, valeur: Fraction, noms: Lexique) -> str:
    unite = noms.mesures[de].unite if de in noms.mesures else _UNITES.get(CATALOGUE[de].unite, Unite.NOMBRE)
    match unite:
        case Unite.PART:
            return f"{ecrire_decimal(valeur * 100)}{ESPACE_UNITE}%"
        case Unite.CENTIMES:
            return str(Euros(int(valeur)))
        case Unite.FOIS:
            return f"{ecrire_decimal(valeur)}{ESPACE_UNITE}fois"
        case _:
            return ecrire_decimal(valeur)


def _bareme(bareme: Bareme, noms: Lexique, libelles: dict[str, str]) -> BaremePublic:
    paliers = tuple(
        PalierPublic(palier.taux, decrire(palier.si, noms), phrase_publique(palier.motif, noms))
        for palier in bareme.paliers
    )
    return BaremePublic(tuple(libelles[ligne] for ligne in bareme.lignes), bareme.source, paliers)


def _donnees(critere: Critere, noms: Lexique) -> tuple[str, ...]:
    conditions = [palier.si for bareme in critere.baremes for palier in bareme.paliers]
    codes = dict.fromkeys(code for condition in conditions for code in faits_lus(condition, noms))
    return tuple(CATALOGUE[code].libelle for code in codes)

"""Classer les objectifs, objectifs opérationnels et priorités qu'un texte évoque, et dire pourquoi."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TypeVar

from app.etapes.contrat.rules.contenu import SUGGESTIONS, ContenuContrat, Objectif
from app.etapes.contrat.rules.suggestions import LONGUEUR_MAXIMUM, NOMBRE_PAR_DEFAUT
from app.etapes.contrat.rules.suggestions.lexique import VALEURS, Trouve
from app.etapes.contrat.rules.suggestions.modele import Modele
from app.etapes.contrat.rules.suggestions.mots import Mot, mots, racine, utiles
from app.etapes.contrat.rules.suggestions.passages import (
    Ecrit,
    Index,
    Passage,
    Priorite,
    index_des_objectifs,
    index_des_priorites,
    phrase_la_plus_proche,
)
from app.etapes.contrat.rules.suggestions.reperes import PLANCHER, Reperes, lire_reperes, parts

C = TypeVar("C", str, int)
LU_PAR_LE_MODELE = 400  # appris sur des titres, il lit le titre et le début du résumé ; les termes se cherchent partout
OPERATIONNELS = 3
PRIORITES = 3
_POIDS_LEXIQUE = 1.75
_POIDS_PASSAGE = 0.05
_POIDS_AFFINITE = (2.0, 1.0)  # une priorité qui parle du premier objectif proposé, du deuxième
_RANGS = (1.0, 0.5, 0.25)  # le deuxième terme d'un objectif compte moitié moins que le premier, et ainsi de suite
_MOTS_DU_MODELE = 3
_MOTS_CITES = 6
_PROCHE = 0.5  # un passage cité vaut au moins la moitié du meilleur


class Genre(StrEnum):
    """D'où vient un motif : le vocabulaire de l'objectif, un passage du contrat, les actions déjà financées.

    Choix du projet : ADR 0014.
    """

    TERMES = "termes"
    PASSAGE = "passage"
    TITRES = "titres"


@dataclass(frozen=True, slots=True)
class Motif:
    """Pourquoi. `mots` : ceux du texte, tels qu'écrits ; `passage` et `source` : ce que dit le contrat, à ses lignes.

    Choix du projet : ADR 0014.
    """

    genre: Genre
    texte: str
    mots: tuple[str, ...]
    passage: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class OperationnelPropose:
    """Un objectif opérationnel proposé. Choix du projet : ADR 0014."""

    code: str
    intitule: str
    motifs: tuple[Motif, ...]


@dataclass(frozen=True, slots=True)
class PrioriteProposee:
    """Une priorité de quartier proposée ; `objectifs` : ceux qu'on propose et dont elle parle, sinon le premier.

    Choix du projet : ADR 0014."""

    fiche: str
    nom: str
    commune: str
    rang: int
    intitule: str
    objectifs: tuple[str, ...]
    motifs: tuple[Motif, ...]


@dataclass(frozen=True, slots=True)
class ObjectifPropose:
    """Un objectif proposé ; `score` ne sert qu'à comparer entre eux les objectifs d'un même texte.

    Choix du projet : ADR 0014.
    """

    code: str
    intitule: str
    score: float
    motifs: tuple[Motif, ...]
    operationnels: tuple[OperationnelPropose, ...]


@dataclass(frozen=True, slots=True)
class Suggestions:
    """Ce qu'un texte évoque, le plus proche d'abord ; vide quand il ne dit rien. Choix du projet : ADR 0014."""

    objectifs: tuple[ObjectifPropose, ...] = ()
    priorites: tuple[PrioriteProposee, ...] = ()


@dataclass(frozen=True, slots=True)
class _Affinite:
    valeur: float
    mots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conseiller:
    """Un contrat, prêt à conseiller : ses objectifs, ses repères, ses passages, le modèle national.

    Choix du projet : ADR 0014.
    """

    objectifs: Mapping[str, Objectif]
    reperes: Reperes
    passages: Index
    priorites: Index
    affinites: Sequence[Mapping[str, _Affinite]]
    modele: Modele


@dataclass(frozen=True, slots=True)
class _Lu:
    texte: str
    mots: tuple[Mot, ...]
    racines: Mapping[str, tuple[str, ...]]
    trouves: tuple[Trouve, ...]
    notes: Mapping[int, float]
    probabilites: Mapping[str, float]


def preparer(contenu: ContenuContrat, modele: Modele) -> Conseiller:
    """Tout ce qui se calcule une fois pour une version du contrat. Choix du projet : ADR 0014."""
    reperes = lire_reperes(contenu.rubriques.get(SUGGESTIONS))
    priorites = index_des_priorites(contenu)
    return Conseiller(
        {objectif.code: objectif for objectif in contenu.objectifs},
        reperes,
        index_des_objectifs(contenu),
        priorites,
        [_affinites(reperes, ecrit.texte) for ecrit in priorites.ecrits],
        modele,
    )


def suggerer(
    conseiller: Conseiller, texte: str, nombre: int = NOMBRE_PAR_DEFAUT, fiches: Iterable[str] = ()
) -> Suggestions:
    """Au plus `nombre` objectifs, et les priorités des projets de quartier (ceux de `fiches`, sinon tous).

    Un texte qui ne dit rien de connu ne reçoit aucune proposition. Choix du projet : ADR 0014.
    """
    lu = _lire(conseiller, texte[:LONGUEUR_MAXIMUM])
    if not (lu.trouves or lu.notes or any(conseiller.modele.connait(mot.plie) for mot in lu.mots)):
        return Suggestions()
    scores = noter(conseiller, lu.texte, lu)
    ordre = {code: rang for rang, code in enumerate(conseiller.objectifs)}
    classes = sorted(scores, key=lambda code: (-scores[code], ordre[code]))
    proposes = (_objectif(conseiller, lu, code, scores[code]) for code in classes)
    objectifs = tuple(islice((propose for propose in proposes if propose.motifs), nombre))
    codes = [propose.code for propose in objectifs]
    return Suggestions(objectifs, _priorites(conseiller, lu, codes, frozenset(fiches)))


def noter(conseiller: Conseiller, texte: str, lu: _Lu | None = None) -> dict[str, float]:
    """Le score de chaque objectif : modèle national, termes de l'objectif, meilleur passage du contrat.

    Choix du projet : ADR 0014, mesuré par `make mesure-suggestions`.
    """
    lu = lu or _lire(conseiller, texte)
    vues = parts(conseiller.reperes, conseiller.modele, lu.probabilites)
    meilleurs = dict.fromkeys(conseiller.objectifs, 0.0)
    for rang, note in lu.notes.items():
        code = _passage(conseiller.passages.ecrits[rang]).objectif
        meilleurs[code] = max(meilleurs[code], note)
    return {
        code: math.log(vues.get(code, 0.0) + PLANCHER)
        + _POIDS_LEXIQUE * _du_lexique(lu.trouves, code)
        + _POIDS_PASSAGE * meilleurs[code]
        for code in conseiller.objectifs
    }


def _lire(conseiller: Conseiller, texte: str) -> _Lu:
    lus = mots(texte)
    pleins = utiles(lus)
    racines: dict[str, tuple[str, ...]] = {}
    for mot in pleins:
        ecrit = texte[mot.debut : mot.fin]
        une = racine(mot.plie)
        deja = racines.get(une, ())
        if ecrit not in deja:
            racines[une] = (*deja, ecrit)
    probabilites = conseiller.modele.probabilites(texte[:LU_PAR_LE_MODELE])
    return _Lu(
        texte,
        pleins,
        racines,
        conseiller.reperes.lexique.chercher(lus),
        conseiller.passages.notes(racines),
        dict(zip(conseiller.modele.codes, probabilites, strict=True)),
    )


def _affinites(reperes: Reperes, texte: str) -> dict[str, _Affinite]:
    trouves = reperes.lexique.chercher(mots(texte))
    return {
        code: _Affinite(_du_lexique(trouves, code), _ecrits(texte, trouves, code))
        for code in {trouve.terme.objectif for trouve in trouves}
    }


def _ecrits(texte: str, trouves: Iterable[Trouve], code: str) -> tuple[str, ...]:
    """Les termes de l'objectif tels qu'écrits, les plus parlants d'abord, au plus `_MOTS_CITES`."""
    siens = [trouve for trouve in trouves if trouve.terme.objectif == code]
    return tuple(dict.fromkeys(texte[trouve.debut : trouve.fin] for trouve in siens))[:_MOTS_CITES]


def _du_lexique(trouves: Iterable[Trouve], code: str) -> float:
    valeurs: dict[tuple[str, ...], float] = {}
    for trouve in trouves:
        if trouve.terme.objectif == code:
            valeurs[trouve.terme.mots] = VALEURS[trouve.terme.niveau]
    return sum(part * valeur for part, valeur in zip(_RANGS, sorted(valeurs.values(), reverse=True), strict=False))


def _passage(ecrit: Ecrit) -> Passage:
    assert isinstance(ecrit.de, Passage)  # noqa: S101 - l'index des objectifs n'en contient pas d'autre
    return ecrit.de


# --- dire pourquoi --------------------------------------------------------------------------------------------------


def _objectif(conseiller: Conseiller, lu: _Lu, code: str, score: float) -> ObjectifPropose:
    objectif = conseiller.objectifs[code]
    motifs = [
        *_par_les_termes(conseiller, lu, code),
        *_par_les_passages(conseiller, lu, code),
        *_par_les_titres(conseiller, lu, code),
    ]
    return ObjectifPropose(
        code, objectif.intitule, round(score, 3), tuple(motifs), _operationnels(conseiller, lu, objectif)
    )


def _par_les_termes(conseiller: Conseiller, lu: _Lu, code: str) -> Iterable[Motif]:
    ecrits = _ecrits(lu.texte, lu.trouves, code)
    if ecrits:
        source = conseiller.reperes.sources[code]
        yield Motif(Genre.TERMES, "Ces mots sont ceux de cet objectif.", ecrits, source=source)


def _par_les_passages(conseiller: Conseiller, lu: _Lu, code: str) -> Iterable[Motif]:
    ecrits = conseiller.passages.ecrits
    siens = {rang: note for rang, note in lu.notes.items() if _passage(ecrits[rang]).objectif == code}
    if siens:
        rang = max(siens, key=lambda un: (siens[un], -un))
        yield _citer(conseiller.passages, lu, ecrits[rang], "Le contrat l’écrit.")


def _par_les_titres(conseiller: Conseiller, lu: _Lu, code: str) -> Iterable[Motif]:
    """Les mots qui rapprochent le texte d'actions financées sous un code de l'objectif."""
    correspondance = conseiller.reperes.correspondances.get(code)
    modele = conseiller.modele
    codes = [c for c in modele.codes if correspondance and c in correspondance.codes]
    if not codes:
        return
    meilleur = max(codes, key=lambda c: (lu.probabilites[c], c))
    poids = {une: modele.poids_de(f"w:{une}", meilleur) for une in lu.racines}
    parlantes = sorted((une for une in poids if poids[une] > 0), key=lambda une: (-poids[une], une))[:_MOTS_DU_MODELE]
    if parlantes:
        libelle = modele.libelles[modele.codes.index(meilleur)]
        mots = tuple(ecrit for une in parlantes for ecrit in lu.racines[une])
        yield Motif(Genre.TITRES, f"Des actions financées au titre de « {libelle} » emploient ces mots.", mots)


def _citer(index: Index, lu: _Lu, ecrit: Ecrit, texte: str) -> Motif:
    communes = [une for une in lu.racines if une in ecrit.racines]
    ecrits = tuple(mot for une in communes for mot in lu.racines[une])
    passage = phrase_la_plus_proche(ecrit, {une: index.raretes.get(une, 0.0) for une in communes})
    return Motif(Genre.PASSAGE, texte, ecrits, passage, ecrit.de.source)


def _operationnels(conseiller: Conseiller, lu: _Lu, objectif: Objectif) -> tuple[OperationnelPropose, ...]:
    """Les objectifs opérationnels que le texte rejoint, cités par leur passage le plus proche."""
    ecrits = conseiller.passages.ecrits
    par_code: dict[str, int] = {}
    for rang, note in lu.notes.items():
        passage = _passage(ecrits[rang])
        if passage.objectif == objectif.code and passage.operationnel:
            tenant = par_code.get(passage.operationnel)
            if tenant is None or note > lu.notes[tenant]:
                par_code[passage.operationnel] = rang
    meilleurs = _les_proches({code: lu.notes[rang] for code, rang in par_code.items()}, OPERATIONNELS)
    intitules = {o.code: o.intitule for o in objectif.operationnels}
    return tuple(
        OperationnelPropose(
            code,
            intitules[code],
            (_citer(conseiller.passages, lu, ecrits[par_code[code]], "Le contrat l’écrit."),),
        )
        for code in meilleurs
    )


def _priorites(
    conseiller: Conseiller, lu: _Lu, codes: Sequence[str], fiches: frozenset[str]
) -> tuple[PrioriteProposee, ...]:
    """Les priorités qui emploient les mots du texte, ou parlent des deux premiers objectifs proposés."""
    index = conseiller.priorites
    notes = dict(index.notes(lu.racines))
    for rang, affinites in enumerate(conseiller.affinites):
        plus = sum(
            part * affinites[code].valeur
            for part, code in zip(_POIDS_AFFINITE, codes, strict=False)
            if code in affinites
        )
        if plus:
            notes[rang] = notes.get(rang, 0.0) + plus
    retenues = {
        rang: note for rang, note in notes.items() if not fiches or _priorite(index.ecrits[rang]).fiche in fiches
    }
    return tuple(_priorite_proposee(conseiller, lu, codes, rang) for rang in _les_proches(retenues, PRIORITES))


def _priorite(ecrit: Ecrit) -> Priorite:
    assert isinstance(ecrit.de, Priorite)  # noqa: S101 - l'index des priorités n'en contient pas d'autre
    return ecrit.de


def _priorite_proposee(conseiller: Conseiller, lu: _Lu, codes: Sequence[str], rang: int) -> PrioriteProposee:
    ecrit = conseiller.priorites.ecrits[rang]
    de = _priorite(ecrit)
    siens = tuple(code for code in codes[: len(_POIDS_AFFINITE)] if code in conseiller.affinites[rang])
    motifs = []
    if any(une in ecrit.racines for une in lu.racines):
        motifs.append(_citer(conseiller.priorites, lu, ecrit, "Le projet de quartier l’écrit."))
    for code in siens:
        mots = conseiller.affinites[rang][code].mots
        motifs.append(Motif(Genre.TERMES, f"Cette priorité parle de l’objectif {code}.", mots, source=de.source))
    parle = siens or tuple(codes[:1])
    return PrioriteProposee(de.fiche, de.nom, de.commune, de.rang, de.intitule, parle, tuple(motifs))


def _les_proches(notes: Mapping[C, float], combien: int) -> Sequence[C]:
    """Les clés les mieux notées, sans celles loin derrière la première."""
    tries = sorted(notes, key=lambda cle: (-notes[cle], cle))[:combien]
    return [cle for cle in tries if notes[cle] >= _PROCHE * notes[tries[0]]]

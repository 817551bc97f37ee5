"""Rapprocher un dossier du portail de l'État d'un des nôtres : proposer, dire pourquoi ; une personne décide."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import lru_cache

from app.etapes.dossier.rules.numero_dauphin import dossier_de
from app.etapes.dossier.rules.portail import SIREN, SIRET, LigneLue, cle
from app.noyau.euros import Euros

TRONCATURE = 90
BORD = 2  # une espace ou une apostrophe finale se perdent à la coupe
PROPOSITIONS_MAX = 6
EN_MEMOIRE = 4096  # intitulés : une ligne se compare à plusieurs dossiers, un dossier à plusieurs lignes
MOT_PLEIN = 3  # lettres
PROCHES = 2  # deux intitulés sont proches quand la moitié des mots pleins leur est commune
_GRAPHIES = ((re.compile(r"\bbourzwiller\b"), "bourtzwiller"), (re.compile(r"\bm 2 a\b"), "m2a"))
_FORMULES = re.compile(
    r"\b(?:\d ?(?:ere|re|e|eme|nde?) phase (?:de )?(?:la )?)?(?:programmation (?:\d{4} )?(?:du |de )?)?"
    r"(?:contrat de ville|cv)\b(?: (?:de |d )?(?:mulhouse|m2a|illzach|wittenheim))?|\b20\d\d\b"
)
_FORMES_DE_PORTEUR = re.compile(r"^(?:l )?(?:association|asso|assoc) |\bfictif$")


class Suite(StrEnum):
    """Ce qu'une personne a dit d'une ligne du portail.

    Choix du projet : rien ne se rapproche tout seul.
    """

    A_RAPPROCHER = "a_rapprocher"
    RAPPROCHEE = "rapprochee"
    PORTAIL_SEUL = "portail_seul"


class Degre(IntEnum):
    """À quel point deux dossiers paraissent être la même demande.

    Règle locale : seul « certain » se confirme en lot, et par une personne.
    """

    CERTAIN = 1
    PROBABLE = 2
    POSSIBLE = 3

    @property
    def libelle(self) -> str:
        """Le mot montré."""
        return ("Certain", "Probable", "Possible")[self - 1]


class _Accord(IntEnum):
    """Ce que deux valeurs disent ensemble, du plus au moins net."""

    EGAL = 1
    PRESQUE = 2
    INCONNU = 3
    CONTRAIRE = 4


@dataclass(frozen=True, slots=True)
class NotreDossier:
    """Un de nos dossiers qui sollicite l'État. `numero_portail` : celui que porte sa demande, vide sinon.

    Règle locale : seul un dossier déposé, pas retiré, peut être rapproché.
    """

    numero: str
    titre: str
    porteur: str
    sigle: str
    siret: str
    numero_portail: str
    montant_etat: Euros
    annee: int


@dataclass(frozen=True, slots=True)
class Proposition:
    """Un de nos dossiers, proposé pour une ligne du portail ; `reserves` : ce qui ne concorde pas.

    Règle locale : une proposition dit toujours ses raisons.
    """

    dossier: NotreDossier
    degre: Degre
    raisons: tuple[str, ...]
    reserves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """Nos dossiers, rangés par ce qui peut les rapprocher : une campagne se compare sans tout comparer à tout.

    Règle locale : voir `proposer`.
    """

    dossiers: Sequence[NotreDossier]
    par_cle: Mapping[str, frozenset[int]]
    titres: Sequence[tuple[str, int]]


@lru_cache(maxsize=EN_MEMOIRE)
def titre_normalise(titre: str) -> str:
    """L'intitulé comparable : capitales, accents, apostrophes, ponctuation et graphies du lieu mis à part.

    Source : reference/domaine.md § 8 (Bourzwiller, m2A/M²A, capitales, apostrophes doublées).
    """
    texte = cle(titre)
    for forme, ecrit in _GRAPHIES:
        texte = forme.sub(ecrit, texte)
    return texte


@lru_cache(maxsize=EN_MEMOIRE)
def coeur(titre: str) -> str:
    """L'intitulé sans les formules qui changent d'une saisie à l'autre : année, phase, « contrat de ville de … ».

    Source : reference/domaine.md § 2.1 et § 2.2 (titres réels).
    """
    return " ".join(_FORMULES.sub(" ", titre_normalise(titre)).split())


def est_coupe(intitule: str) -> bool:
    """Vrai si le portail a pu couper cet intitulé : 90 caractères, avant ou après avoir doublé les apostrophes.

    Source : reference/domaine.md § 8 (troncature à 90 caractères).
    """
    nu = intitule.strip()
    return any(TRONCATURE - BORD <= len(t) <= TRONCATURE for t in (nu, nu.replace("''", "'")))


@lru_cache(maxsize=EN_MEMOIRE)
def nom_normalise(nom: str) -> str:
    """Le nom d'un demandeur, comparable.

    Règle locale : « Association » en tête ne distingue personne.
    """
    return " ".join(_FORMES_DE_PORTEUR.sub(" ", cle(nom)).split())


def indexer(dossiers: Iterable[NotreDossier]) -> Index:
    """Range nos dossiers.

    Règle locale : voir `proposer`.
    """
    ranges = sorted(dossiers, key=lambda d: d.numero)
    par_cle: dict[str, set[int]] = defaultdict(set)
    for rang, d in enumerate(ranges):
        for code in _cles(d.numero_portail, d.siret, d.titre, (d.porteur, d.sigle)):
            par_cle[code].add(rang)
    titres = sorted((titre_normalise(d.titre), rang) for rang, d in enumerate(ranges))
    return Index(ranges, {code: frozenset(rangs) for code, rangs in par_cle.items()}, titres)


def porte_un_numero_connu(numero: str, index: Index) -> bool:
    """Vrai si l'un de nos dossiers porte ce dossier du portail : sans cela, rien n'est certain.

    Règle locale : voir `proposer`.
    """
    return f"numero:{dossier_de(numero)}" in index.par_cle


def _cles(numero: str, siret: str, titre: str, noms: Iterable[str]) -> set[str]:
    cles = {f"nom:{nom}" for nom in map(nom_normalise, noms) if nom}
    cles |= {f"titre:{t}" for t in (titre_normalise(titre), coeur(titre)) if t}
    if numero:
        cles.add(f"numero:{dossier_de(numero)}")
    if siret:
        cles.add(f"siren:{siret[:SIREN]}")
    return cles


def proposer(ligne: LigneLue, index: Index) -> tuple[Proposition, ...]:
    """Nos dossiers qui peuvent être cette ligne, du plus sûr au moins sûr ; six au plus.

    Règle locale : certain par le numéro seul ; probable par l'intitulé et le porteur ; possible par l'un des deux et un
    indice (montant, mots communs). Le montant et l'exercice ne décident jamais.
    """
    rangs: set[int] = set()
    for code in _cles(ligne.numero, ligne.siret, ligne.intitule, (ligne.demandeur,)):
        rangs |= index.par_cle.get(code, frozenset())
    if est_coupe(ligne.intitule):
        rangs |= _commencant_par(index, titre_normalise(ligne.intitule))
    jugees = [juger(ligne, index.dossiers[rang]) for rang in sorted(rangs)]
    retenues = [p for p in jugees if p is not None]
    retenues.sort(key=lambda p: (p.degre, len(p.reserves) - len(p.raisons), p.dossier.numero))
    return tuple(retenues[:PROPOSITIONS_MAX])


def _commencant_par(index: Index, debut: str) -> set[int]:
    rangs: set[int] = set()
    for titre, rang in index.titres[bisect_left(index.titres, (debut, -1)) :]:
        if not titre.startswith(debut):
            break
        rangs.add(rang)
    return rangs


def juger(ligne: LigneLue, dossier: NotreDossier) -> Proposition | None:
    """Ce que valent cette ligne et ce dossier ensemble ; None si rien ne les rapproche.

    Règle locale : voir `proposer`. Un SIREN contraire ôte la certitude, et l'intitulé seul ne suffit plus.
    """
    numero, titre, porteur = _numero(ligne, dossier), _titre(ligne, dossier), _porteur(ligne, dossier)
    montant = _montant(ligne, dossier)
    degre = _degre(numero[0], titre[0], porteur[0], montant[0])
    if degre is None:
        return None
    dits = (numero, titre, porteur, montant, _exercice(ligne, dossier))
    raisons = tuple(mots for accord, mots in dits if accord <= _Accord.PRESQUE)
    reserves = tuple(mots for accord, mots in dits if accord > _Accord.PRESQUE and mots)
    return Proposition(dossier, degre, raisons, reserves)


def _degre(numero: _Accord, titre: _Accord, porteur: _Accord, montant: _Accord) -> Degre | None:
    contraire = porteur is _Accord.CONTRAIRE
    if numero is _Accord.EGAL:
        return Degre.PROBABLE if contraire else Degre.CERTAIN
    if numero is _Accord.PRESQUE:
        if contraire:
            return Degre.POSSIBLE
        return Degre.CERTAIN if titre is _Accord.EGAL else Degre.PROBABLE
    if contraire:
        return None
    if titre is _Accord.EGAL:
        sur = porteur <= _Accord.PRESQUE and numero is _Accord.INCONNU
        return Degre.PROBABLE if sur else Degre.POSSIBLE
    indice = titre is _Accord.PRESQUE or montant is _Accord.EGAL
    return Degre.POSSIBLE if porteur <= _Accord.PRESQUE and indice else None


def _numero(ligne: LigneLue, dossier: NotreDossier) -> tuple[_Accord, str]:
    notre, leur = dossier.numero_portail, ligne.numero
    if not notre:
        return _Accord.INCONNU, ""
    if notre == leur:
        return _Accord.EGAL, f"Même numéro du portail : {leur}."
    if dossier_de(notre) == dossier_de(leur) and min(notre, leur, key=len) == dossier_de(leur):
        return _Accord.PRESQUE, f"Même dossier du portail ({dossier_de(leur)}), l’action n’est dite que d’un côté."
    return _Accord.CONTRAIRE, f"Ce dossier porte un autre numéro du portail : {notre}."


def _titre(ligne: LigneLue, dossier: NotreDossier) -> tuple[_Accord, str]:
    leur, notre = titre_normalise(ligne.intitule), titre_normalise(dossier.titre)
    if leur and leur == notre:
        return _Accord.EGAL, "Même intitulé."
    if leur and est_coupe(ligne.intitule) and notre.startswith(leur):
        return _Accord.EGAL, f"Même début d’intitulé : le portail le coupe à {TRONCATURE} caractères."
    if coeur(ligne.intitule) and coeur(ligne.intitule) == coeur(dossier.titre):
        return _Accord.EGAL, "Même intitulé, à l’année ou aux mots « contrat de ville » près."
    leurs, notres = _mots(ligne.intitule), _mots(dossier.titre)
    if leurs & notres and PROCHES * len(leurs & notres) >= len(leurs | notres):
        return _Accord.PRESQUE, "Intitulés proches."
    return _Accord.INCONNU, "Intitulés différents."


@lru_cache(maxsize=EN_MEMOIRE)
def _mots(titre: str) -> frozenset[str]:
    return frozenset(mot for mot in coeur(titre).split() if len(mot) > MOT_PLEIN)


def _porteur(ligne: LigneLue, dossier: NotreDossier) -> tuple[_Accord, str]:
    if ligne.siret and dossier.siret:
        if ligne.siret[:SIREN] != dossier.siret[:SIREN]:
            return _Accord.CONTRAIRE, f"Autre organisation : SIRET {ligne.siret} sur le portail."
        if len(ligne.siret) == SIRET and ligne.siret != dossier.siret:
            return _Accord.PRESQUE, "Même organisation, autre établissement (SIREN égal)."
        return _Accord.EGAL, "Même SIRET." if len(ligne.siret) == SIRET else "Même SIREN."
    nom = nom_normalise(ligne.demandeur)
    if nom and nom in {nom_normalise(dossier.porteur), nom_normalise(dossier.sigle)}:
        return _Accord.PRESQUE, "Même nom de demandeur."
    return _Accord.INCONNU, f"Demandeur écrit autrement sur le portail : {ligne.demandeur}." if nom else ""


def _montant(ligne: LigneLue, dossier: NotreDossier) -> tuple[_Accord, str]:
    if ligne.montant_sollicite is None:
        return _Accord.INCONNU, ""
    if ligne.montant_sollicite == dossier.montant_etat:
        return _Accord.EGAL, f"Même montant demandé à l’État : {dossier.montant_etat}."
    return (
        _Accord.CONTRAIRE,
        f"Montant différent : {ligne.montant_sollicite} sur le portail, {dossier.montant_etat} ici.",
    )


def _exercice(ligne: LigneLue, dossier: NotreDossier) -> tuple[_Accord, str]:
    if ligne.exercice is None:
        return _Accord.INCONNU, ""
    if ligne.exercice == dossier.annee:
        return _Accord.EGAL, f"Même exercice : {dossier.annee}."
    return _Accord.CONTRAIRE, f"Exercice différent : {ligne.exercice} sur le portail, {dossier.annee} ici."


def certains(propositions: Mapping[str, Sequence[Proposition]]) -> dict[str, str]:
    """Numéro du portail → numéro de notre dossier, pour ce qui se confirme en lot.

    Règle locale : une ligne qui a deux « certains », ou un dossier « certain » pour deux lignes, attend une personne.
    """
    surs = {
        ligne: [p.dossier.numero for p in liste if p.degre is Degre.CERTAIN] for ligne, liste in propositions.items()
    }
    fois = Counter(numero for liste in surs.values() for numero in liste)
    return {ligne: liste[0] for ligne, liste in surs.items() if len(liste) == 1 and fois[liste[0]] == 1}


def conflit(ligne: str, porte: str) -> bool:
    """Vrai si notre dossier porte déjà un numéro du portail qui n'est pas celui-ci.

    Règle locale : le même dossier, l'action en plus ou en moins, n'est pas un conflit ; sinon, une personne tranche.
    """
    return bool(porte) and porte != ligne and porte != dossier_de(ligne) and ligne != dossier_de(porte)


def retrouver(lus: Iterable[str], connus: Iterable[str]) -> dict[str, str]:
    """Numéro lu → numéro de la ligne déjà connue qui est la même, quand un nouveau tableau arrive.

    Règle locale : un dossier du portail dont l'action n'était pas dite, puis l'est (ou l'inverse), reste le même tant
    qu'il est seul des deux côtés.
    """
    lus, connus = set(lus), set(connus)
    rendu = {numero: numero for numero in lus & connus}
    fois = Counter(dossier_de(n) for n in lus), Counter(dossier_de(n) for n in connus)
    par_dossier = {dossier_de(n): n for n in connus}
    for numero in lus - connus:
        dossier = dossier_de(numero)
        connu = par_dossier.get(dossier)
        if connu is not None and dossier in {numero, connu} and fois[0][dossier] == fois[1][dossier] == 1:
            rendu[numero] = connu
    return rendu

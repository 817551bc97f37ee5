"""Chercher dans un contrat : sans accent ni casse, un mot par son début, les passages les plus proches d'abord."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import islice

from app.etapes.contrat.rules.contenu import ContenuContrat, Fiche, Json, Objectif, Operationnel

_MOT = re.compile(r"[^\W_]+")
_LIGATURES = str.maketrans({"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae"})
MOTS_VIDES = frozenset(
    re.findall(
        r"\w+",
        """a ai au aux avec c ce ces cette comme d dans de des du elle en est et eux il ils j je l la le les leur leurs
        lui m ma mais me mes mon n ne nos notre nous on ou par pas plus pour qu que qui s sa se ses son sont sur t ta
        tes toi ton tu un une veut veux vos votre vous y""",
    )
)
COURT = 3
AUTOUR = 90
EXTRAITS = 2
RESULTATS = 40
PROCHES = 10
_POIDS_TITRE = 4


class Genre(StrEnum):
    """Ce qu'un résultat désigne. Source : contrat, Parties 1 et 2."""

    OBJECTIF = "objectif"
    OPERATIONNEL = "objectif opérationnel"
    FICHE = "projet de quartier"
    PRIORITE = "priorité de quartier"


@dataclass(frozen=True, slots=True)
class Document:
    """Un endroit où chercher. `code` : l'objectif ou la fiche qui le porte ; `ancre` : où il est dans sa page.

    Choix du projet : on cherche ce qu'un dossier cite.
    """

    genre: Genre
    code: str
    ancre: str
    titre: str
    parent: str
    textes: tuple[str, ...]
    source: str
    mots_titre: tuple[str, ...]
    mots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Morceau:
    """Un bout de texte, à surligner ou non. Choix du projet : montrer pourquoi un passage est proposé."""

    texte: str
    trouve: bool = False


@dataclass(frozen=True, slots=True)
class Resultat:
    """Un document trouvé. `manquants` : les mots demandés qu'il ne contient pas.

    Choix du projet : une phrase entière se cherche, les passages les plus proches viennent d'abord.
    """

    document: Document
    titre: tuple[Morceau, ...]
    extraits: tuple[tuple[Morceau, ...], ...]
    manquants: tuple[str, ...]


def plier(texte: str) -> str:
    """Sans accent, sans casse, ligatures ouvertes : « Œuvre d’été » devient « oeuvre d’ete ».

    Choix du projet : on cherche comme on tape.
    """
    decompose = unicodedata.normalize("NFD", texte.translate(_LIGATURES))
    return "".join(c for c in decompose if not unicodedata.combining(c)).lower()


def termes(question: str) -> tuple[str, ...]:
    """Les mots utiles d'une question, pliés, au singulier, sans doublon ; les mots-outils s'il n'y a qu'eux.

    Choix du projet : une phrase se tape telle quelle.
    """
    tous = list(dict.fromkeys(_MOT.findall(plier(question))))
    utiles = [mot for mot in tous if mot not in MOTS_VIDES] or tous
    return tuple(dict.fromkeys(_singulier(mot) for mot in utiles))


def documents(contenu: ContenuContrat) -> tuple[Document, ...]:
    """Tout ce qui se cherche dans un contrat, dans l'ordre du document.

    Choix du projet : objectifs, objectifs opérationnels, projets de quartier et leurs priorités.
    """
    rendu: list[Document] = []
    for objectif in contenu.objectifs:
        rendu.append(_objectif(objectif))
        rendu += [_operationnel(objectif, operationnel) for operationnel in objectif.operationnels]
    for fiche in contenu.fiches:
        rendu.append(_fiche(fiche))
        rendu += [_priorite(fiche, priorite) for priorite in fiche.priorites]
    return tuple(rendu)


def chercher(ou: Iterable[Document], question: str) -> tuple[Resultat, ...]:
    """Les documents qui portent au moins la moitié des mots, les plus complets d'abord.

    Au plus `RESULTATS`, dont `PROCHES` à qui il manque un mot.

    Choix du projet : un mot se trouve par son début (« jardin » trouve « jardinage ») ; court, il se trouve entier.
    """
    voulus = termes(question)
    if not voulus:
        return ()
    notes: list[tuple[int, int, int, Document, tuple[str, ...]]] = []
    for rang, document in enumerate(ou):
        titre = [terme for terme in voulus if _contient(document.mots_titre, terme)]
        trouves = [terme for terme in voulus if terme in titre or _contient(document.mots, terme)]
        if trouves and 2 * len(trouves) >= len(voulus):
            note = len(trouves) + _POIDS_TITRE * len(titre)
            manquants = tuple(terme for terme in voulus if terme not in trouves)
            notes.append((-len(trouves), -note, rang, document, manquants))
    notes.sort(key=lambda note: note[:3])
    complets = [note for note in notes if not note[4]][:RESULTATS]
    proches = [note for note in notes if note[4]][: min(PROCHES, RESULTATS - len(complets))]
    return tuple(_resultat(document, voulus, manquants) for *_, document, manquants in complets + proches)


def surligner(texte: str, voulus: tuple[str, ...]) -> tuple[Morceau, ...]:
    """Le texte entier en morceaux, les mots trouvés à part.

    Choix du projet : montrer pourquoi un passage est proposé.
    """
    rendu: list[Morceau] = []
    fin = 0
    for debut, suite in _places(texte, voulus):
        if debut > fin:
            rendu.append(Morceau(texte[fin:debut]))
        rendu.append(Morceau(texte[debut:suite], trouve=True))
        fin = suite
    if fin < len(texte):
        rendu.append(Morceau(texte[fin:]))
    return tuple(rendu)


def _singulier(mot: str) -> str:
    return mot[:-1] if len(mot) > COURT and mot[-1] in "sx" else mot


def _correspond(mot: str, terme: str) -> bool:
    return _singulier(mot) == terme if len(terme) <= COURT else mot.startswith(terme)


def _contient(mots: tuple[str, ...], terme: str) -> bool:
    """`mots` est trié : le premier candidat suffit pour un début de mot."""
    if len(terme) <= COURT:
        return any(_exact(mots, mot) for mot in (terme, f"{terme}s", f"{terme}x"))
    rang = bisect_left(mots, terme)
    return rang < len(mots) and mots[rang].startswith(terme)


def _exact(mots: tuple[str, ...], mot: str) -> bool:
    rang = bisect_left(mots, mot)
    return rang < len(mots) and mots[rang] == mot


def _places(texte: str, voulus: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    for trouve in _MOT.finditer(texte):
        if any(_correspond(_mot_plie(trouve[0]), terme) for terme in voulus):
            yield trouve.span()


@lru_cache(maxsize=8192)  # un contrat emploie quelques milliers de mots, relus à chaque recherche
def _mot_plie(mot: str) -> str:
    return plier(mot)


def _resultat(document: Document, voulus: tuple[str, ...], manquants: tuple[str, ...]) -> Resultat:
    extraits = islice(_extraits(document, voulus), EXTRAITS)
    return Resultat(document, surligner(document.titre, voulus), tuple(extraits), manquants)


def _extraits(document: Document, voulus: tuple[str, ...]) -> Iterator[tuple[Morceau, ...]]:
    for texte in document.textes:
        place = next(_places(texte, voulus), None)
        if place is not None:
            yield surligner(_autour(texte, *place), voulus)


def _autour(texte: str, debut: int, fin: int) -> str:
    """Le passage autour d'un mot, coupé entre deux mots, points de suspension où il manque du texte."""
    texte = texte.replace("\n", " ")
    gauche, droite = max(0, debut - AUTOUR), min(len(texte), fin + AUTOUR)
    if gauche:
        gauche = texte.find(" ", gauche, debut) + 1 or debut
    if droite < len(texte):
        coupe = texte.rfind(" ", fin, droite)
        droite = coupe if coupe >= 0 else droite
    return ("… " if gauche else "") + texte[gauche:droite].strip() + (" …" if droite < len(texte) else "")


def _document(
    genre: Genre, code: str, ancre: str, titre: str, parent: str, textes: Iterable[str], source: str
) -> Document:
    gardes = tuple(texte for texte in textes if texte)
    return Document(
        genre, code, ancre, titre, parent, gardes, source,
        mots_titre=_mots((titre, ancre or code)), mots=_mots(gardes),
    )  # fmt: skip


def _mots(textes: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({_mot_plie(mot) for texte in textes for mot in _MOT.findall(texte)}))


def _objectif(objectif: Objectif) -> Document:
    c = objectif.contenu
    textes = [
        *c["enjeux"]["texte"].split("\n"),
        *(public["intitule"] for public in c["publics"]),
        *(f"{piste['intitule']} : {piste['texte']}" for piste in c["pistes"]),
        *(repere["intitule"] for repere in c["reperes"]),
        *(f"{definition['terme']} : {definition['texte']}" for definition in c["definitions"]),
    ]
    return _document(Genre.OBJECTIF, objectif.code, "", objectif.intitule, "", textes, c["source"])


def _operationnel(objectif: Objectif, o: Operationnel) -> Document:
    actions: list[Json] = o.contenu["sous_actions"]
    textes = [
        *(texte for action in actions for texte in (action["intitule"], *action["details"])),
        *o.contenu["notes"],
    ]
    parent = objectif.intitule
    return _document(Genre.OPERATIONNEL, objectif.code, o.code, o.intitule, parent, textes, o.source)


def _fiche(fiche: Fiche) -> Document:
    c = fiche.contenu
    perception: Json = c["perception"] or {"texte": ""}
    textes = [
        *(paragraphe["texte"] for paragraphe in c["presentation"]),
        perception["texte"],
        *(acteur["nom_complet"] or acteur["nom"] for acteur in c["acteurs"]),
        *(dispositif["nom"] for dispositif in c["dispositifs"]),
    ]
    return _document(Genre.FICHE, fiche.code, "", fiche.nom, fiche.commune.nom, textes, c["source"])


def _priorite(fiche: Fiche, priorite: Json) -> Document:
    textes = [priorite["texte"] or "", *priorite["sous_points"]]
    ancre = f"priorite-{priorite['rang']}"
    parent = f"{fiche.nom} ({fiche.commune.nom})"
    return _document(Genre.PRIORITE, fiche.code, ancre, priorite["intitule"], parent, textes, priorite["source"])

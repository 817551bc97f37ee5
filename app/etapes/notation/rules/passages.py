"""De la source d'un critère au passage du contrat : quelle page, quelle ancre."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.etapes.contrat.rules.contenu import FEUILLES_DE_ROUTE, GOUVERNANCE, ContenuContrat
from app.noyau.sources import CHOIX_DU_PROJET, Source

_PLAGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_LIGNES = re.compile(r"\bl\. ?(\d{1,5}(?:-\d{1,5})?)")
_CHAPITRE = re.compile(r"(partie|annexe|introduction)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Renvoi:
    """Un morceau de source, à lire. `document` : dit une fois, par le premier, quand `texte` n'est que l'endroit.

    `lignes` : celles du contrat, vide pour tout le document ; None : rien à ouvrir.
    Source : conception/maquette/note.html (la source sous le motif).
    """

    document: str
    texte: str
    lignes: str | None


@dataclass(frozen=True, slots=True)
class Passage:
    """Un endroit du contrat tel qu'on le lit : ses lignes, bornes comprises, son adresse, celle de son chapitre.

    Les adresses sont relatives à la page du contrat (« /objectifs/E2.2#E2.2.1 », « #objectifs »).
    Choix du projet : toute donnée du contrat dit où la retrouver.
    """

    debut: int
    fin: int
    adresse: str
    chapitre: str


def renvois(source: Source) -> tuple[Renvoi, ...]:
    """La source, coupée à chaque « ; » ; le premier morceau dit le texte.

    Source : conception/notation.md (« source dans le contrat » de chaque critère).
    """
    if not source.endroit:
        return (Renvoi("", source.texte, None),)
    return tuple(
        Renvoi("" if rang else source.texte, morceau, _lignes(source.texte, morceau))
        for rang, morceau in enumerate(source.endroit.split(" ; "))
    )


def _lignes(texte: str, morceau: str) -> str | None:
    if texte == CHOIX_DU_PROJET.texte:
        return None
    if trouvees := _LIGNES.search(morceau):
        return trouvees[1]
    return "" if _CHAPITRE.match(morceau) else None


def lire_plage(texte: str) -> tuple[int, int] | None:
    """(1485, 1492) pour « 1485-1492 », (696, 696) pour « 696 » ; None si ce n'en est pas une, ou à l'envers.

    Choix du projet : les numéros de ligne du contrat disent où est chaque chose.
    """
    lue = _PLAGE.fullmatch(texte)
    if lue is None:
        return None
    debut, fin = int(lue[1]), int(lue[2] or lue[1])
    return (debut, fin) if debut <= fin else None


def ou_lire(plage: tuple[int, int], passages: Iterable[Passage]) -> str:
    """L'adresse du passage le plus court qui contient ces lignes ; sinon du chapitre qui en porte le plus.

    Vide : rien de plus précis que la page du contrat.
    Choix du projet : un lien mène au plus près de ce qui est cité.
    """
    debut, fin = plage
    touches = [p for p in passages if p.debut <= fin and debut <= p.fin]
    entiers = [p for p in touches if p.debut <= debut and fin <= p.fin]
    if entiers:
        return min(entiers, key=lambda p: p.fin - p.debut).adresse
    chapitres = Counter(p.chapitre for p in touches)
    return chapitres.most_common(1)[0][0] if chapitres else ""


def passages_du_contrat(contenu: ContenuContrat) -> tuple[Passage, ...]:
    """Chaque endroit du contrat qui a une adresse : objectifs, fiches, priorités, feuilles de route, instances.

    Choix du projet : toute donnée du contrat dit où la retrouver.
    """
    return tuple(
        Passage(debut, fin, adresse, chapitre)
        for source, adresse, chapitre in _endroits(contenu)
        for debut, fin in _plages(source)
    )


def _plages(source: str) -> Iterator[tuple[int, int]]:
    for morceau in source.split(","):
        if (plage := lire_plage(morceau.strip())) is not None:
            yield plage


def _endroits(contenu: ContenuContrat) -> Iterator[tuple[str, str, str]]:
    for objectif in contenu.objectifs:
        page = f"/objectifs/{objectif.code}"
        yield objectif.contenu.get("source", ""), page, "#objectifs"
        for operationnel in objectif.operationnels:
            yield operationnel.source, f"{page}#{operationnel.code}", "#objectifs"
        for piste in objectif.contenu.get("pistes", ()):
            yield piste.get("source", ""), f"{page}#pistes", "#objectifs"
    for fiche in contenu.fiches:
        page = f"/fiches/{fiche.code}"
        yield fiche.contenu.get("source", ""), page, "#quartiers"
        for priorite in fiche.priorites:
            yield priorite["source"], f"{page}#priorite-{priorite['rang']}", "#quartiers"
    for ligne in contenu.lignes:
        for priorite in ligne.contenu.get("priorites", ()):
            yield priorite["source"], f"/gouvernance#ligne-{ligne.code}", "/gouvernance#lignes"
    for feuille in contenu.elements(FEUILLES_DE_ROUTE):
        yield feuille.get("source", ""), f"/gouvernance#feuille-{feuille['code']}", "/gouvernance#feuilles"
    for instance in contenu.rubriques.get(GOUVERNANCE, {}).get("instances", ()):
        yield instance.get("source", ""), f"/gouvernance#instance-{instance['code']}", "/gouvernance#instances"

"""Ce qu'on garde d'une note : de quoi refaire le total à la main. Les phrases sont dans la grille, les faits à côté."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from fractions import Fraction
from json.encoder import encode_basestring
from typing import Any

from app.etapes.notation.rules.note import EtatLigne, LigneNote, Note
from app.referentiels.grilles.rules import texte_canonique

_courants: dict[tuple[object, ...], str] = {}
_GARDES = 4_096


def criteres_a_garder(note: Note) -> list[dict[str, Any]]:
    """Un critère par entrée : code, poids, taux au moins et au plus (%), et ce qui sort de l'ordinaire.

    `etat` absent : noté. `peut_sortir` : un fait manque pour savoir s'il est sans objet. `ajustement` : les points
    qu'une personne a retenus, son motif, son acteur.
    Choix du projet : issue 4, « total always reconstructible » (ADR 0020).
    """
    return [_critere(ligne) for ligne in note.lignes]


def criteres_vers_json(note: Note) -> str:
    """Les mêmes octets que texte_canonique(criteres_a_garder(note)), écrits directement.

    Choix du projet : issue 4, « scoring is pure and fast ».
    """
    return "[" + ",".join([_critere_vers_json(ligne) for ligne in note.lignes]) + "]"


def bornes_vers_texte(note: Note) -> tuple[str, str]:
    """La note la plus basse et la plus haute possibles, arrondies, comme on les écrit en base (« 78.5 »).

    Source : reference/donnees/grille-depart.yaml, « arrondi » (une décimale, demi vers le haut).
    """
    return _dixiemes(note.minimum, note.decimales), _dixiemes(note.maximum, note.decimales)


def _dixiemes(total: Fraction, decimales: int) -> str:
    facteur = 10**decimales
    entier = (2 * facteur * total.numerator + total.denominator) // (2 * total.denominator)
    return f"{entier // 10}.{entier % 10}" if decimales else str(entier)


def empreinte_de_note(criteres: str, faits: str, grille: str, priorites: str) -> str:
    """SHA-256 de la note : ses critères et priorités (JSON canonique), les empreintes de ses faits et de sa grille.

    Choix du projet : issue 4, « same score, bit for bit, forever ».
    """
    tout = f'{{"criteres":{criteres},"faits":"{faits}","grille":"{grille}","priorites":{priorites}}}'
    return hashlib.sha256(tout.encode()).hexdigest()


def empreinte_des_faits(faits: str) -> str:
    """SHA-256 d'un relevé de faits en JSON canonique.

    Choix du projet : issue 4, « a frozen snapshot of structured facts ».
    """
    return hashlib.sha256(faits.encode()).hexdigest()


def total_des_gardes(criteres: Iterable[Mapping[str, Any]]) -> tuple[Fraction, Fraction]:
    """Le total exact sur 100, au moins et au plus, d'après les critères gardés seuls : ni grille, ni faits.

    Choix du projet : issue 4, « total always reconstructible ».
    """
    comptes = [_bornes(critere) for critere in criteres if critere.get("etat") != EtatLigne.SANS_OBJET]
    fermes = [(bas, haut, poids) for bas, haut, poids, sort in comptes if not sort]
    choix = [fermes]
    for bas, haut, poids, sort in comptes:
        if sort:
            choix += [[*retenus, (bas, haut, poids)] for retenus in choix]
    totaux = [
        (sum((b for b, _, _ in c), Fraction(0)) * 100 / poids, sum((h for _, h, _ in c), Fraction(0)) * 100 / poids)
        for c in choix
        if (poids := sum(p for _, _, p in c))
    ]
    return min(bas for bas, _ in totaux), max(haut for _, haut in totaux)


def _bornes(critere: Mapping[str, Any]) -> tuple[Fraction, Fraction, int, bool]:
    poids = int(critere["poids"])
    if "ajustement" in critere:
        points = Fraction(critere["ajustement"]["points"])
        return points, points, poids, False
    bas, haut = (Fraction(taux * poids, 100) for taux in critere["taux"])
    return bas, haut, poids, bool(critere.get("peut_sortir"))


def _critere(ligne: LigneNote) -> dict[str, Any]:
    garde: dict[str, Any] = {
        "code": ligne.code,
        "poids": ligne.maximum,
        "taux": [ligne.taux_minimum, ligne.taux_maximum],
    }
    if ligne.etat is not EtatLigne.NOTE:
        garde["etat"] = ligne.etat.value
    if ligne.jugement.peut_sortir:
        garde["peut_sortir"] = True
    if ligne.ajustement is not None:
        ajustement = ligne.ajustement
        garde["ajustement"] = {
            "auteur": ajustement.auteur,
            "motif": ajustement.motif,
            "points": str(ajustement.points),
        }
    return garde


def _critere_vers_json(ligne: LigneNote) -> str:
    if ligne.ajustement is not None:
        return texte_canonique(_critere(ligne))
    jugement = ligne.jugement
    cle = (ligne.bareme.code, ligne.maximum, jugement[:3], jugement.peut_sortir)
    ecrit = _courants.get(cle)
    if ecrit is None:
        if len(_courants) >= _GARDES:
            _courants.clear()
        ecrit = _courants[cle] = texte_canonique(_critere(ligne))
    return ecrit


def priorites_vers_json(priorites: tuple[tuple[str, ...], ...]) -> str:
    """Les priorités de l'appel pour la ligne, en JSON canonique.

    Choix du projet : issue 2, « orientations that may override a line's priorities ».
    """
    return "[" + ",".join(["[" + ",".join(map(encode_basestring, rang)) + "]" for rang in priorites]) + "]"

"""Refaire une note à la main, du seul JSON d'une notice : aucune règle du service n'est appelée ici."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any


def arrondir(nombre: Fraction, decimales: int) -> Decimal:
    """Demi vers le haut, une seule fois."""
    facteur = 10**decimales
    entier = (2 * nombre.numerator * facteur + nombre.denominator) // (2 * nombre.denominator)
    return Decimal(entier).scaleb(-decimales)


def notes_refaites(ligne: Mapping[str, Any]) -> tuple[Decimal, Decimal]:
    """La note au plus bas et au plus haut : poids × part, somme ÷ points possibles × 100, arrondie."""
    decimales = ligne["arrondi"]["decimales"]
    totaux = [
        (arrondir(bas * 100 / possibles, decimales), arrondir(haut * 100 / possibles, decimales))
        for bas, haut, possibles in _cas(ligne)
    ]
    return min(bas for bas, _ in totaux), max(haut for _, haut in totaux)


def _cas(ligne: Mapping[str, Any]) -> Iterator[tuple[Fraction, Fraction, int]]:
    comptes = [critere for critere in ligne["criteres"] if critere["etat"] != "sans_objet"]
    incertains = [critere for critere in comptes if critere.get("peut_etre_sans_objet")]
    for choix in product((True, False), repeat=len(incertains)):
        ecartes = [critere["code"] for critere, garde in zip(incertains, choix, strict=True) if not garde]
        retenus = [critere for critere in comptes if critere["code"] not in ecartes]
        bornes = [_points(critere) for critere in retenus]
        yield (
            sum((bas for bas, _ in bornes), Fraction(0)),
            sum((haut for _, haut in bornes), Fraction(0)),
            sum(int(critere["points_possibles"]) for critere in retenus),
        )


def _points(critere: Mapping[str, Any]) -> tuple[Fraction, Fraction]:
    """Points possibles × part ÷ 100, comparés à ce que la notice annonce."""
    bas, haut = (Fraction(part) * critere["points_possibles"] / 100 for part in critere["part_pour_cent"])
    grille = critere.get("ajustement", {}).get("part_de_la_grille_pour_cent", critere["part_pour_cent"])
    lus = [palier for palier in critere["bareme"] if palier["etat"] in ("rempli", "possible")]
    remplis = [palier["part_pour_cent"] for palier in lus if palier["etat"] == "rempli"]
    assert len(remplis) <= 1, critere["code"]
    assert {int(part) for part in grille} <= ({*remplis} or {palier.get("part_pour_cent") for palier in lus})
    assert [bas, haut] == [Fraction(points) for points in critere["points"]], critere["code"]
    return bas, haut


def verifier(notice: Mapping[str, Any]) -> int:
    """Vérifie chaque ligne d'une notice ; rend combien. Chaque donnée citée par un critère y est, avec sa source."""
    for ligne in notice["lignes"]:
        bas, haut = notes_refaites(ligne)
        assert [str(bas), str(haut)] == ligne["intervalle"], (notice["dossier"], ligne["ligne"])
        assert ligne["note"] == (str(bas) if bas == haut else None)
        donnees = {donnee["code"]: donnee for donnee in ligne["donnees"]}
        cites = {code for critere in ligne["criteres"] for code in critere["donnees"]}
        assert cites == set(donnees), (notice["dossier"], ligne["ligne"])
        assert all(donnee["source"] for donnee in donnees.values())
    return len(notice["lignes"])

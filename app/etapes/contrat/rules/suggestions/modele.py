"""Le modèle national : d'un titre aux codes du programme 147, par régression logistique en entiers d'un octet."""

from __future__ import annotations

import json
import lzma
import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import add

from app.etapes.contrat.rules.suggestions.mots import racine, traits

# Part des bouts de mots face aux racines : ils rattrapent fautes et mots coupés sans l'emporter sur les mots entiers.
PART_DES_BOUTS = 0.7
_MAX = 127


@dataclass(frozen=True, slots=True)
class Modele:
    """Un trait a un rang, une rareté et un poids par code ; `frequences` : celle de chaque code à l'apprentissage.

    `poids` : octets signés, trait après trait ; à multiplier par `pas`. Choix du projet : ADR 0014.
    """

    codes: tuple[str, ...]
    libelles: tuple[str, ...]
    frequences: tuple[float, ...]
    origines: tuple[float, ...]
    pas: float
    rangs: Mapping[str, int]
    raretes: Sequence[float]
    poids: array[int]

    def connait(self, mot: str) -> bool:
        """Ce mot plié s'est vu à l'apprentissage. Choix du projet : ADR 0014."""
        return f"w:{racine(mot)}" in self.rangs

    def poids_de(self, trait: str, code: str) -> float:
        """Ce que pèse un trait pour un code ; zéro s'il est inconnu. Choix du projet : ADR 0014."""
        rang = self.rangs.get(trait)
        return 0.0 if rang is None else self.poids[rang * len(self.codes) + self.codes.index(code)] * self.pas

    def probabilites(self, texte: str) -> tuple[float, ...]:
        """La probabilité de chaque code, dans l'ordre de `codes` ; leur somme vaut 1. Choix du projet : ADR 0014."""
        scores = list(self.origines)
        large, poids = len(self.codes), self.poids
        for trait, valeur in self.valeurs(texte).items():
            facteur, place = valeur * self.pas, self.rangs[trait] * large
            scores = list(map(add, scores, map(facteur.__mul__, poids[place : place + large])))
        haut = max(scores)
        exposants = [math.exp(score - haut) for score in scores]
        total = sum(exposants)
        return tuple(exposant / total for exposant in exposants)

    def valeurs(self, texte: str) -> dict[str, float]:
        """Les traits connus du texte et leur valeur. Choix du projet : ADR 0014."""
        return valeurs(traits(texte), self.rangs, self.raretes)


def valeurs(comptes: Mapping[str, int], rangs: Mapping[str, int], raretes: Sequence[float]) -> dict[str, float]:
    """Traits connus, pondérés par rareté, normés à part : racines et couples à 1, bouts de mots à `PART_DES_BOUTS`.

    Choix du projet : ADR 0014.
    """
    bruts = {t: (1 + math.log(n)) * raretes[rangs[t]] for t, n in comptes.items() if t in rangs}
    normes = {
        bouts: math.sqrt(sum(v * v for t, v in bruts.items() if t.startswith("c:") is bouts)) for bouts in (True, False)
    }
    return {
        t: v / normes[t.startswith("c:")] * (PART_DES_BOUTS if t.startswith("c:") else 1.0) for t, v in bruts.items()
    }


def ecrire(modele: Modele) -> bytes:
    """Le fichier compact du modèle ; le même modèle donne les mêmes octets. Choix du projet : ADR 0014."""
    tete = {
        "codes": modele.codes,
        "libelles": modele.libelles,
        "frequences": modele.frequences,
        "origines": modele.origines,
        "pas": modele.pas,
        "traits": sorted(modele.rangs, key=modele.rangs.__getitem__),
        "raretes": [round(rarete, 3) for rarete in modele.raretes],
    }
    texte = json.dumps(tete, ensure_ascii=False, separators=(",", ":")).encode()
    return lzma.compress(len(texte).to_bytes(4, "big") + texte + modele.poids.tobytes(), preset=9)


def lire(contenu: bytes) -> Modele:
    """Relit un modèle écrit par `ecrire`. Choix du projet : ADR 0014."""
    clair = lzma.decompress(contenu)
    fin = 4 + int.from_bytes(clair[:4], "big")
    tete = json.loads(clair[4:fin])
    return Modele(
        codes=tuple(tete["codes"]),
        libelles=tuple(tete["libelles"]),
        frequences=tuple(tete["frequences"]),
        origines=tuple(tete["origines"]),
        pas=tete["pas"],
        rangs={trait: rang for rang, trait in enumerate(tete["traits"])},
        raretes=array("f", tete["raretes"]),
        poids=array("b", clair[fin:]),
    )


def quantifier(coefficients: Sequence[Sequence[float]]) -> tuple[float, array[int]]:
    """Un pas, et les coefficients en octets signés (un trait par ligne). Choix du projet : ADR 0014."""
    pas = max(abs(valeur) for ligne in coefficients for valeur in ligne) / _MAX
    octets = array("b", (round(valeur / pas) for ligne in coefficients for valeur in ligne))
    return pas, octets

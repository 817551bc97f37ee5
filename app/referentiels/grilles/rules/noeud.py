"""Parcourir des données JSON en sachant toujours où l'on est, pour dire ce qui cloche et à quel endroit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.noyau.erreurs import Faute, SaisieInvalide

Donnees = Mapping[str, Any]


class GrilleInvalide(SaisieInvalide):
    """Une grille mal formée ou incohérente. `fautes` : le chemin (« criteres.0.baremes.1 ») et la raison de chacune.

    Choix du projet : issue 4, « refused at load with place and reason ».
    """

    code = "grille_invalide"

    def __init__(self, fautes: list[Faute]) -> None:
        super().__init__(fautes, "La grille est refusée : " + " ; ".join(f"{f.champ} : {f.message}" for f in fautes))


@dataclass(frozen=True, slots=True)
class Noeud:
    """Une valeur et son chemin. Chaque lecture lève GrilleInvalide si la forme n'est pas la bonne.

    Choix du projet : issue 4, « refused at load with place and reason ».
    """

    valeur: object
    chemin: str = ""

    def faute(self, raison: str) -> GrilleInvalide:
        """Le refus, placé ici."""
        return GrilleInvalide([Faute(self.chemin, raison, "grille_invalide")])

    def champs(self, *permis: str) -> None:
        """Refuse tout champ qui n'est pas permis."""
        inconnus = sorted(set(self._ensemble()) - set(permis))
        if inconnus:
            raise self.faute(f"champ inconnu : {', '.join(inconnus)}")

    def champ(self, cle: str) -> Noeud:
        """Le champ, obligatoire."""
        if cle not in self._ensemble():
            raise self.faute(f"le champ « {cle} » manque")
        return self._enfant(cle, self._ensemble()[cle])

    def facultatif(self, cle: str) -> Noeud | None:
        """Le champ, ou None s'il est absent ou nul."""
        valeur = self._ensemble().get(cle)
        return None if valeur is None else self._enfant(cle, valeur)

    def seul_champ(self, permis: frozenset[str]) -> tuple[str, Noeud]:
        """Le seul champ d'un choix fermé."""
        if len(self._ensemble()) != 1 or not set(self._ensemble()) <= permis:
            raise self.faute(f"attend un seul champ parmi : {', '.join(sorted(permis))}")
        cle = next(iter(self._ensemble()))
        return cle, self.champ(cle)

    def paires(self) -> list[tuple[str, Noeud]]:
        """Les champs, par ordre alphabétique : l'ordre d'écriture ne compte pas."""
        return [(cle, self.champ(cle)) for cle in sorted(self._ensemble())]

    def elements(self) -> Iterator[Noeud]:
        """Les éléments d'une liste, dans l'ordre."""
        if not isinstance(self.valeur, list | tuple):
            raise self.faute("attend une liste")
        return (self._enfant(str(rang), valeur) for rang, valeur in enumerate(self.valeur))

    def textes(self) -> tuple[str, ...]:
        """Une liste de textes."""
        return tuple(element.texte() for element in self.elements())

    def texte(self) -> str:
        """Un texte non vide."""
        if not isinstance(self.valeur, str) or not self.valeur.strip():
            raise self.faute("attend un texte")
        return self.valeur

    def entier(self) -> int:
        """Un nombre entier."""
        if isinstance(self.valeur, bool) or not isinstance(self.valeur, int):
            raise self.faute("attend un nombre entier")
        return self.valeur

    def _ensemble(self) -> Donnees:
        if not isinstance(self.valeur, Mapping):
            raise self.faute("attend un ensemble de champs")
        return self.valeur

    def _enfant(self, cle: str, valeur: object) -> Noeud:
        return Noeud(valeur, f"{self.chemin}.{cle}" if self.chemin else cle)

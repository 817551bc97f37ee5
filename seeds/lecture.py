"""Lire un fichier YAML, le valider, dire en français ce qui cloche : fichier, ligne, raison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from app.infra.texte_yaml import Chemin, TexteRefuse, composer, ligne_de, valider_donnees

T = TypeVar("T")


class ErreurDeDonnees(Exception):
    """Un fichier de données fautif : « enjeux.yaml, ligne 42 : … ». `autres` : celles trouvées avec elle."""

    def __init__(self, fichier: str, ligne: int, raison: str, autres: tuple[ErreurDeDonnees, ...] = ()) -> None:
        suite = f" (et {len(autres)} autre{'s' if len(autres) > 1 else ''})" if autres else ""
        super().__init__(f"{fichier}, ligne {ligne} : {raison}{suite}")
        self.fichier = fichier
        self.ligne = ligne
        self.raison = raison
        self.autres = autres


@dataclass(frozen=True)
class Lecture(Generic[T]):
    """Un fichier lu et validé, avec de quoi retrouver la ligne de chaque élément."""

    fichier: str
    contenu: T
    lignes: Mapping[Chemin, int]

    def ligne(self, *chemin: str | int) -> int:
        """Ligne de l'élément, ou de son plus proche parent connu."""
        return ligne_de(self.lignes, chemin)

    def faute(self, chemin: Chemin, raison: str) -> ErreurDeDonnees:
        """Une erreur placée à la ligne de cet élément."""
        return ErreurDeDonnees(self.fichier, self.ligne(*chemin), raison)


def lire(chemin: Path, forme: type[T], *, racine: Path | None = None) -> Lecture[T]:
    """Lit et valide un fichier. `racine` raccourcit le nom montré. Lève ErreurDeDonnees."""
    fichier = nom_montre(chemin, racine)
    try:
        donnees, lignes = composer(lire_texte(chemin, fichier))
        return Lecture(fichier, valider_donnees(donnees, lignes, forme), lignes)
    except TexteRefuse as refus:
        raise refus_du_fichier(fichier, refus) from refus


def nom_montre(chemin: Path, racine: Path | None) -> str:
    """Le nom du fichier dans les messages."""
    return chemin.relative_to(racine).as_posix() if racine is not None else chemin.name


def lire_texte(chemin: Path, fichier: str) -> str:
    """Le texte du fichier. Lève ErreurDeDonnees s'il manque ou n'est pas en UTF-8."""
    try:
        return chemin.read_text(encoding="utf-8")
    except FileNotFoundError as erreur:
        raise ErreurDeDonnees(fichier, 1, "le fichier manque") from erreur
    except UnicodeDecodeError as erreur:
        ligne = chemin.read_bytes()[: erreur.start].count(b"\n") + 1
        raise ErreurDeDonnees(fichier, ligne, "le fichier n’est pas en UTF-8") from erreur


def refus_du_fichier(fichier: str, refus: TexteRefuse) -> ErreurDeDonnees:
    """Les fautes d'un texte, celles d'un fichier."""
    premiere, *autres = (ErreurDeDonnees(fichier, ligne, raison) for ligne, raison in refus.fautes)
    return ErreurDeDonnees(fichier, premiere.ligne, premiere.raison, tuple(autres))

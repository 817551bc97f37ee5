"""Lire une grille de notation : le fichier, sa forme, puis son fond ; chaque faute dit sa ligne."""

from __future__ import annotations

from collections.abc import Container, Iterable
from pathlib import Path

from app.noyau.erreurs import Faute
from app.referentiels.grilles.rules import Grille, GrilleInvalide, grille_depuis_donnees, valider
from seeds.lecture import ErreurDeDonnees, Lecture, lire
from seeds.schemas.grilles import FichierGrille

GRILLES = Path(__file__).parent / "contrats" / "m2a-2024-2030" / "grilles"


def lire_grille(chemin: Path, *, racine: Path | None = None, lignes: Container[str] | None = None) -> Grille:
    """La grille du fichier, valide et applicable. Lève ErreurDeDonnees (fichier, ligne, raison, autres fautes).

    `racine` raccourcit le nom montré. `lignes` : celles du contrat, quand la grille est rangée avec lui.
    """
    lecture = lire(chemin, FichierGrille, racine=racine)
    try:
        donnees = lecture.contenu.en_donnees()
    except KeyError as erreur:
        raise lecture.faute(("textes",), f"texte inconnu : {erreur.args[0]}") from erreur
    try:
        grille = grille_depuis_donnees(donnees)
    except GrilleInvalide as erreur:
        raise _refus(lecture, erreur.fautes) from erreur
    fautes = valider(grille)
    if fautes:
        raise _refus(lecture, fautes)
    inconnues = [] if lignes is None else [rang for rang, ligne in enumerate(grille.lignes) if ligne.code not in lignes]
    if inconnues:
        raison = "cette ligne de financement n’est pas dans le contrat"
        raise _refus(lecture, [Faute(f"lignes.{rang}.code", raison, "ligne_inconnue") for rang in inconnues])
    return grille


def _refus(lecture: Lecture[FichierGrille], fautes: Iterable[Faute]) -> ErreurDeDonnees:
    premiere, *autres = sorted((_placer(lecture, faute) for faute in fautes), key=lambda faute: faute.ligne)
    return ErreurDeDonnees(premiere.fichier, premiere.ligne, premiere.raison, tuple(autres))


def _placer(lecture: Lecture[FichierGrille], faute: Faute) -> ErreurDeDonnees:
    chemin = tuple(int(pas) if pas.isdigit() else pas for pas in faute.champ.split("."))
    return lecture.faute(chemin, f"{faute.champ} : {faute.message}")

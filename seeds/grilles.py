"""Lire une grille de notation rangée dans un fichier ; chaque faute dit le fichier et la ligne."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from app.referentiels.grilles import schemas
from app.referentiels.grilles.rules import Grille
from app.referentiels.grilles.rules.codes import CodesConnus
from seeds.lecture import ErreurDeDonnees, lire_texte, nom_montre

GRILLES = Path(__file__).parent / "contrats" / "m2a-2024-2030" / "grilles"


def lire_grille(
    chemin: Path,
    *,
    racine: Path | None = None,
    lignes: Container[str] | None = None,
    codes: CodesConnus | None = None,
) -> Grille:
    """La grille du fichier, valide et applicable. Lève ErreurDeDonnees (fichier, ligne, raison, autres fautes).

    `racine` raccourcit le nom montré. `lignes`, `codes` : ceux du contrat, quand la grille est rangée avec lui.
    """
    fichier = nom_montre(chemin, racine)
    try:
        return schemas.lire_grille(lire_texte(chemin, fichier), lignes=lignes, codes=codes)
    except schemas.GrilleRefusee as refus:
        premiere, *autres = (ErreurDeDonnees(fichier, faute.ligne, str(faute)) for faute in refus.lignes)
        raise ErreurDeDonnees(fichier, premiere.ligne, premiere.raison, tuple(autres)) from refus

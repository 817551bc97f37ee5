"""Une grille écrite : son texte YAML, lu et rendu, chaque faute à sa ligne."""

from app.referentiels.grilles.schemas.texte import (
    GrilleRefusee,
    LigneFautive,
    ecrire_grille,
    lire_grille,
)

__all__ = ["GrilleRefusee", "LigneFautive", "ecrire_grille", "lire_grille"]

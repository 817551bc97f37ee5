"""Les travaux de fond de la notation et les demandes de notice : natures, états, voies."""

from __future__ import annotations

from enum import StrEnum


class NatureTravail(StrEnum):
    """Ce que fait un travail sur un appel entier : ajouter les notes qui changent, ou essayer une grille sans écrire.

    Choix du projet : issue 4, « a whole appel is rescored in the background with progress ».
    """

    RENOTER = "renoter"
    ESSAYER = "essayer"


class EtatTravail(StrEnum):
    """Où en est un travail.

    Choix du projet : conception/produit.md, « chaque longue tâche montre son avancée ».
    """

    EN_ATTENTE = "en_attente"
    EN_COURS = "en_cours"
    FINI = "fini"


class Voie(StrEnum):
    """Par où une notice a été demandée.

    Source : CRPA, art. R.311-3-1-2 (« l’administration communique à la personne […] à la demande de celle-ci »).
    """

    EN_LIGNE = "en_ligne"
    COURRIER = "courrier"
    GUICHET = "guichet"

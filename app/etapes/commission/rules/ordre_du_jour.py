"""L'ordre du jour : comment il se découpe en blocs."""

from __future__ import annotations

from enum import StrEnum

SEPARATEUR = " · "


class Decoupage(StrEnum):
    """Par ligne, ou par ligne et objectif.

    Choix du projet : conception/produit.md (« votes par dossier et par ligne ») ; issue 2, point 7.
    """

    LIGNE = "ligne"
    OBJECTIF = "objectif"


def nom_du_bloc(decoupage: Decoupage, ligne: str, objectif: str) -> str:
    """Le nom d'un bloc. Il ne porte jamais que sur une ligne : la commission y valide, ou y donne un avis.

    Choix du projet : reference/domaine.md, J29.
    """
    return ligne if decoupage is Decoupage.LIGNE or not objectif else f"{ligne}{SEPARATEUR}{objectif}"


def decoupage_des_blocs(blocs: frozenset[str]) -> Decoupage:
    """Le découpage que disent des noms de blocs ; sans bloc, par objectif.

    Choix du projet : un ordre du jour refait garde son découpage.
    """
    par_ligne = bool(blocs) and not any(SEPARATEUR in bloc for bloc in blocs)
    return Decoupage.LIGNE if par_ligne else Decoupage.OBJECTIF

"""Ce qui empêche une grille de servir : un critère retiré dont on se sert encore, une ligne que le contrat n'a pas."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from app.noyau.erreurs import Faute
from app.referentiels.grilles.rules.differences import criteres_retires
from app.referentiels.grilles.rules.modele import Grille
from app.referentiels.grilles.rules.noeud import Donnees

CRITERE_DES_OBJECTIFS = "OBJ"  # celui que les priorités d'un appel remplacent (etapes/notation, orientations)


def fautes_des_retraits(avant: Grille, apres: Grille, usages: Mapping[str, Sequence[str]]) -> list[Faute]:
    """Un refus par critère retiré qui sert encore. `usages` : code du critère → où il sert, en clair.

    Choix du projet : issue 4, « a criterion removed while used: refused at load with place and reason ».
    """
    return [
        Faute(
            f"criteres.{critere.code}",
            f"le critère « {critere.libelle} » ({critere.code}) est retiré mais sert encore : {endroit}",
            "critere_utilise",
        )
        for critere in criteres_retires(avant, apres)
        for endroit in usages.get(critere.code, ())
    ]


def fautes_des_lignes(grille: Grille, connues: Container[str]) -> list[Faute]:
    """Une faute par ligne de la grille que le contrat n'a pas.

    Choix du projet : architecture, décision 10 (tout porte le contrat).
    """
    return [
        Faute(f"lignes.{rang}.code", f"la ligne « {ligne.code} » n’est pas dans le contrat", "ligne_inconnue")
        for rang, ligne in enumerate(grille.lignes)
        if ligne.code not in connues
    ]


def criteres_du_contenu(contenu: Donnees) -> frozenset[str]:
    """Les codes des critères d'un contenu enregistré, sans le relire en entier.

    Choix du projet : issue 4, « a criterion removed while used ».
    """
    return frozenset(critere["code"] for critere in contenu.get("criteres", ()))

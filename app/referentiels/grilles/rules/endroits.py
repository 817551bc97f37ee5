"""Dire en français où se trouve une faute dans une grille : « critère « Coût raisonnable », palier 2, condition »."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.referentiels.grilles.rules.noeud import Donnees

_LISTES = {"lignes": "ligne", "criteres": "critère", "sans_objet": "cas sans objet"}
_NOMMES = {"ensembles": "ensemble", "mesures": "mesure", "definitions": "définition"}
_PARTIES = {
    "version": "numéro de version",
    "intitule": "intitulé",
    "arrondi": "arrondi",
    "decimales": "décimales",
    "poids": "poids",
    "champ": "ouverture de la ligne",
    "si": "condition",
    "motif": "phrase",
    "taux": "part du poids",
    "source": "source",
    "libelle": "libellé",
    "critere": "critère",
    "numerateur": "numérateur",
    "denominateur": "dénominateur",
    "est_transversal": "enjeu transversal",
}


def endroit(donnees: Donnees, chemin: str) -> str:
    """L'endroit lisible d'un chemin de faute (« criteres.2.baremes.0.paliers.1.si ») dans ces données de grille.

    Les données peuvent être fautives : ce qui ne s'y trouve pas se dit par son rang ou par son nom.
    Choix du projet : issue 4, « refused at load with place and reason ».
    """
    pas = chemin.split(".") if chemin else []
    if not pas:
        return "la grille entière"
    premier, *reste = pas
    if premier in _LISTES and reste:
        objet = _element(donnees.get(premier), reste[0])
        dits = [f"{_LISTES[premier]} {_nom(objet, reste[0], premier)}", *_suite(objet, reste[1:])]
    elif premier in _NOMMES and reste:
        dits = [f"{_NOMMES[premier]} « {reste[0]} »", *_suite(None, reste[1:])]
    else:
        dits = _suite(donnees, pas) or [premier]
    return ", ".join(dits)


def _suite(objet: object, pas: Sequence[str]) -> list[str]:
    """Les étages d'après : barème, palier, puis la partie ; le détail d'une condition n'est pas dit."""
    dits: list[str] = []
    rang = 0
    while rang < len(pas):
        nom, suivant = pas[rang], pas[rang + 1] if rang + 1 < len(pas) else None
        objet = objet.get(nom) if isinstance(objet, Mapping) else None
        if nom == "baremes" and suivant is not None:
            objet = _element(objet, suivant)
            dits.append(f"barème {_lignes(objet, suivant)}")
            rang += 1
        elif nom == "paliers" and suivant is not None:
            objet = _element(objet, suivant)
            dits.append(f"palier {int(suivant) + 1}")
            rang += 1
        elif nom == "poids" and suivant is not None:
            return [*dits, f"poids de « {suivant} »"]
        elif nom in _PARTIES:
            dits.append(_PARTIES[nom])
        rang += 1
    return dits


def _element(liste: object, rang: str) -> Any:
    if isinstance(liste, list | tuple) and rang.isdigit() and int(rang) < len(liste):
        return liste[int(rang)]
    return None


def _nom(objet: object, rang: str, liste: str) -> str:
    if not isinstance(objet, Mapping):
        return rang
    if liste == "sans_objet":
        return f"« {objet.get('critere', rang)} »"
    return f"« {objet.get('libelle') or objet.get('code', rang)} »"


def _lignes(bareme: object, rang: str) -> str:
    lignes = bareme.get("lignes") if isinstance(bareme, Mapping) else None
    return ", ".join(str(ligne) for ligne in lignes) if isinstance(lignes, list | tuple) else str(int(rang) + 1)

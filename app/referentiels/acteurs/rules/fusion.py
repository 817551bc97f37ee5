"""Écrire la fiche à plusieurs : ne réécrire que ce qu'une personne a changé de ce que sa page montrait. Règles pures.

Une réponse est un champ, ou plusieurs qui ne se comprennent qu'ensemble (les agréments) : {nom du champ: texte}.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

Reponse = Mapping[str, str]
_ENSEMBLES = ("agrement_",)
_CODES = {"agrement_": "agrements"}
ENREGISTRE = "enregistre"


@dataclass(frozen=True, slots=True)
class Conflit:
    """Une réponse changée par quelqu'un d'autre depuis la page, et changée ici autrement. `version` : celle en base."""

    code: str
    enregistre: Reponse
    saisi: Reponse
    version: str


@dataclass(frozen=True, slots=True)
class Fusion:
    """Ce qui s'enregistre, et ce qu'il faut trancher d'abord."""

    champs: Reponse
    conflits: tuple[Conflit, ...] = field(default=())


def code_de(nom: str) -> str:
    """La réponse à laquelle un champ appartient.

    Choix du projet : les agréments se comparent d'un bloc, leurs rangées n'ont pas d'identité.
    """
    return next((_CODES[debut] for debut in _ENSEMBLES if nom.startswith(debut)), nom)


def en_reponses(champs: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Les réponses d'un formulaire : code → ses champs remplis, sans les espaces autour.

    Choix du projet : un champ vide et un champ absent disent la même chose.
    """
    rendu: dict[str, dict[str, str]] = {}
    for nom, texte in champs.items():
        reponse = rendu.setdefault(code_de(nom), {})
        if propre := texte.strip().replace("\r\n", "\n"):
            reponse[nom] = propre
    return rendu


def version(reponse: Reponse) -> str:
    """De quoi reconnaître une réponse ; vide si elle l'est.

    Choix du projet : une empreinte, comme au dossier ; la page ne remontre pas l'ancien texte.
    """
    garde = json.dumps(dict(reponse), sort_keys=True)
    return hashlib.sha256(garde.encode()).hexdigest()[:12] if reponse else ""


def versions(enregistres: Mapping[str, str]) -> dict[str, str]:
    """Code → version, pour chaque réponse qu'une page montre.

    Choix du projet : ADR 0016, la version de chaque champ est le seul juge.
    """
    return {code: version(reponse) for code, reponse in en_reponses(enregistres).items()}


def fusionner(
    saisis: Mapping[str, str], enregistres: Mapping[str, str], lues: Mapping[str, str], choix: Mapping[str, str]
) -> Fusion:
    """Ce qu'une personne a changé, sur ce qui est enregistré maintenant.

    `lues` : code → version que sa page montrait ; `choix` : code → « enregistre » si elle garde ce qui l'est. Une
    réponse sans version n'était pas sur la page : elle s'enregistre telle que saisie, et rien ne l'efface.
    Choix du projet : deux personnes qui changent des champs différents les gardent tous ; le même champ se choisit.
    """
    tapees, gardees = en_reponses(saisis), en_reponses(enregistres)
    champs: dict[str, str] = {}
    conflits = []
    for code in {**gardees, **tapees, **lues}:
        tape, garde = tapees.get(code, {}), gardees.get(code, {})
        lue = lues.get(code)
        if lue is None:
            champs |= tape or garde
            continue
        intacte = version(tape) == lue
        a_jour = version(garde) == lue or tape == garde
        if intacte or (a_jour and choix.get(code) == ENREGISTRE):
            champs |= garde
        elif a_jour:
            champs |= tape
        else:
            conflits.append(Conflit(code, garde, tape, version(garde)))
    return Fusion(champs, tuple(conflits))

"""Lire un fichier YAML en gardant ses numéros de ligne, le valider, dire en français ce qui cloche et où."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

T = TypeVar("T")
Chemin = tuple[str | int, ...]
_NUL = "tag:yaml.org,2002:null"


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
        return _ligne(self.lignes, chemin)

    def faute(self, chemin: Chemin, raison: str) -> ErreurDeDonnees:
        """Une erreur placée à la ligne de cet élément."""
        return ErreurDeDonnees(self.fichier, self.ligne(*chemin), raison)


def lire(chemin: Path, forme: type[T], *, racine: Path | None = None) -> Lecture[T]:
    """Lit et valide un fichier. `racine` raccourcit le nom montré. Lève ErreurDeDonnees."""
    fichier = chemin.relative_to(racine).as_posix() if racine is not None else chemin.name
    donnees, lignes = _composer(chemin, fichier)
    try:
        contenu = TypeAdapter(forme).validate_python(donnees)
    except ValidationError as erreur:
        fautes = sorted(
            (_faute(fichier, lignes, detail) for detail in erreur.errors(include_url=False)), key=lambda f: f.ligne
        )
        raise ErreurDeDonnees(fichier, fautes[0].ligne, fautes[0].raison, tuple(fautes[1:])) from erreur
    return Lecture(fichier, contenu, lignes)


def _noeud(texte: str) -> yaml.Node | None:
    """Compose sans construire (par libyaml), et refuse les renvois : chaque valeur s'écrit là où elle se lit."""
    for evenement in yaml.parse(texte, Loader=yaml.CSafeLoader):
        if isinstance(evenement, yaml.AliasEvent):
            marque: Any = evenement.start_mark  # celle de libyaml, aux mêmes attributs
            raise yaml.MarkedYAMLError(problem="un renvoi (*nom) n’est pas permis", problem_mark=marque)
    noeud: yaml.Node | None = yaml.compose(texte, Loader=yaml.CSafeLoader)
    return noeud


def _composer(chemin: Path, fichier: str) -> tuple[object, dict[Chemin, int]]:
    try:
        texte = chemin.read_text(encoding="utf-8")
    except FileNotFoundError as erreur:
        raise ErreurDeDonnees(fichier, 1, "le fichier manque") from erreur
    except UnicodeDecodeError as erreur:
        ligne = chemin.read_bytes()[: erreur.start].count(b"\n") + 1
        raise ErreurDeDonnees(fichier, ligne, "le fichier n’est pas en UTF-8") from erreur
    try:
        noeud = _noeud(texte)
    except yaml.reader.ReaderError as erreur:
        ligne = texte[: erreur.position].count("\n") + 1
        raise ErreurDeDonnees(fichier, ligne, "le fichier contient un caractère interdit") from erreur
    except yaml.MarkedYAMLError as erreur:
        marque = erreur.problem_mark or erreur.context_mark
        raise ErreurDeDonnees(
            fichier, marque.line + 1 if marque else 1, f"YAML illisible : {erreur.problem}"
        ) from erreur
    if noeud is None:
        raise ErreurDeDonnees(fichier, 1, "le fichier est vide")
    lignes: dict[Chemin, int] = {}
    return _valeur(noeud, (), fichier, lignes), lignes


def _valeur(noeud: yaml.Node, chemin: Chemin, fichier: str, lignes: dict[Chemin, int]) -> object:
    lignes.setdefault(chemin, noeud.start_mark.line + 1)
    if isinstance(noeud, yaml.SequenceNode):
        return [_valeur(enfant, (*chemin, rang), fichier, lignes) for rang, enfant in enumerate(noeud.value)]
    if isinstance(noeud, yaml.MappingNode):
        return _champs(noeud, chemin, fichier, lignes)
    return None if noeud.tag == _NUL else noeud.value


def _champs(noeud: yaml.MappingNode, chemin: Chemin, fichier: str, lignes: dict[Chemin, int]) -> dict[str, object]:
    champs: dict[str, object] = {}
    for cle, enfant in noeud.value:
        ligne = cle.start_mark.line + 1
        if not isinstance(cle, yaml.ScalarNode):
            raise ErreurDeDonnees(fichier, ligne, "un nom de champ est un texte simple")
        if cle.value in champs:
            raise ErreurDeDonnees(fichier, ligne, f"le champ « {cle.value} » est écrit deux fois")
        lignes[(*chemin, cle.value)] = ligne
        champs[cle.value] = _valeur(enfant, (*chemin, cle.value), fichier, lignes)
    return champs


def _ligne(lignes: Mapping[Chemin, int], chemin: Chemin) -> int:
    for longueur in range(len(chemin), 0, -1):
        if chemin[:longueur] in lignes:
            return lignes[chemin[:longueur]]
    return lignes.get((), 1)


_RAISONS = {
    "missing": "le champ « {champ} » manque",
    "extra_forbidden": "le champ « {champ} » n’est pas prévu",
    "string_type": "« {champ} » attend un texte",
    "string_too_short": "« {champ} » est vide",
    "string_pattern_mismatch": "« {valeur} » n’a pas la forme attendue pour « {champ} »",
    "int_type": "« {champ} » attend un nombre entier",
    "int_parsing": "« {champ} » attend un nombre entier, pas « {valeur} »",
    "decimal_type": "« {champ} » attend un nombre",
    "decimal_parsing": "« {champ} » attend un nombre, pas « {valeur} »",
    "date_type": "« {champ} » attend une date (AAAA-MM-JJ)",
    "date_parsing": "« {valeur} » n’est pas une date (AAAA-MM-JJ)",
    "date_from_datetime_parsing": "« {valeur} » n’est pas une date (AAAA-MM-JJ)",
    "list_type": "« {champ} » attend une liste",
    "tuple_type": "« {champ} » attend une liste",
    "model_type": "« {champ} » attend un ensemble de champs",
    "dict_type": "« {champ} » attend un ensemble de champs",
}


def _faute(fichier: str, lignes: Mapping[Chemin, int], detail: ErrorDetails) -> ErreurDeDonnees:
    chemin = detail["loc"]
    champ = next((str(pas) for pas in reversed(chemin) if isinstance(pas, str)), "le fichier")
    nature, contexte = detail["type"], detail.get("ctx", {})
    if nature == "value_error":
        raison = str(contexte["error"])
    elif nature in ("enum", "literal_error"):
        permis = contexte["expected"].replace("'", "").replace(" or ", " ou ")
        raison = f"« {detail['input']} » n’est pas permis pour « {champ} » (attendu : {permis})"
    elif nature in ("too_short", "greater_than_equal", "greater_than", "less_than_equal", "less_than"):
        borne = next(valeur for nom, valeur in contexte.items() if nom in ("min_length", "ge", "gt", "le", "lt"))
        raison = f"« {champ} » ne respecte pas sa borne ({borne})"
    else:
        modele = _RAISONS.get(nature, "« {champ} » est refusé (" + nature + ")")
        raison = modele.format(champ=champ, valeur=detail["input"])
    return ErreurDeDonnees(fichier, _ligne(lignes, chemin), raison)

"""Lire un texte YAML en gardant ses numéros de ligne, le valider, dire en français ce qui cloche et à quelle ligne."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

T = TypeVar("T")
Chemin = tuple[str | int, ...]
_NUL = "tag:yaml.org,2002:null"
_PROFONDEUR = 60
_PROBLEMES = {
    "did not find expected key": "un nom de champ est attendu ici : vérifiez le décalage et les guillemets",
    "did not find expected '-' indicator": "un tiret est attendu ici : vérifiez le décalage",
    "did not find expected ',' or '}'": "une virgule ou une accolade fermante manque",
    "did not find expected ',' or ']'": "une virgule ou un crochet fermant manque",
    "did not find expected node content": "une valeur manque",
    "mapping values are not allowed in this context": "deux-points inattendus : mettez le texte entre guillemets",
    "found unexpected end of stream": "un guillemet n’est pas fermé",
    "found character that cannot start any token": "un caractère ne peut pas commencer une valeur (une tabulation ?)",
    "did not find expected <document start>": "le texte continue après la fin de la grille",
}


class FauteDeLigne(NamedTuple):
    """Une faute d'un texte : sa ligne (la première est 1) et la raison."""

    ligne: int
    raison: str


class TexteRefuse(Exception):
    """Un texte fautif. `fautes` : toutes celles qui se voient, dans l'ordre des lignes."""

    def __init__(self, fautes: Iterable[FauteDeLigne]) -> None:
        self.fautes = tuple(sorted(fautes, key=lambda faute: faute.ligne))
        super().__init__(" ; ".join(f"ligne {faute.ligne} : {faute.raison}" for faute in self.fautes))


def composer(texte: str) -> tuple[object, dict[Chemin, int]]:
    """Les données (textes, listes, ensembles de champs, rien de deviné) et la ligne de chacune. Lève TexteRefuse."""
    try:
        noeud = _noeud(texte)
    except yaml.reader.ReaderError as erreur:
        ligne = texte[: erreur.position].count("\n") + 1
        raise TexteRefuse([FauteDeLigne(ligne, "le fichier contient un caractère interdit")]) from erreur
    except yaml.MarkedYAMLError as erreur:
        marque = erreur.problem_mark or erreur.context_mark
        ligne = marque.line + 1 if marque else 1
        raise TexteRefuse([FauteDeLigne(ligne, f"YAML illisible : {_dit(erreur.problem)}")]) from erreur
    if noeud is None:
        raise TexteRefuse([FauteDeLigne(1, "le fichier est vide")])
    lignes: dict[Chemin, int] = {}
    return _valeur(noeud, (), lignes), lignes


def _dit(probleme: str | None) -> str:
    return _PROBLEMES.get(probleme or "", probleme or "écriture inattendue")


def valider_donnees(donnees: object, lignes: Mapping[Chemin, int], forme: type[T]) -> T:
    """Les données dans leur forme. Lève TexteRefuse, une faute par ligne fautive."""
    try:
        return TypeAdapter(forme).validate_python(donnees)
    except ValidationError as erreur:
        raise TexteRefuse(_faute(lignes, detail) for detail in erreur.errors(include_url=False)) from erreur


def ligne_de(lignes: Mapping[Chemin, int], chemin: Chemin) -> int:
    """La ligne de cet élément, ou de son plus proche parent connu."""
    for longueur in range(len(chemin), 0, -1):
        if chemin[:longueur] in lignes:
            return lignes[chemin[:longueur]]
    return lignes.get((), 1)


def _noeud(texte: str) -> yaml.Node | None:
    """Compose sans construire (par libyaml), et refuse les renvois : chaque valeur s'écrit là où elle se lit."""
    profondeur = 0
    for evenement in yaml.parse(texte, Loader=yaml.CSafeLoader):
        marque: Any = evenement.start_mark  # celle de libyaml, aux mêmes attributs
        if isinstance(evenement, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="un renvoi (*nom) n’est pas permis", problem_mark=marque)
        ouvre = isinstance(evenement, yaml.CollectionStartEvent)
        profondeur += ouvre - isinstance(evenement, yaml.CollectionEndEvent)
        if profondeur > _PROFONDEUR:
            raise yaml.MarkedYAMLError(problem="le texte est trop imbriqué", problem_mark=marque)
    noeud: yaml.Node | None = yaml.compose(texte, Loader=yaml.CSafeLoader)
    return noeud


def _valeur(noeud: yaml.Node, chemin: Chemin, lignes: dict[Chemin, int]) -> object:
    lignes.setdefault(chemin, noeud.start_mark.line + 1)
    if isinstance(noeud, yaml.SequenceNode):
        return [_valeur(enfant, (*chemin, rang), lignes) for rang, enfant in enumerate(noeud.value)]
    if isinstance(noeud, yaml.MappingNode):
        return _champs(noeud, chemin, lignes)
    return None if noeud.tag == _NUL else noeud.value


def _champs(noeud: yaml.MappingNode, chemin: Chemin, lignes: dict[Chemin, int]) -> dict[str, object]:
    champs: dict[str, object] = {}
    for cle, enfant in noeud.value:
        ligne = cle.start_mark.line + 1
        if not isinstance(cle, yaml.ScalarNode):
            raise TexteRefuse([FauteDeLigne(ligne, "un nom de champ est un texte simple")])
        if cle.value in champs:
            raise TexteRefuse([FauteDeLigne(ligne, f"le champ « {cle.value} » est écrit deux fois")])
        lignes[(*chemin, cle.value)] = ligne
        champs[cle.value] = _valeur(enfant, (*chemin, cle.value), lignes)
    return champs


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


def _faute(lignes: Mapping[Chemin, int], detail: ErrorDetails) -> FauteDeLigne:
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
    return FauteDeLigne(ligne_de(lignes, chemin), raison)

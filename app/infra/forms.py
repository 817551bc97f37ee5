"""Formulaires et JSON entrants : texte nettoyé, fautes en français, saisie gardée."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from starlette.datastructures import FormData, UploadFile

from app.infra.csrf import CHAMP, FormulaireBrut
from app.noyau.erreurs import Faute, SaisieInvalide

S = TypeVar("S", bound=BaseModel)
_REMPLACES = {"\ufeff": "", "\uf0b7": "•", "\r\n": "\n", "\r": "\n"}
_CONTROLES_ADMIS = {"\n", "\t"}


ILLISIBLE = "Un caractère illisible est dans le texte : retapez-le."


class TexteIllisible(ValueError):
    """Un caractère que la base ne peut pas garder (NUL, moitié de surrogat)."""


def nettoyer(texte: str) -> str:
    """NFC, puces de Word, BOM et contrôles remplacés. Lève TexteIllisible pour NUL ou un surrogat isolé."""
    if "\x00" in texte or any("\ud800" <= c <= "\udfff" for c in texte):
        raise TexteIllisible
    for ancien, nouveau in _REMPLACES.items():
        texte = texte.replace(ancien, nouveau)
    texte = unicodedata.normalize("NFC", texte)
    return "".join(c if c in _CONTROLES_ADMIS or unicodedata.category(c) != "Cc" else " " for c in texte)


def _nettoye(valeur: Any) -> Any:
    if isinstance(valeur, str):
        try:
            return nettoyer(valeur)
        except TexteIllisible:
            raise ValueError(ILLISIBLE) from None
    if isinstance(valeur, list):
        return [_nettoye(v) for v in valeur]
    if isinstance(valeur, dict):
        return {_nettoye(c): _nettoye(v) for c, v in valeur.items()}
    return valeur


AN_MIN, AN_MAX = 2000, 2100
ENTIER_MAX = 10**15  # dix mille milliards d'euros, en centimes


class Entree(BaseModel):
    """Socle des schémas entrants : rien d'inconnu n'est accepté, tout texte est nettoyé, rien ne change ensuite."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    @field_validator("*", mode="before")
    @classmethod
    def nettoyer_les_textes(cls, valeur: Any) -> Any:
        """Remplace les caractères de contrôle, à toute profondeur ; refuse NUL et les surrogats isolés."""
        return _nettoye(valeur)

    @field_validator("*")
    @classmethod
    def borner(cls, valeur: Any) -> Any:
        """Refuse un instant hors de 2000-2100, un jour après 2100 et un nombre qu'aucune colonne ne garde."""
        if isinstance(valeur, datetime) and valeur.year < AN_MIN:
            raise ValueError(f"Donnez une date à partir de {AN_MIN}.")
        if isinstance(valeur, date) and valeur.year > AN_MAX:
            raise ValueError(f"Donnez une date avant la fin de {AN_MAX}.")
        if isinstance(valeur, int) and abs(valeur) > ENTIER_MAX:
            raise ValueError("Ce nombre est trop grand.")
        return valeur


class Formulaire:
    """Un formulaire reçu : textes nettoyés, dans l'ordre, sans les champs techniques."""

    def __init__(self, brut: FormData | None) -> None:
        self._valeurs: list[tuple[str, str]] = []
        self.fichiers: dict[str, UploadFile] = {}
        fautes: list[Faute] = []
        for nom, valeur in brut.multi_items() if brut is not None else ():
            if isinstance(valeur, UploadFile):
                self.fichiers[nom] = valeur
            elif nom != CHAMP:
                try:
                    self._valeurs.append((nettoyer(nom), nettoyer(valeur)))
                except TexteIllisible:
                    fautes.append(Faute("", ILLISIBLE, "illisible"))
        if fautes:
            raise SaisieInvalide(fautes)

    def __contains__(self, nom: str) -> bool:
        return any(n == nom for n, _ in self._valeurs)

    def get(self, nom: str, defaut: str = "") -> str:
        """La dernière valeur de ce champ."""
        return next((v for n, v in reversed(self._valeurs) if n == nom), defaut)

    def liste(self, nom: str) -> list[str]:
        """Toutes les valeurs de ce champ, dans l'ordre."""
        return [v for n, v in self._valeurs if n == nom]

    def noms(self) -> list[str]:
        """Les noms de champs reçus, sans doublon, dans l'ordre."""
        return list(dict.fromkeys(n for n, _ in self._valeurs))

    def en_dict(self, listes: Iterable[str] = ()) -> dict[str, Any]:
        """Champ → valeur ; les champs de `listes` donnent une liste. Un champ vide est absent."""
        repetes = frozenset(listes)
        rendu: dict[str, Any] = {n: [v for v in self.liste(n) if v.strip()] for n in repetes}
        for nom in self.noms():
            if nom not in repetes and (valeur := self.get(nom)).strip():
                rendu[nom] = valeur
        return rendu


def lire_formulaire(brut: FormulaireBrut) -> Formulaire:
    """Le formulaire nettoyé de la requête."""
    return Formulaire(brut)


FormulaireDep = Annotated[Formulaire, Depends(lire_formulaire)]

_PHRASES = {
    "missing": "Remplissez ce champ.",
    "string_too_short": "Écrivez au moins {min_length} caractères.",
    "string_too_long": "Écrivez au plus {max_length} caractères.",
    "int_parsing": "Écrivez un nombre entier.",
    "int_from_float": "Écrivez un nombre entier.",
    "int_type": "Écrivez un nombre entier.",
    "bool_parsing": "Répondez par oui ou par non.",
    "bool_type": "Répondez par oui ou par non.",
    "string_type": "Écrivez un texte.",
    "decimal_parsing": "Écrivez un nombre.",
    "greater_than": "La valeur doit dépasser {gt}.",
    "greater_than_equal": "La valeur doit être au moins {ge}.",
    "less_than": "La valeur doit rester sous {lt}.",
    "less_than_equal": "La valeur doit être au plus {le}.",
    "date_from_datetime_parsing": "Écrivez une date, par exemple 2027-03-09.",
    "date_parsing": "Écrivez une date, par exemple 2027-03-09.",
    "date_type": "Écrivez une date, par exemple 2027-03-09.",
    "datetime_parsing": "Écrivez une date et une heure.",
    "datetime_from_date_parsing": "Écrivez une date et une heure.",
    "timezone_aware": "Écrivez un instant avec son fuseau.",
    "enum": "Choisissez une réponse de la liste.",
    "literal_error": "Choisissez une réponse de la liste.",
    "string_pattern_mismatch": "La forme attendue n’est pas respectée.",
    "extra_forbidden": "Ce champ n’est pas attendu.",
    "too_short": "Donnez au moins {min_length} réponse(s).",
    "too_long": "Donnez au plus {max_length} réponse(s).",
    "list_type": "Donnez une liste.",
    "dict_type": "Donnez un objet.",
    "model_type": "Donnez un objet.",
    "json_invalid": "Le corps de la requête n’est pas du JSON lisible.",
    "json_type": "Le corps de la requête n’est pas du JSON lisible.",
}


def _nommer(phrase: str, genre: str, libelle: str | None) -> str:
    """La phrase générale, avec le nom du champ : elle se lit aussi loin de lui, dans le résumé des erreurs."""
    if not libelle:
        return phrase
    return f"Remplissez « {libelle} »." if genre == "missing" else f"« {libelle} » : {phrase[0].lower()}{phrase[1:]}"


def fautes_de(
    erreurs: Sequence[Mapping[str, Any]], prefixe: int = 0, libelles: Mapping[str, str] = MappingProxyType({})
) -> list[Faute]:
    """Fautes en français d'une liste d'erreurs Pydantic.

    `prefixe` : nombre d'étages de `loc` à passer. `libelles` : champ → nom montré, dit par les phrases générales.
    """
    rendu = []
    for erreur in erreurs:
        genre, contexte = str(erreur["type"]), dict(erreur.get("ctx") or {})
        champ = ".".join(str(e) for e in tuple(erreur["loc"])[prefixe:])
        if genre in {"value_error", "assertion_error"}:
            phrase = str(contexte.get("error", erreur.get("msg", "")))
        else:
            phrase = _PHRASES.get(genre, "Cette réponse n’est pas valable.").format(**contexte)
            phrase = _nommer(phrase, genre, libelles.get(champ))
        rendu.append(Faute(champ, phrase, genre))
    return rendu


def valider(schema: type[S], donnees: Mapping[str, Any]) -> S:
    """Valide par le schéma. Lève SaisieInvalide, chaque faute en français à côté de son champ.

    Le `title` d'un champ du schéma est le libellé que la page lui donne : les fautes le nomment.
    """
    try:
        return schema.model_validate(donnees)
    except ValidationError as erreur:
        raise SaisieInvalide(fautes_de(erreur.errors(), libelles=_libelles(schema))) from None


def _libelles(schema: type[BaseModel]) -> dict[str, str]:
    return {nom: champ.title for nom, champ in schema.model_fields.items() if champ.title}


def valider_tout(schema: type[S], donnees: Mapping[str, Any], verifier: Callable[[S], Iterable[Faute]]) -> S:
    """Comme `valider`, puis `verifier` dit ce que le métier reproche : toutes les fautes d'un coup, dans l'ordre.

    Chaque champ du schéma a un défaut : `verifier` reçoit les champs lisibles, un champ illisible étant à son défaut ;
    ce qu'il dit d'un champ déjà fautif est tu. Lève SaisieInvalide.
    """
    fautes: list[Faute] = []
    illisibles: set[str] = set()
    try:
        lu = schema.model_validate(donnees)
    except ValidationError as erreur:
        fautes = fautes_de(erreur.errors(), libelles=_libelles(schema))
        illisibles = {str(e["loc"][0]) for e in erreur.errors() if e["loc"]}
        lu = schema.model_validate({nom: v for nom, v in donnees.items() if nom not in illisibles})
    fautes += [f for f in verifier(lu) if f.champ.partition(".")[0] not in illisibles]
    if fautes:
        rangs = {nom: rang for rang, nom in enumerate(schema.model_fields)}
        raise SaisieInvalide(sorted(fautes, key=lambda f: rangs.get(f.champ.partition(".")[0], -1)))
    return lu

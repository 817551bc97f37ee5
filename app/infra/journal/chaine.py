"""La chaîne : forme canonique d'une entrée et empreintes. Pur : se vérifie hors ligne, sans base ni service."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

ORIGINE = bytes(32)
"""Empreinte qui précède la première entrée d'une chaîne."""


class Tete(NamedTuple):
    """La dernière entrée d'une chaîne ; (0, ORIGINE) si elle est vide."""

    rang: int
    empreinte: bytes


@dataclass(frozen=True, slots=True)
class Entree:
    """Une entrée chaînée. Les empreintes font 32 octets."""

    chaine: int
    rang: int
    instant: datetime
    acte: str
    objet: str
    acteur: str
    empreinte_avant: bytes
    empreinte_apres: bytes
    precedente: bytes
    empreinte: bytes

    @property
    def place(self) -> tuple[int, int]:
        """(chaîne, rang) : l'ordre de lecture."""
        return self.chaine, self.rang

    def empreinte_au_rang(self, rang: int) -> bytes:
        """L'empreinte que ces champs donneraient à ce rang."""
        return empreinte_entree(
            chaine=self.chaine,
            rang=rang,
            instant=self.instant,
            acte=self.acte,
            objet=self.objet,
            acteur=self.acteur,
            empreinte_avant=self.empreinte_avant,
            empreinte_apres=self.empreinte_apres,
            precedente=self.precedente,
        )


@dataclass(frozen=True, slots=True)
class Contenu:
    """Le contenu lisible d'une entrée et son sel ; s'efface sans casser la chaîne."""

    chaine: int
    rang: int
    sel: bytes
    avant: object
    apres: object

    @property
    def place(self) -> tuple[int, int]:
        """(chaîne, rang) de l'entrée qu'il éclaire."""
        return self.chaine, self.rang

    def correspond(self, entree: Entree) -> bool:
        """Vrai si l'avant et l'après sont ceux dont l'entrée garde l'empreinte."""
        return (
            empreinte_salee(self.sel, "avant", self.avant) == entree.empreinte_avant
            and empreinte_salee(self.sel, "apres", self.apres) == entree.empreinte_apres
        )


def verifier_texte(texte: str) -> str:
    """Le texte, tel que la base le rendra. Lève ValueError (NUL, surrogat isolé)."""
    if "\0" in texte:
        raise ValueError("Le journal ne garde pas de caractère NUL.")
    try:
        texte.encode()
    except UnicodeEncodeError as erreur:
        raise ValueError("Le journal ne garde pas de surrogat isolé.") from erreur
    return str.__str__(texte)


def normaliser(valeur: object) -> object:
    """Copie faite de ce que la base rend à l'identique : None, booléens, entiers, textes, listes, objets.

    Une date s'écrit en ISO, un montant en centimes. Lève TypeError (flottant, clé qui n'est pas un texte, autre type)
    ou ValueError (texte que la base refuse).
    """
    if valeur is None or isinstance(valeur, bool):
        return valeur
    if isinstance(valeur, str):
        return verifier_texte(valeur)
    if isinstance(valeur, int):
        return int(valeur)
    if isinstance(valeur, Mapping):
        if not all(isinstance(cle, str) for cle in valeur):
            raise TypeError("Les clés d’un contenu du journal sont des textes.")
        return {verifier_texte(cle): normaliser(contenu) for cle, contenu in valeur.items()}
    if isinstance(valeur, list | tuple):
        return [normaliser(element) for element in valeur]
    raise TypeError(f"Le journal ne garde pas de {type(valeur).__name__} : l’écrire en texte, en entier ou en liste.")


def canonique(valeur: object) -> bytes:
    """JSON trié, sans espace, en UTF-8 : mêmes données, mêmes octets."""
    return json.dumps(valeur, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def empreinte_salee(sel: bytes, usage: str, valeur: object) -> bytes:
    """Empreinte d'un contenu ; le sel effacé, elle ne dit plus rien de lui.

    `usage` (« avant », « apres ») : sans lui, deux empreintes égales diraient d'un contenu effacé qu'il n'a pas changé.
    """
    return hashlib.sha256(sel + usage.encode() + b"\0" + canonique(valeur)).digest()


def empreinte_entree(
    *,
    chaine: int,
    rang: int,
    instant: datetime,
    acte: str,
    objet: str,
    acteur: str,
    empreinte_avant: bytes,
    empreinte_apres: bytes,
    precedente: bytes,
) -> bytes:
    """Empreinte d'une entrée, liée à la précédente. L'instant compte à la microseconde, en temps universel."""
    corps = {
        "chaine": chaine,
        "rang": rang,
        "instant": instant.astimezone(UTC).isoformat(timespec="microseconds"),
        "acte": acte,
        "objet": objet,
        "acteur": acteur,
        "avant": empreinte_avant.hex(),
        "apres": empreinte_apres.hex(),
        "precedente": precedente.hex(),
    }
    return hashlib.sha256(canonique(corps)).digest()


def enchainer(
    tete: Tete,
    *,
    chaine: int,
    instant: datetime,
    acte: str,
    objet: str,
    acteur: str,
    sel: bytes,
    avant: object,
    apres: object,
) -> tuple[Entree, Contenu]:
    """L'entrée qui suit `tete`, et son contenu."""
    rang = tete.rang + 1
    empreinte_avant, empreinte_apres = empreinte_salee(sel, "avant", avant), empreinte_salee(sel, "apres", apres)
    empreinte = empreinte_entree(
        chaine=chaine,
        rang=rang,
        instant=instant,
        acte=acte,
        objet=objet,
        acteur=acteur,
        empreinte_avant=empreinte_avant,
        empreinte_apres=empreinte_apres,
        precedente=tete.empreinte,
    )
    entree = Entree(
        chaine, rang, instant, acte, objet, acteur, empreinte_avant, empreinte_apres, tete.empreinte, empreinte
    )
    return entree, Contenu(chaine, rang, sel, avant, apres)

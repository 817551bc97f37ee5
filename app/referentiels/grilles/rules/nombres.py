"""Lire et écrire des nombres : ceux d'une grille (« 60 % », « 2/3 », « 3 000 € »), ceux qu'on montre (« 78,5 »)."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from app.noyau.euros import ESPACE_MILLIERS, arrondir

_BLANCS = re.compile(r"[\s\u00a0\u202f]")
_NOMBRE = re.compile(r"^(?P<nombre>\d+(?:[.,]\d+)?)(?P<suffixe>%|€)?$", re.ASCII)
_QUOTIENT = re.compile(r"^(?P<haut>\d+)/(?P<bas>0*[1-9]\d*)$", re.ASCII)
_DECIMALES = 2
_FACTEURS = {"%": Fraction(1, 100), "€": Fraction(100), None: Fraction(1)}


def lire_nombre(texte: str) -> Fraction:
    """Une fraction exacte, positive ou nulle ; « € » rend des centimes, « % » une part. Lève ValueError.

    Choix du projet : architecture, décision 7.
    """
    nettoye = _BLANCS.sub("", texte)
    quotient = _QUOTIENT.match(nettoye)
    if quotient is not None:
        return Fraction(int(quotient["haut"]), int(quotient["bas"]))
    nombre = _NOMBRE.match(nettoye)
    if nombre is None:
        raise ValueError(f"« {texte} » n’est pas un nombre (« 60 % », « 2/3 », « 1,5 », « 3 000 € »)")
    return Fraction(nombre["nombre"].replace(",", ".")) * _FACTEURS[nombre["suffixe"]]


def ecrire_nombre(nombre: Fraction) -> str:
    """« 3/5 », « 300000 » : la forme unique, relue à l'identique par lire_nombre.

    Choix du projet : architecture, décision 7.
    """
    return str(nombre)


def ecrire_decimal(nombre: Fraction, decimales: int = _DECIMALES) -> str:
    """« 78,5 », « 4 », « 1 234,75 » : virgule décimale, zéros de fin retirés.

    Choix du projet : maquette, note.html.
    """
    return ecrire_arrondi(arrondir(nombre, decimales))


def ecrire_arrondi(nombre: Decimal) -> str:
    """Un nombre déjà arrondi, à la française, zéros de fin retirés.

    Choix du projet : maquette, note.html.
    """
    entier, _, reste = f"{abs(nombre):,f}".replace(",", ESPACE_MILLIERS).partition(".")
    reste = reste.rstrip("0")
    signe = "−" if nombre < 0 else ""
    return f"{signe}{entier},{reste}" if reste else f"{signe}{entier}"

"""Pagination par clé : un jeton opaque dit où la page s'arrête ; aucune page n'est comptée ni sautée."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, Label, Row, Select, SQLColumnExpression, Text, literal, tuple_
from sqlalchemy.orm import Session

from app.noyau.erreurs import Faute, SaisieInvalide

TAILLE = 50
TAILLE_MAX = 200
_ENTIER_MAX = 2**63 - 1
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ordre:
    """Un ordre total : une expression jamais nulle (entière, ou texte), départagée par une clé entière unique."""

    nom: str
    expression: SQLColumnExpression[Any]
    cle: SQLColumnExpression[int]
    descendant: bool = False
    est_texte: bool = False


@dataclass(frozen=True, slots=True)
class Curseur:
    """La dernière ligne vue, dans quel ordre, et dans quel sens on repart."""

    ordre: str
    valeur: str | int
    cle: int
    recule: bool


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Une page et les jetons de ses voisines (None au bord)."""

    elements: tuple[T, ...]
    precedent: str | None = None
    suivant: str | None = None


def ecrire(curseur: Curseur) -> str:
    """Le jeton d'un curseur, sans caractère à échapper dans une adresse."""
    brut = json.dumps([curseur.ordre, curseur.valeur, curseur.cle, curseur.recule], separators=(",", ":"))
    return base64.urlsafe_b64encode(brut.encode()).decode().rstrip("=")


def lire(jeton: str, ordre: str) -> Curseur:
    """Le curseur d'un jeton écrit pour cet ordre. Lève SaisieInvalide s'il est illisible ou d'un autre ordre."""
    try:
        lu = json.loads(base64.b64decode(jeton.encode("ascii") + b"=" * (-len(jeton) % 4), b"-_", validate=True))
        du, valeur, cle, recule = lu
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise _illisible() from None
    est_texte = isinstance(valeur, str) and "\x00" not in valeur and valeur.isprintable()
    if du != ordre or not (est_texte or _est_entier(valeur)) or not _est_entier(cle) or not isinstance(recule, bool):
        raise _illisible()
    return Curseur(ordre, valeur, cle, recule)


def _est_entier(valeur: object) -> bool:
    return isinstance(valeur, int) and not isinstance(valeur, bool) and abs(valeur) <= _ENTIER_MAX


def _illisible() -> SaisieInvalide:
    phrase = "Ce jeton de page n’est pas valable : repartez de la première page."
    return SaisieInvalide([Faute("apres", phrase, "jeton_illisible")])


def paginer(
    session: Session, requete: Select[*tuple[Any, ...]], ordre: Ordre, jeton: str = "", taille: int = TAILLE
) -> Page[Row[*tuple[Any, ...]]]:
    """Une page de `requete` (sans ORDER BY). Une requête SQL. Lève SaisieInvalide si le jeton ne va pas."""
    curseur = lire(jeton, ordre.nom) if jeton else None
    recule = curseur is not None and curseur.recule
    vers_le_bas = ordre.descendant != recule
    if curseur is not None:
        if isinstance(curseur.valeur, str) != ordre.est_texte:
            raise _illisible()
        couple = tuple_(ordre.expression, ordre.cle)
        borne = tuple_(
            literal(curseur.valeur, Text if ordre.est_texte else BigInteger), literal(curseur.cle, BigInteger)
        )
        requete = requete.where(couple < borne if vers_le_bas else couple > borne)
    tri: Label[Any] = ordre.expression.label("iq_tri")
    cle: Label[int] = ordre.cle.label("iq_cle")
    rangs = (tri.desc(), cle.desc()) if vers_le_bas else (tri.asc(), cle.asc())
    rangees = session.execute(requete.add_columns(tri, cle).order_by(*rangs).limit(taille + 1)).all()
    reste = len(rangees) > taille
    gardees = rangees[:taille][::-1] if recule else rangees[:taille]
    avant, apres = (reste, True) if recule else (curseur is not None, reste)
    return Page(
        tuple(gardees),
        precedent=_jeton(ordre, gardees, 0, recule=True) if avant else None,
        suivant=_jeton(ordre, gardees, -1, recule=False) if apres else None,
    )


def _jeton(ordre: Ordre, rangees: Sequence[Row[*tuple[Any, ...]]], rang: int, *, recule: bool) -> str | None:
    if not rangees:
        return None
    rangee = rangees[rang]
    return ecrire(Curseur(ordre.nom, rangee.iq_tri, rangee.iq_cle, recule))

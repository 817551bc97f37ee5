"""Lire le journal en flux : depuis la base, dans un instantané ; depuis un export JSON Lines, sans base."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypeVar

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session, sessionmaker

from app.infra.journal.chaine import Contenu, Entree, canonique, normaliser, verifier_texte
from app.infra.journal.models import JournalAncre, JournalContenu, JournalEntree
from app.infra.journal.verification import Ancre, Anomalie, Nature, Rapport, Rapprochement, verifier
from app.noyau.erreurs import ErreurMetier

FORME = 1
LOT = 2000
T = TypeVar("T", Entree, Contenu)
Flux: TypeAlias = Generator[T, None, None]
_ILLISIBLE = (KeyError, TypeError, ValueError, OverflowError, RecursionError)


class JournalAbsent(ErreurMetier):
    """La base n'a pas les tables du journal."""

    code = "journal_absent"


@contextmanager
def instantane(fabrique: sessionmaker[Session]) -> Iterator[Session]:
    """Une session en lecture seule qui voit la base telle qu'elle est à cet instant. Lève JournalAbsent."""
    with fabrique() as session:
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        session.connection(execution_options=options)
        if session.scalar(text("SELECT to_regclass('journal_entree')")) is None:
            raise JournalAbsent("Cette base n’a pas de journal : lancez d’abord « python -m app migrer ».")
        yield session


def _en_flux(session: Session, genre: type[T], table: type[JournalEntree] | type[JournalContenu]) -> Flux[T]:
    colonnes = [getattr(table, champ.name) for champ in fields(genre)]
    requete: Select[Any] = select(*colonnes).order_by(table.chaine, table.rang)
    with session.execute(requete.execution_options(yield_per=LOT)) as lignes:
        for ligne in lignes:
            yield genre(*ligne)


def entrees_en_base(session: Session) -> Flux[Entree]:
    """Toutes les entrées, par (chaîne, rang) ; à fermer (`closing`) si la lecture peut s'arrêter en route."""
    return _en_flux(session, Entree, JournalEntree)


def contenus_en_base(session: Session) -> Flux[Contenu]:
    """Tous les contenus encore lisibles, par (chaîne, rang) ; à fermer de même."""
    return _en_flux(session, Contenu, JournalContenu)


def relire(session: Session, ancres: Iterable[Ancre]) -> Rapport:
    """Vérifie tout le journal de la base avec ses ancres et celles-là. À appeler dans un `instantane`."""
    toutes = [*ancres, *ancres_en_base(session)]
    with closing(entrees_en_base(session)) as entrees, closing(contenus_en_base(session)) as contenus:
        return verifier(entrees, contenus, toutes)


def ancres_en_base(session: Session) -> list[Ancre]:
    """Les ancres que la base a gardées."""
    requete = select(JournalAncre.chaine, JournalAncre.rang, JournalAncre.empreinte, JournalAncre.support).order_by(
        JournalAncre.chaine, JournalAncre.rang, JournalAncre.support
    )
    return [Ancre(*ligne) for ligne in session.execute(requete)]


def _en_json(valeur: object) -> object:
    if isinstance(valeur, bytes):
        return valeur.hex()
    if isinstance(valeur, datetime):
        return valeur.astimezone(UTC).isoformat(timespec="microseconds")
    return valeur


def _ligne(genre: str, champs: dict[str, Any]) -> bytes:
    return canonique({"type": genre} | {nom: _en_json(valeur) for nom, valeur in champs.items()}) + b"\n"


def exporter(session: Session, sortie: BinaryIO, *, avec_contenus: bool = True) -> int:
    """Écrit le journal en JSON Lines : les ancres de la base, puis une entrée par ligne, puis une ligne de fin.

    Un contenu resté sans son entrée a sa ligne (« orphelin ») : relire l'export le trouve aussi. Rend le nombre
    d'entrées. À appeler dans un `instantane`.
    """
    for ancre in ancres_en_base(session):
        champs = {"chaine": ancre.chaine, "rang": ancre.rang, "empreinte": ancre.empreinte, "support": ancre.support}
        sortie.write(_ligne("ancre", champs))

    def ecrire_orphelin(contenu: Contenu) -> None:
        sortie.write(_ligne("orphelin", {"chaine": contenu.chaine, "rang": contenu.rang}))

    nombre = 0
    with closing(entrees_en_base(session)) as entrees, closing(contenus_en_base(session)) as contenus:
        lisibles = Rapprochement(contenus if avec_contenus else (), ecrire_orphelin)
        for entree in entrees:
            champs = asdict(entree)
            contenu = lisibles.de(entree)
            if contenu is not None:
                champs["contenu"] = {"sel": contenu.sel.hex(), "avant": contenu.avant, "apres": contenu.apres}
            sortie.write(_ligne("entree", champs))
            nombre += 1
        lisibles.vider()
    sortie.write(_ligne("fin", {"forme": FORME, "entrees": nombre}))
    return nombre


def _entier(valeur: object) -> int:
    if type(valeur) is not int:
        raise TypeError("un entier est attendu")
    return valeur


def _texte(valeur: object) -> str:
    if not isinstance(valeur, str):
        raise TypeError("un texte est attendu")
    return verifier_texte(valeur)


def _instant(valeur: object) -> datetime:
    instant = datetime.fromisoformat(_texte(valeur))
    if instant.tzinfo is None:
        raise ValueError("un instant porte son fuseau")
    return instant.astimezone(UTC)


def _octets(valeur: object) -> bytes:
    return bytes.fromhex(_texte(valeur))


_LECTEURS: dict[str, Callable[[object], Any]] = {
    "int": _entier,
    "str": _texte,
    "datetime": _instant,
    "bytes": _octets,
}


def _lire_entree(ligne: dict[str, Any]) -> Entree:
    return Entree(**{champ.name: _LECTEURS[str(champ.type)](ligne[champ.name]) for champ in fields(Entree)})


def _lire_contenu(ligne: dict[str, Any]) -> Contenu | None:
    contenu = ligne.get("contenu")
    if contenu is None and ligne["type"] != "orphelin":
        return None
    place = _entier(ligne["chaine"]), _entier(ligne["rang"])
    if contenu is None:
        return Contenu(*place, b"", None, None)
    return Contenu(*place, _octets(contenu["sel"]), normaliser(contenu["avant"]), normaliser(contenu["apres"]))


def _lire_ancre(ligne: dict[str, Any]) -> Ancre:
    place = _entier(ligne["chaine"]), _entier(ligne["rang"])
    return Ancre(*place, _octets(ligne["empreinte"]), _texte(ligne["support"]))


class Export:
    """Un fichier de `journal exporter`, relu autant de fois qu'il faut sans jamais tenir en mémoire."""

    def __init__(self, chemin: Path) -> None:
        self._chemin = chemin
        self.anomalies: list[Anomalie] = []
        """Lignes illisibles et fin manquante, connues une fois `entrees` épuisé."""

    def _lignes(self) -> Iterator[tuple[int, dict[str, Any] | None]]:
        try:
            with self._chemin.open("rb") as fichier:
                for numero, brute in enumerate(fichier, start=1):
                    try:
                        ligne = json.loads(brute)
                    except (ValueError, RecursionError):
                        ligne = None
                    yield numero, ligne if isinstance(ligne, dict) else None
        except OSError as erreur:
            raise ErreurMetier(f"{self._chemin} ne se lit pas : {erreur.strerror}.") from erreur

    def entrees(self) -> Iterator[Entree]:
        """Les entrées, dans l'ordre du fichier."""
        nombre, annonce = 0, None
        for numero, ligne in self._lignes():
            entree = None
            try:
                genre = ligne["type"] if ligne is not None else None
                if ligne is None or genre not in {"ancre", "entree", "orphelin", "fin"}:
                    self._signaler(f"La ligne {numero} est illisible.")
                elif genre == "fin":
                    annonce = _entier(ligne["entrees"])
                elif genre != "ancre":
                    _lire_contenu(ligne)
                    entree = _lire_entree(ligne) if genre == "entree" else None
            except _ILLISIBLE:
                self._signaler(f"La ligne {numero} est illisible.")
            if entree is not None:
                nombre += 1
                yield entree
        if annonce is None:
            self._signaler("Le fichier est coupé : sa dernière ligne manque.")
        elif annonce != nombre:
            self._signaler(f"Le fichier annonce {annonce} entrées, il en a {nombre}.")

    def contenus(self) -> Iterator[Contenu]:
        """Les contenus lisibles, dans l'ordre du fichier."""
        for _, ligne in self._lignes():
            try:
                a_lire = ligne is not None and ligne.get("type") in {"entree", "orphelin"}
                contenu = _lire_contenu(ligne) if ligne is not None and a_lire else None
            except _ILLISIBLE:
                continue
            if contenu is not None:
                yield contenu

    def ancres(self) -> Iterator[Ancre]:
        """Les ancres que la base avait gardées ; elles ouvrent le fichier."""
        for numero, ligne in self._lignes():
            if ligne is None or ligne.get("type") != "ancre":
                return
            try:
                yield _lire_ancre(ligne)
            except _ILLISIBLE:
                self._signaler(f"La ligne {numero} (ancre) est illisible.")

    def _signaler(self, phrase: str) -> None:
        self.anomalies.append(Anomalie(Nature.FICHIER, phrase))

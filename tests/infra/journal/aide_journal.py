"""Aide aux essais du journal : des chaînes pures, de vrais COMMIT, et un superutilisateur pour falsifier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import psycopg
from sqlalchemy.orm import Session, sessionmaker

from app.commandes.base import Base
from app.infra.journal import lecture
from app.infra.journal.chaine import ORIGINE, Contenu, Entree, Tete, enchainer
from app.infra.journal.ecriture import consigner
from app.infra.journal.verification import Ancre, Rapport

INSTANT = datetime(2026, 11, 6, 13, 12, 0, 123456, tzinfo=UTC)
Chaine = tuple[list[Entree], list[Contenu]]


def chaine_pure(nombre: int, chaine: int = 1) -> Chaine:
    """Une chaîne de `nombre` actes, une par minute, au sel constant."""
    tete, entrees, contenus = Tete(0, ORIGINE), [], []
    for numero in range(1, nombre + 1):
        entree, contenu = enchainer(
            tete,
            chaine=chaine,
            instant=INSTANT + timedelta(minutes=numero),
            acte="dossier.depose",
            objet=f"M2A-2027-{numero:04d}",
            acteur="c-0123",
            sel=sha256(str(numero).encode()).digest()[:16],
            avant=None,
            apres={"etat": "depose", "numero": numero},
        )
        tete = Tete(entree.rang, entree.empreinte)
        entrees.append(entree)
        contenus.append(contenu)
    return entrees, contenus


def ancre_de(entree: Entree, *, hors_base: bool = True) -> Ancre:
    """L'ancre qui couvre jusqu'à cette entrée."""
    return Ancre(entree.chaine, entree.rang, entree.empreinte, "jour:2026-11-06", hors_base=hors_base)


def fautes(rapport: Rapport) -> set[tuple[str, int | None]]:
    """(nature, rang) de chaque anomalie."""
    return {(anomalie.nature.value, anomalie.rang) for anomalie in rapport.anomalies}


def deposer(session: Session, numero: int, contrat_id: int | None = 1) -> None:
    """Consigne un dépôt."""
    consigner(
        session, contrat_id=contrat_id, acte="dossier.depose", objet=f"M2A-2027-{numero:04d}", acteur="c-0123",
        maintenant=INSTANT + timedelta(minutes=numero), apres={"etat": "depose", "numero": numero},
    )  # fmt: skip


def remplir(fabrique: sessionmaker[Session], nombre: int, contrat_id: int | None = 1) -> None:
    """Autant d'actes validés, une transaction chacun."""
    for numero in range(1, nombre + 1):
        with fabrique.begin() as session:
            deposer(session, numero, contrat_id)


def relire(fabrique: sessionmaker[Session], ancres: Sequence[Ancre] = ()) -> Rapport:
    """Le rapport sur la base, avec ses ancres et celles-là."""
    with lecture.instantane(fabrique) as session:
        return lecture.relire(session, ancres)


def entrees_de(fabrique: sessionmaker[Session]) -> list[Entree]:
    """Toutes les entrées de la base."""
    with lecture.instantane(fabrique) as session:
        return list(lecture.entrees_en_base(session))


@contextmanager
def superutilisateur(base: Base) -> Iterator[psycopg.Connection]:
    """Qui peut tout : désarme les gardes et les liens, falsifie, remet tout comme c'était."""
    assert base.grappe is not None
    tables = ("journal_entree", "journal_contenu", "journal_ancre")
    gardes = "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgenabled = 'A'"
    with psycopg.connect(base.grappe.conninfo(base.nom, "postgres"), options="-c lock_timeout=10s") as connexion:
        toujours = connexion.execute(gardes).fetchall()
        for table in tables:
            connexion.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        yield connexion
        for table in tables:
            connexion.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
        for table, garde in toujours:
            connexion.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {garde}")

"""Consigner un acte : rangé en mémoire, écrit en dernier, juste avant COMMIT."""

from __future__ import annotations

import secrets
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import event, insert, select, text
from sqlalchemy.orm import Session

from app.infra.journal.chaine import ORIGINE, empreinte_entree, empreinte_salee
from app.infra.journal.models import CHAINE_INSTANCE, JournalContenu, JournalEntree

_CLE = "iq.journal"
ESPACE_VERROU = 7_204_115
TAILLE_SEL = 16


@dataclass(frozen=True, slots=True)
class ActeConsigne:
    """Un acte à écrire au journal. `acteur` est opaque : jamais un nom ni une adresse."""

    chaine: int
    acte: str
    objet: str
    acteur: str
    instant: datetime
    avant: object
    apres: object


def consigner(
    session: Session,
    *,
    contrat_id: int | None,
    acte: str,
    objet: str,
    acteur: str,
    maintenant: datetime,
    avant: object = None,
    apres: object = None,
) -> None:
    """Range l'acte ; il sera chaîné avant COMMIT. `acte` : « objet.participe » (« dossier.depose »)."""
    chaine = CHAINE_INSTANCE if contrat_id is None else contrat_id
    entree = ActeConsigne(chaine, acte, objet, acteur, maintenant, avant, apres)
    session.info.setdefault(_CLE, []).append(entree)


def en_attente(session: Session) -> tuple[ActeConsigne, ...]:
    """Les actes consignés et pas encore écrits."""
    return tuple(session.info.get(_CLE, ()))


def tete(session: Session, chaine: int) -> tuple[int, bytes]:
    """(rang, empreinte) de la dernière entrée écrite ; (0, origine) si la chaîne est vide."""
    requete = (
        select(JournalEntree.rang, JournalEntree.empreinte)
        .where(JournalEntree.chaine == chaine)
        .order_by(JournalEntree.rang.desc())
        .limit(1)
    )
    ligne = session.execute(requete).first()
    return (ligne.rang, ligne.empreinte) if ligne else (0, ORIGINE)


def _ecrire_chaine(session: Session, chaine: int, actes: list[ActeConsigne]) -> None:
    session.execute(text("SELECT pg_advisory_xact_lock(:e, :c)"), {"e": ESPACE_VERROU, "c": chaine})
    rang, precedente = tete(session, chaine)
    entrees, contenus = [], []
    for acte in actes:
        rang += 1
        sel = secrets.token_bytes(TAILLE_SEL)
        champs = {
            "chaine": chaine,
            "rang": rang,
            "instant": acte.instant,
            "acte": acte.acte,
            "objet": acte.objet,
            "acteur": acte.acteur,
            "empreinte_avant": empreinte_salee(sel, acte.avant),
            "empreinte_apres": empreinte_salee(sel, acte.apres),
            "precedente": precedente,
        }
        precedente = empreinte_entree(**champs)  # type: ignore[arg-type]
        entrees.append({**champs, "empreinte": precedente})
        contenus.append({"chaine": chaine, "rang": rang, "sel": sel, "avant": acte.avant, "apres": acte.apres})
    session.execute(insert(JournalEntree), entrees)
    session.execute(insert(JournalContenu), contenus)


def _avant_commit(session: Session) -> None:
    # Se déclenche aussi pour un SAVEPOINT, et avant le flush : seul le COMMIT de la racine écrit, après flush.
    if session.in_nested_transaction() or not session.info.get(_CLE):
        return
    session.flush()
    par_chaine: dict[int, list[ActeConsigne]] = defaultdict(list)
    for acte in session.info.pop(_CLE):
        par_chaine[acte.chaine].append(acte)
    for chaine in sorted(par_chaine):
        _ecrire_chaine(session, chaine, par_chaine[chaine])


def _apres_annulation(session: Session) -> None:
    if not session.in_nested_transaction():
        session.info.pop(_CLE, None)


def installer() -> None:
    """Branche le crochet sur toutes les sessions. Appelé une fois, par `main`."""
    if not event.contains(Session, "before_commit", _avant_commit):
        event.listen(Session, "before_commit", _avant_commit)
        event.listen(Session, "after_rollback", _apres_annulation)

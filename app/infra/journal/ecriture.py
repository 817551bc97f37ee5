"""Consigner un acte : rangé en mémoire, écrit en dernier, juste avant COMMIT.

Les actes attendent dans `session.info`, liés à la transaction en cours : un SAVEPOINT annulé retire les siens, la fin
de la transaction racine (COMMIT, ROLLBACK, fermeture de la session) retire tout. Seuls les points de sauvegarde de la
session (`begin_nested`) sont suivis ; un « ROLLBACK TO » écrit à la main en SQL ne l'est pas.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import event, insert, select, text
from sqlalchemy.orm import Session, SessionTransaction

from app.infra.journal.chaine import ORIGINE, Contenu, Entree, Tete, enchainer, normaliser, verifier_texte
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


@dataclass(slots=True)
class _Attente:
    """Ce qu'une transaction racine retient. `marques` : point de sauvegarde ouvert → nombre d'actes à son ouverture."""

    actes: list[ActeConsigne] = field(default_factory=list)
    marques: dict[SessionTransaction, int] = field(default_factory=dict)
    annoncees: dict[int, Tete] = field(default_factory=dict)


def _attente(session: Session) -> _Attente:
    if not event.contains(Session, "before_commit", _avant_commit):
        raise RuntimeError("Le journal n’est pas branché : appeler app.infra.journal.ecriture.installer() au départ.")
    if not session.in_transaction():
        session.begin()
    attente: _Attente = session.info.setdefault(_CLE, _Attente())
    return attente


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
    """Range l'acte ; il sera chaîné avant COMMIT. `acte` : « objet.participe » (« dossier.depose »).

    `avant` et `apres` sont copiés : texte, entier, booléen, None, listes et objets de ceux-là. Lève TypeError ou
    ValueError pour autre chose (flottant, date, instant sans fuseau, caractère NUL) : ici, pas au moment du COMMIT.
    """
    if maintenant.tzinfo is None:
        raise ValueError("Un instant porte toujours son fuseau.")
    if not acte:
        raise ValueError("Un acte a un nom.")
    chaine = CHAINE_INSTANCE if contrat_id is None else contrat_id
    consigne = ActeConsigne(
        chaine=chaine,
        acte=verifier_texte(acte),
        objet=verifier_texte(objet),
        acteur=verifier_texte(acteur),
        instant=maintenant,
        avant=normaliser(avant),
        apres=normaliser(apres),
    )
    _attente(session).actes.append(consigne)


def en_attente(session: Session) -> tuple[ActeConsigne, ...]:
    """Les actes consignés et pas encore écrits."""
    attente: _Attente | None = session.info.get(_CLE)
    return tuple(attente.actes) if attente is not None else ()


def tete(session: Session, chaine: int) -> Tete:
    """La dernière entrée écrite ; (0, origine) si la chaîne est vide."""
    requete = (
        select(JournalEntree.rang, JournalEntree.empreinte)
        .where(JournalEntree.chaine == chaine)
        .order_by(JournalEntree.rang.desc())
        .limit(1)
    )
    ligne = session.execute(requete).first()
    return Tete(ligne.rang, ligne.empreinte) if ligne else Tete(0, ORIGINE)


def tete_annoncee(session: Session, chaine: int) -> Tete:
    """La tête lue une fois pour toute la transaction : celle qu'un PDF imprime est celle que son ancre garde."""
    annoncees = _attente(session).annoncees
    if chaine not in annoncees:
        annoncees[chaine] = tete(session, chaine)
    return annoncees[chaine]


def _ecrire_chaine(session: Session, chaine: int, actes: list[ActeConsigne]) -> None:
    verrou = text("SELECT pg_advisory_xact_lock(CAST(:espace AS integer), CAST(:chaine AS integer))")
    session.execute(verrou, {"espace": ESPACE_VERROU, "chaine": chaine})
    courante = tete(session, chaine)
    entrees: list[Entree] = []
    contenus: list[Contenu] = []
    for acte in actes:
        entree, contenu = enchainer(
            courante,
            chaine=chaine,
            instant=acte.instant,
            acte=acte.acte,
            objet=acte.objet,
            acteur=acte.acteur,
            sel=secrets.token_bytes(TAILLE_SEL),
            avant=acte.avant,
            apres=acte.apres,
        )
        courante = Tete(entree.rang, entree.empreinte)
        entrees.append(entree)
        contenus.append(contenu)
    session.execute(insert(JournalEntree), [asdict(entree) for entree in entrees])
    session.execute(insert(JournalContenu), [asdict(contenu) for contenu in contenus])


def _avant_commit(session: Session) -> None:
    # Se déclenche aussi pour un SAVEPOINT, et avant le flush : seul le COMMIT de la racine écrit, après flush.
    if session.in_nested_transaction():
        return
    session.flush()
    attente: _Attente | None = session.info.get(_CLE)
    if attente is None or not attente.actes:
        return
    # Les contraintes différées se jugent, et prennent leurs verrous, avant celui du journal : il reste le dernier.
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    par_chaine: dict[int, list[ActeConsigne]] = defaultdict(list)
    for acte in attente.actes:
        par_chaine[acte.chaine].append(acte)
    for chaine in sorted(par_chaine):
        _ecrire_chaine(session, chaine, par_chaine[chaine])
    # Seulement une fois tout écrit : un échec plus haut laisse les actes, et un second COMMIT échoue comme le premier.
    attente.actes.clear()


def _a_l_ouverture(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        attente = _attente(session)
        attente.marques[transaction] = len(attente.actes)


def _apres_commit(session: Session) -> None:
    # Un SAVEPOINT relâché garde ses actes : ils suivent désormais le sort de ce qui l'entoure.
    point = session.get_nested_transaction()
    if point is not None:
        _attente(session).marques.pop(point, None)


def _a_la_fin(session: Session, transaction: SessionTransaction) -> None:
    attente: _Attente | None = session.info.get(_CLE)
    if attente is None:
        return
    if transaction.parent is None:
        del session.info[_CLE]
    elif transaction in attente.marques:
        del attente.actes[attente.marques.pop(transaction) :]


_CROCHETS = (
    ("before_commit", _avant_commit),
    ("after_commit", _apres_commit),
    ("after_transaction_create", _a_l_ouverture),
    ("after_transaction_end", _a_la_fin),
)


def installer() -> None:
    """Branche les crochets sur toutes les sessions. Appelé une fois, au départ, par `main` et les commandes."""
    for nom, crochet in _CROCHETS:
        if not event.contains(Session, nom, crochet):
            event.listen(Session, nom, crochet)

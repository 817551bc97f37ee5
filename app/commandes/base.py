"""La base d'une commande : celle de DATABASE_URL, sinon la grappe embarquée, créée et migrée au besoin."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from app.infra import postgres_embarque as pg
from app.infra.config import Config
from app.infra.db import creer_fabrique, creer_moteur
from app.infra.journal import ecriture
from app.infra.tete import est_a_la_tete
from app.noyau.erreurs import ErreurMetier

NOM_BASE = "initiatives_quartiers"


@dataclass(frozen=True, slots=True)
class Base:
    """Les deux accès à une base : celui qui sert, celui qui migre. `grappe` absente si la base vient d'ailleurs."""

    url: str
    url_proprietaire: str
    nom: str
    grappe: pg.Grappe | None


@contextmanager
def grappe_ouverte(config: Config) -> Iterator[pg.Grappe]:
    """La grappe embarquée du projet, lancée ou rejointe."""
    with pg.grappe(pg.donnees_par_defaut(config.donnees)) as grappe:
        yield grappe


def base_de(grappe: pg.Grappe, nom: str) -> Base:
    """Une base de la grappe embarquée."""
    return Base(grappe.url(nom, pg.SERVICE), grappe.url(nom, pg.PROPRIETAIRE), nom, grappe)


@contextmanager
def base_ouverte(config: Config, *, migrer: bool = True) -> Iterator[Base]:
    """La base du service, prête. Sans DATABASE_URL : grappe embarquée, base créée si elle manque."""
    if config.database_url is not None:
        base = Base(config.database_url, config.database_url_proprietaire or config.database_url, "", None)
        if migrer:
            _monter(base.url_proprietaire)
        yield base
        return
    with grappe_ouverte(config) as grappe:
        pg.assurer_base(grappe, NOM_BASE)
        base = base_de(grappe, NOM_BASE)
        if migrer:
            _monter(base.url_proprietaire)
        yield base


class BaseInjoignable(ErreurMetier):
    """La base donnée par DATABASE_URL ne répond pas, ou refuse la connexion."""

    code = "base_injoignable"


def _monter(url: str) -> None:
    """Monte la base à la tête. Déjà là, rien d'autre n'est lu : le service répond une seconde plus tôt.

    Lève BaseInjoignable, sans le mot de passe de l'adresse.
    """
    try:
        prete = est_a_la_tete(url)
    except OperationalError as erreur:
        phrase = f"La base ne répond pas. Vérifiez DATABASE_URL, et que PostgreSQL est lancé : {erreur.orig}"
        raise BaseInjoignable(phrase) from erreur
    if prete:
        return
    from app.infra import migrations  # noqa: PLC0415 -- Alembic et tous les modèles

    migrations.migrer(url)


@contextmanager
def fabrique_de(base: Base) -> Iterator[sessionmaker[Session]]:
    """Une fabrique de sessions au rôle de service, journal branché."""
    import app.modeles  # noqa: F401, PLC0415 -- toutes les tables, que ni servir ni migrer n'ont besoin de lire

    ecriture.installer()
    moteur = creer_moteur(base.url, taille=4)
    try:
        yield creer_fabrique(moteur)
    finally:
        moteur.dispose()


def brancher(analyseur: argparse.ArgumentParser) -> None:
    """`migrer` n'accepte rien."""
    analyseur.set_defaults(agir=_migrer)


def _migrer(config: Config, _lus: argparse.Namespace) -> int:
    with base_ouverte(config):
        print("La base est à jour.")
    return 0

"""Créer, cloner et supprimer des bases ; toutes appartiennent à `iq_proprietaire`."""

import time

import psycopg
from psycopg import errors, sql

from app.infra.postgres_embarque import roles
from app.infra.postgres_embarque.erreurs import GrappeIndisponible
from app.infra.postgres_embarque.ouverture import Grappe

ESSAIS_DE_SUPPRESSION = 30
ATTENTE_DE_L_ENTRETIEN = 0.1  # secondes


def base_existe(grappe: Grappe, nom: str) -> bool:
    """La grappe a-t-elle une base de ce nom ?"""
    with _administration(grappe) as connexion:
        return connexion.execute("SELECT 1 FROM pg_database WHERE datname = %s", [nom]).fetchone() is not None


def creer_base(grappe: Grappe, nom: str, modele: str | None = None) -> None:
    """Créer une base où `iq_service` peut se connecter et rien d’autre ; les droits sur les tables sont aux migrations.

    Avec `modele`, copie de fichiers (deux fois plus rapide que par le journal, mesuré) ; aucune connexion au modèle.
    Lève GrappeIndisponible si le nom est pris ou si le modèle manque ou sert.
    """
    base = sql.Identifier(nom)
    ordre = sql.SQL("CREATE DATABASE {}").format(base)
    if modele is not None:
        ordre += sql.SQL(" TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(modele))
    try:
        with _administration(grappe) as connexion:
            connexion.execute(ordre)
            connexion.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(base))
            connexion.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(base, sql.Identifier(roles.SERVICE)))
    except (errors.DuplicateDatabase, errors.UniqueViolation) as erreur:
        raise GrappeIndisponible(f"La base « {nom} » existe déjà.") from erreur
    except errors.InvalidCatalogName as erreur:
        raise GrappeIndisponible(
            f"La base modèle « {modele} » n’existe pas : créez-la et migrez-la d’abord."
        ) from erreur
    except errors.ObjectInUse as erreur:
        raise GrappeIndisponible(
            f"La base modèle « {modele} » sert encore : fermez ses connexions avant de la cloner."
        ) from erreur


def assurer_base(grappe: Grappe, nom: str) -> bool:
    """Créer la base si elle manque ; vrai si elle vient d’être créée. Deux commandes peuvent le demander à la fois."""
    if base_existe(grappe, nom):
        return False
    try:
        creer_base(grappe, nom)
    except GrappeIndisponible:
        if not base_existe(grappe, nom):
            raise
        return False
    return True


def cloner_base(grappe: Grappe, modele: str, nom: str) -> None:
    """Créer `nom`, copie de `modele` (tables, données, droits)."""
    creer_base(grappe, nom, modele)


def supprimer_base(grappe: Grappe, nom: str) -> None:
    """Supprimer une base et couper ses sessions ; sans effet si elle n’existe pas.

    L’entretien de la base (autovacuum), que son propriétaire n’a pas le droit de couper, finit en un instant : on
    recommence.
    """
    requete = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(nom))
    for reste in reversed(range(ESSAIS_DE_SUPPRESSION)):
        try:
            with _administration(grappe) as connexion:
                connexion.execute(requete)
            return
        except errors.InsufficientPrivilege:
            if not reste:
                raise
            time.sleep(ATTENTE_DE_L_ENTRETIEN)


def _administration(grappe: Grappe) -> psycopg.Connection:
    return roles.connecter(grappe.lieux, grappe.compte, roles.BASE_INTERNE, roles.PROPRIETAIRE)

"""`charge` : fabrique N dossiers réalistes dans une base à part, pour mesurer. Même N, mêmes dossiers."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from app.commandes.base import NOM_BASE, Base, base_de, fabrique_de, grappe_ouverte
from app.commandes.charge.copie import COLONNES, Table
from app.commandes.charge.patrons import Patron, actions_reelles, preparer
from app.commandes.charge.rangees import FABRIQUE, Fabrique, Lot, est_depose, etat_du_dossier
from app.commandes.charge.socle import Socle, poser
from app.infra import migrations
from app.infra import postgres_embarque as pg
from app.infra.config import Config
from app.infra.copie import copier
from app.infra.heure import heure_machine
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible
from app.referentiels.grilles import service as grilles

NOM = f"{NOM_BASE}_charge"
MAXIMUM = 100_000
TAILLE_LOT = 1_000
_NOM_ADMIS = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")


@dataclass(frozen=True, slots=True)
class Bilan:
    """Ce que la base contient de dossiers fabriqués, et ce qui vient d'y être ajouté."""

    total: int
    ajoutes: int
    secondes: float


def remplir(base: Base, dossiers: int) -> Bilan:
    """Complète une base migrée jusqu'à `dossiers` dossiers fabriqués, par lots validés un à un.

    Rejouable : un lot interrompu est refait, rien n'est doublé. Lève BaseOccupee.
    """
    depart = time.monotonic()
    with fabrique_de(base) as fabrique:
        with fabrique.begin() as session:
            socle = poser(session, heure_machine())
            grille = grilles.lire(session, socle.appel.grille_id)
        with _connexion(base) as connexion:
            presents = _compter(connexion)
            if presents < dossiers:
                patrons = preparer(socle, grille, actions_reelles()[:dossiers])
                for premier in range(presents + 1, dossiers + 1, TAILLE_LOT):
                    dernier = min(premier + TAILLE_LOT - 1, dossiers)
                    with connexion.transaction():
                        _copier_lot(connexion, socle, patrons, premier, dernier)
                with fabrique.begin() as session:
                    _consigner(session, socle, presents, dossiers)
                _ranger(connexion)
    ajoutes = max(0, dossiers - presents)
    return Bilan(presents + ajoutes, ajoutes, time.monotonic() - depart)


@contextmanager
def _connexion(base: Base) -> Iterator[psycopg.Connection]:
    """Une connexion du propriétaire : lui seul avance les séquences. Déclencheurs et contraintes valent pour lui."""
    moteur = create_engine(base.url_proprietaire, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with moteur.connect() as connexion:
        pilote = connexion.connection.driver_connection
        if not isinstance(pilote, psycopg.Connection):  # pragma: no cover - PostgreSQL seulement
            raise TypeError(type(pilote))
        yield pilote
    moteur.dispose()


def _compter(connexion: psycopg.Connection) -> int:
    trouve = connexion.execute("SELECT count(*) FROM dossier WHERE cree_par = %s", [FABRIQUE]).fetchone()
    return int(trouve[0]) if trouve is not None else 0


def _reserver(connexion: psycopg.Connection, table: Table, nombre: int) -> int:
    """La première de `nombre` clés qui se suivent. La table est verrouillée : personne n'en tire entre-temps."""
    if nombre == 0:
        return 0
    sequence = f"pg_get_serial_sequence('{table.value}', 'id')"
    ordre = sql.SQL("SELECT setval({s}, nextval({s}) + %s)").format(s=sql.SQL(sequence))
    trouve = connexion.execute(ordre, [nombre - 1]).fetchone()
    return int(trouve[0]) - nombre + 1 if trouve is not None else 0


def _copier_lot(connexion: psycopg.Connection, socle: Socle, patrons: list[Patron], premier: int, dernier: int) -> None:
    connexion.execute("LOCK TABLE dossier, demande IN SHARE ROW EXCLUSIVE MODE")
    rangs = range(premier, dernier + 1)
    lot = Lot()
    fabrique = Fabrique(socle, patrons, lot)
    demande = _reserver(connexion, Table.DEMANDE, sum(map(fabrique.demandes_de, rangs)))
    dossier = _reserver(connexion, Table.DOSSIER, len(rangs))
    deposes = sum(est_depose(etat_du_dossier(rang)) for rang in rangs)
    releve = _reserver(connexion, Table.RELEVE, deposes)
    compteur = _avancer(connexion, socle, deposes)
    for rang in rangs:
        compteur += est_depose(etat_du_dossier(rang))
        fabrique.ecrire(rang, dossier, demande, compteur, releve)
        releve += est_depose(etat_du_dossier(rang))
        dossier += 1
        demande += fabrique.demandes_de(rang)
    for table in Table:
        copier(connexion, table.value, COLONNES[table], lot.tables[table])


def _avancer(connexion: psycopg.Connection, socle: Socle, deposes: int) -> int:
    """Avance le compteur de l'appel, verrouillé ; rend sa valeur d'avant."""
    ordre = "UPDATE appel SET compteur = compteur + %s WHERE id = %s RETURNING compteur"
    trouve = connexion.execute(ordre, [deposes, socle.appel.id]).fetchone()
    return int(trouve[0]) - deposes if trouve is not None else 0


def _consigner(session: Session, socle: Socle, avant: int, apres: int) -> None:
    """Une seule entrée au journal : ces dossiers n'ont pas d'actes, ils sont fabriqués."""
    consigner(
        session, contrat_id=socle.contrat.id, acte="charge.fabriquee", objet=socle.appel.code,
        acteur=FABRIQUE, maintenant=heure_machine(), avant={"dossiers": avant}, apres={"dossiers": apres},
    )  # fmt: skip


def _ranger(connexion: psycopg.Connection) -> None:
    """Statistiques et carte de visibilité, comme après le passage de l'autovacuum."""
    tables = sql.SQL(", ").join(map(sql.Identifier, Table))
    connexion.execute(sql.SQL("VACUUM (ANALYZE) {}").format(tables))


def charger(config: Config, dossiers: int, nom: str) -> int:
    """La commande : crée la base au besoin, la migre, la complète, dit ce qu'elle contient."""
    if config.database_url is not None:
        raise ActeImpossible("`charge` ne remplit qu’une base de la grappe embarquée : retirez DATABASE_URL.")
    with grappe_ouverte(config) as grappe:
        pg.assurer_base(grappe, nom)
        base = base_de(grappe, nom)
        migrations.migrer(base.url_proprietaire)
        bilan = remplir(base, dossiers)
    print(f"Base « {nom} » : {bilan.total} dossiers fabriqués, {bilan.ajoutes} ajoutés en {bilan.secondes:.0f} s.")
    return 0


def _nombre(texte: str) -> int:
    valeur = int(texte)
    if not 1 <= valeur <= MAXIMUM:
        raise argparse.ArgumentTypeError(f"de 1 à {MAXIMUM}")
    return valeur


def _nom_de_base(texte: str) -> str:
    if _NOM_ADMIS.match(texte) is None:
        raise argparse.ArgumentTypeError("lettres minuscules, chiffres et tirets bas, une lettre d’abord")
    return texte


def brancher(analyseur: argparse.ArgumentParser) -> None:
    """Ce que « charge » accepte."""
    analyseur.add_argument("--dossiers", type=_nombre, required=True, metavar="N", help=f"de 1 à {MAXIMUM}")
    analyseur.add_argument("--base", type=_nom_de_base, default=NOM, metavar="NOM", help=f"base à remplir ({NOM})")
    analyseur.set_defaults(agir=lambda config, lus: charger(config, lus.dossiers, lus.base))

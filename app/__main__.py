"""La ligne de commande : python -m app … Codes de sortie : 0, 1 refus, 2 usage."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from app.commandes import charge as commande_charge
from app.commandes import charger as commande_charger
from app.commandes import compte as commande_compte
from app.commandes import exporter as commande_exporter
from app.commandes import journal as commande_journal
from app.commandes import noter as commande_noter
from app.commandes import parcours as commande_parcours
from app.commandes import programmer as commande_programmer
from app.commandes import sauvegarde as commande_sauvegarde
from app.commandes import servir as commande_servir
from app.commandes import worker as commande_worker
from app.commandes.base import base_ouverte
from app.commandes.campagne import commande as commande_campagne
from app.infra.config import Config
from app.infra.postgres_embarque import GrappeIndisponible
from app.noyau.erreurs import ErreurMetier

Commande = Callable[[Config, argparse.Namespace], int]


def _servir(config: Config, arguments: argparse.Namespace) -> int:
    return commande_servir.servir(config, hote=arguments.hote, port=arguments.port, ouvriers=arguments.ouvriers)


def _worker(config: Config, arguments: argparse.Namespace) -> int:
    return commande_worker.travailler(config, une_fois=arguments.une_fois, paralleles=arguments.paralleles)


def _migrer(config: Config, _arguments: argparse.Namespace) -> int:
    with base_ouverte(config):
        print("La base est à jour.")
    return 0


def construire() -> argparse.ArgumentParser:
    """L'analyseur de la ligne de commande."""
    analyseur = argparse.ArgumentParser(prog="python -m app", description=__doc__)
    sous = analyseur.add_subparsers(dest="commande", required=True, metavar="COMMANDE")
    servir = sous.add_parser("servir", help="prépare la base, migre et sert")
    servir.add_argument("--hote", default="127.0.0.1", help="adresse d'écoute (127.0.0.1)")
    servir.add_argument("--port", type=int, default=8000, help="port d'écoute, 0 pour un port libre (8000)")
    servir.add_argument("--ouvriers", type=int, default=2, help="nombre de processus web (2)")
    servir.set_defaults(agir=_servir)
    worker = sous.add_parser("worker", help="exécute les tâches de fond jusqu’à l’arrêt demandé")
    worker.add_argument("--une-fois", action="store_true", help="vide la file puis s’arrête (1 si une tâche échoue)")
    worker.add_argument("--paralleles", type=int, default=2, help="tâches menées de front (2)")
    worker.set_defaults(agir=_worker)
    sous.add_parser("migrer", help="monte la base à la dernière migration").set_defaults(agir=_migrer)
    parcours = sous.add_parser("parcours", help="engendre docs/parcours.md depuis les tables de transitions")
    parcours.set_defaults(agir=lambda _config, _arguments: commande_parcours.ecrire())
    commande_charge.brancher(sous)
    commande_charger.brancher(sous, demo=commande_campagne.charger_demo)
    commande_campagne.brancher(sous)
    commande_compte.brancher(sous)
    commande_exporter.brancher(sous)
    commande_journal.brancher(sous)
    commande_noter.brancher(sous)
    commande_programmer.brancher(sous)
    commande_sauvegarde.brancher(sous)
    return analyseur


def principal(arguments: Sequence[str] | None = None) -> int:
    """Exécute une commande et rend son code de sortie."""
    lus = construire().parse_args(arguments)
    agir: Commande = lus.agir
    try:
        return agir(Config(), lus)
    except ErreurMetier as erreur:
        print(erreur.message, file=sys.stderr)
        return 1
    except GrappeIndisponible as erreur:
        print(erreur, file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(principal())

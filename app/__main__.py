"""La ligne de commande : python -m app … Codes de sortie : 0, 1 refus, 2 usage."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

from app.infra.config import Config
from app.infra.postgres_embarque import GrappeIndisponible
from app.noyau.erreurs import ErreurMetier

Commande = Callable[[Config, argparse.Namespace], int]
# Nom : (où ses arguments se disent, aide). Seule la commande demandée se lit : `servir` n'attend pas les autres.
COMMANDES: Mapping[str, tuple[str, str]] = {
    "servir": ("servir:brancher", "prépare la base, migre et sert"),
    "worker": ("worker:brancher", "exécute les tâches de fond jusqu’à l’arrêt demandé"),
    "migrer": ("base:brancher", "monte la base à la dernière migration"),
    "charger": ("charger:brancher", "charge des données ; rejouable sans effet"),
    "campagne-demo": ("campagne.commande:brancher", "joue une campagne entière sur une base neuve et vérifie tout"),
    "compte": ("compte:brancher", "ouvre un compte, l’habilite, lui attribue un siège"),
    "noter": ("noter:brancher", "renote un appel entier, ou compare une autre grille sans rien écrire"),
    "programmer": ("programmer:brancher", "calcule un scénario de programmation et l’imprime, sans rien écrire"),
    "exporter": ("exporter:brancher", "écrit un export d’un appel dans un fichier"),
    "journal": ("journal:brancher", "vérifie, exporte ou ancre le journal"),
    "sauvegarder": ("sauvegarde:brancher", "met la base et les fichiers utiles dans une archive"),
    "restaurer": ("sauvegarde:brancher_restaurer", "remet une archive, contrôlée en entier avant de toucher à la base"),
    "charge": ("charge:brancher", "fabrique des dossiers réalistes dans une base à part, pour mesurer"),
    "parcours": ("parcours:brancher", "engendre docs/parcours.md depuis les tables de transitions"),
}


def construire(demandee: str) -> argparse.ArgumentParser:
    """L'analyseur de la ligne de commande ; seule la commande demandée y connaît ses arguments."""
    analyseur = argparse.ArgumentParser(prog="python -m app", description=__doc__)
    sous = analyseur.add_subparsers(dest="commande", required=True, metavar="COMMANDE")
    for nom, (lieu, aide) in COMMANDES.items():
        commande = sous.add_parser(nom, help=aide, description=aide)
        if nom == demandee:
            module, fonction = lieu.split(":")
            getattr(import_module(f"app.commandes.{module}"), fonction)(commande)
    return analyseur


def principal(arguments: Sequence[str] | None = None) -> int:
    """Exécute une commande et rend son code de sortie."""
    recus = sys.argv[1:] if arguments is None else list(arguments)
    lus = construire(recus[0] if recus else "").parse_args(recus)
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

"""`campagne-demo` et `charger demo` : la même campagne, sur une base jetable ou sur celle du service."""

from __future__ import annotations

import argparse
import sys
from uuid import uuid4

from app.commandes.base import Base, base_de, base_ouverte, fabrique_de, grappe_ouverte
from app.commandes.campagne import bilan
from app.commandes.campagne.jeu import (
    CAMPAGNES,
    Campagne,
    charger_le_decor,
    jouer,
    ouvrir_l_essai,
    service_de_la_campagne,
)
from app.etapes.appel import repository as appels
from app.infra import migrations
from app.infra import postgres_embarque as pg
from app.infra.config import Config, Mode


def _dire(phrase: str) -> None:
    print(phrase, flush=True)


def _restent_a_jouer(base: Base) -> list[Campagne]:
    with fabrique_de(base) as fabrique, fabrique() as session:
        return [c for c in CAMPAGNES if appels.get_appel_par_code(session, f"m2a-{c.annee}") is None]


def _jouer_sur(config: Config, base: Base) -> int:
    """Joue ce qui manque sur une base prête, vérifie, imprime le bilan. 1 si quelque chose ne concorde pas."""
    campagnes = _restent_a_jouer(base)
    with service_de_la_campagne(config, base) as plateau:
        charger_le_decor(plateau.fabrique)
        for campagne in campagnes:
            jouer(plateau, campagne, _dire)
        ouvrir_l_essai(plateau)
        discordances = []
        with plateau.fabrique() as session:
            for campagne in campagnes:
                lu = bilan.dresser(session, f"m2a-{campagne.annee}")
                _dire(bilan.ecrire(lu))
                discordances += bilan.discordances(session, lu)
    for phrase in discordances:
        print(f"Discordance : {phrase}", file=sys.stderr)
    return 1 if discordances else 0


def campagne_demo(config: Config, garder: str | None) -> int:
    """Joue tout sur une base neuve de la grappe embarquée, détruite à la fin sauf si on la garde."""
    essai = config.model_copy(update={"mode": Mode.DEMONSTRATION})
    with grappe_ouverte(essai) as grappe:
        nom = garder or f"campagne_{uuid4().hex[:10]}"
        if pg.base_existe(grappe, nom):
            print(f"La base « {nom} » existe déjà : choisissez un autre nom.", file=sys.stderr)
            return 1
        pg.creer_base(grappe, nom)
        try:
            base = base_de(grappe, nom)
            migrations.migrer(base.url_proprietaire)
            return _jouer_sur(essai, base)
        finally:
            if garder is None:
                pg.supprimer_base(grappe, nom)


def charger_demo(config: Config, _arguments: argparse.Namespace) -> int:
    """Charge la démonstration dans la base du service ; rejouable : ce qui est joué ne se rejoue pas."""
    if config.mode is Mode.PRODUCTION:
        print("La démonstration ne se charge pas en production (IQ_MODE=demonstration).", file=sys.stderr)
        return 1
    with base_ouverte(config) as base:
        if not _restent_a_jouer(base):
            _dire("La démonstration est déjà chargée.")
            return 0
        return _jouer_sur(config, base)


def brancher(sous: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Ajoute « campagne-demo » à la ligne de commande."""
    analyseur = sous.add_parser("campagne-demo", help="joue une campagne entière sur une base neuve et vérifie tout")
    analyseur.add_argument("--garder", metavar="BASE", help="garde la base jouée sous ce nom")
    analyseur.set_defaults(agir=lambda config, arguments: campagne_demo(config, arguments.garder))

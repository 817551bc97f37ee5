"""`campagne-demo` et `charger demo` : la même campagne, sur une base jetable ou sur celle du service."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy.orm import Session

from app.commandes.base import NOM_BASE, Base, base_de, base_ouverte, fabrique_de, grappe_ouverte
from app.commandes.campagne import bilan, controle
from app.commandes.campagne.jeu import (
    CAMPAGNES,
    ESSAI,
    Campagne,
    charger_le_decor,
    jouer,
    ouvrir_l_essai,
    service_de_la_campagne,
)
from app.etapes.appel import repository as appels
from app.etapes.appel.rules import EtatAppel
from app.infra import migrations
from app.infra import postgres_embarque as pg
from app.infra.config import Config, Mode

CHANTIER = f"{NOM_BASE}_chantier"
INTERROMPUE = (
    "La démonstration a été interrompue : la campagne {codes} est à moitié jouée et ne se reprend pas. Repartez d’une "
    "base neuve (effacez le dossier {donnees}, ou donnez une base vide dans DATABASE_URL), puis relancez."
)


def _dire(phrase: str) -> None:
    print(phrase, flush=True)


@dataclass(frozen=True, slots=True)
class Avancee:
    """Où en est la démonstration d'une base : à jouer, laissées en route, et l'appel d'essai encore à ouvrir."""

    a_jouer: tuple[Campagne, ...]
    a_moitie: tuple[str, ...]
    essai_manque: bool

    @property
    def est_finie(self) -> bool:
        """Vrai si tout est joué."""
        return not (self.a_jouer or self.a_moitie or self.essai_manque)


def avancee(session: Session, campagnes: Sequence[Campagne] = CAMPAGNES) -> Avancee:
    """Une campagne finie est arrêtée ; une campagne commencée ne se reprend pas."""
    etats = {c: appels.get_appel_par_code(session, f"m2a-{c.annee}") for c in campagnes}
    essai = appels.get_appel_par_code(session, ESSAI)
    return Avancee(
        a_jouer=tuple(c for c, appel in etats.items() if appel is None),
        a_moitie=tuple(a.code for a in etats.values() if a is not None and a.etat is not EtatAppel.ARRETE),
        essai_manque=essai is None or essai.etat is EtatAppel.PREPARE,
    )


def _jouer_sur(config: Config, base: Base, campagnes: Sequence[Campagne]) -> int:
    """Joue ces campagnes sur une base prête, vérifie, imprime le bilan. 1 si quelque chose ne concorde pas."""
    with service_de_la_campagne(config, base) as plateau:
        charger_le_decor(plateau.fabrique)
        for campagne in campagnes:
            jouer(plateau, campagne, _dire)
        ouvrir_l_essai(plateau)
        with plateau.fabrique() as session:
            return conclure(session, [f"m2a-{campagne.annee}" for campagne in campagnes])


def conclure(session: Session, codes: Sequence[str]) -> int:
    """Imprime le bilan de ces appels et ce qui ne concorde pas ; 1 s'il y en a, sinon 0."""
    phrases = []
    for code in codes:
        lu = bilan.dresser(session, code)
        _dire(bilan.ecrire(lu))
        phrases += [f"{code} : {phrase}" for phrase in controle.discordances(session, lu)]
    for phrase in phrases:
        print(f"Discordance : {phrase}", file=sys.stderr)
    return 1 if phrases else 0


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
            return _jouer_sur(essai, base, CAMPAGNES)
        finally:
            if garder is None:
                pg.supprimer_base(grappe, nom)


def charger_demo(config: Config, _arguments: argparse.Namespace) -> int:
    """Charge la démonstration dans la base du service ; ce qui est fini ne se rejoue pas. 1 si une campagne est à
    moitié jouée dans une base que cette commande n'a pas faite : elle ne se reprend pas, la base est à refaire."""
    if config.mode is Mode.PRODUCTION:
        print("La démonstration ne se charge pas en production (IQ_MODE=demonstration).", file=sys.stderr)
        return 1
    if config.database_url is None:
        with grappe_ouverte(config) as grappe:
            if not pg.base_existe(grappe, NOM_BASE):
                return _batir(config, grappe)
    return _completer(config)


def _batir(config: Config, grappe: pg.Grappe) -> int:
    """Joue tout sur une base de chantier, qui ne devient celle du service qu'une fois finie et concordante : une
    première fois interrompue se relance, et recommence."""
    pg.supprimer_base(grappe, CHANTIER)
    pg.creer_base(grappe, CHANTIER)
    chantier = base_de(grappe, CHANTIER)
    migrations.migrer(chantier.url_proprietaire)
    code = _jouer_sur(config, chantier, CAMPAGNES)
    if code == 0:
        pg.cloner_base(grappe, CHANTIER, NOM_BASE)
        pg.supprimer_base(grappe, CHANTIER)
    return code


def _completer(config: Config) -> int:
    with base_ouverte(config) as base:
        with fabrique_de(base) as fabrique, fabrique() as session:
            ou = avancee(session)
        if ou.a_moitie:
            print(INTERROMPUE.format(codes=", ".join(ou.a_moitie), donnees=config.donnees), file=sys.stderr)
            return 1
        if ou.est_finie:
            _dire("La démonstration est déjà chargée.")
            return 0
        return _jouer_sur(config, base, ou.a_jouer)


def brancher(analyseur: argparse.ArgumentParser) -> None:
    """Ce que « campagne-demo » accepte."""
    analyseur.add_argument("--garder", metavar="BASE", help="garde la base jouée sous ce nom")
    analyseur.set_defaults(agir=lambda config, arguments: campagne_demo(config, arguments.garder))

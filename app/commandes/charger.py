"""Charger des données : les contrats et grilles livrés, ou le contrat d'un dossier. Idempotent, tout ou rien."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from sqlalchemy.orm import Session

from app.commandes.base import base_ouverte, fabrique_de
from app.etapes.contrat.service import Bilan
from app.infra.clock import heure_machine
from app.infra.config import Config
from seeds import chargement
from seeds.lecture import ErreurDeDonnees

Chargeur = Callable[[Session], list[str]]


def charger(config: Config, chargeur: Chargeur) -> int:
    """Exécute un chargement dans une seule transaction et dit ce qu'il a fait. 1 si une donnée est fausse."""
    with base_ouverte(config) as base, fabrique_de(base) as fabrique:
        try:
            with fabrique.begin() as session:
                phrases = chargeur(session)
        except ErreurDeDonnees as erreur:
            for faute in (erreur, *erreur.autres):
                print(f"{faute.fichier}, ligne {faute.ligne} : {faute.raison}", file=sys.stderr)
            print("Rien n’a été changé.", file=sys.stderr)
            return 1
    for phrase in phrases:
        print(phrase)
    return 0


def dire(bilan: Bilan) -> str:
    """« Contrat colmar-exemple, version 2024 : 2 quartiers et 3 objectifs ajoutés. »"""
    tete = f"Contrat {bilan.code}, version {bilan.version} : "
    if bilan.deja_charge:
        return tete + "déjà chargé, rien à changer."
    parties = [f"{_liste(compte)} ({verbe})" for verbe, compte in _comptes(bilan) if compte]
    return tete + (" ; ".join(parties) or "à jour") + "."


def _comptes(bilan: Bilan) -> tuple[tuple[str, Mapping[str, int]], ...]:
    return (("ajouts", bilan.ajoutes), ("changements", bilan.modifies))


def _liste(compte: Mapping[str, int]) -> str:
    return ", ".join(f"{genre} {nombre}" for genre, nombre in compte.items())


def _contrat(config: Config, arguments: argparse.Namespace) -> int:
    dossier: Path = arguments.dossier
    return charger(config, lambda session: _dire_tout(chargement.charger_dossiers(session, [dossier], heure_machine())))


def _reference(config: Config, _arguments: argparse.Namespace) -> int:
    return charger(config, charger_reference)


def charger_reference(session: Session) -> list[str]:
    """Les contrats et grilles livrés ; rend ce qu'il y a à dire."""
    return _dire_tout(chargement.charger_reference(session, heure_machine()))


def _dire_tout(charges: tuple[list[Bilan], list[chargement.GrilleChargee]]) -> list[str]:
    bilans, grilles = charges
    mots = {True: "ajoutée", False: "déjà là, rien à changer"}
    return [dire(bilan) for bilan in bilans] + [
        f"Contrat {contrat}, grille {version} : {mots[ajoutee]}." for contrat, version, ajoutee in grilles
    ]


def _demo(config: Config, lus: argparse.Namespace) -> int:
    # Par son nom : la campagne s'appuie sur ce fichier, il ne la lit que si on la demande.
    code: int = import_module("app.commandes.campagne.commande").charger_demo(config, lus)
    return code


def brancher(analyseur: argparse.ArgumentParser) -> None:
    """Ce que « charger » accepte : contrat, reference, demo."""
    quoi = analyseur.add_subparsers(dest="quoi", required=True, metavar="QUOI")
    contrat = quoi.add_parser("contrat", help="un contrat de ville et ses grilles, depuis leur dossier")
    contrat.add_argument("dossier", type=Path, metavar="DOSSIER", help="par exemple seeds/contrats/m2a-2024-2030")
    contrat.set_defaults(agir=_contrat)
    reference = quoi.add_parser("reference", help="les contrats et les grilles livrés avec le service")
    reference.set_defaults(agir=_reference)
    demonstration = quoi.add_parser("demo", help="les comptes et les campagnes de démonstration")
    demonstration.set_defaults(agir=_demo)

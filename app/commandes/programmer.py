"""`programmer` : calculer un scénario pour un appel et l'imprimer, sans rien écrire. 1 si aucun ne tient."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from app.commandes.base import base_ouverte, fabrique_de
from app.etapes.appel import repository as appels
from app.etapes.programmation.repository import scenarios
from app.etapes.programmation.repository.scenarios import Donnees
from app.etapes.programmation.rules import Scenario, Statut, optimiser
from app.etapes.programmation.rules.figer import figer
from app.etapes.programmation.rules.reglages import Reglages
from app.etapes.programmation.schemas import ReglagesSaisis
from app.infra.config import Config
from app.noyau.erreurs import Introuvable, SaisieInvalide
from app.noyau.euros import Euros, pourcentage
from seeds.lecture import ErreurDeDonnees, lire

TROUVES = frozenset({Statut.OPTIMAL, Statut.INTERROMPU})
DITS = {
    Statut.OPTIMAL: "Le meilleur scénario sous ces contraintes.",
    Statut.INTERROMPU: "Un bon scénario ; le calcul s’est arrêté avant de prouver qu’il n’y a pas mieux.",
    Statut.SANS_SOLUTION: "Le calcul s’est arrêté sans trouver de scénario.",
    Statut.IMPOSSIBLE: "Aucun scénario ne tient : ces contraintes se contredisent.",
}


def charger(fabrique: sessionmaker[Session], code: str, reglages: Reglages) -> Donnees:
    """Ce que le calcul lit, d'un seul instant de la base. Lève Introuvable ou SaisieInvalide."""
    with fabrique() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
        appel = appels.get_appel_par_code(session, code)
        if appel is None:
            raise Introuvable(f"L’appel « {code} » n’existe pas.")
        return scenarios.charger(session, appel, reglages)


def dire(scenario: Scenario, demandes: Mapping[tuple[str, str], Euros]) -> list[str]:
    """Le scénario à l'écran : montants, soldes, écart prouvé, ce qui serre ou se contredit."""
    phrases = [DITS[scenario.statut]]
    if scenario.statut in TROUVES:
        phrases += ["", "Montants (dossier, ligne, simulé, demandé) :"]
        phrases += [
            f"    {m.dossier}  {m.ligne:<10}  {m.montant!s:>14}  {demandes[m.dossier, m.ligne]!s:>14}"
            for m in scenario.montants
        ]
        phrases += ["", "Soldes :"]
        phrases += [
            f"    {ligne} : enveloppe {s.enveloppe}, engagé ou voté {s.engage}, simulé {s.propose}, reste {s.reste}."
            for ligne, s in sorted(scenario.soldes.items())
        ]
        ecart = "inconnu" if scenario.ecart is None else pourcentage(scenario.ecart, 4)
        phrases += ["", f"Écart prouvé : {ecart} au plus de l’optimum ({scenario.solveur}, {scenario.noeuds} nœuds)."]
    phrases += _titre("Contraintes qui serrent :", scenario.serrent)
    phrases += _titre("Ces contraintes ne tiennent pas ensemble ; il suffit d’en lever une :", scenario.conflit)
    signalements = tuple(f"{s.dossier or ''} {s.ligne or ''} : {s.message}".strip() for s in scenario.signalements)
    return phrases + _titre("À regarder :", signalements)


def _titre(titre: str, phrases: tuple[str, ...]) -> list[str]:
    return ["", titre, *(f"    {p}" for p in phrases)] if phrases else []


def en_donnees(code: str, donnees: Donnees, scenario: Scenario) -> dict[str, Any]:
    """Le scénario en JSON : le même contenu que celui qui se fige, avec le code de l'appel."""
    return {"appel": code, **figer(donnees.probleme, scenario, donnees.reperes, donnees.attendus)}


def programmer(config: Config, code: str, contraintes: Path | None, *, en_json: bool) -> int:
    """Calcule et imprime un scénario. 1 si les contraintes sont fausses ou si aucun scénario ne tient."""
    try:
        reglages = Reglages() if contraintes is None else lire(contraintes, ReglagesSaisis).contenu.reglages()
        with base_ouverte(config) as base, fabrique_de(base) as fabrique:
            donnees = charger(fabrique, code, reglages)
    except ErreurDeDonnees as erreur:
        for faute in (erreur, *erreur.autres):
            print(f"{faute.fichier}, ligne {faute.ligne} : {faute.raison}", file=sys.stderr)
        return 1
    except SaisieInvalide as refus:
        for faute_de_fond in refus.fautes:
            print(faute_de_fond.message, file=sys.stderr)
        return 1
    scenario = optimiser(donnees.probleme)
    if en_json:
        print(json.dumps(en_donnees(code, donnees, scenario), ensure_ascii=False, indent=2))
    else:
        demandes = {d.couple: d.demande for d in donnees.probleme.demandes}
        print("\n".join(dire(scenario, demandes)))
    return 0 if scenario.statut in TROUVES else 1


def _agir(config: Config, arguments: argparse.Namespace) -> int:
    return programmer(config, arguments.appel, arguments.contraintes, en_json=arguments.json)


def brancher(analyseur: argparse.ArgumentParser) -> None:
    """Ce que `programmer` accepte."""
    analyseur.add_argument("--appel", required=True, metavar="CODE", help="par exemple m2a-2027")
    analyseur.add_argument(
        "--contraintes", type=Path, metavar="FICHIER",
        help="YAML : pas, verrous (dossier, ligne, nature, montant), viabilite (dossier: montant) ; montants en euros",
    )  # fmt: skip
    analyseur.add_argument("--json", action="store_true", help="le scénario en JSON, montants en centimes")
    analyseur.set_defaults(agir=_agir)

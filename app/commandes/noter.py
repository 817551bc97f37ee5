"""`noter` : renoter un appel entier, ou comparer une autre grille à celle de l'appel sans rien écrire."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from app.commandes.base import base_ouverte, fabrique_de
from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.notation import service
from app.etapes.notation.rules import EffetLigne, Placement, ecrire_decimal
from app.etapes.notation.rules.effet import Bornes
from app.infra.config import Config
from app.infra.heure import heure_machine
from app.noyau.erreurs import Introuvable
from app.noyau.euros import arrondir
from seeds.grilles import lire_grille
from seeds.lecture import ErreurDeDonnees

ACTEUR = "ligne-de-commande"
MONTRES = 10


def _appel(session: Session, code: str) -> Appel:
    appel = appels.get_appel_par_code(session, code)
    if appel is None:
        raise Introuvable(f"L’appel « {code} » n’existe pas.")
    return appel


def renoter(fabrique: sessionmaker[Session], code: str) -> service.Bilan:
    """Note tous les dossiers d'un appel, une transaction par lot ; reprise sans dommage où qu'elle s'arrête."""
    maintenant, total = heure_machine(), service.Bilan(dernier=0)
    while total.dernier is not None:
        with fabrique.begin() as session:
            lot = service.noter_appel(
                session, _appel(session, code), acteur=ACTEUR, maintenant=maintenant, apres=total.dernier
            )
        total = total + (lot or service.Bilan())
    return total


def comparer(fabrique: sessionmaker[Session], code: str, fichier: Path) -> tuple[EffetLigne, ...]:
    """L'effet d'une autre grille sur l'appel. Lève ErreurDeDonnees si le fichier n'est pas une grille."""
    grille = lire_grille(fichier)
    with fabrique() as session:
        return service.comparer_grille(session, _appel(session, code), grille)


def _bornes(bornes: Bornes | None) -> str:
    if bornes is None:
        return "hors champ"
    bas, haut = (ecrire_decimal(borne, 1) for borne in bornes)
    return bas if bas == haut else f"{bas} à {haut}"


def _ecart(ecart: Fraction) -> str:
    return ("+" if ecart > 0 else "−" if ecart < 0 else "") + ecrire_decimal(abs(ecart), 1)


def _phrase(placement: Placement) -> str:
    rangs = f"rang {placement.rang_avant or '—'} → {placement.rang_apres or '—'}"
    notes = f"{_bornes(placement.avant)} → {_bornes(placement.apres)}"
    return f"    {placement.dossier} : {notes} ({_ecart(placement.ecart)}), {rangs}"


def dire(effets: Sequence[EffetLigne]) -> list[str]:
    """Le résumé à l'écran : par ligne, combien bougent, puis les dix plus gros écarts."""
    phrases = []
    for effet in effets:
        phrases.append(
            f"{effet.ligne} ({len(effet.placements)} dossiers) : note changée pour {len(effet.bougent)}, "
            f"rang changé pour {effet.changent_de_rang}, écart moyen {ecrire_decimal(effet.ecart_moyen, 1)}."
        )
        phrases += [_phrase(placement) for placement in effet.bougent[:MONTRES]]
        if len(effet.bougent) > MONTRES:
            phrases.append(f"    … et {len(effet.bougent) - MONTRES} autres.")
    return phrases or ["Aucun dossier à comparer."]


def _json_bornes(bornes: Bornes | None) -> list[str] | None:
    return None if bornes is None else [str(arrondir(borne)) for borne in bornes]


def en_donnees(effets: Sequence[EffetLigne]) -> list[dict[str, Any]]:
    """L'effet en données JSON : tous les dossiers qui bougent."""
    return [
        {
            "ligne": effet.ligne,
            "dossiers": len(effet.placements),
            "changent_de_rang": effet.changent_de_rang,
            "ecart_moyen": str(arrondir(effet.ecart_moyen, 2)),
            "bougent": [
                {
                    "dossier": p.dossier,
                    "avant": _json_bornes(p.avant),
                    "apres": _json_bornes(p.apres),
                    "ecart": str(arrondir(p.ecart)),
                    "rang_avant": p.rang_avant,
                    "rang_apres": p.rang_apres,
                }
                for p in effet.bougent
            ],
        }
        for effet in effets
    ]


def noter(config: Config, code: str, fichier: Path | None, *, en_json: bool) -> int:
    """Renote l'appel, ou compare une grille ; dit ce qui a changé. 1 si le fichier de grille est faux."""
    with base_ouverte(config) as base, fabrique_de(base) as fabrique:
        if fichier is None:
            bilan = renoter(fabrique, code)
            donnees: Any = {
                "appel": code, "ajoutees": bilan.ajoutees, "inchangees": bilan.inchangees,
                "hors_champ": bilan.hors_champ,
            }  # fmt: skip
            phrases = [
                f"Appel {code} : {bilan.ajoutees} notes ajoutées, {bilan.inchangees} inchangées, "
                f"{bilan.hors_champ} lignes hors champ."
            ]
        else:
            try:
                effets = comparer(fabrique, code, fichier)
            except ErreurDeDonnees as erreur:
                for faute in (erreur, *erreur.autres):
                    print(f"{faute.fichier}, ligne {faute.ligne} : {faute.raison}", file=sys.stderr)
                return 1
            donnees, phrases = {"appel": code, "lignes": en_donnees(effets)}, dire(effets)
    print(json.dumps(donnees, ensure_ascii=False, indent=2) if en_json else "\n".join(phrases))
    return 0


def _agir(config: Config, arguments: argparse.Namespace) -> int:
    return noter(config, arguments.appel, arguments.grille, en_json=arguments.json)


def brancher(analyseur: argparse.ArgumentParser) -> None:
    """Ce que `noter` accepte."""
    analyseur.add_argument("--appel", required=True, metavar="CODE", help="par exemple m2a-2027")
    analyseur.add_argument(
        "--grille", type=Path, metavar="FICHIER", help="une grille YAML à comparer, sans rien écrire"
    )
    analyseur.add_argument("--json", action="store_true", help="le résultat en JSON")
    analyseur.set_defaults(agir=_agir)

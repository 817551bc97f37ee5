"""`noter` : renoter un appel entier ; sans rien écrire, comparer une autre grille ou rejouer les notes gardées."""

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
from app.etapes.notation.rules.effet import DIXIEMES, Bornes
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


def comparer(
    fabrique: sessionmaker[Session], code: str, fichier: Path
) -> tuple[tuple[EffetLigne, ...], service.LignesEcartees]:
    """L'effet d'une autre grille sur l'appel, et les lignes qui ne se comparent pas.

    Lève ErreurDeDonnees si le fichier n'est pas une grille.
    """
    grille = lire_grille(fichier)
    with fabrique() as session:
        appel = _appel(session, code)
        return service.comparer_grille(session, appel, grille), service.lignes_ecartees(session, appel, grille)


def rejouer(fabrique: sessionmaker[Session], code: str) -> tuple[int, list[dict[str, Any]]]:
    """Rejoue toutes les notes gardées d'un appel : combien, et celles qui ne redonnent pas la même chose."""
    nombre, fautes = 0, []
    with fabrique() as session:
        for rejeu in service.rejouer_appel(session, _appel(session, code).id):
            nombre += 1
            if rejeu.faute:
                note = rejeu.lue.note
                fautes.append({"note": note.id, "ligne": rejeu.lue.ligne, "rang": note.rang, "faute": rejeu.faute})
    return nombre, fautes


def _bornes(bornes: Bornes | None) -> str:
    if bornes is None:
        return "hors champ"
    bas, haut = (ecrire_decimal(Fraction(borne, DIXIEMES), 1) for borne in bornes)
    return bas if bas == haut else f"{bas} à {haut}"


def _ecart(ecart: int) -> str:
    return ("+" if ecart > 0 else "−" if ecart < 0 else "") + ecrire_decimal(Fraction(abs(ecart), DIXIEMES), 1)


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
        phrases += [_phrase(placement) for placement in effet.touches[:MONTRES]]
        if len(effet.touches) > MONTRES:
            phrases.append(f"    … et {len(effet.touches) - MONTRES} autres (--json les donne tous).")
    return phrases or ["Aucun dossier à comparer."]


def dire_les_ecartees(ecartees: service.LignesEcartees) -> list[str]:
    """Une phrase par ligne qu'une seule des deux grilles note."""
    return [
        *(f"{ligne} : absente de l’autre grille, ses dossiers ne se comparent pas." for ligne in ecartees.absentes),
        *(f"{ligne} : ajoutée par l’autre grille, rien à comparer." for ligne in ecartees.ajoutees),
    ]


def _json_bornes(bornes: Bornes | None) -> list[str] | None:
    return None if bornes is None else [_json_dixiemes(borne) for borne in bornes]


def _json_dixiemes(valeur: int) -> str:
    return str(arrondir(Fraction(valeur, DIXIEMES)))


def _json_placement(placement: Placement) -> dict[str, Any]:
    return {
        "dossier": placement.dossier,
        "avant": _json_bornes(placement.avant),
        "apres": _json_bornes(placement.apres),
        "ecart": _json_dixiemes(placement.ecart),
        "rang_avant": placement.rang_avant,
        "rang_apres": placement.rang_apres,
    }


def en_donnees(effets: Sequence[EffetLigne]) -> list[dict[str, Any]]:
    """L'effet en données JSON : tous les dossiers dont la note change, puis ceux dont seul le rang change."""
    return [
        {
            "ligne": effet.ligne,
            "dossiers": len(effet.placements),
            "changent_de_rang": effet.changent_de_rang,
            "ecart_moyen": str(arrondir(effet.ecart_moyen, 2)),
            "distribution": dict(zip(("avant", "apres"), map(list, effet.distribution), strict=True)),
            "bougent": [_json_placement(p) for p in effet.bougent],
            "changent_seulement_de_rang": [_json_placement(p) for p in effet.touches if not p.bouge],
        }
        for effet in effets
    ]


def _renoter(fabrique: sessionmaker[Session], code: str) -> tuple[Any, list[str], int]:
    bilan = renoter(fabrique, code)
    donnees = {
        "appel": code, "ajoutees": bilan.ajoutees, "inchangees": bilan.inchangees, "hors_champ": bilan.hors_champ,
    }  # fmt: skip
    phrase = (
        f"Appel {code} : {bilan.ajoutees} notes ajoutées, {bilan.inchangees} inchangées, "
        f"{bilan.hors_champ} lignes hors champ."
    )
    return donnees, [phrase], 0


def _comparer(fabrique: sessionmaker[Session], code: str, fichier: Path) -> tuple[Any, list[str], int]:
    effets, ecartees = comparer(fabrique, code, fichier)
    donnees = {"appel": code, "lignes": en_donnees(effets), **ecartees.en_donnees()}
    return donnees, [*dire_les_ecartees(ecartees), *dire(effets)], 0


def _rejouer(fabrique: sessionmaker[Session], code: str) -> tuple[Any, list[str], int]:
    nombre, fautes = rejouer(fabrique, code)
    phrases = [f"Appel {code} : {nombre} notes rejouées, {nombre - len(fautes)} à l’identique."]
    phrases += [f"    note {f['note']} ({f['ligne']}, rang {f['rang']}) : {f['faute']}" for f in fautes]
    return {"appel": code, "rejouees": nombre, "fautes": fautes}, phrases, 1 if fautes else 0


def noter(config: Config, code: str, fichier: Path | None, *, en_json: bool, est_rejeu: bool = False) -> int:
    """Renote l'appel, compare une grille, ou rejoue ses notes ; dit ce qui en sort.

    1 si le fichier de grille est faux, ou si une note gardée ne se rejoue pas à l'identique.
    """
    with base_ouverte(config) as base, fabrique_de(base) as fabrique:
        try:
            if est_rejeu:
                donnees, phrases, code_de_sortie = _rejouer(fabrique, code)
            elif fichier is not None:
                donnees, phrases, code_de_sortie = _comparer(fabrique, code, fichier)
            else:
                donnees, phrases, code_de_sortie = _renoter(fabrique, code)
        except ErreurDeDonnees as erreur:
            for faute in (erreur, *erreur.autres):
                print(f"{faute.fichier}, ligne {faute.ligne} : {faute.raison}", file=sys.stderr)
            return 1
    print(json.dumps(donnees, ensure_ascii=False, indent=2) if en_json else "\n".join(phrases))
    return code_de_sortie


def _agir(config: Config, arguments: argparse.Namespace) -> int:
    return noter(config, arguments.appel, arguments.grille, en_json=arguments.json, est_rejeu=arguments.rejouer)


def brancher(analyseur: argparse.ArgumentParser) -> None:
    """Ce que `noter` accepte."""
    analyseur.add_argument("--appel", required=True, metavar="CODE", help="par exemple m2a-2027")
    autre = analyseur.add_mutually_exclusive_group()
    autre.add_argument("--grille", type=Path, metavar="FICHIER", help="une grille YAML à comparer, sans rien écrire")
    autre.add_argument("--rejouer", action="store_true", help="rejoue toutes les notes gardées, sans rien écrire")
    analyseur.add_argument("--json", action="store_true", help="le résultat en JSON")
    analyseur.set_defaults(agir=_agir)

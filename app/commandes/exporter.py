"""`exporter` : écrire un export d'un appel dans un fichier, en entier ou pas du tout."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from sqlalchemy.orm import Session, sessionmaker

from app.commandes.base import base_ouverte, fabrique_de
from app.etapes.appel import repository as appels
from app.etapes.appel.models import Appel
from app.etapes.dossier.repository import export as dossiers
from app.etapes.programmation.repository import export as programmation
from app.etapes.publication import repository as publication
from app.etapes.publication.service import scdl_en_flux
from app.infra.atomique import ecrire_entier
from app.infra.config import Config
from app.infra.identite import Habilitation, Identite
from app.infra.ods import ecrire_ods
from app.infra.tableur import Colonne, Valeur, csv_en_flux, ecrire_xlsx
from app.noyau.erreurs import Introuvable
from app.noyau.roles import Portee, Role

Fabrique = sessionmaker[Session]
Ecrivain = Callable[[Fabrique, Appel, BinaryIO], None]


def lecteur_du_contrat(contrat_id: int) -> Identite:
    """Qui lit par la ligne de commande : tout le contrat, et lui seul."""
    tout = Habilitation(Role.CHARGE_MISSION, Portee.CONTRAT, contrat_id)
    return Identite(0, "ligne-de-commande", "Ligne de commande", "", (tout,))


Lecture = Callable[[Fabrique, Identite, int], Iterator[tuple[Valeur, ...]]]


class Classeur(Protocol):
    """Ce qui écrit un classeur d'une feuille."""

    def __call__(
        self, fichier: BinaryIO, colonnes: Sequence[Colonne], rangees: Iterable[Sequence[Valeur]], *, feuille: str
    ) -> int:
        """Rend le nombre de rangées."""


def _en_csv(colonnes: Sequence[Colonne], lire: Lecture) -> Ecrivain:
    def ecrire(fabrique: Fabrique, appel: Appel, fichier: BinaryIO) -> None:
        fichier.writelines(csv_en_flux(colonnes, lire(fabrique, lecteur_du_contrat(appel.contrat_id), appel.id)))

    return ecrire


def _en_classeur(ecrire_classeur: Classeur, colonnes: Sequence[Colonne], lire: Lecture, feuille: str) -> Ecrivain:
    def ecrire(fabrique: Fabrique, appel: Appel, fichier: BinaryIO) -> None:
        rangees = lire(fabrique, lecteur_du_contrat(appel.contrat_id), appel.id)
        ecrire_classeur(fichier, colonnes, rangees, feuille=f"{feuille} {appel.annee}")

    return ecrire


def _formes(colonnes: Sequence[Colonne], lire: Lecture, feuille: str) -> Mapping[str, Ecrivain]:
    return {
        "csv": _en_csv(colonnes, lire),
        "xlsx": _en_classeur(ecrire_xlsx, colonnes, lire, feuille),
        "ods": _en_classeur(ecrire_ods, colonnes, lire, feuille),
    }


def _scdl(fabrique: Fabrique, appel: Appel, fichier: BinaryIO) -> None:
    fichier.writelines(scdl_en_flux(publication.lire_lignes(fabrique, appel.id)))


# Chaque export dit ses formats ; la ligne de commande en sort.
EXPORTS: Mapping[str, Mapping[str, Ecrivain]] = {
    "programmation": _formes(programmation.COLONNES, programmation.lire_rangees, "Programmation"),
    "dossiers": _formes(dossiers.COLONNES, dossiers.lire_rangees, "Dossiers"),
    "scdl": {"csv": _scdl},
}
AIDES = {
    "programmation": "la programmation, une rangée par demande",
    "dossiers": "les dossiers déposés, une rangée par dossier",
    "scdl": "les données essentielles des subventions notifiées (SCDL 2.1.1)",
}


def exporter(config: Config, quoi: str, code: str, forme: str, vers: Path) -> int:
    """Écrit l'export (0600), en remplaçant le fichier s'il existe. Lève Introuvable si l'appel n'existe pas."""
    with base_ouverte(config) as base, fabrique_de(base) as fabrique:
        with fabrique() as session:
            appel = appels.get_appel_par_code(session, code)
        if appel is None:
            raise Introuvable(f"L’appel « {code} » n’existe pas.")
        with ecrire_entier(vers, remplacer=True) as fichier:
            EXPORTS[quoi][forme](fabrique, appel, fichier)
    print(f"Export écrit dans {vers}.")
    return 0


def _agir(config: Config, arguments: argparse.Namespace) -> int:
    return exporter(config, arguments.quoi, arguments.appel, arguments.format, arguments.vers)


def brancher(analyseur: argparse.ArgumentParser) -> None:
    """Ce qu'`exporter` accepte : un nom par export."""
    exports = analyseur.add_subparsers(dest="quoi", required=True, metavar="QUOI")
    for nom, formats in EXPORTS.items():
        export = exports.add_parser(nom, help=AIDES[nom])
        export.add_argument("--appel", required=True, metavar="CODE", help="par exemple m2a-2027")
        export.add_argument("--format", required=True, choices=sorted(formats), help="la forme du fichier")
        export.add_argument("--vers", required=True, type=Path, metavar="FICHIER", help="où écrire")
        export.set_defaults(agir=_agir)

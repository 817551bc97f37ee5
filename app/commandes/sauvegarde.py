"""`sauvegarder VERS` : la base et les fichiers utiles dans une archive unique, à chaud, en entier ou pas du tout."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import app
from app.commandes.archive import BASE, FORME, Manifeste, ecrire_archive, mesurer
from app.commandes.copie_base import copier
from app.commandes.journal import base_presente
from app.commandes.restauration import restaurer
from app.infra.clock import heure_machine
from app.infra.config import Config, Rangement
from app.infra.files.disque import DOSSIER, Disque, dossier_de
from app.infra.journal.ancres import CLE_PRIVEE, DOSSIER_ANCRES, cles_publiques
from app.noyau.erreurs import ErreurMetier

CLES = (CLE_PRIVEE, "secret")
"""Fichiers secrets de <donnees> : gardés seulement à la demande."""


def fichiers_utiles(donnees: Path, *, avec_cles: bool) -> dict[str, Path]:
    """Nom dans l'archive → fichier : ancres signées, clés publiques, et les clés privées si on les veut."""
    trouves = [*sorted((donnees / DOSSIER_ANCRES).glob("*.json")), *cles_publiques(donnees)]
    if avec_cles:
        trouves += [donnees / nom for nom in CLES if (donnees / nom).is_file()]
    return {f"donnees/{chemin.relative_to(donnees)}": chemin for chemin in trouves}


def fichiers_recus(config: Config) -> Iterator[tuple[str, Path]]:
    """Nom dans l'archive → fichier du magasin sur disque. Dans un bac S3, le bac se sauvegarde de son côté."""
    if config.fichiers is not Rangement.DISQUE:
        return
    dossier = dossier_de(config.donnees)
    for range_ in Disque(dossier).lister():
        nom = f"{range_.sha256[:2]}/{range_.sha256[2:4]}/{range_.sha256}"
        yield f"donnees/{DOSSIER}/{nom}", dossier / nom


def prendre(chemin: Path, vers: Path) -> bool:
    """Met le fichier de côté, par un second nom si le disque le permet ; faux s'il vient d'être retiré."""
    vers.parent.mkdir(parents=True, exist_ok=True)
    try:
        try:
            vers.hardlink_to(chemin)
        except FileNotFoundError:
            raise
        except OSError:  # un autre disque
            shutil.copyfile(chemin, vers)
    except FileNotFoundError:
        return False
    return True


def laisses_de_cote(donnees: Path, *, avec_cles: bool) -> list[str]:
    """Ce que <donnees> contient et que l'archive n'emporte pas (courriels, grappe, clés non demandées)."""
    if not donnees.is_dir():
        return []
    publiques = {cle.name for cle in cles_publiques(donnees)}
    gardes = {DOSSIER_ANCRES, DOSSIER, *publiques, *(CLES if avec_cles else ())}
    return sorted(chemin.name for chemin in donnees.iterdir() if chemin.name not in gardes and chemin.name[0] != ".")


def nommer(vers: Path, maintenant: datetime) -> Path:
    """Dans un dossier, un nom daté ; sinon le nom donné."""
    if not vers.is_dir():
        return vers
    return vers / f"initiatives-quartiers-{maintenant.astimezone(UTC):%Y%m%dT%H%M%SZ}.tar"


def sauvegarder(config: Config, vers: Path, *, avec_cles: bool, maintenant: datetime) -> Path:
    """Écrit l'archive et rend son chemin. Lève ErreurMetier (nom pris, lieu fermé, base qui ne se copie pas)."""
    vers = nommer(vers, maintenant)
    try:
        vers.parent.mkdir(parents=True, exist_ok=True)
        return _sauvegarder(config, vers, avec_cles=avec_cles, maintenant=maintenant)
    except OSError as erreur:
        raise ErreurMetier(f"{vers} ne s’écrit pas : {erreur.strerror}.") from erreur


def _sauvegarder(config: Config, vers: Path, *, avec_cles: bool, maintenant: datetime) -> Path:
    with TemporaryDirectory(prefix=".sauvegarde-", dir=vers.parent) as nom, base_presente(config) as base:
        atelier = Path(nom)
        pieces: dict[str, Path] = {}
        # Les ancres avant la base : une ancre plus récente que la copie ferait croire à une queue retirée.
        for place, chemin in fichiers_utiles(config.donnees, avec_cles=avec_cles).items():
            pieces[place] = atelier / place
            pieces[place].parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(chemin, pieces[place])
        pieces = {BASE: atelier / BASE, **pieces}
        etat = copier(base.url_proprietaire, pieces[BASE])
        pieces |= _magasin(config, atelier)
        manifeste = Manifeste(
            forme=FORME,
            version=app.__version__,
            cree_le=maintenant,
            avec_cles=avec_cles,
            base=etat,
            fichiers={place: mesurer(chemin) for place, chemin in pieces.items()},
        )
        ecrire_archive(vers, manifeste, pieces)
    return vers


def _magasin(config: Config, atelier: Path) -> dict[str, Path]:
    """Les fichiers reçus, pris après la base : chaque rangée a ses octets. Un fichier abîmé reste dehors, et se dit."""
    pris = {}
    for place, chemin in fichiers_recus(config):
        if not prendre(chemin, atelier / place):
            continue
        if mesurer(atelier / place).sha256 != chemin.name:
            print(f"{chemin} n’a plus l’empreinte de son nom : il n’est pas dans la sauvegarde.", file=sys.stderr)
            continue
        pris[place] = atelier / place
    return pris


def _agir_sauvegarder(config: Config, lus: argparse.Namespace) -> int:
    vers = Path(lus.vers)
    if lus.vers.endswith("/"):
        vers.mkdir(parents=True, exist_ok=True)
    chemin = sauvegarder(config, vers, avec_cles=lus.avec_cles, maintenant=heure_machine())
    print(f"Sauvegarde écrite : {chemin} ({chemin.stat().st_size} octets).")
    if config.fichiers is Rangement.S3:
        print(f"Les fichiers reçus sont dans le bac « {config.s3_bac} » : sauvegardez-le de son côté.")
    dehors = laisses_de_cote(config.donnees, avec_cles=lus.avec_cles)
    if dehors:
        print(f"Laissés de côté dans {config.donnees} : {', '.join(dehors)}.")
    return 0


def _agir_restaurer(config: Config, lus: argparse.Namespace) -> int:
    garder = not lus.sans_garder
    return restaurer(config, lus.depuis, remplacer=lus.remplacer, garder=garder, maintenant=heure_machine())


def brancher(analyseur: argparse.ArgumentParser) -> None:
    """Ce que `sauvegarder` accepte."""
    analyseur.add_argument("vers", metavar="VERS", help="fichier à écrire, ou dossier où le nommer")
    analyseur.add_argument(
        "--avec-cles", action="store_true", help="emporte aussi les clés privées : archive à enfermer"
    )
    analyseur.set_defaults(agir=_agir_sauvegarder)


def brancher_restaurer(analyseur: argparse.ArgumentParser) -> None:
    """Ce que `restaurer` accepte."""
    analyseur.add_argument("depuis", type=Path, metavar="DEPUIS")
    analyseur.add_argument("--remplacer", action="store_true", help="admet une base qui contient déjà quelque chose")
    analyseur.add_argument("--sans-garder", action="store_true", help="efface la base d’avant et celles déjà gardées")
    analyseur.set_defaults(agir=_agir_restaurer)

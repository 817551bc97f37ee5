"""`journal verifier | exporter | ancrer` : relire la chaîne, en base ou hors ligne. Code 0 sain, 1 anomalie."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session, sessionmaker

from app.commandes.base import NOM_BASE, Base, base_de, base_ouverte, fabrique_de, grappe_ouverte
from app.infra import postgres_embarque as pg
from app.infra.atomique import FichierDejaLa, ecrire_entier
from app.infra.config import Config
from app.infra.heure import heure_machine
from app.infra.journal import ancres as ancrage
from app.infra.journal import lecture
from app.infra.journal.models import CHAINE_INSTANCE
from app.infra.journal.verification import PREFIXE_MIN, Ancre, Anomalie, Rapport, dire, verifier
from app.noyau.erreurs import ErreurMetier
from app.referentiels.contrats.models import Contrat

NOM_INSTANCE = {CHAINE_INSTANCE: f"{CHAINE_INSTANCE} (instance)"}


@contextmanager
def base_presente(config: Config) -> Iterator[Base]:
    """La base telle qu'elle est : ni créée ni migrée. Lève ErreurMetier s'il n'y en a pas."""
    if config.database_url is not None:
        with base_ouverte(config, migrer=False) as base:
            yield base
        return
    with grappe_ouverte(config) as grappe:
        if not pg.base_existe(grappe, NOM_BASE):
            raise ErreurMetier("Il n’y a pas encore de base : lancez « python -m app migrer » ou « servir ».")
        yield base_de(grappe, NOM_BASE)


def noms_des_chaines(session: Session) -> dict[int, str]:
    """Chaîne → son numéro et le code de son contrat ; la 0 est celle de l'instance (comptes, organisations)."""
    contrats = session.execute(select(Contrat.id, Contrat.code).order_by(Contrat.id))
    return {CHAINE_INSTANCE: f"{CHAINE_INSTANCE} (instance)"} | {
        ligne.id: f"{ligne.id} « {ligne.code} »" for ligne in contrats
    }


def lire_ancre_lue(texte: str) -> Ancre:
    """CHAINE:RANG:EMPREINTE, recopié d'un PDF ; au moins 16 chiffres hexadécimaux suffisent."""
    try:
        chaine, rang, empreinte = texte.split(":")
        octets = bytes.fromhex(empreinte)
        lue = Ancre(int(chaine), int(rang), octets, f"lue : entrée {int(rang)}", hors_base=True)
    except ValueError as erreur:
        raise argparse.ArgumentTypeError("écrire CHAINE:RANG:EMPREINTE (ex. 1:128:3f9a…)") from erreur
    if len(octets) < PREFIXE_MIN or len(octets) > 32 or lue.rang < 1:
        raise argparse.ArgumentTypeError(f"l’empreinte compte de {PREFIXE_MIN * 2} à 64 chiffres, le rang part de 1")
    return lue


def ancres_signees(dossier: Path | None, cles: Sequence[Path]) -> tuple[list[Ancre], list[Anomalie]]:
    """Les ancres des fichiers signés par ces clés. Lève ErreurMetier si le dossier ou les clés manquent."""
    if dossier is None:
        return [], []
    if not dossier.is_dir():
        raise ErreurMetier(f"Le dossier d’ancres {dossier} n’existe pas.")
    if not cles:
        raise ErreurMetier("Donnez la clé publique du journal : --cle cle-journal.pub.")
    return ancrage.lire_ancres(dossier, {ancrage.lire_cle_publique(cle) for cle in cles})


def rapport_de_base(
    fabrique: sessionmaker[Session], signees: Sequence[Ancre], anomalies: Sequence[Anomalie]
) -> tuple[Rapport, dict[int, str]]:
    """Vérifie le journal d'une base dans un instantané ; rend aussi le nom des chaînes."""
    try:
        with lecture.instantane(fabrique) as session:
            return lecture.relire(session, signees).avec(anomalies), noms_des_chaines(session)
    except DataError as erreur:
        raise ErreurMetier("ANOMALIE. Une valeur du journal est hors de ce qu’il peut contenir.") from erreur


def _dire(rapport: Rapport, noms: dict[int, str]) -> int:
    for phrase in dire(rapport, noms):
        print(phrase)
    return 0 if rapport.est_sain else 1


def verifier_en_base(config: Config, dossier: Path | None, cles: Sequence[Path], lues: Sequence[Ancre]) -> int:
    """Relit le journal de la base. Sans `dossier`, les ancres signées de <donnees>/ancres, s'il y en a."""
    if dossier is None and (config.donnees / ancrage.DOSSIER_ANCRES).is_dir():
        dossier = config.donnees / ancrage.DOSSIER_ANCRES
    cles = cles or ancrage.cles_publiques(config.donnees)
    signees, anomalies = ancres_signees(dossier, cles)
    with base_presente(config) as base, fabrique_de(base) as fabrique:
        rapport, noms = rapport_de_base(fabrique, [*lues, *signees], anomalies)
    if dossier is None and not lues:
        print("Aucune ancre gardée hors de la base n’a été donnée (--ancres, --lue).")
    return _dire(rapport, noms)


def verifier_fichier(fichier: Path, dossier: Path | None, cles: Sequence[Path], lues: Sequence[Ancre]) -> int:
    """Relit un export, sans base."""
    signees, anomalies = ancres_signees(dossier, cles)
    export = lecture.Export(fichier)
    toutes = [*lues, *signees, *export.ancres()]
    rapport = verifier(export.entrees(), export.contenus(), toutes)
    return _dire(rapport.avec([*anomalies, *export.anomalies]), NOM_INSTANCE)


def exporter(config: Config, vers: Path, *, avec_contenus: bool = True) -> int:
    """Écrit le journal entier dans un fichier neuf (0600)."""
    try:
        with (
            base_presente(config) as base,
            fabrique_de(base) as fabrique,
            lecture.instantane(fabrique) as session,
            ecrire_entier(vers) as sortie,
        ):
            nombre = lecture.exporter(session, sortie, avec_contenus=avec_contenus)
    except FichierDejaLa as erreur:
        raise ErreurMetier(f"{vers} existe déjà : choisissez un autre nom.") from erreur
    except OSError as erreur:
        raise ErreurMetier(f"{vers} ne s’écrit pas : {erreur.strerror}.") from erreur
    print(f"{nombre} entrées écrites dans {vers}.")
    return 0


def ancrer(config: Config) -> int:
    """Écrit et signe les têtes du jour dans <donnees>/ancres."""
    cle = ancrage.cle_du_journal(config.donnees)
    dossier = config.donnees / ancrage.DOSSIER_ANCRES
    with base_presente(config) as base, fabrique_de(base) as fabrique, fabrique.begin() as session:
        chemin = ancrage.ancrer_le_jour(session, dossier, cle, heure_machine())
    print(f"Têtes du journal signées dans {chemin}. Copiez ce fichier et la clé publique sur une autre machine.")
    return 0


def _agir_verifier(config: Config, lus: argparse.Namespace) -> int:
    if lus.depuis is not None:
        return verifier_fichier(lus.depuis, lus.ancres, lus.cle, lus.lue)
    return verifier_en_base(config, lus.ancres, lus.cle, lus.lue)


def _agir_exporter(config: Config, lus: argparse.Namespace) -> int:
    return exporter(config, lus.vers, avec_contenus=not lus.sans_contenus)


def _agir_ancrer(config: Config, _lus: argparse.Namespace) -> int:
    return ancrer(config)


def brancher(analyseur: argparse.ArgumentParser) -> None:
    """Ce que `journal` accepte : ses trois actions."""
    actions = analyseur.add_subparsers(dest="action", required=True, metavar="ACTION")
    relire = actions.add_parser(
        "verifier", help="relit la chaîne et dit ce qui a été changé (code 1) ou n’est pas ancré"
    )
    relire.add_argument("--depuis", type=Path, help="un fichier de « journal exporter », relu sans base")
    relire.add_argument("--ancres", type=Path, help="dossier des fichiers signés (par défaut <donnees>/ancres)")
    relire.add_argument("--cle", type=Path, action="append", default=[], help="clé publique ; répétable")
    relire.add_argument(
        "--lue", type=lire_ancre_lue, action="append", default=[], metavar="CHAINE:RANG:EMPREINTE",
        help="une ancre recopiée d’un PDF ; répétable",
    )  # fmt: skip
    relire.set_defaults(agir=_agir_verifier)
    copier = actions.add_parser("exporter", help="écrit le journal en JSON Lines, une entrée par ligne")
    copier.add_argument("vers", type=Path, metavar="VERS")
    copier.add_argument("--sans-contenus", action="store_true", help="la chaîne seule, sans donnée lisible")
    copier.set_defaults(agir=_agir_exporter)
    actions.add_parser("ancrer", help="signe les têtes du jour dans <donnees>/ancres").set_defaults(agir=_agir_ancrer)

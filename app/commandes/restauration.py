"""`restaurer DEPUIS` : contrôler toute l'archive, remplir une base neuve, comparer, échanger, relire le journal."""

from __future__ import annotations

import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from alembic.script import ScriptDirectory
from psycopg import errors, sql
from sqlalchemy import text

from app.commandes.archive import BASE, EtatBase, Manifeste, deballer
from app.commandes.base import NOM_BASE, Base, base_de, base_ouverte, fabrique_de, grappe_ouverte
from app.commandes.copie_base import CopieImpossible, remettre_dans_une_neuve, remettre_sur_place
from app.commandes.etat_base import connexion, ecart, est_peuplee, etat
from app.commandes.journal import ancres_signees, rapport_de_base
from app.infra import migrations
from app.infra import postgres_embarque as pg
from app.infra.config import Config
from app.infra.files import magasin_de
from app.infra.files.disque import DOSSIER, dossier_de
from app.infra.journal.ancres import CLE_PRIVEE, CLE_PUBLIQUE, DOSSIER_ANCRES, cles_publiques
from app.infra.journal.verification import dire
from app.noyau.erreurs import ErreurMetier

DELAI_REPOS = 3.0  # secondes
NEUVE = f"{NOM_BASE}_neuve"


class RestaurationRefusee(ErreurMetier):
    """Rien n'a été touché."""

    code = "restauration_refusee"


def restaurer(config: Config, depuis: Path, *, remplacer: bool, maintenant: datetime, garder: bool = True) -> int:
    """Remet l'archive. Rend 0 si le journal relu est sain, 1 sinon. Lève ErreurMetier sans avoir rien changé.

    `garder` (grappe embarquée) : la base remplacée reste sous un autre nom ; sinon elle et les précédentes s'effacent.
    """
    quand = f"{maintenant.astimezone(UTC):%Y%m%dt%H%M%S}"
    config.donnees.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".restauration-", dir=config.donnees) as nom:
        atelier = Path(nom)
        manifeste = deballer(depuis, atelier)
        _exiger_une_migration_connue(manifeste)
        _exiger_des_empreintes(manifeste)
        if config.database_url is None:
            with grappe_ouverte(config) as grappe:
                _par_echange(grappe, manifeste.base, atelier, remplacer=remplacer, garder=garder, quand=quand)
                remettre_les_fichiers(atelier / "donnees", config.donnees, quand)
                return _conclure(config, base_de(grappe, NOM_BASE))
        with base_ouverte(config, migrer=False) as base:
            _sur_place(base, manifeste.base, atelier, remplacer=remplacer)
            remettre_les_fichiers(atelier / "donnees", config.donnees, quand)
            return _conclure(config, base)


def _exiger_une_migration_connue(manifeste: Manifeste) -> None:
    connues = {revision.revision for revision in ScriptDirectory(str(migrations.DOSSIER)).walk_revisions()}
    if manifeste.base.migration not in connues:
        raise RestaurationRefusee(
            f"Cette sauvegarde vient d’une version plus récente (migration {manifeste.base.migration}) : "
            "mettez d’abord le service à jour."
        )


def _refuser_si_peuplee(url: str, *, remplacer: bool) -> bool:
    with connexion(url, figee=True) as base:
        peuplee = est_peuplee(base)
    if peuplee and not remplacer:
        raise RestaurationRefusee("La base contient déjà des données : ajoutez --remplacer pour la remplacer.")
    return peuplee


def _exiger_les_memes(attendu: EtatBase, url: str) -> None:
    with connexion(url, figee=True) as base:
        difference = ecart(attendu, etat(base))
    if difference is not None:
        raise CopieImpossible(f"La base remise n’est pas celle de la sauvegarde : {difference}.")


def _par_echange(
    grappe: pg.Grappe, attendu: EtatBase, atelier: Path, *, remplacer: bool, garder: bool, quand: str
) -> None:
    """Remplit une base neuve, la compare, puis échange les noms : la base en place sert jusqu'au dernier moment."""
    existe = pg.base_existe(grappe, NOM_BASE)
    peuplee = existe and _refuser_si_peuplee(grappe.url(NOM_BASE, pg.PROPRIETAIRE), remplacer=remplacer)
    ancienne = f"{NOM_BASE}_avant_{quand}" if existe else None
    _exiger_le_repos(grappe)
    pg.supprimer_base(grappe, NEUVE)
    pg.creer_base(grappe, NEUVE)
    url = grappe.url(NEUVE, pg.PROPRIETAIRE)
    try:
        remettre_dans_une_neuve(url, atelier / BASE)
        _exiger_les_memes(attendu, url)
        migrations.migrer(url)
        _echanger(grappe, ancienne)
    except BaseException:
        pg.supprimer_base(grappe, NEUVE)
        raise
    if ancienne is not None and not peuplee:
        pg.supprimer_base(grappe, ancienne)
    elif ancienne is not None and garder:
        print(
            f"La base d’avant est gardée sous le nom « {ancienne} » (« --sans-garder » efface toutes celles d’avant)."
        )
    if not garder:
        _oublier_celles_d_avant(grappe)


def _oublier_celles_d_avant(grappe: pg.Grappe) -> None:
    with psycopg.connect(grappe.conninfo("postgres", pg.PROPRIETAIRE)) as administration:
        debut = f"{NOM_BASE}_avant_"
        noms = administration.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [debut])
        anciennes = [nom for (nom,) in noms]
    for nom in anciennes:
        pg.supprimer_base(grappe, nom)


SERT_ENCORE = "La base sert encore : arrêtez le service et ses tâches de fond, puis relancez. Rien n’a été changé."


def _exiger_le_repos(grappe: pg.Grappe) -> None:
    # Le renommage le refuserait aussi, mais seulement une fois tout le travail fait. Une session qui vient de se fermer
    # se voit encore un instant : d'où l'attente. Le genre d'une session est masqué au propriétaire, pas qui la tient :
    # l'entretien de la base (autovacuum) n'est à personne.
    requete = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND usesysid IS NOT NULL"
    limite = time.monotonic() + DELAI_REPOS
    with psycopg.connect(grappe.conninfo("postgres", pg.PROPRIETAIRE), autocommit=True) as administration:
        while administration.execute(requete, [NOM_BASE]).fetchone() != (0,):
            if time.monotonic() > limite:
                raise RestaurationRefusee(SERT_ENCORE)
            time.sleep(0.05)


def _echanger(grappe: pg.Grappe, ancienne: str | None) -> None:
    # Les deux noms changent dans une seule transaction : il y a toujours une base, et une seule, sous le bon nom.
    renommer = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    try:
        with psycopg.connect(grappe.conninfo("postgres", pg.PROPRIETAIRE)) as administration:
            if ancienne is not None:
                administration.execute(renommer.format(sql.Identifier(NOM_BASE), sql.Identifier(ancienne)))
            administration.execute(renommer.format(sql.Identifier(NEUVE), sql.Identifier(NOM_BASE)))
    except errors.ObjectInUse as erreur:
        raise RestaurationRefusee(SERT_ENCORE) from erreur


def _sur_place(base: Base, attendu: EtatBase, atelier: Path, *, remplacer: bool) -> None:
    """Chez un PostgreSQL qui n'est pas à nous : vide, remplit et compare dans une seule transaction."""
    _refuser_si_peuplee(base.url_proprietaire, remplacer=remplacer)
    remettre_sur_place(base.url_proprietaire, atelier / BASE, attendu, atelier)
    migrations.migrer(base.url_proprietaire)


def remettre_les_fichiers(depuis: Path, donnees: Path, quand: str) -> None:
    """Remet ancres et clés. Ce qui était là et diffère est mis de côté (« .avant-… »), jamais effacé.

    Les ancres d'avant sont écartées en bloc : signées après la sauvegarde, elles diraient que la queue a été retirée.
    """
    ancres = donnees / DOSSIER_ANCRES
    if ancres.exists():
        ancres.rename(_libre(ancres, quand))
    if (depuis / DOSSIER_ANCRES).is_dir():
        (depuis / DOSSIER_ANCRES).rename(ancres)
    remettre_le_magasin(depuis / DOSSIER, dossier_de(donnees))
    garde_sa_cle = (donnees / CLE_PRIVEE).exists() and not (depuis / CLE_PRIVEE).exists()
    for venu in sorted(depuis.glob("*")) if depuis.is_dir() else []:
        place = donnees / venu.name
        if venu.name == CLE_PUBLIQUE and garde_sa_cle and place.exists() and place.read_bytes() != venu.read_bytes():
            place = donnees / f"cle-journal-{venu.read_text(encoding='ascii')[:8]}.pub"
        if place.exists() and place.read_bytes() != venu.read_bytes():
            place.rename(_de_cote(place, quand))
        venu.replace(place)
        place.chmod(0o644 if place.suffix == ".pub" else 0o600)


def remettre_le_magasin(depuis: Path, vers: Path) -> None:
    """Remet les fichiers reçus à côté de ceux qui sont là : le nom est l'empreinte, rien ne s'écrase."""
    for venu in sorted(depuis.glob("??/??/*")):
        place = vers / venu.relative_to(depuis)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        venu.replace(place)
        place.chmod(0o600)
    shutil.rmtree(depuis, ignore_errors=True)


def _exiger_des_empreintes(manifeste: Manifeste) -> None:
    """Chaque fichier reçu porte son empreinte pour nom : celle que l'archive vient de vérifier."""
    debut = f"donnees/{DOSSIER}/"
    for nom, piece in manifeste.fichiers.items():
        if nom.startswith(debut) and nom != f"{debut}{piece.sha256[:2]}/{piece.sha256[2:4]}/{piece.sha256}":
            raise RestaurationRefusee(f"« {nom} » n’a pas l’empreinte de son nom : l’archive est abîmée.")


def _dire_les_manquants(config: Config, base: Base) -> int:
    """Combien de fichiers en attente ou sains n'ont pas leurs octets au magasin ; le dit."""
    requete = "SELECT sha256, taille FROM fichier WHERE etat IN ('recu', 'sain')"
    with connexion(base.url_proprietaire, figee=True) as lue:
        voulus = {str(sha256): int(taille) for sha256, taille in lue.execute(text(requete))}
    if not voulus:
        return 0
    presents = {range_.sha256: range_.octets for range_ in magasin_de(config).lister()}
    manquants = sum(presents.get(sha256) != taille for sha256, taille in voulus.items())
    if manquants:
        print(f"{manquants} fichier(s) reçu(s) n’ont pas leurs octets au magasin.", file=sys.stderr)
    return manquants


def _de_cote(place: Path, quand: str) -> Path:
    if place.name == CLE_PUBLIQUE:
        return place.with_name(f"cle-journal-{place.read_text(encoding='ascii')[:8]}.pub")
    return _libre(place, quand)


def _libre(place: Path, quand: str) -> Path:
    """Un nom « .avant-… » que rien ne porte encore."""
    candidat, numero = place.with_name(f"{place.name}.avant-{quand}"), 1
    while candidat.exists():
        numero += 1
        candidat = place.with_name(f"{place.name}.avant-{quand}-{numero}")
    return candidat


def _conclure(config: Config, base: Base) -> int:
    dossier = config.donnees / DOSSIER_ANCRES
    cles = cles_publiques(config.donnees)
    signees, anomalies = ancres_signees(dossier if dossier.is_dir() and cles else None, cles)
    with fabrique_de(base) as fabrique:
        rapport, noms = rapport_de_base(fabrique, signees, anomalies)
    manquants = _dire_les_manquants(config, base)
    print("La base et ses fichiers sont remis. Le journal remis :")
    for phrase in dire(rapport, noms):
        print(phrase)
    if not rapport.est_sain:
        print("La sauvegarde est remise telle quelle, avec les anomalies qu’elle portait.", file=sys.stderr)
        return 1
    return 1 if manquants else 0

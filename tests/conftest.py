"""Socle des essais : une grappe lancée une fois par le contrôleur, une base modèle migrée, un clone par processus."""

from __future__ import annotations

import fcntl
import gc
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from coverage import Coverage
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, settings
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pydantic import SecretStr
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from app.commandes.base import Base, base_de
from app.infra import migrations
from app.infra import postgres_embarque as pg
from app.infra.config import Config, Mode
from app.infra.db import creer_moteur
from app.infra.journal import ecriture as journal
from app.main import create_app
from app.referentiels.acteurs import service as comptes
from tests.client import ClientDirect
from tests.endurance import FOIS
from tests.lieu import DOSSIER, MARQUE, MEMOIRE, deja_juges, en_memoire
from tests.menage import Menage

RACINE = Path(__file__).resolve().parents[1]
MAINTENANT = datetime(2026, 11, 6, 13, 12, tzinfo=UTC)
LONGS = ("tests/parcours/", "tests/navigateur/", "tests/charge/", "tests/infra/test_servir.py")
REGLES = ("tests/noyau/", "tests/referentiels/", "tests/etapes/")
HORS_COUVERTURE = ("proprietes", "test_suggestion_mesure")
MODELE = "IQ_ESSAI_MODELE"
# Le premier tirage de texte d'un clone neuf bâtit une table Unicode : une seconde, sur une machine occupée, n'est pas
# une faute du tirage.
settings.register_profile("projet", max_examples=50 * FOIS, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("projet")
VRAI_HACHEUR = comptes._hacheur
_PILE = pytest.StashKey[ExitStack]()
_CONFIG = Config(mode=Mode.ESSAI, secret=SecretStr("secret-d-essai-de-plus-de-32-octets!"), _env_file=None)


def _dossier() -> Path:
    """Où vit la grappe d'essai. Choisi une fois, par le contrôleur.

    En mémoire s'il y a la place, une par lancement : deux lancements à la fois ne se gênent pas. Sinon dans .data.
    """
    if DOSSIER not in os.environ:
        memoire = en_memoire()
        os.environ[DOSSIER] = str(memoire / f"{MARQUE}{os.getpid()}" if memoire else RACINE / ".data/essai")
    return Path(os.environ[DOSSIER])


def _ramasser() -> None:
    """Retire de la mémoire les grappes d'un lancement tué (leur nom porte son numéro de processus)."""
    for reste in MEMOIRE.glob(f"{MARQUE}*"):
        if not Path("/proc", reste.name.removeprefix(MARQUE).partition("-")[0]).exists():
            shutil.rmtree(reste, ignore_errors=True)


def _donnees_grappe() -> Path:
    return pg.donnees_par_defaut(_dossier())


@contextmanager
def _rejoindre() -> Iterator[pg.Grappe]:
    with pg.grappe(_donnees_grappe(), durable=False, dire=lambda _: None) as grappe:
        yield grappe


def _modele() -> str:
    """Nom de la base modèle : une empreinte des migrations, pour ne la refaire que si elles changent.

    Calculé une fois, par le contrôleur : une migration qu'on écrit pendant les essais ne les trouble pas.
    """
    return os.environ.get(MODELE) or os.environ.setdefault(MODELE, _empreinte_des_migrations())


def _empreinte_des_migrations() -> str:
    resume = hashlib.sha256()
    for fichier in sorted((migrations.DOSSIER / "versions").glob("*.py")):
        resume.update(fichier.read_bytes())
    return f"modele_{resume.hexdigest()[:12]}"


def _preparer_modele(grappe: pg.Grappe) -> None:
    """Crée la base modèle si elle manque ; deux lancements d'essais à la fois attendent leur tour."""
    with (_dossier() / "modele.verrou").open("w") as verrou:
        fcntl.flock(verrou, fcntl.LOCK_EX)
        if pg.base_existe(grappe, _modele()):
            return
        chantier = f"chantier_{uuid4().hex[:12]}"
        pg.creer_base(grappe, chantier)
        migrations.migrer(grappe.url(chantier, pg.PROPRIETAIRE))
        pg.cloner_base(grappe, chantier, _modele())
        pg.supprimer_base(grappe, chantier)


def pytest_configure(config: pytest.Config) -> None:
    """Le contrôleur (ou un essai sans xdist) lance la grappe et prépare la base modèle, une fois."""
    if "PYTEST_XDIST_WORKER" in os.environ or config.option.collectonly:
        return
    pile = ExitStack()
    config.stash[_PILE] = pile
    _dossier().mkdir(parents=True, exist_ok=True)
    shutil.rmtree(deja_juges(), ignore_errors=True)
    deja_juges().mkdir()
    _ramasser()
    if _dossier().is_relative_to(MEMOIRE):
        pile.callback(shutil.rmtree, _dossier(), ignore_errors=True)
    grappe = pile.enter_context(_rejoindre())
    _preparer_modele(grappe)


def pytest_unconfigure(config: pytest.Config) -> None:
    """La grappe s'arrête en dernier."""
    pile = config.stash.get(_PILE, None)
    if pile is not None:
        pile.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Les essais les plus longs d'abord : le dernier ne tourne pas seul pendant que l'autre cœur attend."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGS))


def pytest_collection_finish() -> None:
    """Ce qui est chargé l'est pour de bon : le ramasse-miettes n'a plus à le relire (un vingtième du temps, mesuré)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _est_pur(item: pytest.Item) -> bool:
    """Une règle, sans base ni tirages (ils cherchent des contre-exemples, ils ne prouvent pas qu'on essaie tout).

    Une mesure de temps n'est pas suivie non plus : la suivre la fausserait.
    """
    sur_une_regle = item.nodeid.startswith(REGLES) and not any(mot in item.nodeid for mot in HORS_COUVERTURE)
    return sur_une_regle and "grappe" not in getattr(item, "fixturenames", ())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """La couverture ne suit que les essais sans base : les règles sont pures, ils les prouvent seuls.

    Suivre les autres doublerait leur temps ; `IQ_COUVERTURE=tout` les suit.
    """
    if "IQ_COUVERTURE" in os.environ or _est_pur(item):
        return (yield)
    mesures = _suspendre_la_couverture()
    try:
        return (yield)
    finally:
        for mesure in reversed(mesures):
            mesure.start()


def _suspendre_la_couverture() -> list[Coverage]:
    """Arrête toutes les mesures en cours : dans un processus de xdist il y en a deux, et l'arrêt de l'une rend la main
    à l'autre."""
    mesures = []
    while (mesure := Coverage.current()) is not None:
        mesure.stop()
        mesures.append(mesure)
    return mesures


@pytest.fixture(scope="session")
def grappe() -> Iterator[pg.Grappe]:
    """La grappe d'essai, rejointe."""
    with _rejoindre() as grappe:
        yield grappe


@contextmanager
def un_clone(grappe: pg.Grappe, modele: str | None = None) -> Iterator[Base]:
    """Une base à soi, clonée du modèle (ou d'une autre base, que personne ne tient), détruite à la fin."""
    nom = f"essai_{uuid4().hex[:12]}"
    pg.cloner_base(grappe, modele or _modele(), nom)
    try:
        yield base_de(grappe, nom)
    finally:
        pg.supprimer_base(grappe, nom)


@pytest.fixture(scope="session")
def base(grappe: pg.Grappe) -> Iterator[Base]:
    """Le clone de ce processus d'essai, jamais validé par `session`."""
    with un_clone(grappe) as base:
        yield base


@pytest.fixture(scope="session")
def moteur(base: Base) -> Iterator[Engine]:
    """Un moteur au rôle de service sur le clone."""
    moteur = creer_moteur(base.url)
    yield moteur
    moteur.dispose()


@pytest.fixture
def session(moteur: Engine) -> Iterator[Session]:
    """Une session dont tout est annulé à la fin ; les contraintes différées sont jugées avant."""
    journal.installer()
    with moteur.connect() as connexion:
        transaction = connexion.begin()
        with Session(connexion, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
            yield session
            if session.is_active and transaction.is_active:
                session.flush()
                session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        transaction.rollback()


@pytest.fixture
def base_jetable(grappe: pg.Grappe) -> Iterator[Base]:
    """Un clone à soi, détruit après : pour qui change des tables, des droits, ou coupe la base."""
    with un_clone(grappe) as base:
        yield base


@pytest.fixture(scope="session")
def _clone_a_vider(grappe: pg.Grappe) -> Iterator[tuple[Base, Menage, Engine]]:
    """Le second clone de ce processus, celui des vrais COMMIT, et son moteur (ses requêtes déjà compilées)."""
    with un_clone(grappe) as base:
        moteur = creer_moteur(base.url)
        with closing(Menage(base)) as menage:
            yield base, menage, moteur
        moteur.dispose()


@pytest.fixture
def base_propre(_clone_a_vider: tuple[Base, Menage, Engine]) -> Base:
    """Une base comme neuve, avec de vrais COMMIT : le même clone pour tout le processus, vidé avant chaque essai."""
    base, menage, _ = _clone_a_vider
    menage.faire()
    return base


@pytest.fixture
def moteur_propre(base_propre: Base, _clone_a_vider: tuple[Base, Menage, Engine]) -> Engine:
    """Le moteur au rôle de service de `base_propre`, gardé d'un essai à l'autre."""
    return _clone_a_vider[2]


@pytest.fixture
def ecriture(moteur_propre: Engine) -> Iterator[Session]:
    """Une session qui valide pour de vrai, sur la base que sert `client`."""
    journal.installer()
    with Session(moteur_propre, expire_on_commit=False) as session:
        yield session


def une_config(donnees: Path) -> Config:
    """Configuration d'essai, sans lecture de l'environnement (pydantic le relirait trois millièmes à chaque essai)."""
    return _CONFIG.model_copy(update={"donnees": donnees})


@pytest.fixture
def config_essai(tmp_path: Path) -> Config:
    """Configuration d'essai, sans lecture de l'environnement."""
    return une_config(tmp_path)


@pytest.fixture(scope="session", autouse=True)
def _empreintes_legeres() -> Iterator[None]:
    """argon2 à son moindre coût : le vrai prend 60 ms par mot de passe (tests/referentiels/test_hachage.py le voit)."""
    leger = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    with pytest.MonkeyPatch.context() as change:
        change.setattr(comptes, "_hacheur", lambda: leger)
        yield


Service = Callable[[Base], FastAPI]


@pytest.fixture
def creer_service(config_essai: Config) -> Iterator[Service]:
    """Fabrique de services branchés sur une base."""
    moteurs: list[Engine] = []

    def creer(base: Base) -> FastAPI:
        moteur = creer_moteur(base.url)
        moteurs.append(moteur)
        return create_app(config_essai, moteur)

    yield creer
    for moteur in moteurs:
        moteur.dispose()


@pytest.fixture
def service(config_essai: Config, moteur_propre: Engine) -> FastAPI:
    """Le service sur une base comme neuve."""
    return create_app(config_essai, moteur_propre)


@pytest.fixture
def client(service: FastAPI) -> Iterator[TestClient]:
    """Un navigateur sans JavaScript, qui ne suit pas les redirections."""
    with ClientDirect(service) as client:
        yield client

"""Le vrai service (uvicorn) sur un clone, et Chromium : un service par session d'essai, un navigateur par module."""

from __future__ import annotations

import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from urllib.error import URLError

import pytest
from playwright.sync_api import Browser, sync_playwright

from app.commandes.base import fabrique_de
from app.commandes.servir import service_lance
from app.infra import postgres_embarque as pg
from tests.conftest import un_clone, une_config
from tests.navigateur.aide_fenetre import Fenetre, une_fenetre
from tests.navigateur.aide_scene import Scene, une_scene

ARGUMENTS = (
    "--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-gpu", "--in-process-gpu",
)  # fmt: skip
EXECUTABLES = ("chromium-headless-shell", "chromium", "chromium-browser")
DELAI_DEMARRAGE = 30.0  # secondes


@dataclass(frozen=True, slots=True)
class Site:
    """Le service lancé et ce que sa base contient."""

    adresse: str
    scene: Scene


Ouvrir = Callable[..., AbstractContextManager[Fenetre]]


def _attendre(adresse: str) -> None:
    limite = time.monotonic() + DELAI_DEMARRAGE
    while True:
        try:
            with urllib.request.urlopen(f"{adresse}/sante", timeout=DELAI_DEMARRAGE):  # noqa: S310 -- notre adresse
                return
        except URLError:
            if time.monotonic() > limite:
                raise
            time.sleep(0.1)


@pytest.fixture(scope="session")
def site(grappe: pg.Grappe, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Le service, en mode essai, sur un clone préparé pendant qu'il démarre."""
    config = une_config(tmp_path_factory.mktemp("navigateur"))
    with (
        un_clone(grappe) as base,
        fabrique_de(base) as fabrique,
        service_lance(config, nullcontext(base), taches=False) as processus,
    ):
        scene = une_scene(config, base.url, fabrique)
        _attendre(processus.adresse)
        yield Site(processus.adresse, scene)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Chromium, ouvert le temps d'un module : sa boucle occupe le fil, et gênerait les essais des autres dossiers."""
    chemin = next(filter(None, map(shutil.which, EXECUTABLES)), None)
    if chemin is None:
        pytest.fail("Chromium manque : installez le paquet « chromium-headless-shell » ou « chromium ».")
    with sync_playwright() as pilote:
        navigateur = pilote.chromium.launch(executable_path=chemin, args=list(ARGUMENTS))
        yield navigateur
        navigateur.close()


@pytest.fixture
def ouvrir(chromium: Browser, site: Site) -> Ouvrir:
    """Ouvre une fenêtre sur le service : `ouvrir(TELEPHONE, horloge, temoin=…, scripts=False)`."""

    def fenetre(taille: tuple[int, int], horloge: datetime, **options: object) -> AbstractContextManager[Fenetre]:
        return partial(une_fenetre, chromium, site.adresse)(taille, horloge.isoformat(), **options)  # type: ignore[arg-type]

    return fenetre

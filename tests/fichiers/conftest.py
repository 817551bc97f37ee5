"""Un clamd et un serveur S3 pour tout le lancement, une organisation et son rédacteur."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app.infra.config import Rangement
from tests.fichiers.aide_clamd import clamd_lance, dossier_court
from tests.fichiers.aide_pieces import Decor, un_decor


@pytest.fixture(scope="session")
def clamd() -> Iterator[str]:
    """L'adresse d'un vrai clamd."""
    with dossier_court() as dossier, clamd_lance(dossier) as adresse:
        yield adresse


@pytest.fixture
def decor(service: FastAPI, client: TestClient) -> Iterator[Decor]:
    """Une organisation et son rédacteur, connecté."""
    with service.state.fabrique() as session:
        yield un_decor(service, client, session)


@pytest.fixture(scope="session")
def bac() -> Iterator[dict[str, object]]:
    """Un vrai serveur S3 (moto), et le bac créé."""
    import obstore  # noqa: PLC0415 -- long à importer, ces essais seulement
    from moto.server import ThreadedMotoServer  # noqa: PLC0415

    serveur = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    serveur.start()
    hote, port = serveur.get_host_and_port()
    adresse = f"http://{hote}:{port}"
    reglages = {"s3_adresse": adresse, "s3_bac": "essai", "s3_cle": "cle", "s3_secret": SecretStr("secret")}
    obstore.put(  # le bac se crée par un simple PUT à sa racine
        obstore.store.HTTPStore.from_url(adresse, client_options={"allow_http": True}), "essai", b""
    )
    yield {"fichiers": Rangement.S3, **reglages}
    serveur.stop()

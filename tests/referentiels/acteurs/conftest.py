"""Le décor des essais d'une organisation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.referentiels.acteurs.decor import Decor, un_decor


@pytest.fixture
def decor(service: FastAPI, client: TestClient) -> Iterator[Decor]:
    """Une organisation, un membre par rôle."""
    with service.state.fabrique() as session:
        yield un_decor(service, client, session)

"""Un service, une base à soi, un contrat, un appel ouvert, une association et sa personne connectée."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.infra.identite import Identite
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte, Organisation
from tests import factories as f
from tests.client import ClientDirect


@dataclass
class Decor:
    """Ce qu'un essai de page trouve en arrivant."""

    service: FastAPI
    client: TestClient
    session: Session
    contrat: f.UnContrat
    appel: Appel
    organisation: Organisation
    compte: Compte
    acteur: Identite

    def nouveau_client(self, compte: Compte | None = None) -> TestClient:
        """Un autre navigateur, connecté à un autre compte, ou à aucun."""
        client = ClientDirect(self.service)
        if compte is None:
            return client
        f.connecter(client, self.session, compte, maintenant=f.MAINTENANT)
        return client


@pytest.fixture
def decor(service: FastAPI, client: TestClient) -> Iterator[Decor]:
    """L'association, son rédacteur signataire connecté, le 6 novembre 2026."""
    with Session(service.state.moteur, expire_on_commit=False) as session:
        contrat = f.un_contrat(session)
        appel = f.un_appel(session, contrat)
        organisation = f.une_organisation(session)
        compte = f.un_compte(session, Role.REDACTEUR, Role.SIGNATAIRE, organisation=organisation)
        f.connecter(client, session, compte, maintenant=f.MAINTENANT)
        acteur = f.identite(session, compte)
        yield Decor(service, client, session, contrat, appel, organisation, compte, acteur)


@pytest.fixture
def requetes(service: FastAPI) -> Iterator[Callable[[], int]]:
    """Compte les requêtes SQL depuis le dernier appel, sans BEGIN ni réglages."""
    moteur: Engine = service.state.moteur
    compte = 0

    def noter(*_: object) -> None:
        nonlocal compte
        compte += 1

    def lire() -> int:
        nonlocal compte
        vu, compte = compte, 0
        return vu

    event.listen(moteur, "before_cursor_execute", noter)
    yield lire
    event.remove(moteur, "before_cursor_execute", noter)

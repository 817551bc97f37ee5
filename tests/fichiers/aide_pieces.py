"""De quoi essayer les pièces : un membre connecté, un envoi de fichier, l'exécutant de tâches."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.infra.config import Config
from app.infra.files import Televersement
from app.infra.jobs import Atelier
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte, Organisation
from app.referentiels.pieces import tasks
from app.referentiels.pieces.models import Fichier, Piece
from tests.factories import MAINTENANT, connecter, un_compte, une_organisation
from tests.fichiers.aide_fichiers import un_pdf

FRAIS = {"populate_existing": True}


def un_envoi(octets: bytes, nom: str = "statuts.pdf") -> Televersement:
    """Ce que le service reçoit d'un formulaire."""
    return Televersement(nom, io.BytesIO(octets))


def analyser_tout(config: Config, service: FastAPI) -> None:
    """Exécute l'analyse de chaque fichier en attente."""
    with service.state.fabrique() as session:
        attendent = session.scalars(select(Fichier.id).where(Fichier.etat == "recu").order_by(Fichier.id)).all()
    for fichier_id in attendent:
        tasks.analyser(Atelier(config, service.state.fabrique), maintenant=MAINTENANT, fichier_id=fichier_id)


@dataclass
class Decor:
    """Une organisation, une personne de chaque rôle, un navigateur."""

    service: FastAPI
    client: TestClient
    session: Session
    organisation: Organisation
    redacteur: Compte
    jeton: str = ""

    @property
    def config(self) -> Config:
        """La configuration du service."""
        config: Config = self.service.state.config
        return config

    @property
    def atelier(self) -> Atelier:
        """Celui de l'exécutant de tâches."""
        return Atelier(self.config, self.service.state.fabrique)

    @property
    def adresse(self) -> str:
        """La page des pièces."""
        return f"/organisations/{self.organisation.code}/pieces"

    def configurer(self, **reglages: Any) -> None:
        """Change la configuration du service en marche."""
        self.service.state.config = self.config.model_copy(update=reglages)

    def entrer(self, compte: Compte, maintenant: datetime = MAINTENANT) -> None:
        """Change de personne."""
        self.client.cookies.clear()
        self.jeton = connecter(self.client, self.session, compte, maintenant=maintenant)

    def deposer(
        self, octets: bytes | None = None, nom: str = "statuts.pdf", nature: str = "statuts", **champs: str
    ) -> Response:
        """Envoie le formulaire."""
        corps: Mapping[str, str] = {"_csrf": self.jeton, "nature": nature, **champs}
        fichier = (nom, un_pdf() if octets is None else octets, "application/octet-stream")
        return self.client.post(self.adresse, data=corps, files={"fichier": fichier})

    def analyser(self) -> None:
        """L'exécutant de tâches passe."""
        analyser_tout(self.config, self.service)
        self.session.rollback()

    def fichiers(self) -> list[Fichier]:
        """Toutes les rangées, dans l'ordre."""
        self.session.rollback()
        return list(self.session.scalars(select(Fichier).order_by(Fichier.id).execution_options(**FRAIS)))

    def pieces(self) -> list[Piece]:
        """Toutes les pièces, dans l'ordre."""
        self.session.rollback()
        return list(self.session.scalars(select(Piece).order_by(Piece.id).execution_options(**FRAIS)))

    def octets(self) -> list[str]:
        """Les noms des fichiers du magasin, quels qu'ils soient (un reste d'écriture compris)."""
        return sorted(f.name for f in (self.config.donnees / "fichiers").rglob("*") if f.is_file())

    def en_file(self, tache: str) -> list[dict[str, Any]]:
        """Les arguments des tâches de ce nom qui attendent."""
        requete = text("SELECT args FROM procrastinate_jobs WHERE task_name = :t AND status = 'todo' ORDER BY id")
        self.session.rollback()
        return list(self.session.scalars(requete, {"t": tache}))


def un_decor(service: FastAPI, client: TestClient, session: Session) -> Decor:
    """Le rédacteur est connecté."""
    organisation = une_organisation(session)
    redacteur = un_compte(session, Role.REDACTEUR, organisation=organisation)
    decor = Decor(service, client, session, organisation, redacteur)
    decor.entrer(redacteur)
    return decor

"""Les appels SQL d'une page, comptés dans le processus : le service est monté ici, un écouteur note chaque ordre."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import event

from app.commandes.base import Base
from app.infra.config import Config
from app.infra.db import creer_moteur
from app.main import create_app


@dataclass(frozen=True, slots=True)
class Reponse:
    """Ce qu'une page a répondu, et les ordres SQL qu'elle a envoyés."""

    statut: int
    texte: str
    ordres: tuple[str, ...]


@dataclass(slots=True)
class Compteur:
    """Appelle le service monté dans ce processus."""

    client: TestClient
    ordres: list[str] = field(default_factory=list)

    def appeler(
        self, methode: str, chemin: str, entetes: Mapping[str, str], corps: Mapping[str, str] | None = None
    ) -> Reponse:
        """La réponse et ses ordres ; le premier appel du service (connexion à la base) n'y est pour rien."""
        self.client.get("/sante")
        self.ordres.clear()
        reponse = self.client.request(methode, chemin, headers=dict(entetes), data=dict(corps) if corps else None)
        return Reponse(reponse.status_code, reponse.text, tuple(self.ordres))


@contextmanager
def compteur(base: Base, config: Config) -> Iterator[Compteur]:
    """Le service, monté sur cette base."""
    moteur = creer_moteur(base.url)
    try:
        with TestClient(create_app(config, moteur), follow_redirects=False) as client:
            compte = Compteur(client)

            def noter(_connexion: Any, _curseur: Any, ordre: str, *_reste: Any) -> None:
                compte.ordres.append(ordre)

            event.listen(moteur, "before_cursor_execute", noter)
            yield compte
    finally:
        moteur.dispose()

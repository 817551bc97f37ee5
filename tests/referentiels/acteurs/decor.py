"""De quoi essayer une organisation : ses membres, son client, et ceux qui n'en sont pas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.infra.identite import Identite
from app.infra.mail import Courriel
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte, Organisation
from app.referentiels.acteurs.repository import identite_de_compte
from tests.etapes.dossier.aide_pages import formulaire
from tests.factories import MAINTENANT, un_compte, une_organisation
from tests.referentiels.aide_acteurs import entrer

IBAN = "FR7630006000011234567890189"
BANQUE = {"titulaire": "Association porteuse (fictif)", "banque": "Banque fictive", "iban": IBAN, "bic": "AGRIFRPP"}
REPRESENTANT = {"fonction": "Présidence", "prenom": "Camille", "nom": "Fictif", "courriel": "presidence@exemple.fr"}


@dataclass
class Decor:
    """Une organisation, un membre par rôle, un navigateur."""

    session: Session
    client: TestClient
    service: FastAPI
    organisation: Organisation
    membres: dict[Role, Compte]

    @property
    def adresse(self) -> str:
        """La fiche."""
        return f"/organisations/{self.organisation.code}"

    def entrer(self, qui: Role | Compte) -> None:
        """Change de personne."""
        compte = self.membres[qui] if isinstance(qui, Role) else qui
        entrer(self.client, self.session, compte)
        self.client.headers["X-Horloge"] = MAINTENANT.isoformat()

    def qui(self, role: Role) -> Identite:
        """L'identité d'un membre, pour appeler un service."""
        identite = identite_de_compte(self.session, self.membres[role].id, MAINTENANT)
        assert identite is not None
        return identite

    def ecrire(self, section: str, **saisie: Any) -> Response:
        """Ouvre une section, la remplit, l'envoie."""
        chemin = f"{self.adresse}/fiche/{section}"
        return formulaire(self.client.get(chemin), chemin).remplir(**saisie).envoyer(self.client)

    def relire(self) -> None:
        """Oublie ce que la session sait : les pages ont écrit ailleurs."""
        self.session.rollback()
        self.session.expire_all()

    def courriels(self) -> list[tuple[str, str]]:
        """(destinataire, objet) de ce qui est rangé, dans l'ordre."""
        self.relire()
        ranges = self.session.scalars(select(Courriel).order_by(Courriel.id))
        return [(c.destinataire, c.objet.replace("\u00a0", " ")) for c in ranges]


def un_decor(service: FastAPI, client: TestClient, session: Session) -> Decor:
    """L'organisation fictive et ses quatre membres."""
    organisation = une_organisation(session)
    roles = (Role.ADMINISTRATEUR_PORTEUR, Role.REDACTEUR, Role.SIGNATAIRE, Role.LECTEUR_PORTEUR)
    membres = {role: un_compte(session, role, organisation=organisation) for role in roles}
    session.commit()
    return Decor(session, client, service, organisation, membres)

"""De quoi essayer les comptes et les membres : un contrat, une organisation, des sièges, la boîte aux lettres."""

from __future__ import annotations

import re
from datetime import date
from email import message_from_bytes
from email.policy import default

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.infra import mail
from app.infra.heure import heure_machine
from app.infra.jobs import Atelier
from app.infra.journal.models import JournalEntree
from app.referentiels.acteurs.models import Compte, LienAcces
from app.referentiels.acteurs.tasks import envoyer_lien
from app.referentiels.instances.models import Instance, MembreInstance
from tests.factories import UnContrat, connecter

MOT_DE_PASSE = "une phrase assez longue"
SECRET = re.compile(r"/acces/(\w+\.[\w-]+)")


def des_sieges(session: Session, contrat: UnContrat) -> tuple[MembreInstance, MembreInstance]:
    """La commission et deux sièges : la présidence et un membre."""
    instance = Instance(
        contrat_id=contrat.id, code="commission", rang=1, nom="Commission des élus", pilotage="", frequence="",
        composition="", role="", source="essai",
    )  # fmt: skip
    session.add(instance)
    session.flush()
    sieges = [
        MembreInstance(
            contrat_id=contrat.id, instance_id=instance.id, qualite=qualite, rang=rang, a_voix=True,
            est_president=rang == 1, debut=date(2024, 1, 1),
        )
        for rang, qualite in enumerate(("Présidence", "Élu de Mulhouse"), 1)
    ]  # fmt: skip
    session.add_all(sieges)
    session.flush()
    return sieges[0], sieges[1]


def poster_les_liens(service: FastAPI) -> dict[str, str]:
    """Exécute les envois en attente ; rend adresse → « code.secret », lu dans le courriel lui-même."""
    config = service.state.config
    with service.state.fabrique() as session:
        en_attente = session.scalars(select(LienAcces.id).where(LienAcces.envoye_at.is_(None))).all()
    for lien_id in en_attente:
        envoyer_lien(Atelier(config, service.state.fabrique), maintenant=heure_machine(), lien_id=lien_id)
    rendu = {}
    dossier = config.donnees / mail.DOSSIER_COURRIELS
    for fichier in sorted(dossier.glob("*.eml")) if dossier.exists() else ():
        message = message_from_bytes(fichier.read_bytes(), policy=default)
        trouve = SECRET.search(str(message.get_body().get_content()))  # type: ignore[union-attr]
        if trouve is not None:
            rendu[str(message["To"])] = trouve[1]
    return rendu


def actes(session: Session) -> list[str]:
    """Les actes du journal, dans l'ordre."""
    return list(session.scalars(select(JournalEntree.acte).order_by(JournalEntree.chaine, JournalEntree.rang)))


def entrer(client: TestClient, session: Session, compte: Compte) -> None:
    """Change de personne : le témoin d'avant est oublié."""
    client.cookies.clear()
    connecter(client, session, compte)

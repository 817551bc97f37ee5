"""Les tâches de fond de la séance et de la décision : convoquer, sceller le procès-verbal, sceller une lettre."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.commandes.base import Base
from app.etapes.commission import repository as seances
from app.etapes.commission import tasks as taches_commission
from app.etapes.commission.service import preparation
from app.etapes.convention import tasks as taches_convention
from app.etapes.convention.service import decision, notification
from app.infra.config import Config
from app.infra.db import creer_fabrique, creer_moteur
from app.infra.jobs import Atelier
from app.infra.journal.ecriture import installer
from app.infra.journal.models import JournalAncre
from app.infra.mail import Courriel
from tests.etapes.commission.aide_seance import AVANT, une_campagne, une_seance
from tests.etapes.convention.aide_decision import APRES, accorde, arreter, de_la_ligne, voter_tout


@pytest.fixture
def atelier(base_propre: Base, config_essai: Config) -> Iterator[Atelier]:
    installer()
    moteur = creer_moteur(base_propre.url)
    yield Atelier(config_essai, creer_fabrique(moteur))
    moteur.dispose()


def courriels(session: Session, cle: str) -> list[Courriel]:
    return list(session.scalars(select(Courriel).where(Courriel.cle.like(f"{cle}%")).order_by(Courriel.id)))


def test_chaque_membre_est_convoque_une_fois(atelier: Atelier) -> None:
    with atelier.transaction() as session:
        campagne = une_campagne(session, dossiers=1)
        seance = une_seance(session, campagne)
        preparation.convoquer(session, seance.code, acteur=campagne.charge, maintenant=AVANT)
    for _ in range(2):
        taches_commission.convoquer(atelier, maintenant=AVANT, seance_id=seance.id)
    with atelier.transaction() as session:
        partis = courriels(session, "seance:")
        assert len({c.destinataire for c in partis}) == len(partis) == 6
        assert f"/seances/{seance.code}" in partis[0].corps
        assert "mardi 9 mars 2027" in partis[0].objet


def test_le_proces_verbal_et_la_lettre_se_scellent_et_s_ancrent(atelier: Atelier) -> None:
    with atelier.transaction() as session:
        campagne = une_campagne(session, dossiers=1)
        seance = voter_tout(session, campagne)
    with atelier.transaction() as session:
        taches_commission.sceller_proces_verbal(session, maintenant=APRES, seance_id=seance.id)
    with atelier.transaction() as session:
        arreter(session, campagne, "M2A")
        m2a = de_la_ligne(session, campagne, "M2A")
        numero = campagne.dossiers[0].numero or ""
        decision.decider(session, numero, "M2A", accorde(4_000), acteur=m2a, maintenant=APRES)
        partie = notification.notifier(session, numero, "M2A", acteur=m2a, maintenant=APRES)
    for _ in range(2):
        taches_convention.sceller_notification(atelier, maintenant=APRES, notification_id=partie.id)
    with atelier.transaction() as session:
        document = seances.document_du_pv(session, seance)
        assert document is not None
        session.add(partie)
        session.refresh(partie)
        assert partie.envoyee_at == APRES
        supports = set(session.scalars(select(JournalAncre.support)))
        assert {f"pdf:{document.sha256}", f"pdf:{partie.document_sha256}"} <= supports
        assert len(courriels(session, "notification:")) == 1

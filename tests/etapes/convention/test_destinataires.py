"""Qui reçoit la lettre : les habilités du jour ; une adresse illisible n'empêche ni la lettre ni les autres envois."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.commandes.base import Base
from app.etapes.convention import tasks
from app.etapes.convention.models import Notification
from app.etapes.convention.service import decision, notification
from app.infra.config import Config
from app.infra.db import creer_fabrique, creer_moteur
from app.infra.jobs import Atelier
from app.infra.journal.ecriture import installer
from app.infra.mail import Courriel
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte, HabilitationCompte
from tests.etapes.commission.aide_seance import une_campagne
from tests.etapes.convention.aide_decision import APRES, accorde, arreter, de_la_ligne, voter_tout
from tests.factories import un_compte


@pytest.fixture
def atelier(base_propre: Base, config_essai: Config) -> Iterator[Atelier]:
    installer()
    moteur = creer_moteur(base_propre.url)
    yield Atelier(config_essai, creer_fabrique(moteur))
    moteur.dispose()


def test_une_adresse_illisible_ou_un_ancien_membre_n_arretent_pas_la_lettre(atelier: Atelier) -> None:
    with atelier.transaction() as session:
        campagne = une_campagne(session, dossiers=1)
        voter_tout(session, campagne)
        organisation = campagne.organisations[0]
        illisible = un_compte(session, Role.SIGNATAIRE, organisation=organisation)
        illisible.courriel = "josé@exemple.fr"  # entrée avant que la forme soit contrôlée
        parti = un_compte(session, Role.SIGNATAIRE, organisation=organisation)
        session.flush()
        tenue = session.scalars(select(HabilitationCompte).where(HabilitationCompte.compte_id == parti.id)).one()
        tenue.fin = APRES - timedelta(days=1)
        arreter(session, campagne, "M2A")
        m2a, numero = de_la_ligne(session, campagne, "M2A"), str(campagne.dossiers[0].numero)
        decision.decider(session, numero, "M2A", accorde(4_000), acteur=m2a, maintenant=APRES)
        partie = notification.notifier(session, numero, "M2A", acteur=m2a, maintenant=APRES)
    tasks.sceller_notification(atelier, maintenant=APRES, notification_id=partie.id)
    with atelier.transaction() as session:
        assert session.get_one(Notification, partie.id).document_sha256 is not None
        prevenus = session.scalars(select(Courriel.destinataire).where(Courriel.cle.like("notification:%"))).all()
        assert prevenus == [session.get_one(Compte, campagne.porteurs[0].compte_id).courriel]

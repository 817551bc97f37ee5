"""Les tâches de fond du dossier : l'accusé scellé, ancré et annoncé une fois ; le complément annoncé."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.etapes.dossier import repository, tasks
from app.etapes.dossier.service import accuse, recevabilite
from app.infra import documents
from app.infra.config import Config
from app.infra.jobs import Atelier
from app.infra.journal.models import JournalAncre
from app.infra.mail import Courriel
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte
from tests import factories as f
from tests.etapes.dossier.conftest import Decor
from tests.factories import MAINTENANT

MINUIT = datetime(2026, 11, 16, 23, 0, tzinfo=UTC)  # à Paris : la fin du 16


@dataclass
class Fond:
    """Un dossier déposé et l'atelier du worker."""

    decor: Decor
    atelier: Atelier
    dossier_id: int
    numero: str

    @property
    def session(self) -> Session:
        self.decor.session.expire_all()
        return self.decor.session

    def courriels(self) -> list[Courriel]:
        return list(self.session.scalars(select(Courriel).order_by(Courriel.id)))


@pytest.fixture
def fond(decor: Decor, config_essai: Config) -> Fond:
    dossier = f.un_dossier_complet(decor.session, decor.appel, decor.organisation, decor.acteur)
    decor.session.commit()
    atelier = Atelier(config_essai, decor.service.state.fabrique)
    return Fond(decor, atelier, dossier.id, dossier.numero or "")


def test_l_accuse_est_scelle_ancre_et_annonce_une_seule_fois(fond: Fond) -> None:
    for _ in range(2):
        tasks.accuser_reception(fond.atelier, maintenant=MAINTENANT, dossier_id=fond.dossier_id)
    (lien,) = repository.list_documents(fond.session, fond.dossier_id)
    document = documents.lire(fond.session, lien.sha256)
    assert document is not None
    assert hashlib.sha256(document.contenu).hexdigest() == lien.sha256
    assert (lien.nature, document.nom) == ("accuse", f"accuse-{fond.numero}.pdf")
    ancres = fond.session.scalars(select(JournalAncre)).all()
    assert [a.support for a in ancres] == [f"pdf:{lien.sha256}"]
    (courriel,) = fond.courriels()
    assert courriel.destinataire == fond.decor.compte.courriel
    assert courriel.objet == f"Dossier {fond.numero}\u00a0: bien reçu"
    assert f"/dossiers/{fond.numero}/accuse" in courriel.corps
    assert "vendredi 6 novembre 2026 à 14 h 12" in courriel.corps


def test_un_brouillon_n_est_pas_accuse(fond: Fond) -> None:
    decor = fond.decor
    brouillon = f.un_brouillon(decor.session, decor.appel, decor.organisation, decor.acteur)
    decor.session.commit()
    tasks.accuser_reception(fond.atelier, maintenant=MAINTENANT, dossier_id=brouillon.id)
    assert repository.list_documents(fond.session, brouillon.id) == []


def test_une_adresse_refusee_ne_prive_personne_de_l_accuse(fond: Fond) -> None:
    decor = fond.decor
    autre = f.un_compte(decor.session, Role.REDACTEUR, organisation=decor.organisation)
    lecteur = f.un_compte(decor.session, Role.LECTEUR_PORTEUR, organisation=decor.organisation)
    decor.session.execute(update(Compte).where(Compte.id == decor.compte.id).values(courriel="é@exemple.invalid"))
    decor.session.commit()
    tasks.accuser_reception(fond.atelier, maintenant=MAINTENANT, dossier_id=fond.dossier_id)
    assert [c.destinataire for c in fond.courriels()] == [autre.courriel]
    assert lecteur.courriel not in {c.destinataire for c in fond.courriels()}
    assert repository.get_document(fond.session, fond.dossier_id, accuse.ACCUSE) is not None


def test_le_complement_s_annonce_avec_son_echeance(fond: Fond) -> None:
    decor = fond.decor
    compte = f.un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne="M2A")
    complement = recevabilite.demander_complement(
        decor.session, fond.numero, objet="Le budget détaillé", pourquoi="Le poste 64 est flou",
        echeance_le=MINUIT, acteur=f.identite(decor.session, compte), maintenant=MAINTENANT,
    )  # fmt: skip
    decor.session.commit()
    for _ in range(2):
        tasks.annoncer_complement(fond.atelier, maintenant=MAINTENANT, complement_id=complement.id)
    (courriel,) = fond.courriels()
    echeance = "jusqu’au lundi 16 novembre 2026 inclus"
    for morceau in ("Le budget détaillé", "Le poste 64 est flou", echeance, f"/dossiers/{fond.numero}"):
        assert morceau in courriel.corps

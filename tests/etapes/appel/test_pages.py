"""Pages et API de l'appel : le public, la campagne, les refus."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.commandes.base import Base
from app.etapes.appel.models import Appel, Enveloppe
from app.infra.db import creer_fabrique, creer_moteur
from app.noyau.euros import Euros
from app.noyau.roles import Role
from tests.factories import MAINTENANT, UnContrat, connecter, un_appel, un_compte, un_contrat
from tests.requetes import requetes


@dataclass
class Monde:
    session: Session
    contrat: UnContrat
    appel: Appel


@pytest.fixture
def monde(base_jetable: Base):
    moteur = creer_moteur(base_jetable.url)
    with creer_fabrique(moteur)() as session:
        contrat = un_contrat(session)
        appel = un_appel(session, contrat)
        session.commit()
        yield Monde(session, contrat, appel)
    moteur.dispose()


def test_le_public_lit_l_appel_et_ses_credits(client: TestClient, monde: Monde, service: FastAPI) -> None:
    client.headers["X-Horloge"] = MAINTENANT.isoformat()
    assert client.get("/appel").headers["location"] == "/appels/ess-2027"
    with requetes(service) as vues:
        page = client.get("/appels/ess-2027")
    assert page.status_code == 200
    assert "Vous pouvez déposer jusqu’au" in page.text
    assert "100\u202f000" in page.text
    assert len(vues) <= 8
    api = client.get("/api/v1/appels/ess-2027").json()
    assert (api["etat"], api["phases"][0]["rang"]) == ("ouvert", 1)
    enveloppes = client.get("/api/v1/appels/ess-2027/enveloppes").json()["elements"]
    assert {e["ligne"]: e["reste_centimes"] for e in enveloppes}["M2A"] == 10_000_000
    assert client.get("/api/v1/appels/inconnu").status_code == 404
    assert client.get("/api/v1/appels/inconnu").json()["code"] == "introuvable"


def test_le_charge_de_mission_conduit_sa_campagne(client: TestClient, monde: Monde, service: FastAPI) -> None:
    compte = un_compte(monde.session, Role.CHARGE_MISSION, contrat=monde.contrat)
    jeton = connecter(client, monde.session, compte, maintenant=MAINTENANT)
    assert client.get("/campagne").status_code == 200
    with requetes(service) as vues:
        assert client.get("/campagne/ess-2027").status_code == 200
    assert len(vues) <= 8
    refus = client.post(
        "/campagne/ess-2027/enveloppes/M2A",
        data={"_csrf": jeton, "montant": "beaucoup", "nature": "notifiee", "motif": "Vote du budget"},
    )
    assert refus.status_code == 422
    assert "beaucoup" in refus.text
    assert "Vote du budget" in refus.text
    fait = client.post(
        "/campagne/ess-2027/enveloppes/M2A",
        data={"_csrf": jeton, "montant": "120 000", "nature": "notifiee", "motif": "Vote du budget"},
    )
    assert fait.status_code == 303
    requete = select(Enveloppe.montant).where(Enveloppe.ligne_id == monde.contrat.lignes["M2A"].id)
    monde.session.rollback()
    assert monde.session.scalar(requete) == Euros.de(120_000)
    assert client.post("/campagne/ess-2027/actes/clore", data={"_csrf": jeton}).status_code == 303
    assert client.post("/campagne/ess-2027/actes/clore", data={"_csrf": jeton}).status_code == 409
    assert client.post("/campagne/ess-2027/actes/inventer", data={"_csrf": jeton}).status_code == 404


def test_un_appel_se_prepare_depuis_la_page(client: TestClient, monde: Monde) -> None:
    compte = un_compte(monde.session, Role.CHARGE_MISSION, contrat=monde.contrat)
    jeton = connecter(client, monde.session, compte, maintenant=MAINTENANT)
    saisie = {
        "_csrf": jeton, "code": "ess-2028", "annee": "2028", "intitule": "Appel 2028",
        "ouverture_le": "2027-10-01T08:00", "cloture_le": "2027-12-10T18:00", "seuil_court": "1 500",
    }  # fmt: skip
    adresse = "/campagne/contrats/essai-2024-2030/appels"
    refus = client.post(adresse, data=saisie | {"cloture_le": "2027-09-01T18:00"})
    assert refus.status_code == 422
    assert "La clôture vient après l’ouverture." in refus.text
    assert "Appel 2028" in refus.text
    assert client.post(adresse, data=saisie).headers["location"].startswith("/campagne/ess-2028")
    assert client.post(adresse, data=saisie).status_code == 422
    assert client.get("/appels/ess-2028").status_code == 404, "un appel en préparation n'est pas public"


def test_l_appel_d_un_autre_contrat_n_existe_pas(client: TestClient, monde: Monde) -> None:
    autre = un_contrat(monde.session, code="autre-2024-2030", prefixe="AUT")
    compte = un_compte(monde.session, Role.CHARGE_MISSION, contrat=autre)
    jeton = connecter(client, monde.session, compte, maintenant=MAINTENANT)
    assert client.get("/campagne/ess-2027").status_code == 404
    assert client.post("/campagne/ess-2027/actes/clore", data={"_csrf": jeton}).status_code == 404
    corps = {"ligne": "M2A", "annee": 2027, "montant_centimes": 1, "nature": "notifiee", "motif": "x"}
    api = client.post("/api/v1/appels/ess-2027/enveloppes", json=corps, headers={"X-CSRF-Token": jeton})
    assert api.status_code == 403

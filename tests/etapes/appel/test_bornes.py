"""Un nombre, une date ou un champ absurde se dit à côté de son champ, garde la saisie et n'écrit rien."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel, Enveloppe
from app.noyau.roles import Role
from tests.factories import MAINTENANT, connecter, un_appel, un_compte, un_contrat

GEANT = "9" * 26
PHASE = {"intitule": "P", "ouverture_le": "2027-10-01T00:00:00Z", "cloture_le": "2027-12-01T00:00:00Z"}
APPEL = {
    "contrat": "essai-2024-2030", "grille": "2027", "code": "ess-2028", "annee": 2028, "intitule": "Appel",
    "phases": [PHASE],
}  # fmt: skip
ENVELOPPE = {"ligne": "M2A", "annee": 2028, "montant_centimes": 100, "nature": "notifiee", "motif": "Budget"}


@pytest.fixture
def jeton(client: TestClient, ecriture: Session) -> str:
    """Le chargé de mission, connecté."""
    contrat = un_contrat(ecriture)
    un_appel(ecriture, contrat)
    compte = un_compte(ecriture, Role.CHARGE_MISSION, contrat=contrat)
    return connecter(client, ecriture, compte, maintenant=MAINTENANT)


def _etat(session: Session) -> tuple[list[Any], list[Any]]:
    enveloppes = select(Enveloppe.annee, Enveloppe.montant).order_by(Enveloppe.id)
    return list(session.execute(enveloppes)), list(session.scalars(select(Appel.code)))


@pytest.mark.parametrize(
    ("chemin", "champs", "garde"),
    [
        ("/campagne/ess-2027/enveloppes/M2A", {"montant": GEANT, "nature": "notifiee", "motif": "Budget"}, GEANT),
        ("/campagne/ess-2027/enveloppes/M2A", {"montant": "99 999 999 999", "motif": "Budget"}, "99 999 999 999"),
        ("/campagne/ess-2027/enveloppes/M2A", {"montant": "120", "motif": "Budget", "a.b": "1"}, 'value="120"'),
        ("/campagne/contrats/essai-2024-2030/appels", {"code": "ess-2029", "seuil_court": GEANT}, GEANT),
    ],
)
def test_une_page_refuse_et_garde_ce_qui_est_tape(
    client: TestClient, ecriture: Session, jeton: str, chemin: str, champs: dict[str, str], garde: str
) -> None:
    avant = _etat(ecriture)
    reponse = client.post(chemin, data={"_csrf": jeton, **champs})
    assert (reponse.status_code, garde in reponse.text) == (422, True)
    ecriture.rollback()
    assert _etat(ecriture) == avant


@pytest.mark.parametrize(
    ("chemin", "corps", "champ"),
    [
        ("/appels/ess-2027/enveloppes", ENVELOPPE | {"annee": 10**20}, "annee"),
        ("/appels/ess-2027/enveloppes", ENVELOPPE | {"annee": -3}, "annee"),
        ("/appels", APPEL | {"annee": 10**20}, "annee"),
        ("/appels", APPEL | {"seuil_court_centimes": 10**25}, "seuil_court_centimes"),
        ("/appels", APPEL | {"intitule": ""}, "intitule"),
        ("/appels", APPEL | {"pieces": [{"code": "p", "forme": "martien", "libelle": "P"}]}, "pieces.0.forme"),
        (
            "/appels",
            APPEL | {"phases": [PHASE | {"cloture_le": "9999-12-31T23:59:59-12:00"}]},
            "phases.0.cloture_le",
        ),
        (
            "/appels",
            APPEL | {"phases": [PHASE | {"ouverture_le": "0001-01-01T00:00:00+14:00"}]},
            "phases.0.ouverture_le",
        ),
    ],
)
def test_l_api_refuse_ce_qui_sort_des_bornes(
    client: TestClient, ecriture: Session, jeton: str, chemin: str, corps: dict[str, Any], champ: str
) -> None:
    avant = _etat(ecriture)
    reponse = client.post(f"/api/v1{chemin}", json=corps, headers={"X-CSRF-Token": jeton})
    assert reponse.status_code == 422, reponse.text
    assert any(f["champ"].startswith(champ) for f in reponse.json()["erreurs"]), reponse.text
    ecriture.rollback()
    assert _etat(ecriture) == avant


def test_un_numero_geant_dans_l_adresse_n_existe_pas(client: TestClient, jeton: str) -> None:
    assert client.post(f"/compte/jetons/{GEANT}/revocation", data={"_csrf": jeton}).status_code == 404

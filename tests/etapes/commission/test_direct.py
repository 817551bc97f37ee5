"""Le direct : 304 tant que rien ne bouge, la page dès qu'un acte a eu lieu, et chacun la sienne (décision 8)."""

from __future__ import annotations

import html

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.etapes.commission.rules import Sens
from app.etapes.commission.service import votes
from tests.etapes.commission.aide_seance import EN_SEANCE, une_campagne, une_seance_ouverte
from tests.factories import connecter
from tests.requetes import requetes


@pytest.mark.parametrize("page", ["votes", "points/1", "presences"])
def test_une_relecture_ne_rend_la_page_qu_apres_un_acte(
    client: TestClient, service: FastAPI, ecriture: Session, page: str
) -> None:
    campagne = une_campagne(ecriture)
    code = une_seance_ouverte(ecriture, campagne).code
    connecter(client, ecriture, campagne.compte_charge, maintenant=EN_SEANCE)
    adresse = f"/seances/{code}/{page}"
    premiere = client.get(adresse)
    empreinte = premiere.headers["etag"]
    assert f'data-direct="{html.escape(empreinte, quote=True).replace("&quot;", "&#34;")}"' in premiere.text
    with requetes(service) as vues:
        relue = client.get(adresse, headers={"If-None-Match": empreinte})
    assert (relue.status_code, relue.content, relue.headers["etag"]) == (304, b"", empreinte)
    assert len(vues) <= 4
    votes.voter(ecriture, code, 2, Sens.POUR, acteur=campagne.charge, maintenant=EN_SEANCE)
    ecriture.commit()
    apres = client.get(adresse, headers={"If-None-Match": empreinte})
    assert apres.status_code == 200
    assert apres.headers["etag"] != empreinte


def test_l_empreinte_d_un_autre_ne_vaut_rien(client: TestClient, ecriture: Session) -> None:
    campagne = une_campagne(ecriture)
    code = une_seance_ouverte(ecriture, campagne).code
    connecter(client, ecriture, campagne.compte_charge, maintenant=EN_SEANCE)
    sienne = {"If-None-Match": client.get(f"/seances/{code}/votes").headers["etag"]}
    assert client.get(f"/seances/{code}/presences", headers=sienne).status_code == 200
    connecter(client, ecriture, campagne.comptes[1], maintenant=EN_SEANCE)
    assert client.get(f"/seances/{code}/votes", headers=sienne).status_code == 200


def test_un_deport_ferme_aussitot_la_page_relue(client: TestClient, ecriture: Session) -> None:
    """Le 304 ne masque pas un refus : l'acte qui ferme le point avance la tête du journal."""
    campagne = une_campagne(ecriture)
    code = une_seance_ouverte(ecriture, campagne).code
    jeton = connecter(client, ecriture, campagne.comptes[1], maintenant=EN_SEANCE)
    point = f"/seances/{code}/points/1"
    connue = {"If-None-Match": client.get(point).headers["etag"]}
    assert client.get(point, headers=connue).status_code == 304
    fait = client.post(f"{point}/deport", data={"_csrf": jeton, "motif": "Membre du bureau"})
    assert fait.status_code == 303, fait.text
    assert client.get(point, headers=connue).status_code == 403

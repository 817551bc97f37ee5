"""Une session qui finit pendant une saisie : rien n'est perdu, rien n'est rejoué sans clic."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.infra.heure import heure_machine
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Organisation, SessionWeb
from app.referentiels.acteurs.service import hacher
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire

MOT_DE_PASSE = "une phrase assez longue"
SAISIE = {"nom": "Les Jardins du Drouot (fictif)", "forme": "association", "siret": "123 456 789 00012"}


@pytest.fixture
def rempli(service: FastAPI, client: TestClient) -> tuple[TestClient, str]:
    """Une personne connectée, un formulaire ouvert, puis sa session finit."""
    with Session(service.state.moteur, expire_on_commit=False) as session:
        contrat = f.un_contrat(session)
        comptes = [f.un_compte(session, Role.INSTRUCTEUR, contrat=contrat, ligne="M2A") for _ in range(2)]
        for compte in comptes:
            compte.mot_de_passe = hacher(MOT_DE_PASSE)
        f.connecter(client, session, comptes[0])
        seconde_etape = client.get(f"/organisations/nouvelle/identite?siret={f.siret_fictif(77)}")
        page = formulaire(seconde_etape, "/organisations/nouvelle").remplir(**SAISIE)
        session.execute(update(SessionWeb).values(expire_at=heure_machine() - timedelta(minutes=1)))
        session.commit()
        perdu = page.envoyer(client)
        assert perdu.status_code == 401
        assert "Votre saisie est gardée" in perdu.text
        assert "Drouot" not in perdu.text, "chiffrée : rien ne se lit dans la page"
        garde = formulaire(perdu, "/connexion").valeur("garde")
        assert garde
        assert session.scalars(select(Organisation)).all() == []
        return client, f"{comptes[0].courriel}|{comptes[1].courriel}|{garde}"


def test_le_meme_compte_retrouve_sa_saisie_et_l_envoie_d_un_clic(rempli: tuple[TestClient, str]) -> None:
    client, lu = rempli
    courriel, _, garde = lu.split("|")
    faux = client.post("/connexion", data={"courriel": courriel, "mot_de_passe": "faux", "garde": garde})
    assert (faux.status_code, formulaire(faux, "/connexion").valeur("garde")) == (422, garde)
    retrouvee = client.post("/connexion", data={"courriel": courriel, "mot_de_passe": MOT_DE_PASSE, "garde": garde})
    assert retrouvee.status_code == 200
    page = formulaire(retrouvee, "/organisations/nouvelle")
    assert {nom: page.valeur(nom) for nom in SAISIE} == SAISIE
    reponse = page.envoyer(client)
    assert reponse.status_code == 422, "le SIRET faux est jugé au clic, pas avant"
    assert "Ce SIRET n’existe pas" in reponse.text


def test_un_autre_compte_ne_la_voit_pas(rempli: tuple[TestClient, str]) -> None:
    client, lu = rempli
    _, autre, garde = lu.split("|")
    reponse = client.post("/connexion", data={"courriel": autre, "mot_de_passe": MOT_DE_PASSE, "garde": garde})
    assert (reponse.status_code, reponse.headers["location"]) == (303, "/accueil")


def test_un_envoi_abime_ou_anonyme_mene_a_la_connexion(rempli: tuple[TestClient, str]) -> None:
    client, lu = rempli
    courriel, _, garde = lu.split("|")
    abime = {"courriel": courriel, "mot_de_passe": MOT_DE_PASSE, "garde": garde[:-4] + "AAAA"}
    assert client.post("/connexion", data=abime).headers["location"] == "/accueil"
    client.cookies.clear()
    assert client.post("/organisations/nouvelle", data=SAISIE).headers["location"] == "/connexion?retour=/"


def test_les_filtres_d_une_page_reviennent_apres_la_connexion(client: TestClient) -> None:
    assert (
        client.get("/instruction?etat=depose").headers["location"] == "/connexion?retour=/instruction%3Fetat%3Ddepose"
    )

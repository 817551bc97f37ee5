"""Mot de passe oublié : la même réponse pour tous, un lien qui sert une fois, un envoi à la fois."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.infra.heure import heure_machine
from app.infra.jobs import Atelier
from app.referentiels.acteurs.models import Compte, LienAcces
from app.referentiels.acteurs.repository import identite_de_compte
from app.referentiels.acteurs.service import creer_jeton
from app.referentiels.acteurs.tasks import envoyer_lien, mot_de_passe_oublie
from tests.etapes.dossier.aide_pages import formulaire
from tests.factories import un_compte
from tests.referentiels.aide_acteurs import MOT_DE_PASSE, actes, entrer, poster_les_liens
from tests.requetes import requetes

PAGE = "/mot-de-passe-oublie"
INCONNUE = "personne@exemple.fr"
EN_FILE = text("SELECT id, args FROM procrastinate_jobs WHERE task_name = 'acteurs.mot_de_passe_oublie' ORDER BY id")


@dataclass
class Decor:
    """Un compte, un navigateur sans session, la file des tâches."""

    session: Session
    client: TestClient
    service: FastAPI
    compte: Compte

    def demander(self, courriel: str) -> Response:
        """Remplit et envoie le formulaire."""
        page = formulaire(self.client.get(PAGE), PAGE)
        return page.remplir(courriel=courriel).envoyer(self.client)

    def executer(self) -> list[dict[str, int]]:
        """Fait les demandes en attente comme le ferait le worker, et vide la file ; rend leurs arguments."""
        self.session.rollback()
        arguments = [args for _, args in self.session.execute(EN_FILE)]
        self.session.execute(text("DELETE FROM procrastinate_jobs"))
        self.session.commit()
        for un in arguments:
            atelier = Atelier(self.service.state.config, self.service.state.fabrique)
            mot_de_passe_oublie(atelier, maintenant=heure_machine(), **un)
        return arguments

    def liens(self) -> list[LienAcces]:
        """Les liens rangés, dans l'ordre."""
        self.session.rollback()
        self.session.expire_all()
        return list(self.session.scalars(select(LienAcces).order_by(LienAcces.id)))

    def vieillir(self, minutes: int) -> None:
        """Recule les liens dans le temps."""
        requete = text(
            "UPDATE lien_acces SET cree_at = cree_at - make_interval(mins => :m), "
            "expire_at = expire_at - make_interval(mins => :m)"
        )
        self.session.execute(requete, {"m": minutes})
        self.session.commit()


@pytest.fixture
def decor(service: FastAPI, client: TestClient) -> Iterator[Decor]:
    with service.state.fabrique() as session:
        compte = un_compte(session, nom="Distraite")
        session.commit()
        yield Decor(session, client, service, compte)


def un_jeton(decor: Decor) -> str:
    """Un jeton d'API de la personne."""
    machine = heure_machine()
    qui = identite_de_compte(decor.session, decor.compte.id, machine)
    assert qui is not None
    secret, _ = creer_jeton(decor.session, acteur=qui, intitule="Tableur", jours=30, machine=machine)
    decor.session.commit()
    return secret


def par_jeton(decor: Decor, jeton: str) -> int:
    """Le statut d'une lecture de l'API avec ce jeton seul."""
    decor.client.cookies.clear()
    return decor.client.get("/api/v1/dossiers", headers={"Authorization": f"Bearer {jeton}"}).status_code


def test_un_jeton_ne_vaut_que_pour_l_api(decor: Decor) -> None:
    porteur = {"Authorization": f"Bearer {un_jeton(decor)}"}
    assert decor.client.get("/api/v1/dossiers", headers=porteur).status_code != 401
    page = decor.client.get("/dossiers", headers=porteur)
    assert (page.status_code, page.headers["location"]) == (303, "/connexion?retour=/dossiers")


def test_de_l_oubli_a_la_connexion_avec_le_nouveau_mot_de_passe(decor: Decor) -> None:
    jeton = un_jeton(decor)
    assert par_jeton(decor, jeton) != 401
    entrer(decor.client, decor.session, decor.compte)
    ailleurs = dict(decor.client.cookies)
    assert decor.client.get("/accueil").status_code == 200
    decor.client.cookies.clear()
    assert f'href="{PAGE}"' in decor.client.get("/connexion").text
    reponse = decor.demander(decor.compte.courriel.upper())
    assert (reponse.status_code, reponse.headers["location"]) == (303, f"{PAGE}?fait=lien-demande")
    assert (
        "Si un compte existe pour cette adresse, un courriel part" in decor.client.get(reponse.headers["location"]).text
    )
    decor.executer()
    adresse = f"/acces/{poster_les_liens(decor.service)[decor.compte.courriel]}"
    assert "Vos autres sessions seront fermées" in decor.client.get(adresse).text
    page = formulaire(decor.client.get(adresse), adresse)
    assert page.remplir(mot_de_passe=MOT_DE_PASSE, confirmation="autre").envoyer(decor.client).status_code == 422
    entree = page.remplir(mot_de_passe=MOT_DE_PASSE, confirmation=MOT_DE_PASSE).envoyer(decor.client)
    assert (entree.status_code, entree.headers["location"]) == (303, "/accueil")
    assert decor.client.get("/accueil").status_code == 200
    decor.client.cookies.clear()
    decor.client.cookies.update(ailleurs)
    assert decor.client.get("/accueil").status_code != 200, "les autres sessions sont fermées"
    decor.client.cookies.clear()
    assert par_jeton(decor, jeton) == 401, "les jetons d’accès sont révoqués"
    corps = {"courriel": decor.compte.courriel, "mot_de_passe": MOT_DE_PASSE}
    assert decor.client.post("/connexion", data=corps).headers["location"] == "/accueil"
    decor.session.rollback()
    faits = actes(decor.session)
    assert faits.index("compte.mot_de_passe_oublie") < faits.index("compte.mot_de_passe_choisi")
    decor.client.cookies.clear()
    assert decor.client.get(adresse).status_code == 404, "le lien a servi"
    assert page.envoyer(decor.client).status_code == 404


def test_une_adresse_inconnue_recoit_la_meme_reponse_et_aucun_courriel(decor: Decor) -> None:
    with requetes(decor.service) as connues:
        connue = decor.demander(decor.compte.courriel)
    with requetes(decor.service) as inconnues:
        inconnue = decor.demander(INCONNUE)
    assert (inconnue.status_code, inconnue.headers["location"]) == (connue.status_code, connue.headers["location"])
    assert list(inconnues) == list(connues), "le même travail, donc le même temps"
    arguments = decor.executer()
    assert INCONNUE not in str(arguments), "la file ne garde pas l’adresse"
    assert [lien.courriel for lien in decor.liens()] == [decor.compte.courriel]
    assert list(poster_les_liens(decor.service)) == [decor.compte.courriel]


def test_une_adresse_mal_ecrite_revient_remplie(decor: Decor) -> None:
    refus = decor.demander("pas une adresse")
    assert (refus.status_code, "nom@exemple.fr" in refus.text) == (422, True)
    assert formulaire(refus, PAGE).valeur("courriel") == "pas une adresse"
    assert "Remplissez ce champ" in decor.demander("").text
    etranger = decor.client.post(PAGE, data={"courriel": INCONNUE}, headers={"Origin": "https://ailleurs.exemple"})
    assert etranger.status_code == 403
    assert decor.executer() == []


def test_deux_demandes_rapprochees_ne_font_qu_un_envoi(decor: Decor) -> None:
    decor.demander(decor.compte.courriel)
    decor.demander(decor.compte.courriel)
    assert len(decor.executer()) == 1, "la demande qui attend suffit"
    decor.demander(decor.compte.courriel)
    decor.executer()
    assert len(decor.liens()) == 1
    premier = poster_les_liens(decor.service)[decor.compte.courriel]
    decor.vieillir(6)
    decor.demander(decor.compte.courriel)
    decor.executer()
    assert [lien.annule_at is None for lien in decor.liens()] == [False, True]
    assert decor.client.get(f"/acces/{premier}").status_code == 404, "le second lien remplace le premier"
    second = poster_les_liens(decor.service)[decor.compte.courriel]
    assert decor.client.get(f"/acces/{second}").status_code == 200


def test_un_lien_perime_ne_sert_plus(decor: Decor) -> None:
    decor.demander(decor.compte.courriel)
    decor.executer()
    adresse = f"/acces/{poster_les_liens(decor.service)[decor.compte.courriel]}"
    page = formulaire(decor.client.get(adresse), adresse)
    decor.vieillir(59)
    assert decor.client.get(adresse).status_code == 200
    decor.vieillir(2)
    assert decor.client.get(adresse).status_code == 404
    assert page.remplir(mot_de_passe=MOT_DE_PASSE, confirmation=MOT_DE_PASSE).envoyer(decor.client).status_code == 404


@pytest.mark.parametrize("quand", ["avant la demande", "avant l’envoi"])
def test_rien_ne_part_pour_un_compte_desactive(decor: Decor, quand: str) -> None:
    courriel = decor.compte.courriel
    if quand == "avant l’envoi":
        decor.demander(courriel)
        decor.executer()
    decor.compte.est_actif = False
    decor.session.commit()
    if quand == "avant la demande":
        assert decor.demander(courriel).status_code == 303
        decor.executer()
        assert decor.liens() == []
    atelier = Atelier(decor.service.state.config, decor.service.state.fabrique)
    for lien in decor.liens():
        envoyer_lien(atelier, maintenant=heure_machine(), lien_id=lien.id)
    assert [lien.envoye_at for lien in decor.liens() if lien.envoye_at] == []

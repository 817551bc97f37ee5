"""La requête : transaction, horloge, jeton de formulaire, taille, caractères illisibles, interblocage, erreurs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.testclient import TestClient
from pydantic import Field, SecretStr
from sqlalchemy import text
from starlette.types import Message

from app.commandes.base import Base
from app.infra import intergiciels
from app.infra.acces import PUBLIQUE
from app.infra.clock import Maintenant
from app.infra.config import Config, Mode
from app.infra.db import creer_fabrique, creer_moteur
from app.infra.forms import Entree
from app.infra.web import SessionDep
from app.main import create_app
from app.noyau.erreurs import ActeImpossible
from tests.conftest import Service
from tests.factories import MAINTENANT, connecter, un_compte, un_contrat

MARQUER = text("UPDATE essai_mot SET fois = fois + 1 WHERE id = :id")
rendez_vous = threading.Barrier(2)
passages: list[tuple[int, int]] = []
sonde = APIRouter(dependencies=[Depends(PUBLIQUE)])


class Mot(Entree):
    """Un corps JSON."""

    mot: str
    suite: dict[str, list[str]] = Field(default_factory=dict)


@sonde.get("/essai/heure")
def heure(maintenant: Maintenant) -> str:
    return maintenant.isoformat()


@sonde.post("/api/v1/essai/mots")
def garder(session: SessionDep, entree: Mot) -> str:
    session.execute(text("INSERT INTO essai_mot (mot) VALUES (:mot)"), {"mot": entree.mot})
    if entree.mot == "refusé":
        raise ActeImpossible("Ce mot ne se garde pas.", code="mot_refuse")
    if entree.mot == "panne":
        raise RuntimeError("une panne que personne n’attendait")
    return entree.mot


@sonde.post("/api/v1/essai/croiser/{premier}/{second}")
def croiser(session: SessionDep, premier: int, second: int) -> None:
    passages.append((premier, second))
    rejouee = passages.count((premier, second)) > 1
    session.execute(MARQUER, {"id": premier})
    if not rejouee:
        rendez_vous.wait(timeout=10)
    session.execute(MARQUER, {"id": second})


@sonde.get("/essai/chercher")
def chercher(session: SessionDep, q: str) -> int:
    return int(session.execute(text("SELECT count(*) FROM essai_mot WHERE mot = :q"), {"q": q}).scalar_one())


@sonde.get("/essai/mots/{rang}")
@sonde.get("/api/v1/essai/mots")
def compter(session: SessionDep, rang: int) -> int:
    return int(session.execute(text("SELECT fois FROM essai_mot WHERE id = CAST(:r AS int)"), {"r": rang}).scalar_one())


@pytest.fixture
def sonde_base(base_jetable: Base) -> Base:
    """Une table d'essai, que le rôle de service peut écrire."""
    moteur = creer_moteur(base_jetable.url_proprietaire)
    with moteur.begin() as connexion:
        connexion.execute(
            text(
                "CREATE TABLE essai_mot (id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY, mot text UNIQUE NOT NULL, "
                "fois int NOT NULL DEFAULT 0); GRANT ALL ON essai_mot TO iq_service"
            )
        )
    moteur.dispose()
    return base_jetable


@pytest.fixture
def sondee(sonde_base: Base, creer_service: Service) -> FastAPI:
    service = creer_service(sonde_base)
    service.include_router(sonde)
    return service


@pytest.fixture
def outil(sondee: FastAPI) -> Iterator[TestClient]:
    with TestClient(sondee, follow_redirects=False, raise_server_exceptions=False) as client:
        yield client


def mots(base: Base) -> dict[str, int]:
    moteur = creer_moteur(base.url)
    with moteur.connect() as connexion:
        rendu = dict(connexion.execute(text("SELECT mot, fois FROM essai_mot ORDER BY id")).all())
    moteur.dispose()
    return rendu


def test_sante_accueil_et_connexion_repondent(client: TestClient) -> None:
    assert client.get("/sante").json()["etat"] == "ok"
    for chemin in ("/", "/connexion"):
        reponse = client.get(chemin)
        assert reponse.status_code == 200, reponse.text
        assert {nom: reponse.headers[nom] for nom in intergiciels.ENTETES} == intergiciels.ENTETES
        assert "unsafe" not in intergiciels.CSP
        assert "<script>" not in reponse.text
        assert reponse.headers["Cache-Control"] == "no-store"
    assert client.get("/compte/jetons").headers["location"].startswith("/connexion?retour=")


def test_la_transaction_est_validee_avant_que_la_reponse_parte(sondee: FastAPI, sonde_base: Base) -> None:
    vus: list[dict[str, int]] = []

    class Temoin:
        def __init__(self, app: object) -> None:
            self.app = app

        async def __call__(self, scope: object, receive: object, send: object) -> None:
            async def envoyer(message: Message) -> None:
                if message["type"] == "http.response.start":
                    vus.append(mots(sonde_base))
                await send(message)

            await self.app(scope, receive, envoyer)

    sondee.add_middleware(Temoin)
    with TestClient(sondee) as client:
        assert client.post("/api/v1/essai/mots", json={"mot": "gardé"}).status_code == 200
    assert vus == [{"gardé": 0}]


def test_un_refus_et_une_panne_n_ecrivent_rien_et_ont_leur_code(outil: TestClient, sonde_base: Base) -> None:
    refus = outil.post("/api/v1/essai/mots", json={"mot": "refusé"})
    assert (refus.status_code, refus.json()["code"]) == (409, "mot_refuse")
    assert refus.headers["content-type"] == "application/problem+json"
    assert refus.json()["type"] == "urn:initiatives-quartiers:erreur:mot_refuse"
    panne = outil.post("/api/v1/essai/mots", json={"mot": "panne"})
    assert (panne.status_code, panne.json()["code"]) == (500, "erreur_interne")
    assert "panne" not in panne.text
    assert mots(sonde_base) == {}


def test_deux_requetes_qui_se_croisent_aboutissent_toutes_les_deux(sondee: FastAPI, sonde_base: Base) -> None:
    reponses: list[int] = []
    with TestClient(sondee, raise_server_exceptions=False) as client:
        for mot in ("un", "deux"):
            client.post("/api/v1/essai/mots", json={"mot": mot})

        def appeler(ordre: str) -> None:
            reponses.append(client.post(f"/api/v1/essai/croiser/{ordre}").status_code)

        fils = [threading.Thread(target=appeler, args=(ordre,)) for ordre in ("1/2", "2/1")]
        for fil in fils:
            fil.start()
        for fil in fils:
            fil.join()
    assert reponses == [200, 200]
    assert len(passages) == 3, "l'interblocage a eu lieu : une des deux requêtes a été rejouée"
    assert mots(sonde_base) == {"un": 2, "deux": 2}


def test_un_corps_trop_lourd_est_refuse_en_francais(outil: TestClient, sonde_base: Base) -> None:
    lourd = b'{"mot": "' + b"x" * (12 * 1024 * 1024) + b'"}'

    def morceaux() -> Iterator[bytes]:
        yield lourd

    for contenu in (lourd, morceaux()):
        trop = outil.post("/api/v1/essai/mots", content=contenu, headers={"Content-Type": "application/json"})
        assert (trop.status_code, trop.json()["code"]) == (413, "corps_trop_lourd")
        assert "12 Mo" in trop.json()["detail"]
    page = outil.post("/connexion", data={"courriel": "x" * (12 * 1024 * 1024)})
    assert page.status_code == 413
    assert "Envoi trop lourd" in page.text
    assert mots(sonde_base) == {}


@pytest.mark.parametrize("mot", ['"a\\u0000b"', '"a\\ud800b"'])
def test_un_caractere_illisible_se_dit_a_cote_de_son_champ(outil: TestClient, sonde_base: Base, mot: str) -> None:
    entetes = {"Content-Type": "application/json"}
    for corps, champ in ((f'{{"mot": {mot}}}', "mot"), (f'{{"mot": "b", "suite": {{"c": [{mot}]}}}}', "suite")):
        refus = outil.post("/api/v1/essai/mots", content=corps, headers=entetes)
        assert refus.status_code == 422
        assert [(e["champ"], "illisible" in e["message"]) for e in refus.json()["erreurs"]] == [(champ, True)]
    assert mots(sonde_base) == {}


def test_une_adresse_illisible_n_est_pas_une_panne(outil: TestClient) -> None:
    page = outil.get("/essai/chercher?q=a%00b")
    assert page.status_code == 400
    assert "illisible" in page.text
    assert outil.get("/connexion%00").status_code == 404


def test_un_nombre_qu_aucune_colonne_ne_garde_n_est_pas_une_panne(outil: TestClient) -> None:
    assert outil.get("/essai/mots/3000000000").status_code == 404, "rien ne porte ce numéro"
    refus = outil.get("/api/v1/essai/mots?rang=3000000000")
    assert (refus.status_code, refus.json()["code"]) == (422, "hors_bornes")


def test_x_horloge_deplace_le_metier_hors_production_seulement(sonde_base: Base, outil: TestClient) -> None:
    entetes = {"X-Horloge": MAINTENANT.isoformat()}
    assert outil.get("/essai/heure", headers=entetes).json() == MAINTENANT.isoformat()
    assert outil.get("/essai/heure", headers={"X-Horloge": "hier"}).status_code == 422
    config = Config(
        mode=Mode.PRODUCTION,
        secret=SecretStr("secret-d-essai-de-plus-de-32-octets!"),
        url_publique="https://exemple.invalid",
        _env_file=None,
    )
    moteur = creer_moteur(sonde_base.url)
    production = create_app(config, moteur)
    production.include_router(sonde)
    with TestClient(production) as client:
        lue = datetime.fromisoformat(client.get("/essai/heure", headers=entetes).json())
        assert abs((datetime.now(UTC) - lue).total_seconds()) < 60
        assert "max-age" in client.get("/sante").headers["Strict-Transport-Security"]
    moteur.dispose()


def test_x_horloge_venue_du_reseau_est_ignoree(sondee: FastAPI) -> None:
    with TestClient(sondee, client=("203.0.113.7", 1234)) as client:
        lue = client.get("/essai/heure", headers={"X-Horloge": MAINTENANT.isoformat()}).json()
    assert lue != MAINTENANT.isoformat()


def test_un_formulaire_sans_jeton_ou_venu_d_ailleurs_est_refuse(client: TestClient, base_propre: Base) -> None:
    moteur = creer_moteur(base_propre.url)
    with creer_fabrique(moteur)() as session:
        contrat = un_contrat(session)
        compte = un_compte(session, contrat=contrat)
        jeton = connecter(client, session, compte)
    moteur.dispose()
    for donnees, entetes in (
        ({}, {}),
        ({"_csrf": "faux"}, {}),
        ({"_csrf": jeton}, {"Origin": "https://ailleurs.invalid"}),
        ({"_csrf": jeton}, {"Sec-Fetch-Site": "cross-site"}),
    ):
        refus = client.post("/deconnexion", data=donnees, headers=entetes)
        assert refus.status_code == 403, donnees
        assert "autre site" in refus.text
    assert client.post("/deconnexion", data={"_csrf": jeton}).status_code == 303


def test_une_base_injoignable_se_dit_et_se_reessaie(config_essai: Config) -> None:
    """Rien n'écoute sur ce port : 503 pour tous, en JSON pour une machine, en français pour une personne."""
    moteur = creer_moteur("postgresql+psycopg://personne@127.0.0.1:1/rien")
    with TestClient(create_app(config_essai, moteur), raise_server_exceptions=False) as client:
        sante, page = client.get("/sante"), client.get("/contrat")
    moteur.dispose()
    assert (sante.status_code, sante.json()["code"], sante.headers["retry-after"]) == (503, "reessayez", "2")
    assert page.status_code == 503
    assert "Réessayez dans quelques secondes" in page.text

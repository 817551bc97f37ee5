"""Le contrat en ligne : l'API d'interface.md, les pages publiques, leurs liens, leurs requêtes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.commandes.base import Base
from app.etapes.contrat import repository, service
from app.etapes.contrat.schemas import ContratPublie
from app.infra import postgres_embarque as pg
from app.infra.db import creer_moteur
from app.infra.journal import ecriture
from app.main import create_app
from seeds.chargement import CONTRATS, chargement_de, charger_contrat, charger_reference
from seeds.contrat import lire_contrat
from tests.client import ClientDirect
from tests.conftest import MAINTENANT, Service, un_clone, une_config
from tests.requetes import requetes

M2A = "/contrats/m2a-2024-2030"
COLMAR = "/contrats/colmar-exemple"
API = "/api/v1/contrats/m2a-2024-2030"
REQUETES_MAXIMUM = 8


@pytest.fixture(scope="module")
def base_chargee(grappe: pg.Grappe) -> Iterator[Base]:
    """Une base avec les contrats livrés, en lecture pour tout le module."""
    ecriture.installer()
    with un_clone(grappe) as base:
        moteur = creer_moteur(base.url)
        with Session(moteur) as session, session.begin():
            charger_reference(session, MAINTENANT)
        moteur.dispose()
        yield base


@pytest.fixture(scope="module")
def en_ligne(base_chargee: Base, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    moteur = creer_moteur(base_chargee.url)
    yield create_app(une_config(tmp_path_factory.mktemp("donnees")), moteur)
    moteur.dispose()


@pytest.fixture(scope="module")
def ouvert(en_ligne: FastAPI) -> Iterator[TestClient]:
    with ClientDirect(en_ligne) as client:
        yield client


@pytest.fixture
def client(ouvert: TestClient) -> TestClient:
    """Un navigateur devant un service qui n'a encore rien lu."""
    repository._editions.clear()
    return ouvert


class Liens(HTMLParser):
    """Les adresses, les ancres et les identifiants d'une page."""

    def __init__(self, texte: str) -> None:
        super().__init__()
        self.adresses: list[str] = []
        self.identifiants: list[str] = []
        self.feed(texte)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        donnees = dict(attrs)
        if tag == "a" and donnees.get("href"):
            self.adresses.append(donnees["href"] or "")
        if donnees.get("id"):
            self.identifiants.append(donnees["id"] or "")


# --- API ------------------------------------------------------------------------------------------------------------


def lu(client: TestClient, chemin: str = API) -> dict[str, Any]:
    reponse = client.get(chemin)
    assert reponse.status_code == 200, reponse.text
    contrat: dict[str, Any] = reponse.json()
    return contrat


def test_l_api_a_la_forme_d_interface_md(client: TestClient) -> None:
    contrat = lu(client)
    ContratPublie.model_validate(contrat)
    assert {"code", "intitule", "debut", "fin", "enjeux", "quartiers", "instances", "lignes", "anomalies"} <= set(
        contrat
    )
    assert (contrat["code"], contrat["debut"], contrat["fin"]) == ("m2a-2024-2030", "2024-01-01", "2030-12-31")
    objectifs = [objectif for enjeu in contrat["enjeux"] for objectif in enjeu["objectifs"]]
    operationnels = [o for objectif in objectifs for o in objectif["objectifs_operationnels"]]
    assert [objectif["code"] for objectif in objectifs] == [
        *("E1.1", "E1.2", "E1.3", "E1.4", "E2.1", "E2.2", "E2.3", "E2.4", "T.1", "T.2", "C.1", "C.2"),
    ]
    assert len(operationnels) == 51
    assert sum(len(o["sous_actions"]) for o in operationnels) == 61
    for operationnel in operationnels:
        assert {"code", "intitule", "sous_actions", "notes", "source"} <= set(operationnel)
    assert {enjeu["type"] for enjeu in contrat["enjeux"]} == {"strategique", "transversal", "condition"}


def test_l_api_rend_quartiers_fiches_instances_et_lignes(client: TestClient) -> None:
    contrat = lu(client)
    quartiers = {quartier["code"]: quartier for quartier in contrat["quartiers"]}
    assert len(quartiers) == 7
    a_cheval = quartiers["QN06807M"]
    assert (a_cheval["nom"], a_cheval["communes"], a_cheval["population"]) == (
        "Drouot-Jonquilles",
        ["Illzach", "Mulhouse"],
        4200,
    )
    fiches = [fiche for quartier in contrat["quartiers"] for fiche in quartier["fiches"]]
    assert sorted(fiche["code"] for fiche in fiches) == sorted(
        ["JONQUILLES", "BOURTZWILLER", "BRUSTLEIN", "COTEAUX", "DROUOT", "FONDERIE", "BRIAND", "D8", "MARKSTEIN"]
    )
    for fiche in fiches:
        assert fiche["commune"] in {"Mulhouse", "Illzach", "Wittenheim"}
        assert [p["rang"] for p in fiche["priorites"]] == list(range(1, len(fiche["priorites"]) + 1))
        for priorite in fiche["priorites"]:
            assert {"rang", "intitule", "texte", "source"} <= set(priorite)
    assert [ligne["code"] for ligne in contrat["lignes"]] == ["BOP147", "M2A", "MULHOUSE", "ILLZACH", "WITTENHEIM"]
    assert all({"code", "financeur", "intitule"} <= set(ligne) for ligne in contrat["lignes"])
    assert len(contrat["instances"]) == 9
    assert all({"nom", "pilotage", "frequence", "composition"} <= set(i) for i in contrat["instances"])


def test_l_api_porte_tout_le_reste_du_document(client: TestClient) -> None:
    contrat = lu(client)
    assert [feuille["code"] for feuille in contrat["feuilles_de_route"]] == ["M2A", "ILLZACH", "MULHOUSE", "WITTENHEIM"]
    assert sum(len(theme["dispositifs"]) for theme in contrat["dispositifs_etat"]["themes"]) == 17
    assert {e["statut"] for e in contrat["engagements"]["engagements"]} == {"engage", "sous_reserve", "a_venir"}
    assert contrat["suivi"]["actualisation"]["annee"] == 2027
    assert any(objectif.get("publics") for enjeu in contrat["enjeux"] for objectif in enjeu["objectifs"])
    assert len(contrat["anomalies"]) >= 15
    assert all({"code", "nature", "dit", "charge", "pourquoi", "source"} <= set(a) for a in contrat["anomalies"])
    fonderie = next(f for q in contrat["quartiers"] for f in q["fiches"] if f["code"] == "FONDERIE")
    assert (fonderie["priorites"][2]["texte"], bool(fonderie["priorites"][2]["reserve"])) == ("", True)


def vides(valeur: Any, chemin: str = "") -> Iterator[str]:
    if isinstance(valeur, dict):
        for nom, element in valeur.items():
            if element in (None, "", [], {}):
                yield f"{chemin}.{nom}"
            yield from vides(element, f"{chemin}.{nom}")
    elif isinstance(valeur, list):
        for element in valeur:
            yield from vides(element, f"{chemin}[]")


def test_l_api_ne_rend_pas_de_valeur_vide_hors_de_sa_forme_stable(client: TestClient) -> None:
    stables = {
        ".enjeux[].objectifs[].objectifs_operationnels",
        ".enjeux[].objectifs[].objectifs_operationnels[].sous_actions",
        ".enjeux[].objectifs[].objectifs_operationnels[].notes",
        ".quartiers[].fiches[].priorites[].texte",
        ".instances[].pilotage",
        ".instances[].frequence",
    }
    assert set(vides(lu(client))) <= stables


def test_l_etag_evite_de_tout_relire(client: TestClient, en_ligne: FastAPI) -> None:
    premiere = client.get(API)
    etag = premiere.headers["etag"]
    assert etag.startswith('W/"')
    assert premiere.headers["cache-control"] == "public, no-cache"
    with requetes(en_ligne) as envoyees:
        seconde = client.get(API, headers={"If-None-Match": f'"autre", {etag}'})
    assert (seconde.status_code, seconde.content, seconde.headers["etag"]) == (304, b"", etag)
    assert len(envoyees) == 1
    assert client.get(API, headers={"If-None-Match": '"autre"'}).status_code == 200
    assert client.get("/api/v1/contrats/colmar-exemple").headers["etag"] != etag


def test_une_version_se_demande(client: TestClient) -> None:
    assert lu(client, f"{API}?version=2024")["version"]["code"] == "2024"
    for chemin in (f"{API}?version=2027", "/api/v1/contrats/inconnu"):
        reponse = client.get(chemin)
        assert (reponse.status_code, reponse.json()["code"]) == (404, "introuvable")


def test_une_correction_change_l_etag_et_la_page(base_propre: Base, creer_service: Service) -> None:
    en_ligne = creer_service(base_propre)
    m2a = chargement_de(lire_contrat(CONTRATS / "m2a-2024-2030"))
    with TestClient(en_ligne) as client:
        with en_ligne.state.fabrique.begin() as session:
            service.charger(session, m2a, MAINTENANT)
        avant = client.get(API).headers["etag"]
        with en_ligne.state.fabrique.begin() as session:
            corrige = replace(m2a, contenu=replace(m2a.contenu, intitule="Contrat corrigé"))
            service.charger(session, corrige, MAINTENANT)
        apres = client.get(API)
        assert apres.headers["etag"] != avant
        assert apres.json()["intitule"] == "Contrat corrigé"
        assert "Contrat corrigé" in client.get(M2A).text


# --- pages ----------------------------------------------------------------------------------------------------------

PAGES = [
    "/contrat",
    M2A,
    f"{M2A}?q=jardin",
    f"{M2A}?q=atelier cuisine parents",
    f"{M2A}?q=zzzz",
    f"{M2A}?version=2024",
    *(f"{M2A}/objectifs/{code}" for code in ("E1.1", "E2.2", "T.1", "T.2", "C.1", "C.2")),
    *(f"{M2A}/quartiers/{code}" for code in ("QN06803M", "QN06805M", "QN06806M", "QN06807M")),
    *(f"{M2A}/fiches/{code}" for code in ("FONDERIE", "JONQUILLES", "BRUSTLEIN", "MARKSTEIN")),
    f"{M2A}/gouvernance",
    f"{M2A}/partenaires",
    f"{M2A}/anomalies",
    f"{M2A}/anomalies?nature=coquille&page=2",
    f"{M2A}/anomalies?page=99",
    COLMAR,
    f"{COLMAR}/objectifs/E1.1",
    f"{COLMAR}/quartiers/QN06801M",
    f"{COLMAR}/fiches/EUROPE",
    f"{COLMAR}/gouvernance",
    f"{COLMAR}/partenaires",
    f"{COLMAR}/anomalies",
]


@pytest.mark.parametrize("chemin", PAGES)
def test_chaque_page_s_affiche_en_peu_de_requetes(client: TestClient, en_ligne: FastAPI, chemin: str) -> None:
    with requetes(en_ligne) as a_froid:
        reponse = client.get(chemin)
    assert reponse.status_code == 200, reponse.text
    assert len(a_froid) <= REQUETES_MAXIMUM
    with requetes(en_ligne) as ensuite:
        client.get(chemin)
    assert len(ensuite) <= 2
    page = Liens(reponse.text)
    assert len(page.identifiants) == len(set(page.identifiants))
    assert reponse.text.count("<h1") == 1
    assert " style=" not in reponse.text


def test_tous_les_liens_du_contrat_menent_quelque_part(client: TestClient) -> None:
    a_lire, lues = [M2A, COLMAR], dict[str, Liens]()
    while a_lire:
        chemin = a_lire.pop()
        reponse = client.get(chemin)
        assert reponse.status_code == 200, chemin
        lues[chemin] = Liens(reponse.text if "html" in reponse.headers["content-type"] else "")
        for adresse in lues[chemin].adresses:
            cible = adresse.split("#")[0]
            if re.match(r"(/api/v1)?/contrats/", cible) and cible not in lues and cible not in a_lire:
                a_lire.append(cible)
    assert len(lues) >= 12 + 7 + 9 + 3
    for chemin, page in lues.items():
        for adresse in page.adresses:
            cible, _, ancre = adresse.partition("#")
            cible = cible or chemin
            if ancre and cible in lues:
                assert ancre in lues[cible].identifiants, f"{chemin} mène à {adresse}"


def test_les_ancres_des_resultats_existent(client: TestClient) -> None:
    adresses = [a for a in Liens(client.get(f"{M2A}?q=emploi").text).adresses if "#" in a and a.startswith(M2A)]
    assert adresses
    for adresse in adresses:
        cible, _, ancre = adresse.partition("#")
        assert ancre in Liens(client.get(cible).text).identifiants


def test_la_recherche_surligne_et_cite_sa_source(client: TestClient) -> None:
    texte = client.get(f"{M2A}?q=VELO").text
    assert "<mark>vélo</mark>" in texte
    assert re.search(r"contrat, l\.[^<]*\d", texte)
    assert 'value="VELO"' in texte


def test_ce_qui_est_cherche_ne_devient_jamais_du_code(client: TestClient) -> None:
    reponse = client.get(M2A, params={"q": '<script>alert(1)</script>" onfocus=\x00'})
    assert reponse.status_code == 200
    assert "<script>alert" not in reponse.text
    assert len(client.get(M2A, params={"q": "jardin " * 400}).text) < 60_000


def test_l_objectif_dit_qui_le_finance_d_abord_et_d_ou_il_vient(client: TestClient) -> None:
    texte = client.get(f"{M2A}/objectifs/E1.1").text.replace("\u00a0", " ")
    for attendu in ("Ville de Mulhouse", "Priorité 2", "seulement E1.1.5, E1.1.6, E1.1.2.1", "contrat, l. 436-439"):
        assert attendu in texte
    assert "Ne le cite pas dans ses priorités" in client.get(f"{M2A}/objectifs/E1.3").text


def test_la_fiche_ne_nomme_que_les_financeurs_de_sa_commune(client: TestClient) -> None:
    jonquilles = client.get(f"{M2A}/fiches/JONQUILLES").text
    assert "Ville d’Illzach" in jonquilles
    assert "Ville de Mulhouse" not in jonquilles


def test_la_version_demandee_suit_les_liens(client: TestClient) -> None:
    adresses = Liens(client.get(f"{M2A}?version=2024").text).adresses
    assert f"{M2A}/objectifs/E1.1?version=2024" in adresses
    assert client.get(f"{M2A}?version=2027").status_code == 404


@pytest.mark.parametrize(
    "chemin",
    [
        "/contrats/inconnu",
        f"{M2A}/objectifs/E9.9",
        f"{M2A}/quartiers/QN06801M",
        f"{M2A}/fiches/EUROPE",
        f"{COLMAR}/objectifs/E1.4",
        f"{COLMAR}/quartiers/QN06807M",
        f"{COLMAR}/fiches/DROUOT",
    ],
)
def test_ce_qui_n_est_pas_dans_ce_contrat_n_existe_pas(client: TestClient, chemin: str) -> None:
    assert client.get(chemin).status_code == 404


def test_un_seul_contrat_s_ouvre_tout_de_suite(base_propre: Base, creer_service: Service) -> None:
    en_ligne = creer_service(base_propre)
    with TestClient(en_ligne, follow_redirects=False) as client:
        assert "Aucun contrat n’est chargé" in client.get("/contrat").text
        with en_ligne.state.fabrique.begin() as session:
            charger_contrat(session, CONTRATS / "colmar-exemple", MAINTENANT)
        reponse = client.get("/contrat")
        assert (reponse.status_code, reponse.headers["location"]) == (303, COLMAR)


def test_la_commission_montre_ses_sieges(client: TestClient) -> None:
    texte = client.get(f"{M2A}/gouvernance").text.replace("\u00a0", " ")
    assert "10 sièges ont une voix" in texte
    assert "un choix du projet" in texte


def test_la_memoire_des_editions_est_bornee(en_ligne: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "EDITIONS_GARDEES", 1)
    repository._editions.clear()
    with en_ligne.state.fabrique() as session:
        for code in ("m2a-2024-2030", "colmar-exemple"):
            repository.get_edition(session, code, date(2026, 11, 6))
    assert [edition.contenu.code for edition in repository._editions.values()] == ["colmar-exemple"]


def test_une_edition_lue_se_garde(en_ligne: FastAPI) -> None:
    with en_ligne.state.fabrique() as session:
        edition = repository.get_edition(session, "m2a-2024-2030", date(2026, 11, 6))
        assert edition is not None
        assert edition is repository.get_edition(session, "m2a-2024-2030", date(2029, 1, 1))

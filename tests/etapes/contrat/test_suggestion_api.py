"""Les suggestions en ligne : forme, bornes, refus en français, autres contrats, version d'un dossier, requêtes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from jinja2 import Environment
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.commandes.base import Base
from app.etapes.contrat.rules.suggestions import LONGUEUR_MAXIMUM, NOMBRE_MAXIMUM
from app.etapes.contrat.rules.textes import dire_source
from app.etapes.contrat.service import suggestions
from app.etapes.dossier.rules.formes import Section
from app.infra import postgres_embarque as pg
from app.infra.db import creer_moteur
from app.infra.journal import ecriture
from app.main import create_app
from app.noyau.erreurs import Introuvable
from app.referentiels.contrats.models import Contrat, VersionContrat
from seeds.chargement import charger_reference
from tests.client import ClientDirect
from tests.conftest import MAINTENANT, un_clone, une_config
from tests.requetes import requetes

ADRESSE = "/api/v1/contrats/m2a-2024-2030/suggestions"
TEXTE = "Ateliers sociolinguistiques pour les mères du Drouot\nApprendre le français et accompagner la scolarité."
JOUR = date(2026, 11, 6)


@pytest.fixture(scope="module")
def base_chargee(grappe: pg.Grappe) -> Iterator[Base]:
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


@pytest.fixture
def client(en_ligne: FastAPI) -> Iterator[TestClient]:
    suggestions.oublier()
    with ClientDirect(en_ligne) as un:
        yield un


@pytest.fixture
def lecture(base_chargee: Base) -> Iterator[Session]:
    moteur = creer_moteur(base_chargee.url)
    with Session(moteur) as session:
        yield session
    moteur.dispose()


def demander(client: TestClient, adresse: str = ADRESSE, **corps: Any) -> list[dict[str, Any]]:
    reponse = client.post(adresse, json=corps)
    assert reponse.status_code == 200, reponse.text
    recu: list[dict[str, Any]] = reponse.json()
    return recu


def test_tout_le_monde_demande_et_recoit_des_objectifs_classes_avec_leurs_motifs(client: TestClient) -> None:
    recus = demander(client, texte=TEXTE, nombre=3)
    assert [recu["code"] for recu in recus][:2] == ["T.2", "E2.3"]
    assert len(recus) == 3
    for recu in recus:
        assert {"code", "intitule", "motifs"} <= set(recu)
        assert recu["motifs"]
        assert all(motif["mots"] for motif in recu["motifs"])
    assert recus[0]["intitule"] == "La maîtrise de la langue française"
    assert any(motif.get("passage") and motif.get("source") for motif in recus[0]["motifs"])
    scores = [recu["score"] for recu in recus]
    assert scores == sorted(scores, reverse=True)
    assert any(priorite["fiche"] == "DROUOT" for recu in recus for priorite in recu["priorites"])


def test_trois_par_defaut_et_le_nombre_demande_sinon(client: TestClient) -> None:
    assert len(demander(client, texte=TEXTE)) == 3
    assert len(demander(client, texte=TEXTE, nombre=1)) == 1


def test_les_priorites_se_limitent_aux_projets_de_quartier_demandes(client: TestClient) -> None:
    recus = demander(client, texte=TEXTE, fiches=["COTEAUX"])
    assert {p["fiche"] for recu in recus for p in recu["priorites"]} <= {"COTEAUX"}


def test_un_texte_qui_ne_dit_rien_recoit_une_liste_vide(client: TestClient) -> None:
    assert demander(client, texte="asdf qsdfgh") == []


@pytest.mark.parametrize(
    ("corps", "champ"),
    [
        ({"texte": ""}, "texte"),
        ({"texte": "   "}, "texte"),
        ({}, "texte"),
        ({"texte": "a" * (LONGUEUR_MAXIMUM + 1)}, "texte"),
        ({"texte": "sport", "nombre": 0}, "nombre"),
        ({"texte": "sport", "nombre": NOMBRE_MAXIMUM + 1}, "nombre"),
        ({"texte": "sport\u0000"}, "texte"),
        ({"texte": "sport", "autre": 1}, "autre"),
    ],
)
def test_une_demande_hors_bornes_est_refusee_en_francais(client: TestClient, corps: dict[str, Any], champ: str) -> None:
    reponse = client.post(ADRESSE, json=corps)
    assert reponse.status_code == 422
    (faute,) = reponse.json()["erreurs"]
    assert faute["champ"] == champ
    assert not {"should", "field", "input", "String"} & set(faute["message"].split())


def test_la_borne_est_permise(client: TestClient) -> None:
    texte = "sport " * (LONGUEUR_MAXIMUM // 6)
    assert demander(client, texte=texte, nombre=NOMBRE_MAXIMUM)[0]["code"] == "E2.1"


def test_un_contrat_inconnu_n_existe_pas(client: TestClient) -> None:
    assert client.post("/api/v1/contrats/inconnu/suggestions", json={"texte": "sport"}).status_code == 404


def test_un_autre_contrat_propose_ses_objectifs(client: TestClient) -> None:
    recus = demander(client, "/api/v1/contrats/colmar-exemple/suggestions", texte="Un forum des stages en entreprise")
    assert recus[0]["code"] == "E2.1"
    assert recus[0]["intitule"].startswith("Rapprocher les jeunes des entreprises")
    assert recus[0]["objectifs_operationnels"][0]["code"] == "E2.1.1"


def test_la_route_est_documentee(client: TestClient) -> None:
    route = client.get("/api/v1/openapi.json").json()["paths"]["/api/v1/contrats/{code}/suggestions"]["post"]
    assert "security" not in route
    assert {"200", "404", "422"} <= set(route["responses"])
    assert route["responses"]["200"]["content"]["application/json"]["schema"]["type"] == "array"


def test_une_demande_lit_une_requete_une_fois_le_contrat_en_memoire(client: TestClient, en_ligne: FastAPI) -> None:
    demander(client, texte=TEXTE)
    with requetes(en_ligne) as vues:
        demander(client, texte=TEXTE)
    assert len(vues) == 1


# --- le service -----------------------------------------------------------------------------------------------------


def versions_m2a(session: Session, *, chargee: bool) -> list[int]:
    requete = select(VersionContrat.id).join(Contrat, Contrat.id == VersionContrat.contrat_id)
    requete = requete.where(Contrat.code == "m2a-2024-2030", VersionContrat.chargee_at.is_not(None) == chargee)
    return list(session.scalars(requete.order_by(VersionContrat.id)))


def test_la_version_d_un_dossier_est_celle_qui_conseille(lecture: Session) -> None:
    (chargee,) = versions_m2a(lecture, chargee=True)
    du_jour = suggestions.suggerer(lecture, "m2a-2024-2030", TEXTE, JOUR)
    assert suggestions.suggerer(lecture, "m2a-2024-2030", TEXTE, JOUR, version_id=chargee) == du_jour


def test_une_version_sans_contenu_ou_un_contrat_inconnu_ne_conseillent_pas(lecture: Session) -> None:
    for version in (*versions_m2a(lecture, chargee=False), 10**12):
        with pytest.raises(Introuvable):
            suggestions.suggerer(lecture, "m2a-2024-2030", TEXTE, JOUR, version_id=version)
    with pytest.raises(Introuvable):
        suggestions.suggerer(lecture, "inconnu", TEXTE, JOUR)


def test_le_conseiller_se_prepare_une_fois_par_version_et_leur_nombre_est_borne(
    lecture: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    suggestions.oublier()
    monkeypatch.setattr(suggestions, "CONSEILLERS_GARDES", 1)
    suggestions.suggerer(lecture, "m2a-2024-2030", TEXTE, JOUR)
    (garde,) = suggestions._conseillers.values()
    suggestions.suggerer(lecture, "m2a-2024-2030", TEXTE, JOUR)
    assert list(suggestions._conseillers.values()) == [garde]
    suggestions.suggerer(lecture, "colmar-exemple", "Un forum des stages", JOUR)
    assert [cle[0] for cle in suggestions._conseillers] == ["colmar-exemple"]


# --- le fragment ----------------------------------------------------------------------------------------------------


def rendre(en_ligne: FastAPI, session: Session, texte: str) -> str:
    gabarits: Environment = en_ligne.state.gabarits
    trouvees = suggestions.suggerer(session, "m2a-2024-2030", texte, JOUR)
    choix = {o.code: f"champ-objectif_principal-{o.code}" for o in trouvees.objectifs}
    source = """{% import "composants/tout.html" as ui %}{% include "dossier/_conseils.html" %}"""
    return gabarits.from_string(source).render(
        conseils=trouvees, dire_source=dire_source, choix=choix, etape=Section.OBJECTIFS, adresse="/dossiers/X"
    )


def test_le_fragment_montre_code_mots_en_gras_passage_et_source(en_ligne: FastAPI, lecture: Session) -> None:
    rendu = rendre(en_ligne, lecture, "<b>Ateliers</b> sociolinguistiques")
    assert "La maîtrise de la langue française" in rendu
    assert "<strong>sociolinguistiques</strong>" in rendu
    assert "<blockquote>" in rendu
    assert "contrat, l. 698-725" in rendu
    assert "<b>" not in rendu


def test_le_fragment_dit_quand_rien_ne_se_propose(en_ligne: FastAPI, lecture: Session) -> None:
    assert "Écrivez d’abord" in rendre(en_ligne, lecture, "asdf qsdfgh").replace("\xa0", " ")

"""La requête : transaction, accès, jeton de formulaire, erreurs."""

from __future__ import annotations

from fastapi.testclient import TestClient


def test_sante_repond_quand_la_base_repond(client: TestClient) -> None:
    reponse = client.get("/sante")
    assert reponse.status_code == 200
    assert reponse.json()["etat"] == "ok"


def test_l_accueil_et_la_connexion_s_affichent(client: TestClient) -> None:
    for chemin in ("/", "/connexion"):
        reponse = client.get(chemin)
        assert reponse.status_code == 200, reponse.text
        assert "Content-Security-Policy" in reponse.headers
    assert client.get("/compte/jetons").headers["location"].startswith("/connexion?retour=")

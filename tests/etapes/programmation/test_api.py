"""L'API de la programmation, les simulations de bout en bout, leurs pages."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.commandes.base import Base
from app.etapes.dossier.rules.etats import TRANSITIONS_DEMANDE
from app.etapes.programmation.models import EtatScenario, ScenarioEnregistre
from app.etapes.programmation.tasks import calculer_scenario
from app.infra.config import Config
from app.infra.curseur import Curseur, ecrire
from app.infra.jobs import Atelier
from app.noyau.roles import Role
from tests.etapes.programmation.donnees import REQUETES_AU_PLUS, Decor, texte, un_decor, un_dossier_depose
from tests.factories import MAINTENANT, connecter, un_compte
from tests.requetes import requetes

DOSSIER = "/api/v1/dossiers/ESS-2027-0001/lignes/M2A"
SCENARIOS = "/api/v1/appels/ess-2027/scenarios"
LISTE = "/api/v1/appels/ess-2027/programmation"


@pytest.fixture
def decor(ecriture: Session) -> Decor:
    return un_decor(ecriture)


def entrer(client: TestClient, session: Session, decor: Decor, qui: str) -> None:
    client.headers["X-CSRF-Token"] = connecter(client, session, decor.comptes[qui], maintenant=MAINTENANT)


def un_corps(**remplacements: Any) -> dict[str, Any]:
    return {"annee": 2027, "montant_centimes": 300_000, "motif": "Utile.", **remplacements}


def code_de(reponse: Any) -> tuple[int, str]:
    assert reponse.headers["content-type"] == "application/problem+json"
    return reponse.status_code, reponse.json()["code"]


def calculer(service: FastAPI, session: Session, config: Config) -> list[ScenarioEnregistre]:
    """Fait ce que ferait le worker, pour tous les scénarios qui attendent."""
    session.rollback()
    for scenario in session.query(ScenarioEnregistre).order_by(ScenarioEnregistre.id):
        calculer_scenario(Atelier(config, service.state.fabrique), maintenant=MAINTENANT, scenario_id=scenario.id)
    session.rollback()
    return session.query(ScenarioEnregistre).order_by(ScenarioEnregistre.id).all()


def test_une_route_par_acte_de_la_table(service: FastAPI) -> None:
    chemins = set(service.openapi()["paths"])
    actes = [t.acte for t in TRANSITIONS_DEMANDE if t.etape == "programmation"]
    assert actes == ["proposer", "arbitrer"]
    assert {f"/api/v1/dossiers/{{numero}}/lignes/{{code}}/{acte}" for acte in actes} <= chemins


def test_proposer_puis_arbitrer_par_l_api(client: TestClient, ecriture: Session, decor: Decor) -> None:
    un_dossier_depose(ecriture, decor, 1, {"M2A": 5_000})
    entrer(client, ecriture, decor, "instructeur_m2a")
    reponse = client.post(f"{DOSSIER}/proposer", json=un_corps())
    assert reponse.status_code == 200
    assert reponse.json() == {
        "dossier": "ESS-2027-0001", "ligne": "M2A", "annee": 2027, "etat": "proposee", "nature": "propose",
        "montant_centimes": 300_000, "motif": "Utile.", "rang": 1,
    }  # fmt: skip
    assert code_de(client.post(f"{DOSSIER}/arbitrer", json=un_corps())) == (403, "role_requis")
    assert code_de(client.post(f"{DOSSIER}/proposer", json=un_corps(rang=0))) == (412, "version_perimee")
    entrer(client, ecriture, decor, "elu_m2a")
    reponse = client.post(f"{DOSSIER}/arbitrer", json=un_corps(montant_centimes=250_000, rang=1))
    assert (reponse.json()["etat"], reponse.json()["rang"]) == ("arbitree", 2)


@pytest.mark.parametrize(
    ("remplacements", "champ"),
    [
        ({"montant_centimes": 500_001}, "montant"),
        ({"montant_centimes": -1}, "montant"),
        ({"montant_centimes": 10**40}, "montant_centimes"),
        ({"montant_centimes": 12.5}, "montant_centimes"),
        ({"montant_centimes": True}, "montant_centimes"),
        ({"montant_centimes": "300000"}, "montant_centimes"),
        ({"motif": "  "}, "motif"),
        ({"motif": "a\x00b"}, "motif"),
        ({"annee": 10**30}, "annee"),
        ({"inconnu": 1}, "inconnu"),
    ],
)
def test_un_corps_fautif_est_refuse_en_francais(
    client: TestClient, ecriture: Session, decor: Decor, remplacements: dict[str, Any], champ: str
) -> None:
    un_dossier_depose(ecriture, decor, 1, {"M2A": 5_000})
    entrer(client, ecriture, decor, "instructeur_m2a")
    reponse = client.post(f"{DOSSIER}/proposer", json=un_corps(**remplacements))
    assert code_de(reponse) == (422, "saisie_invalide")
    assert [e["champ"] for e in reponse.json()["erreurs"]] == [champ]


def test_ce_qu_on_ne_voit_pas_ou_ne_peut_pas(client: TestClient, ecriture: Session, decor: Decor) -> None:
    un_dossier_depose(ecriture, decor, 1, {"M2A": 5_000})
    ecriture.commit()
    assert code_de(client.post(f"{DOSSIER}/proposer", json=un_corps())) == (401, "connexion_requise")
    entrer(client, ecriture, decor, "sous_prefecture")
    assert code_de(client.post(f"{DOSSIER}/proposer", json=un_corps())) == (403, "acte_interdit")
    entrer(client, ecriture, decor, "instructeur_m2a")
    for chemin in (DOSSIER.replace("0001", "0009"), DOSSIER.replace("M2A", "BOP147")):
        assert code_de(client.post(f"{chemin}/proposer", json=un_corps())) == (404, "introuvable")
    assert code_de(client.post(f"{DOSSIER}/proposer", json=un_corps(annee=2028))) == (404, "introuvable")
    assert (
        client.post(f"{DOSSIER}/proposer", content=b"{", headers={"Content-Type": "application/json"}).status_code
        == 400
    )
    entrer(client, ecriture, decor, "elu_m2a")
    assert code_de(client.post(f"{DOSSIER}/arbitrer", json=un_corps())) == (409, "etat_contraire")


def test_la_liste_se_pagine_et_se_filtre(client: TestClient, service: FastAPI, ecriture: Session, decor: Decor) -> None:
    for rang in range(1, 8):
        un_dossier_depose(ecriture, decor, rang, {"M2A": 1_000 * rang, "BOP147": 500}, n1=900)
    entrer(client, ecriture, decor, "equipe")
    vus: list[tuple[str, str]] = []
    apres = ""
    while True:
        with requetes(service) as vues:
            reponse = client.get(f"{LISTE}?ligne=M2A&tri=-demande&taille=3&apres={apres}")
        assert len(vues) <= REQUETES_AU_PLUS
        corps = reponse.json()
        vus += [(e["dossier"], e["ligne"]) for e in corps["elements"]]
        if corps["suivant"] is None:
            break
        apres = corps["suivant"]
    assert vus == [(f"ESS-2027-000{rang}", "M2A") for rang in range(7, 0, -1)]
    premier = client.get(f"{LISTE}?ligne=M2A&q=0001").json()["elements"][0]
    assert (premier["demande_centimes"], premier["accorde_n1_centimes"]) == (100_000, 90_000)
    assert premier["autres_lignes"] == [
        {"ligne": "BOP147", "etat": "en_instruction", "demande_centimes": 50_000, "montant_centimes": None,
         "nature": None}
    ]  # fmt: skip
    assert len(client.get(LISTE).json()["elements"]) == 14
    for suite in ("?ligne=X", "?tri=x", "?etat=x", "?taille=0", "?taille=1000", "?apres=x", "?annee=1", "?q=%00"):
        assert client.get(LISTE + suite).status_code == 422, suite
    assert client.get(LISTE.replace("2027", "2099")).status_code == 404
    autre_ordre = ecrire(Curseur("demande", 1, 1, recule=False))
    assert client.get(f"{LISTE}?apres={autre_ordre}").status_code == 422


# --- simulations ----------------------------------------------------------------------------------------------------


def test_une_simulation_de_bout_en_bout(
    client: TestClient, service: FastAPI, ecriture: Session, decor: Decor, config_essai: Config
) -> None:
    for rang in range(1, 6):
        un_dossier_depose(ecriture, decor, rang, {"M2A": 8_000}, notes={"M2A": (f"{rang}0.0", "90.0")})
    entrer(client, ecriture, decor, "equipe")
    contraintes = {
        "pas_centimes": 50_000,
        "verrous": [{"dossier": "ESS-2027-0001", "ligne": "M2A", "nature": "exact", "montant_centimes": 150_000}],
        "viabilite": {"ESS-2027-0002": 300_000},
    }
    corps = {"intitule": "Un garanti", "motif": "Comparer.", "contraintes": contraintes}
    reponse = client.post(SCENARIOS, json=corps)
    assert reponse.status_code == 202
    code = reponse.json()["code"]
    attente = client.get(f"/api/v1/scenarios/{code}").json()
    assert (attente["etat"], attente["resultat"]) == ("demande", None)
    assert attente["contraintes"]["viabilite"] == {"ESS-2027-0002": 300_000}
    assert "Calcul en cours" in client.get(f"/scenarios/{code}").text
    (scenario,) = calculer(service, ecriture, config_essai)
    assert scenario.etat is EtatScenario.CALCULE
    fini = client.get(f"/api/v1/scenarios/{code}").json()
    montants = {m["dossier"]: m["montant_centimes"] for m in fini["resultat"]["montants"]}
    assert montants == {f"ESS-2027-000{r}": 150_000 if r == 1 else 800_000 for r in range(1, 6)}
    assert fini["resultat"]["ecart"] == "0"
    assert fini["solveur"].startswith("HiGHS")
    with requetes(service) as vues:
        page = client.get(f"/scenarios/{code}?ligne=M2A")
    assert len(vues) <= REQUETES_AU_PLUS
    dit = texte(page.text).replace("\u202f", " ").replace("\xa0", " ")
    for attendu in (
        "Ce calcul aide, il ne décide pas", "33 500 €", "sur 40 000 € demandés à M2A", "Écart prouvé", "Les Coteaux",
        "E1.2 Des rencontres", "Mulhouse", "reçoit exactement", "Voir les chiffres en tableau",
        "La note est un intervalle",
    ):  # fmt: skip
        assert attendu in dit, attendu
    assert client.get(SCENARIOS).json()["elements"][0]["code"] == code


def test_des_volontes_qui_se_contredisent_sont_nommees(
    client: TestClient, service: FastAPI, ecriture: Session, decor: Decor, config_essai: Config
) -> None:
    for rang in (1, 2):
        un_dossier_depose(ecriture, decor, rang, {"M2A": 90_000, "BOP147": 1_000})
    entrer(client, ecriture, decor, "charge")
    verrous = [
        {"dossier": f"ESS-2027-000{r}", "nature": "au_moins", "ligne": "M2A", "montant_centimes": 900_000}
        for r in (1, 2)
    ] + [{"dossier": "ESS-2027-0001", "ligne": "M2A", "nature": "ne_doit_pas"}]
    code = client.post(
        SCENARIOS, json={"intitule": "Trop", "motif": "Voir.", "contraintes": {"verrous": verrous}}
    ).json()["code"]  # fmt: skip
    (scenario,) = calculer(service, ecriture, config_essai)
    assert scenario.etat is EtatScenario.IMPOSSIBLE
    conflit = client.get(f"/api/v1/scenarios/{code}").json()["resultat"]["conflit"]
    assert len(conflit) == 2
    page = client.get(f"/scenarios/{code}")
    assert "il suffit d’en lever une" in page.text
    assert "ne doit pas être financé" in page.text


def test_un_reglage_devenu_faux_se_range_avec_sa_raison(
    client: TestClient, service: FastAPI, ecriture: Session, decor: Decor, config_essai: Config
) -> None:
    dossier = un_dossier_depose(ecriture, decor, 1, {"M2A": 5_000})
    entrer(client, ecriture, decor, "equipe")
    contraintes = {"verrous": [{"dossier": "ESS-2027-0001", "ligne": "M2A", "nature": "doit"}]}
    corps = {"intitule": "Retiré depuis", "motif": "Voir.", "contraintes": contraintes}
    code = client.post(SCENARIOS, json=corps).json()["code"]
    ecriture.execute(text("UPDATE demande SET etat = 'retiree' WHERE dossier_id = :d"), {"d": dossier.id})
    ecriture.commit()
    (scenario,) = calculer(service, ecriture, config_essai)
    assert scenario.etat is EtatScenario.ECHOUE
    page = client.get(f"/scenarios/{code}")
    assert "Le calcul n’a pas abouti" in page.text
    assert "aucune demande sur la ligne M2A" in page.text


def test_le_formulaire_refuse_garde_tout(client: TestClient, ecriture: Session, decor: Decor) -> None:
    un_dossier_depose(ecriture, decor, 1, {"M2A": 5_000})
    entrer(client, ecriture, decor, "equipe")
    jeton = client.headers["X-CSRF-Token"]
    formulaire = {
        "_csrf": jeton, "intitule": "", "motif": "Comparer deux choses.", "pas": "cent",
        "verrou_dossier": ["ESS-2027-0099", ""], "verrou_ligne": ["M2A", ""], "verrou_nature": ["doit", "doit"],
        "verrou_montant": ["", ""],
    }  # fmt: skip
    reponse = client.post("/appels/ess-2027/scenarios", data=formulaire)
    assert reponse.status_code == 422
    for attendu in (
        "Remplissez «\u00a0Nom de la simulation\u00a0».",
        'value="Comparer deux choses."',
        'value="cent"',
        'value="ESS-2027-0099"',
    ):
        assert attendu in reponse.text, attendu
    reponse = client.post("/appels/ess-2027/scenarios", data=formulaire | {"intitule": "Un", "pas": "100"})
    assert reponse.status_code == 422
    assert reponse.text.count("Verrou sur ESS-2027-0099") == 2
    formulaire |= {"intitule": "Un", "pas": "100", "verrou_dossier": ["ESS-2027-0001", ""]}
    reponse = client.post("/appels/ess-2027/scenarios", data=formulaire)
    assert reponse.headers["location"] == "/scenarios/ess-2027-s1?fait=simulation-demandee"


def test_la_simulation_est_fermee_aux_autres_et_eteinte_par_defaut(
    client: TestClient, ecriture: Session, base_propre: Base
) -> None:
    decor = un_decor(ecriture, orientations={})
    for qui in ("instructeur_m2a", "elu_m2a", "sous_prefecture", "binome"):
        entrer(client, ecriture, decor, qui)
        assert client.get("/appels/ess-2027/scenarios").status_code == 403
        assert client.get(SCENARIOS).status_code == 403
        assert "Simulations" not in client.get("/appels/ess-2027/programmation").text
    entrer(client, ecriture, decor, "equipe")
    assert "La simulation est éteinte pour cet appel" in client.get("/appels/ess-2027/scenarios").text
    assert code_de(client.post(SCENARIOS, json={"intitule": "a", "motif": "b"})) == (409, "simulation_eteinte")
    assert client.get("/scenarios/ess-2027-s1").status_code == 404
    porteur = un_compte(ecriture, Role.REDACTEUR, organisation=decor.organisation)
    connecter(client, ecriture, porteur)
    assert client.get("/api/v1/scenarios/ess-2027-s1").status_code == 403

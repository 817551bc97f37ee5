"""L'API de la commission : une séance entière, jouée en JSON."""

from __future__ import annotations

from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from tests.etapes.commission.aide_seance import EN_SEANCE, une_campagne
from tests.factories import connecter


def test_une_seance_se_joue_par_l_api(client: TestClient, ecriture: Session) -> None:
    campagne = une_campagne(ecriture, dossiers=3)
    jeton = connecter(client, ecriture, campagne.compte_charge, maintenant=EN_SEANCE)
    client.headers["X-CSRF-Token"] = jeton
    appel, corps = campagne.appel.code, {"prevue_le": "2027-03-09T18:00:00+01:00", "lieu": "Salle du conseil"}
    cree = client.post(f"/api/v1/appels/{appel}/seances", json=corps)
    assert cree.status_code == 201, cree.text
    code = cree.json()["code"]
    assert [p["rang"] for p in cree.json()["points"]] == [1, 2, 3, 4, 5, 6]
    assert client.get(f"/api/v1/appels/{appel}/seances").json()["elements"][0]["code"] == code
    assert client.post(f"/api/v1/appels/{appel}/seances", json={**corps, "couleur": "bleu"}).status_code == 422
    base = f"/api/v1/seances/{code}"
    assert client.post(f"{base}/convoquer").json()["convoquee_le"] is not None
    deplacee = client.post(f"{base}/deplacer", json={**corps, "lieu": "Mairie"}).json()
    assert (deplacee["lieu"], deplacee["convoquee_le"]) == ("Mairie", None)
    salle = [{"siege": n, "statut": "present"} for n in (1, 2, 3, 4)]
    salle.append({"siege": 5, "statut": "represente", "mandataire": 4})
    vue = client.put(f"{base}/presences", json={"presences": salle}).json()
    assert [m["pouvoir_a"] for m in vue["membres"]] == [None, None, None, None, 4, None]
    refus = client.post(f"{base}/points/1/votes", json={"unanimite": "pour"})
    assert (refus.status_code, refus.json()["code"]) == (409, "etat_contraire")
    assert client.post(f"{base}/ouvrir", json={"regles": "droit_commun"}).json()["regles"]["jeu"] == "droit_commun"
    deport = client.post(f"{base}/points/5/deports", json={"motif": "Trésorier", "siege": 3})
    assert (deport.status_code, deport.json()) == (201, {"points": [2, 5]})
    bloc = client.post(f"{base}/blocs/voter", json={"bloc": "M2A · E1.2 Des rencontres", "unanimite": "pour"}).json()
    assert (bloc["proclames"], bloc["disjoints"][0]["rang"]) == ([4, 6], 5)
    garde = client.post(f"{base}/points/5/votes", json={"voix": {"1": "pour", "2": "contre"}, "proclamer": False})
    assert garde.json()["pour"] == 1
    lu = client.get(f"{base}/points/5/votes").json()
    assert (lu["voix"], lu["resultat"]) == ({"1": "pour", "2": "contre"}, None)
    assert client.post(f"{base}/points/5/proclamer", json={"partiel": True}).json()["issue"] == "retenu"
    rejete = client.post(
        f"{base}/points/1/amender", json={"montant_centimes": 100_000, "motif": "Moins", "unanimite": "contre"}
    )
    assert rejete.json() == {"adopte": False, "resultat": None}
    amende = client.post(
        f"{base}/points/1/amender", json={"montant_centimes": 100_000, "motif": "Moins", "unanimite": "pour"}
    ).json()
    assert amende["resultat"]["montant_centimes"] == 100_000
    ajourne = client.post(f"{base}/points/2/ajourner", json={"motif": "RIB", "unanimite": "pour"}).json()
    reserve = client.post(f"{base}/points/3/mettre-en-reserve", json={"unanimite": "pour"}).json()
    assert (ajourne["issue"], reserve["issue"], reserve["rang_reserve"]) == ("ajourne", "reserve", 1)
    assert client.post(f"{base}/clore").json()["etat"] == "close"
    refus = client.post(f"/api/v1/dossiers/{campagne.dossiers[0].numero}/lignes/M2A/valider")
    assert (refus.status_code, refus.json()["code"]) == (409, "vote_en_seance")
    assert client.get("/api/v1/appels/inconnu/seances").status_code == 404


def test_un_deporte_ne_lit_pas_son_point_par_l_api(client: TestClient, ecriture: Session) -> None:
    campagne = une_campagne(ecriture, dossiers=2)
    jeton = connecter(client, ecriture, campagne.compte_charge, maintenant=EN_SEANCE)
    entetes = {"X-CSRF-Token": jeton}
    corps = {"prevue_le": "2027-03-09T18:00:00+01:00", "lieu": "Salle"}
    code = client.post(f"/api/v1/appels/{campagne.appel.code}/seances", json=corps, headers=entetes).json()["code"]
    jeton = connecter(client, ecriture, campagne.comptes[2], maintenant=EN_SEANCE)
    client.headers["X-CSRF-Token"] = jeton
    fait = client.post(f"/api/v1/seances/{code}/points/1/deports", json={"motif": "Président"})
    assert fait.json() == {"points": [1, 3]}
    assert [p["rang"] for p in client.get(f"/api/v1/seances/{code}").json()["points"]] == [2, 4]
    refus = client.get(f"/api/v1/seances/{code}/points/1/votes")
    assert (refus.status_code, refus.json()["code"]) == (403, "deporte")
    assert client.post(f"/api/v1/seances/{code}/ouvrir").status_code == 403

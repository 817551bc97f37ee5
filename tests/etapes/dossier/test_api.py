"""L'API des dossiers : versions, actes engendrés des tables, listes, et tout ce qui se refuse sans rien écrire."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from app.etapes.dossier import repository
from app.etapes.dossier.rules.etats import TRANSITIONS, TRANSITIONS_DEMANDE, EtatDemande, EtatDossier
from app.etapes.dossier.rules.recevabilite import tous_verifies
from app.infra.heure import heure_machine
from app.noyau.roles import Role
from app.referentiels.acteurs import service as acteurs
from app.referentiels.acteurs.models import Compte
from tests import factories as f
from tests.client import ClientDirect
from tests.etapes.dossier.conftest import Decor

CONTENU = f.contenu_complet()


@dataclass
class Outil:
    """Un outil extérieur : un jeton, du JSON, l'horloge de l'essai."""

    client: TestClient
    jeton: str

    def appeler(self, methode: str, chemin: str, corps: Any = None, **entetes: str) -> Response:
        envoi = {"Authorization": f"Bearer {self.jeton}", "X-Horloge": f.MAINTENANT.isoformat()}
        envoi |= {nom.replace("_", "-"): valeur for nom, valeur in entetes.items()}
        return self.client.request(methode, f"/api/v1/dossiers{chemin}", json=corps, headers=envoi)

    def post(self, chemin: str, corps: Any = None, **entetes: str) -> Response:
        return self.appeler("POST", chemin, {} if corps is None else corps, **entetes)


def outil(decor: Decor, compte: Compte) -> Outil:
    secret, _ = acteurs.creer_jeton(
        decor.session, acteur=f.identite(decor.session, compte), intitule="essai", jours=1, machine=heure_machine()
    )
    decor.session.commit()
    return Outil(ClientDirect(decor.service), secret)


@pytest.fixture
def porteur(decor: Decor) -> Outil:
    return outil(decor, decor.compte)


def instructeur(decor: Decor, ligne: str = "M2A") -> Outil:
    return outil(decor, f.un_compte(decor.session, Role.INSTRUCTEUR, contrat=decor.contrat, ligne=ligne))


def creer(decor: Decor, porteur: Outil, **champs: Any) -> dict[str, Any]:
    corps = {"appel": "ess-2027", "organisation": decor.organisation.code, "champs": CONTENU | champs}
    reponse = porteur.post("", corps)
    assert reponse.status_code == 201, reponse.text
    rendu: dict[str, Any] = reponse.json()
    assert reponse.headers["ETag"] == f'"{rendu["version"]}"'
    assert reponse.headers["Location"].endswith(rendu["reference"])
    return rendu


def deposer(porteur: Outil, reference: str) -> dict[str, Any]:
    version = porteur.post(f"/{reference}/envoyer_en_signature").json()["version"]
    assert porteur.post(f"/{reference}/signer", {"version": version}).status_code == 200
    reponse = porteur.post(f"/{reference}/deposer", {"version": version})
    assert reponse.status_code == 200, reponse.text
    rendu: dict[str, Any] = reponse.json()
    return rendu


def ecrit(decor: Decor, reference: str) -> tuple[EtatDossier, int, dict[str, Any]]:
    decor.session.expire_all()
    dossier = repository.get_dossier(decor.session, reference, decor.acteur)
    rendu = (dossier.etat, dossier.version, repository.contenu(decor.session, dossier.id))
    decor.session.commit()
    return rendu


def test_du_brouillon_au_depot_par_l_api(decor: Decor, porteur: Outil) -> None:
    dossier = creer(decor, porteur)
    assert dossier["champs"] == CONTENU
    assert (dossier["manques"], dossier["actes"]) == ([], ["envoyer_en_signature", "retirer", "abandonner"])
    depose = deposer(porteur, dossier["reference"])
    assert (depose["numero"], depose["etat"], depose["libelle"]) == ("ESS-2027-0001", "depose", "Déposé")
    assert [(d["ligne"], d["montant_demande"], d["etat"]) for d in depose["demandes"]] == [
        ("BOP147", 300_000, "ouverte"), ("M2A", 500_000, "ouverte"),
    ]  # fmt: skip
    lu = instructeur(decor).appeler("GET", "/ESS-2027-0001").json()
    assert lu["champs"] == CONTENU
    assert (lu["organisation"]["siret"], lu["actes"]) == (decor.organisation.siret, ["demander_complement"])


def test_changer_exige_la_version_lue_et_montre_les_conflits(decor: Decor, porteur: Outil) -> None:
    dossier = creer(decor, porteur)
    chemin, etag = f"/{dossier['reference']}", f'"{dossier["version"]}"'
    for entetes in ({}, {"If_Match": "*"}, {"If_Match": 'W/"2"'}, {"If_Match": "2"}):
        sans = porteur.appeler("PATCH", chemin, {"champs": {"titre": "B"}}, **entetes)
        assert (sans.status_code, sans.json()["code"]) == (428, "version_attendue")
    change = porteur.appeler("PATCH", chemin, {"champs": {"titre": "B", "lieu": None}}, If_Match=etag)
    assert change.status_code == 200
    assert (change.json()["titre"], "lieu" in change.json()["champs"]) == ("B", False)
    perime = porteur.appeler("PATCH", chemin, {"champs": {"titre": "C", "besoin": CONTENU["besoin"]}}, If_Match=etag)
    assert perime.status_code == 412
    assert perime.json()["conflits"] == {"titre": {"enregistre": "B", "saisi": "C"}}
    assert perime.headers["content-type"] == "application/problem+json"
    assert ecrit(decor, dossier["reference"])[2]["titre"] == "B"


MAUVAIS: list[tuple[dict[str, Any], str, str]] = [
    ({"objectif_principal": "E9.9"}, "objectif_principal", "valeur_refusee"),
    ({"demandes": [{"ligne": "M2A", "annee": 2027, "montant": 0}]}, "demandes.0.montant", "valeur_refusee"),
    ({"demandes": [{"ligne": "M2A", "annee": 2027, "montant": -1}]}, "demandes.0.montant", "valeur_refusee"),
    ({"demandes": [{"ligne": "M2A", "annee": 2027, "montant": 10**15}]}, "demandes.0.montant", "valeur_refusee"),
    ({"demandes": [{"ligne": "INCONNUE", "annee": 2027, "montant": 1}]}, "demandes.0.ligne", "valeur_refusee"),
    ({"beneficiaires": "douze"}, "beneficiaires", "valeur_refusee"),
    ({"titre": {"x": 1}}, "titre", "valeur_refusee"),
    ({"inconnu": 1}, "inconnu", "champ_inconnu"),
    ({"titre": "a\x00b"}, "champs", "value_error"),
]


def test_une_valeur_fausse_est_designee_et_rien_n_est_ecrit(decor: Decor, porteur: Outil) -> None:
    reference = creer(decor, porteur)["reference"]
    avant = ecrit(decor, reference)
    etag = f'"{avant[1]}"'
    for champs, chemin, code in MAUVAIS:
        refus = porteur.appeler("PATCH", f"/{reference}", {"champs": champs | {"besoin": "Neuf"}}, If_Match=etag)
        assert refus.status_code == 422, champs
        assert (refus.json()["erreurs"][0]["champ"], refus.json()["erreurs"][0]["code"]) == (chemin, code)
        assert ecrit(decor, reference) == avant
    en_trop = porteur.appeler("PATCH", f"/{reference}", {"champs": {}, "autre": 1}, If_Match=etag)
    assert (en_trop.status_code, en_trop.json()["erreurs"][0]["code"]) == (422, "extra_forbidden")


def test_un_corps_illisible_ou_trop_lourd_est_refuse(decor: Decor, porteur: Outil) -> None:
    reference = creer(decor, porteur)["reference"]
    avant = ecrit(decor, reference)
    entetes = {"Authorization": f"Bearer {porteur.jeton}", "If-Match": f'"{avant[1]}"'}
    url = f"/api/v1/dossiers/{reference}"
    casse = porteur.client.patch(url, content=b'{"champs": {', headers=entetes | {"Content-Type": "application/json"})
    assert (casse.status_code, casse.json()["code"]) == (400, "json_illisible")
    lourd = json.dumps({"champs": {"description": "x" * (13 * 1024 * 1024)}}).encode()
    trop = porteur.client.patch(url, content=lourd, headers=entetes | {"Content-Type": "application/json"})
    assert trop.status_code == 413
    assert ecrit(decor, reference) == avant


def test_un_budget_desequilibre_ne_part_pas_a_la_signature(decor: Decor, porteur: Outil) -> None:
    reference = creer(decor, porteur, budget_produits=[{"compte": "70", "montant": 1}])["reference"]
    avant = ecrit(decor, reference)
    refus = porteur.post(f"/{reference}/envoyer_en_signature")
    assert refus.status_code == 422
    assert {e["code"] for e in refus.json()["erreurs"]} == {"budget_desequilibre"}
    assert ecrit(decor, reference) == avant


def test_le_depot_se_refuse_sans_signature_perime_ou_apres_la_cloture(decor: Decor, porteur: Outil) -> None:
    reference = creer(decor, porteur)["reference"]
    sans = porteur.post(f"/{reference}/deposer", {"version": 2})
    assert (sans.status_code, sans.json()["code"]) == (409, "signature_manquante")
    version = porteur.post(f"/{reference}/envoyer_en_signature").json()["version"]
    assert porteur.post(f"/{reference}/signer", {"version": version - 1}).status_code == 412
    assert porteur.post(f"/{reference}/signer", {"version": version}).status_code == 200
    perime = porteur.post(f"/{reference}/deposer", {"version": version - 1})
    assert (perime.status_code, perime.json()["code"]) == (412, "version_perimee")
    tard = porteur.post(f"/{reference}/deposer", {"version": version}, X_Horloge=f.CLOTURE.isoformat())
    assert (tard.status_code, tard.json()["code"]) == (409, "appel_clos")
    assert porteur.post(f"/{reference}/deposer", {}).status_code == 422
    assert ecrit(decor, reference)[0] is EtatDossier.A_SIGNER


def test_un_depot_rejoue_avec_sa_cle_rend_le_meme_numero(decor: Decor, porteur: Outil) -> None:
    reference = creer(decor, porteur)["reference"]
    version = porteur.post(f"/{reference}/envoyer_en_signature").json()["version"]
    porteur.post(f"/{reference}/signer", {"version": version})
    corps = {"version": version}
    numeros = {porteur.post(f"/{reference}/deposer", corps, Idempotency_Key="k-1").json()["numero"] for _ in range(3)}
    assert numeros == {"ESS-2027-0001"}
    autre = creer(decor, porteur)["reference"]
    version = porteur.post(f"/{autre}/envoyer_en_signature").json()["version"]
    porteur.post(f"/{autre}/signer", {"version": version})
    refus = porteur.post(f"/{autre}/deposer", {"version": version}, Idempotency_Key="k-1")
    assert (refus.status_code, refus.json()["code"]) == (409, "cle_deja_utilisee")


def test_creer_exige_une_organisation_a_soi_et_un_appel_ouvert(decor: Decor, porteur: Outil) -> None:
    f.une_organisation(decor.session, rang=2)
    decor.session.commit()
    base = {"appel": "ess-2027", "organisation": decor.organisation.code}
    for change, statut, code in (
        ({"organisation": "o-essai002"}, 422, "organisation_inconnue"),
        ({"appel": "inconnu"}, 422, "appel_inconnu"),
        ({"renouvelle": "ESS-2027-0099"}, 404, "introuvable"),
    ):
        refus = porteur.post("", base | change)
        assert refus.status_code == statut
        assert code in {refus.json()["code"], *(e["code"] for e in refus.json().get("erreurs", ()))}
    clos = porteur.post("", base, X_Horloge=f.CLOTURE.isoformat())
    assert (clos.status_code, clos.json()["code"]) == (409, "appel_clos")
    assert porteur.appeler("GET", "").json() == {"elements": [], "suivant": None}


def test_chacun_ne_voit_et_ne_fait_que_ce_qui_lui_revient(decor: Decor, porteur: Outil) -> None:
    reference = creer(decor, porteur)["reference"]
    numero = deposer(porteur, creer(decor, porteur)["reference"])["numero"]
    autre = f.une_organisation(decor.session, rang=2)
    etranger = outil(decor, f.un_compte(decor.session, Role.REDACTEUR, Role.SIGNATAIRE, organisation=autre))
    agent = instructeur(decor)
    for chemin in (reference, numero, "ESS-2027-9999", "M2A'--"):
        assert etranger.appeler("GET", f"/{chemin}").status_code == 404
        assert etranger.post(f"/{chemin}/retirer", {"motif": "x"}).status_code == 404
    assert agent.appeler("GET", f"/{reference}").status_code == 404
    assert agent.appeler("PATCH", f"/{numero}", {"champs": {}}, If_Match='"2"').status_code == 403
    assert agent.post(f"/{numero}/deposer", {"version": 1}).status_code == 403
    assert porteur.post(f"/{numero}/demander_complement", {}).status_code in {403, 422}
    anonyme = TestClient(decor.service).get(f"/api/v1/dossiers/{numero}")
    assert (anonyme.status_code, anonyme.json()["code"]) == (401, "connexion_requise")
    d_une_autre_ligne = instructeur(decor, "MULHOUSE").post(f"/{numero}/lignes/M2A/declarer_recevable")
    assert (d_une_autre_ligne.status_code, d_une_autre_ligne.json()["code"]) == (403, "acte_interdit")


def test_la_recevabilite_se_conclut_ligne_par_ligne(decor: Decor, porteur: Outil) -> None:
    numero = deposer(porteur, creer(decor, porteur)["reference"])["numero"]
    agent = instructeur(decor)
    chemin = f"/{numero}/lignes/M2A"
    assert agent.post(f"{chemin}/declarer_irrecevable").json()["erreurs"][0]["champ"] == "motif"
    refus = agent.post(f"{chemin}/declarer_recevable", {"points": {"organisation": True}})
    assert (refus.status_code, refus.json()["erreurs"][0]["code"]) == (422, "points_a_verifier")
    inconnu = agent.post(f"{chemin}/declarer_recevable", {"points": {"siret": True}})
    assert (inconnu.status_code, inconnu.json()["erreurs"][0]["code"]) == (422, "point_inconnu")
    recevable = agent.post(f"{chemin}/declarer_recevable", {"points": tous_verifies()})
    assert (recevable.status_code, recevable.json()["libelle"]) == (200, "En instruction")
    encore = agent.post(f"{chemin}/declarer_recevable", {"annee": 2027})
    assert (encore.status_code, encore.json()["code"]) == (409, "etat_contraire")
    assert agent.post(f"{chemin}/declarer_recevable", {"annee": 2031}).status_code == 404
    orientee = agent.post(f"{chemin}/orienter", {"motif": "Relève du sport.", "oriente_vers": "Droit commun"})
    assert orientee.json()["etat"] == "orientee"
    rouverte = agent.post(f"{chemin}/rouvrir", {"motif": "Erreur."})
    assert rouverte.json()["etat"] == "ouverte"
    assert agent.post(f"{chemin}/declarer_caduque", {"motif": "x"}).status_code == 403
    assert agent.post(f"/{numero}/lignes/INCONNUE/declarer_recevable").status_code in {403, 404}


def test_le_complement_par_l_api(decor: Decor, porteur: Outil) -> None:
    numero = deposer(porteur, creer(decor, porteur)["reference"])["numero"]
    agent = instructeur(decor)
    echeance = (f.MAINTENANT + timedelta(days=10)).isoformat()
    corps = {"objet": "Le budget", "pourquoi": "Flou.", "echeance_le": echeance, "ligne": "M2A"}
    passee = agent.post(f"/{numero}/demander_complement", corps | {"echeance_le": "2020-01-01T00:00:00Z"})
    assert passee.json()["erreurs"][0]["code"] == "echeance_passee"
    assert agent.post(f"/{numero}/demander_complement", corps | {"ligne": "X"}).status_code == 422
    assert agent.post(f"/{numero}/demander_complement", corps | {"echeance_le": "2027-01-01T00:00"}).status_code == 422
    loin = (f.MAINTENANT + timedelta(days=93)).isoformat()
    lointaine = agent.post(f"/{numero}/demander_complement", corps | {"echeance_le": loin})
    assert lointaine.json()["erreurs"][0]["code"] == "echeance_lointaine"
    ailleurs = instructeur(decor, "WITTENHEIM")
    for portee in ({}, {"ligne": ""}):
        refus = ailleurs.post(f"/{numero}/demander_complement", {**corps, **portee})
        assert refus.status_code == 403, "une ligne que le dossier ne demande pas ne suspend rien"
    demande = agent.post(f"/{numero}/demander_complement", corps)
    assert (demande.status_code, demande.json()["etat"]) == (200, "a_completer")
    version = porteur.appeler("GET", f"/{numero}").json()["version"]
    fige = porteur.appeler("PATCH", f"/{numero}", {"champs": {"duree": "3"}}, If_Match=f'"{version}"')
    assert fige.json()["erreurs"][0]["code"] == "fige_au_depot"
    rendu = porteur.post(f"/{numero}/completer", {"reponse": "Voici."})
    assert (rendu.status_code, rendu.json()["complements"][0]["reponse"]) == (200, "Voici.")
    assert porteur.post(f"/{numero}/retirer", {"motif": "Abandon."}).json()["etat"] == "retire"


def test_le_porteur_ne_lit_ni_proposition_ni_vote_ni_decision(decor: Decor, porteur: Outil) -> None:
    numero = deposer(porteur, creer(decor, porteur)["reference"])["numero"]
    dossier = repository.get_dossier(decor.session, numero, decor.acteur)
    demande, _ = repository.list_demandes(decor.session, [dossier.id])[0]
    for etat in EtatDemande:
        demande.etat = etat
        decor.session.commit()
        lue = porteur.appeler("GET", f"/{numero}").json()["demandes"][0]["etat"]
        assert lue not in {"proposee", "arbitree", "validee", "avis_rendu", "decidee", "refusee"}


def test_la_liste_se_filtre_se_cherche_et_se_pagine(decor: Decor, porteur: Outil) -> None:
    for titre in ("Café", "Vélo", "Jardin"):
        deposer(porteur, creer(decor, porteur, titre=titre)["reference"])
    agent = instructeur(decor)
    assert [e["titre"] for e in agent.appeler("GET", "?q=velo&appel=ess-2027&ligne=M2A").json()["elements"]] == ["Vélo"]
    vus: list[str] = []
    suivant = ""
    while suivant is not None:
        page = agent.appeler("GET", f"?taille=2&apres={suivant}").json()
        vus += [e["numero"] for e in page["elements"]]
        suivant = page["suivant"]
    assert vus == ["ESS-2027-0003", "ESS-2027-0002", "ESS-2027-0001"]
    for filtre in ("etat=inconnu", "taille=0", "taille=201", "apres=ESS-2027-0999", "appel=%00", "etat_demande=x"):
        refus = agent.appeler("GET", f"?{filtre}")
        assert refus.status_code == 422, filtre
        assert refus.json()["erreurs"]


def test_une_route_par_acte_des_tables_et_une_description_juste(decor: Decor) -> None:
    chemins = TestClient(decor.service).get("/api/v1/openapi.json").json()["paths"]
    base = "/api/v1/dossiers/{numero}"
    for t in TRANSITIONS:
        assert "post" in chemins[f"{base}/{t.acte}"], t.acte
    for d in TRANSITIONS_DEMANDE:
        assert (f"{base}/lignes/{{code}}/{d.acte}" in chemins) or d.etape != "dossier", d.acte
    patch = chemins[base]["patch"]
    assert {"200", "401", "403", "404", "409", "412", "413", "422", "428"} <= patch["responses"].keys()
    assert "application/problem+json" in patch["responses"]["412"]["content"]
    schema = chemins[f"{base}/deposer"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["$ref"].endswith("/CorpsVersion")

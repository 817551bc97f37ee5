"""Pages et API de l'appel : le public, la campagne, les refus."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel, Enveloppe
from app.etapes.appel.rules import EtatAppel, SilenceAvis
from app.infra.db import creer_fabrique
from app.noyau.euros import Euros
from app.noyau.roles import Role
from app.referentiels.grilles.models import GrilleEnregistree
from tests.factories import MAINTENANT, UnContrat, connecter, un_appel, un_compte, un_contrat
from tests.requetes import requetes


@dataclass
class Monde:
    session: Session
    contrat: UnContrat
    appel: Appel


@pytest.fixture
def monde(moteur_propre: Engine):
    with creer_fabrique(moteur_propre)() as session:
        contrat = un_contrat(session)
        appel = un_appel(session, contrat)
        session.commit()
        yield Monde(session, contrat, appel)


def test_le_public_lit_l_appel_et_ses_credits(client: TestClient, monde: Monde, service: FastAPI) -> None:
    client.headers["X-Horloge"] = MAINTENANT.isoformat()
    assert client.get("/appel").headers["location"] == "/appels/ess-2027"
    with requetes(service) as vues:
        page = client.get("/appels/ess-2027")
    assert page.status_code == 200
    assert "Vous pouvez déposer jusqu’au" in page.text
    assert "100\u202f000" in page.text
    assert len(vues) <= 8
    api = client.get("/api/v1/appels/ess-2027").json()
    assert (api["etat"], api["phases"][0]["rang"]) == ("ouvert", 1)
    assert client.get("/api/v1/appels/ess-2027/enveloppes").status_code == 401
    membre = un_compte(monde.session, Role.MEMBRE_COMMISSION, contrat=monde.contrat)
    connecter(client, monde.session, membre, maintenant=MAINTENANT)
    enveloppes = client.get("/api/v1/appels/ess-2027/enveloppes").json()["elements"]
    assert {e["ligne"]: e["reste_centimes"] for e in enveloppes}["M2A"] == 10_000_000
    assert client.get("/api/v1/appels/inconnu").status_code == 404
    assert client.get("/api/v1/appels/inconnu").json()["code"] == "introuvable"


def test_le_charge_de_mission_conduit_sa_campagne(client: TestClient, monde: Monde, service: FastAPI) -> None:
    compte = un_compte(monde.session, Role.CHARGE_MISSION, contrat=monde.contrat)
    jeton = connecter(client, monde.session, compte, maintenant=MAINTENANT)
    assert client.get("/campagne").status_code == 200
    with requetes(service) as vues:
        assert client.get("/campagne/ess-2027").status_code == 200
    assert len(vues) <= 8
    refus = client.post(
        "/campagne/ess-2027/enveloppes/M2A",
        data={"_csrf": jeton, "montant": "beaucoup", "nature": "notifiee", "motif": "Vote du budget"},
    )
    assert refus.status_code == 422
    assert "beaucoup" in refus.text
    assert "Vote du budget" in refus.text
    fait = client.post(
        "/campagne/ess-2027/enveloppes/M2A",
        data={"_csrf": jeton, "montant": "120 000", "nature": "notifiee", "motif": "Vote du budget"},
    )
    assert fait.status_code == 303
    requete = select(Enveloppe.montant).where(Enveloppe.ligne_id == monde.contrat.lignes["M2A"].id)
    monde.session.rollback()
    assert monde.session.scalar(requete) == Euros.de(120_000)
    assert client.post("/campagne/ess-2027/actes/clore", data={"_csrf": jeton}).status_code == 303
    encore = client.post("/campagne/ess-2027/actes/clore", data={"_csrf": jeton})
    assert encore.status_code == 409
    assert "l’appel est «\u00a0Clos" in encore.text.replace("\u202f", "\u00a0")
    assert 'action="/campagne/ess-2027/enveloppes/M2A"' in encore.text, "la page revient, l’acte en moins"
    assert client.post("/campagne/ess-2027/actes/inventer", data={"_csrf": jeton}).status_code == 404


@pytest.mark.parametrize(
    ("etat", "confirmes", "directs"),
    [
        (EtatAppel.PREPARE, {"actes/ouvrir": "Phases, pièces et orientations ne se refont plus"}, ()),
        (EtatAppel.OUVERT, {"actes/clore": "Les dépôts s’arrêtent tout de suite"}, ()),
        (EtatAppel.CLOS, {"arreter": "il ne se rouvre plus"}, ("actes/rouvrir",)),
        (EtatAppel.ARRETE, {}, ()),
    ],
)
def test_un_acte_qui_engage_se_confirme_avec_et_sans_javascript(
    client: TestClient, monde: Monde, etat: EtatAppel, confirmes: dict[str, str], directs: tuple[str, ...]
) -> None:
    conduit(client, monde)
    monde.session.get_one(Appel, monde.appel.id).etat = etat
    monde.session.commit()
    page = client.get("/campagne/ess-2027").text
    sans_script = "".join(re.findall(r"<noscript>.*?</noscript>", page, re.S))
    dialogues = "".join(re.findall(r"<dialog .*?</dialog>", page, re.S))
    reste = re.sub(r"<(noscript|dialog).*?</\1>", "", page, flags=re.S)
    for acte, phrase in confirmes.items():
        assert f'data-confirme="dialogue-{acte.removeprefix("actes/")}"' in reste
        for zone in (dialogues, sans_script):
            assert (f'action="/campagne/ess-2027/{acte}"' in zone, phrase in zone) == (True, True)
    postes = set(re.findall(r'action="/campagne/ess-2027/((?:actes/)?[a-z]+)"', reste))
    assert postes == set(directs), "aucun acte qui engage ne part d’un seul clic"


ADRESSE = "/campagne/contrats/essai-2024-2030/appels"
SAISIE = {
    "code": "ess-2028", "annee": "2028", "intitule": "Appel 2028", "seuil_court": "1 500",
    "silence_avis": "favorable", "phases.0.intitule": "Phase 1", "phases.0.ouverture_le": "2027-10-01T08:00",
    "phases.0.cloture_le": "2027-12-10T18:00", "phases.0.consultation_du": "2028-01-10T08:00",
    "phases.0.consultation_au": "2028-02-10T18:00", "phases.0.commission_le": "2028-03-09T09:00",
    "phases.0.notification_le": "2028-06-01T09:00", "phases.0.bilans_le": "2029-06-30T18:00",
    "phases.1.intitule": "Fêtes de fin d’année", "phases.1.ouverture_le": "2028-06-01T08:00",
    "phases.1.cloture_le": "2028-09-10T18:00", "phases.1.part_reservee": "2,5",
    "pieces.0.libelle": "Statuts signés", "pieces.0.forme": "association", "pieces.0.source": "loi de 1908",
    "pieces.1.libelle": "RIB", "pieces.1.forme": "*", "pieces.1.facultatif": "oui", "pieces.2.libelle": "",
    "orientations.textes": "Les jeunes d’abord\n\nAller vers", "orientations.nationales": "jeunesse",
    "orientations.simulation": "oui", "orientations.priorites.M2A": "E2.2 ; E1.1, E1.2",
}  # fmt: skip


def conduit(client: TestClient, monde: Monde) -> dict[str, str]:
    compte = un_compte(monde.session, Role.CHARGE_MISSION, contrat=monde.contrat)
    return {"_csrf": connecter(client, monde.session, compte, maintenant=MAINTENANT)}


def test_un_appel_se_prepare_en_entier_depuis_la_page_sans_javascript(client: TestClient, monde: Monde) -> None:
    jeton = conduit(client, monde)
    assert client.get(f"{ADRESSE}/nouveau").status_code == 200
    depart = {nom: v for nom, v in SAISIE.items() if not nom.startswith("phases.1")}
    deux = client.post(ADRESSE, data=jeton | depart | {"geste": "ajouter_phase"})
    assert deux.status_code == 200
    assert 'name="phases.1.ouverture_le"' in deux.text
    assert "Les jeunes d’abord" in deux.text, "rien de tapé n'est perdu"
    assert client.get("/campagne/ess-2028").status_code == 404, "une phase ajoutée n'enregistre rien"
    assert client.post(ADRESSE, data=jeton | SAISIE).headers["location"].startswith("/campagne/ess-2028")
    assert client.post(ADRESSE, data=jeton | SAISIE).status_code == 422
    assert monde.session.scalar(select(Appel.silence_avis).where(Appel.code == "ess-2028")) is SilenceAvis.FAVORABLE
    api = client.get("/api/v1/appels/ess-2028").json()
    assert [p["part_reservee_milliemes"] for p in api["phases"]] == [0, 25]
    assert api["phases"][0]["consultation_du"] == "2028-01-10T07:00:00+00:00"
    assert [(p["code"], p["forme"], p["obligatoire"]) for p in api["pieces"]] == [
        ("statuts_signes", "association", True), ("rib", "*", False),
    ]  # fmt: skip
    assert api["orientations"] == {
        "textes": ["Les jeunes d’abord", "Aller vers"], "nationales": ["jeunesse"], "simulation": True,
        "priorites": {"M2A": [["E2.2"], ["E1.1", "E1.2"]]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "dit"),
    [
        ({"phases.0.cloture_le": "2027-09-01T18:00"}, "Phase 1, clôture du dépôt : la clôture vient après"),
        ({"phases.0.consultation_au": "2028-01-01T18:00"}, "consultation des services : la consultation finit après"),
        ({"phases.1.part_reservee": "120"}, "au plus 100"),
        ({"phases.0.ouverture_le": "demain"}, "Phase 1, ouverture du dépôt : écrivez une date et une heure."),
        ({"orientations.priorites.M2A": "E9.9"}, "Priorités, m2A : ce contrat n’a pas cet objectif"),
        ({"orientations.priorites.M2A": "E2.2 ; E2.2"}, "un objectif n’a qu’un rang."),
        ({"orientations.priorites.M2A": "E1.1 ;; E1.2"}, "de un à 3 rangs"),
        ({"orientations.priorites.AILLEURS": "E1.1"}, "n’est pas une ligne de financement"),
        ({"pieces.1.libelle": "Statuts signés", "pieces.1.forme": "association"}, "deux fois"),
        ({"seuil_court": "peu"}, "Écrivez le seuil du chemin court en euros"),
    ],
)
def test_un_appel_mal_prepare_se_remontre_avec_sa_faute(
    client: TestClient, monde: Monde, change: dict[str, str], dit: str
) -> None:
    refus = client.post(ADRESSE, data=conduit(client, monde) | SAISIE | change)
    assert refus.status_code == 422
    assert dit in refus.text.replace("\u00a0", " ").replace("\u202f", " ")
    assert "Fêtes de fin d’année" in refus.text
    assert client.get("/campagne/ess-2028").status_code == 404


def test_un_appel_dit_toutes_ses_fautes_d_un_coup_chacune_menant_a_son_champ(client: TestClient, monde: Monde) -> None:
    change = {
        "code": "", "annee": "", "intitule": "", "seuil_court": "peu", "phases.0.cloture_le": "2027-09-01T18:00",
        "pieces.1.libelle": "Statuts signés", "pieces.1.forme": "association", "orientations.priorites.M2A": "E9.9",
    }  # fmt: skip
    page = client.post(ADRESSE, data=conduit(client, monde) | SAISIE | change).text
    champs = ("code", "annee", "intitule", "seuil_court", "phases.0.cloture_le", "pieces", "orientations.priorites.M2A")
    for champ in champs:
        assert f'href="#champ-{champ}"' in page, champ
        assert f'id="champ-{champ}"' in page, champ
    assert "7 erreurs à corriger" in page


def test_une_enveloppe_sans_montant_ni_motif_dit_les_deux(client: TestClient, monde: Monde) -> None:
    envoi = conduit(client, monde) | {"montant": "beaucoup", "nature": "notifiee", "motif": ""}
    refus = client.post("/campagne/ess-2027/enveloppes/M2A", data=envoi)
    assert refus.status_code == 422
    for champ in ("montant-M2A", "motif-M2A"):
        assert f'href="#champ-{champ}"' in refus.text
        assert f'id="erreur-{champ}"' in refus.text
    assert 'value="beaucoup"' in refus.text


def test_un_appel_se_refait_tant_qu_il_est_en_preparation(client: TestClient, monde: Monde) -> None:
    jeton = conduit(client, monde)
    client.post(ADRESSE, data=jeton | SAISIE)
    page = client.get("/campagne/ess-2028/preparation").text
    assert "E2.2 ; E1.1, E1.2" in page
    assert 'value="2,5"' in page
    refaite = {n: v for n, v in SAISIE.items() if not n.startswith("phases.1") and not n.startswith("pieces.1")}
    change = jeton | refaite | {"intitule": "Appel 2028 refait", "orientations.priorites.M2A": ""}
    change["silence_avis"] = "sans_reponse"
    assert client.post("/campagne/ess-2028/preparation", data=change).status_code == 303
    assert monde.session.scalar(select(Appel.silence_avis).where(Appel.code == "ess-2028")) is SilenceAvis.SANS_REPONSE
    api = client.get("/api/v1/appels/ess-2028").json()
    assert (api["intitule"], len(api["phases"]), len(api["pieces"])) == ("Appel 2028 refait", 1, 1)
    assert "priorites" not in api["orientations"]
    encore = client.post("/campagne/ess-2028/preparation", data=change | {"geste": "ajouter_phase"})
    assert 'name="phases.1.ouverture_le"' in encore.text
    assert client.post("/campagne/ess-2028/preparation", data=change | {"phases.0.cloture_le": ""}).status_code == 422


def test_la_grille_se_choisit_en_preparant_l_appel_la_derniere_par_defaut(client: TestClient, monde: Monde) -> None:
    jeton = conduit(client, monde)
    grille_id = monde.contrat.grille.id
    derniere = GrilleEnregistree(
        contrat_id=monde.contrat.id, version="2028.0", contenu={}, empreinte="1" * 64, cree_at=MAINTENANT
    )
    monde.session.add(derniere)
    monde.session.commit()
    assert "2028.0" in client.get("/campagne/contrats/essai-2024-2030/appels/nouveau").text
    choisie = select(Appel.grille_id).where(Appel.code == "ess-2028")
    assert client.post(ADRESSE, data=jeton | SAISIE | {"grille": "1999"}).status_code == 422
    assert client.post(ADRESSE, data=jeton | SAISIE).status_code == 303
    assert monde.session.scalar(choisie) == derniere.id
    adresse = "/campagne/ess-2028/preparation"
    assert '<option value="2028.0" selected>' in client.get(adresse).text
    change = {n: v for n, v in SAISIE.items() if n not in ("code", "annee")}
    assert client.post(adresse, data=jeton | change | {"grille": monde.contrat.grille.version}).status_code == 303
    monde.session.rollback()
    assert monde.session.scalar(choisie) == grille_id


def test_une_date_a_venir_d_un_appel_ouvert_se_deplace_avec_un_motif(client: TestClient, monde: Monde) -> None:
    jeton = conduit(client, monde)
    client.post(ADRESSE, data=jeton | SAISIE)
    client.post("/campagne/ess-2028/actes/ouvrir", data=jeton)
    client.headers["X-Horloge"] = "2027-11-01T08:00:00+00:00"
    adresse = "/campagne/ess-2028/preparation"
    assert 'name="motif"' in client.get(adresse).text
    dates = {n: v for n, v in SAISIE.items() if n.startswith("phases.") and "part" not in n}
    motif = {"motif": "La séance est reportée."}
    faux = (
        dates | {"phases.0.ouverture_le": "2027-10-05T08:00"},
        dates | {"phases.0.cloture_le": "2027-10-20T18:00"},
        dates | {"phases.0.cloture_le": ""},
        {n: v for n, v in dates.items() if not n.startswith("phases.1")},
    )
    for fausses in faux:
        assert client.post(adresse, data=jeton | fausses | motif).status_code == 422, fausses
    voulues = dates | {"phases.0.commission_le": "2028-03-16T09:00"}
    assert "Dites pourquoi" in client.post(adresse, data=jeton | voulues | {"motif": " "}).text
    assert client.post(adresse, data=jeton | voulues | motif).status_code == 303
    api = client.get("/api/v1/appels/ess-2028").json()
    assert api["phases"][0]["commission_le"] == "2028-03-16T08:00:00+00:00"
    assert api["phases"][1]["part_reservee_milliemes"] == 25, "le reste de la phase ne change pas"
    corps = {"motif": "Encore", "dates": [{"phase": 1, "date": "commission_le", "le": "2028-03-20T08:00:00Z"}]}
    entetes = {"X-CSRF-Token": jeton["_csrf"]}
    assert client.post("/api/v1/appels/ess-2028/dates", json=corps, headers=entetes).status_code == 200
    corps["dates"][0]["phase"] = 3  # type: ignore[index]
    assert client.post("/api/v1/appels/ess-2028/dates", json=corps, headers=entetes).status_code == 422
    client.cookies.clear()
    publique = client.get("/appels/ess-2028").text.replace("\u00a0", " ").replace("\u202f", " ")
    for dit in ("Consultation des services", "10 janvier 2028", "2,5 % de chaque enveloppe", "Bilans à rendre"):
        assert dit in publique, dit
    assert "L’emploi (E2.2)" in publique, "les priorités de l'année sont publiques"


def test_un_appel_en_preparation_n_est_pas_public_par_l_api_non_plus(client: TestClient, monde: Monde) -> None:
    jeton = conduit(client, monde)
    client.post(ADRESSE, data=jeton | SAISIE)
    chemins = ("/appels/ess-2028", "/api/v1/appels/ess-2028", "/api/v1/appels/ess-2028/enveloppes")
    assert [client.get(c).status_code for c in chemins[1:]] == [200, 200]
    autre = un_contrat(monde.session, code="autre-2024-2030", prefixe="AUT")
    connecter(client, monde.session, un_compte(monde.session, Role.CHARGE_MISSION, contrat=autre))
    assert [client.get(c).status_code for c in chemins] == [404, 404, 404]
    client.cookies.clear()
    assert [client.get(c).status_code for c in chemins] == [404, 404, 401]


def test_une_orientation_inconnue_est_refusee_par_l_api(client: TestClient, monde: Monde) -> None:
    jeton = conduit(client, monde)["_csrf"]
    phase = {"intitule": "P", "ouverture_le": "2027-10-01T08:00:00Z", "cloture_le": "2027-12-01T08:00:00Z"}
    corps = {
        "contrat": "essai-2024-2030", "grille": "2027", "code": "ess-2029", "annee": 2029, "intitule": "A",
        "phases": [phase], "orientations": {"prioritees": {}},
    }  # fmt: skip
    refus = client.post("/api/v1/appels", json=corps, headers={"X-CSRF-Token": jeton})
    assert refus.status_code == 422
    assert "Ce champ n’est pas attendu." in refus.text


def test_l_appel_d_un_autre_contrat_n_existe_pas(client: TestClient, monde: Monde) -> None:
    autre = un_contrat(monde.session, code="autre-2024-2030", prefixe="AUT")
    compte = un_compte(monde.session, Role.CHARGE_MISSION, contrat=autre)
    jeton = connecter(client, monde.session, compte, maintenant=MAINTENANT)
    assert client.get("/campagne/ess-2027").status_code == 404
    assert client.post("/campagne/ess-2027/actes/clore", data={"_csrf": jeton}).status_code == 404
    corps = {"ligne": "M2A", "annee": 2027, "montant_centimes": 1, "nature": "notifiee", "motif": "x"}
    api = client.post("/api/v1/appels/ess-2027/enveloppes", json=corps, headers={"X-CSRF-Token": jeton})
    assert api.status_code == 403

"""Les pages et l'API de la décision : qui voit quoi, les actes, les exports, le nombre de requêtes."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from zipfile import ZipFile

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from app.etapes.convention.models import Decision, Notification
from app.etapes.convention.service import decision, lettre, notification
from app.noyau.euros import Euros
from app.referentiels.acteurs.models import Compte
from tests.etapes.commission.aide_seance import Campagne, une_campagne
from tests.etapes.convention.aide_decision import APRES, accorde, arreter, compte_de_ligne, de_la_ligne, voter_tout
from tests.factories import connecter


@pytest.fixture
def votee(ecriture: Session) -> Campagne:
    campagne = une_campagne(ecriture)
    voter_tout(ecriture, campagne)
    ecriture.commit()
    return campagne


@dataclass
class Poste:
    """Un navigateur connecté."""

    client: TestClient
    jeton: str

    def poster(self, chemin: str, **champs: str) -> Response:
        return self.client.post(chemin, data={"_csrf": self.jeton, **champs})

    def api(self, chemin: str, corps: object = None) -> Response:
        return self.client.post(f"/api/v1{chemin}", json=corps, headers={"X-CSRF-Token": self.jeton})


Connexion = Callable[[Compte], Poste]


@pytest.fixture
def entrer(client: TestClient, ecriture: Session) -> Connexion:
    def ouvrir(compte: Compte) -> Poste:
        client.cookies.clear()
        return Poste(client, connecter(client, ecriture, compte, maintenant=APRES))

    return ouvrir


@contextmanager
def compter_les_requetes(service: FastAPI) -> Iterator[list[str]]:
    moteur: Engine = service.state.moteur
    vues: list[str] = []

    def noter(_c: object, _k: object, instruction: str, *_: object) -> None:
        vues.append(instruction)

    event.listen(moteur, "before_cursor_execute", noter)
    try:
        yield vues
    finally:
        event.remove(moteur, "before_cursor_execute", noter)


def numero(campagne: Campagne, rang: int = 0) -> str:
    return campagne.dossiers[rang].numero or ""


def adresse(campagne: Campagne, ligne: str = "M2A") -> str:
    return f"/appels/{campagne.appel.code}/decisions/{ligne}"


def test_du_vote_a_la_notification_par_les_pages(ecriture: Session, votee: Campagne, entrer: Connexion) -> None:
    poste = entrer(compte_de_ligne(ecriture, votee, "M2A"))
    liste = poste.client.get("/decisions").text
    assert "votre ligne" in liste
    assert "8\u202f000\u00a0€ votés" in liste
    page = poste.client.get(adresse(votee)).text
    assert "Arrêter la ligne et engager 8\u202f000\u00a0€" in page
    assert poste.poster(f"{adresse(votee)}/arrete").status_code == 303
    encore = poste.poster(f"{adresse(votee)}/arrete")
    assert encore.status_code == 409
    assert "Enregistrer un lot de décisions" in encore.text, "la page revient, avec la raison"
    chemin = f"/dossiers/{numero(votee)}/lignes/M2A/decision"
    assert 'value="4\u202f000"' in poste.client.get(chemin).text
    acte = {"sens": "attribuee", "reference_acte": "CA-12", "acte_le": "2027-05-18"}
    refus = poste.poster(chemin, **acte, montant="3 000", motif="")
    assert refus.status_code == 422
    assert 'value="3 000"' in refus.text
    assert "Dites pourquoi ce n’est pas le montant voté" in refus.text
    assert poste.poster(chemin, **acte, montant="beaucoup").status_code == 422
    assert poste.poster(chemin, **acte, montant="3 000", motif="Budget réduit").status_code == 303
    assert "Notifier au porteur" in poste.client.get(chemin).text
    assert poste.poster(f"/dossiers/{numero(votee)}/lignes/M2A/notification").status_code == 303
    encore = poste.poster(f"/dossiers/{numero(votee)}/lignes/M2A/notification")
    assert encore.status_code == 409
    assert "a déjà notifié sa décision" in encore.text
    assert "pas encore lue" in encore.text
    assert "pas encore lue" in poste.client.get(chemin).text
    notifiees = poste.client.get(f"{adresse(votee)}?etape=notifiee").text
    assert numero(votee) in notifiees
    assert numero(votee, 1) not in notifiees


def test_un_lot_se_colle_se_controle_et_s_enregistre(ecriture: Session, votee: Campagne, entrer: Connexion) -> None:
    arreter(ecriture, votee, "M2A")
    poste = entrer(compte_de_ligne(ecriture, votee, "M2A"))
    chemin = f"{adresse(votee)}/lot"
    lot = f"{numero(votee)};4000;;\n{numero(votee, 1)};;refusée;Hors priorité"
    acte = {"reference_acte": "CA-12", "acte_le": "2027-05-18"}
    fautif = poste.poster(chemin, lot=f"{numero(votee)};9999", **acte)
    assert fautif.status_code == 422
    assert f"Ligne 1 ({numero(votee)})" in fautif.text
    assert f"{numero(votee)};9999" in fautif.text
    assert poste.poster(chemin, lot=lot, reference_acte="CA-12", acte_le="hier").status_code == 422
    controle = poste.poster(chemin, lot=lot, **acte)
    assert controle.status_code == 200
    assert "Enregistrer le lot" in controle.text
    assert ecriture.scalars(select(Decision)).all() == []
    ecriture.rollback()
    assert poste.poster(chemin, lot=lot, acte="enregistrer", **acte).status_code == 303
    assert len(ecriture.scalars(select(Decision)).all()) == 2
    ecriture.rollback()
    assert poste.poster(f"{adresse(votee)}/notification").status_code == 303
    assert len(ecriture.scalars(select(Notification)).all()) == 2


def test_une_ligne_bloquee_dit_pourquoi(ecriture: Session, entrer: Connexion) -> None:
    campagne = une_campagne(ecriture, enveloppe=Euros.de(7_000))
    voter_tout(ecriture, campagne)
    poste = entrer(compte_de_ligne(ecriture, campagne, "M2A"))
    page = poste.client.get(adresse(campagne)).text
    assert "il manque 1\u202f000\u00a0€" in page
    assert "Arrêter la ligne et engager" not in page
    refus = poste.poster(f"{adresse(campagne)}/arrete")
    assert refus.status_code == 409
    qui = "L’arrêté est enregistré par les services"
    assert (qui in page, qui in entrer(campagne.compte_charge).client.get(adresse(campagne)).text) == (False, True)
    assert poste.client.get(adresse(campagne, "INCONNUE")).status_code == 404
    assert "Pas encore publiable" in page


def test_le_porteur_lit_sa_lettre_et_peut_renoncer(ecriture: Session, votee: Campagne, entrer: Connexion) -> None:
    arreter(ecriture, votee, "M2A")
    m2a = de_la_ligne(ecriture, votee, "M2A")
    decision.decider(ecriture, numero(votee), "M2A", accorde(4_000), acteur=m2a, maintenant=APRES)
    partie = notification.notifier(ecriture, numero(votee), "M2A", acteur=m2a, maintenant=APRES)
    ecriture.commit()
    chemin = f"/dossiers/{numero(votee)}/notifications/M2A"
    poste = entrer(ecriture.get_one(Compte, votee.porteurs[0].compte_id))
    assert "en préparation" in poste.client.get(chemin).text
    assert poste.client.get(f"{chemin}.pdf").status_code == 409
    lettre.sceller_et_envoyer(ecriture, partie.id, url_publique="http://x", maintenant=APRES)
    ecriture.commit()
    page = poste.client.get(chemin)
    assert "60 jours" in page.text
    assert "tribunal administratif de Strasbourg" in page.text
    assert poste.client.get(f"{chemin}.pdf").content.startswith(b"%PDF-")
    ecriture.refresh(partie)
    assert partie.lue_at == APRES
    ecriture.rollback()
    assert poste.poster(f"{chemin}/renonciation", motif="").status_code == 422
    assert poste.poster(f"{chemin}/renonciation", motif="Action annulée").status_code == 303
    assert "Vous avez renoncé" in poste.client.get(chemin).text
    voisin = entrer(ecriture.get_one(Compte, votee.porteurs[1].compte_id))
    assert voisin.client.get(chemin).status_code == 404
    assert voisin.client.get("/decisions").status_code == 403


def test_les_exports_portent_toutes_les_demandes(ecriture: Session, votee: Campagne, entrer: Connexion) -> None:
    arreter(ecriture, votee, "M2A")
    m2a = de_la_ligne(ecriture, votee, "M2A")
    decision.decider(ecriture, numero(votee), "M2A", accorde(3_500, "=1+1"), acteur=m2a, maintenant=APRES)
    notification.notifier(ecriture, numero(votee), "M2A", acteur=m2a, maintenant=APRES)
    poste = entrer(votee.compte_charge)
    reponse = poste.client.get(f"/appels/{votee.appel.code}/decisions.csv")
    rangees = list(csv.DictReader(io.StringIO(reponse.content.decode("utf-8-sig")), delimiter=";"))
    assert [r["Ligne"] for r in rangees] == ["BOP147", "BOP147", "M2A", "M2A"]
    decidee = rangees[2]
    assert (decidee["Voté"], decidee["Décidé"], decidee["Engagé"]) == ("4000,00", "3500,00", "3500,00")
    assert (decidee["Date de l’acte"], decidee["Notifié le"], decidee["Motif"]) == ("2027-05-18", "2027-05-20", "'=1+1")
    classeur = poste.client.get(f"/appels/{votee.appel.code}/decisions.xlsx")
    with ZipFile(io.BytesIO(classeur.content)) as archive:
        feuille = archive.read("xl/worksheets/sheet1.xml").decode()
    assert feuille.count("<row ") == 5
    assert poste.client.get("/appels/inconnu/decisions.csv").status_code == 404


def test_la_decision_se_joue_par_l_api(ecriture: Session, votee: Campagne, entrer: Connexion) -> None:
    poste = entrer(compte_de_ligne(ecriture, votee, "M2A"))
    lignes, dossier = f"/appels/{votee.appel.code}/lignes/M2A", f"/dossiers/{numero(votee)}/lignes/M2A"
    acte = {"reference_acte": "CA-12", "acte_le": "2027-05-18"}
    refus = poste.api(f"{dossier}/attribuer", {**acte, "montant_centimes": 400_000})
    assert (refus.status_code, refus.json()["code"]) == (409, "ligne_non_arretee")
    refus = poste.api(f"{dossier}/notifier")
    assert (refus.status_code, refus.json()["code"]) == (409, "sans_decision")
    assert poste.api(f"{lignes}/arreter").json()["montant_centimes"] == 800_000
    assert poste.api(f"{dossier}/attribuer", {**acte, "montant_centimes": -1}).status_code == 422
    assert poste.api(f"{dossier}/attribuer", {**acte, "montant_centimes": 400_000}).json()["sens"] == "attribuee"
    assert poste.api(f"{dossier}/notifier").json()["lue_le"] is None
    second = f"/dossiers/{numero(votee, 1)}/lignes/M2A"
    assert poste.api(f"{second}/refuser", {**acte, "motif": "Hors priorité"}).json()["montant_centimes"] == 0
    assert poste.api(f"{second}/notifier_refus").status_code == 200
    lus = poste.client.get(f"/api/v1{lignes}/decisions?etape=notifiee&taille=1").json()
    assert lus["elements"][0]["decision"]["reference_acte"] == "CA-12"
    suite = poste.client.get(f"/api/v1{lignes}/decisions?etape=notifiee&taille=1&apres={lus['suivant']}").json()
    assert [e["dossier"] for e in lus["elements"] + suite["elements"]] == [numero(votee), numero(votee, 1)]
    assert poste.api(f"{lignes}/notifier").status_code == 409
    porteur = entrer(ecriture.get_one(Compte, votee.porteurs[0].compte_id))
    assert porteur.api(f"{dossier}/renoncer", {"motif": "Annulée"}).json() == {"libere_centimes": 400_000}
    assert porteur.api(f"{dossier}/attribuer", {**acte, "montant_centimes": 1}).status_code == 403


def test_un_lot_par_l_api(ecriture: Session, votee: Campagne, entrer: Connexion) -> None:
    arreter(ecriture, votee, "M2A")
    poste = entrer(compte_de_ligne(ecriture, votee, "M2A"))
    chemin = f"/appels/{votee.appel.code}/lignes/M2A"
    lot = {"lot": f"{numero(votee)};4000", "reference_acte": "CA-12", "acte_le": "2027-05-18"}
    assert poste.api(f"{chemin}/decisions", lot).json()["enregistre"] is False
    assert poste.api(f"{chemin}/decisions", {**lot, "lot": "X;1"}).json()["fautes"][0]["code"] == "introuvable"
    assert poste.api(f"{chemin}/decisions", {**lot, "lot": "X;1", "enregistrer": True}).status_code == 422
    assert poste.api(f"{chemin}/decisions", {**lot, "enregistrer": True}).json()["total_centimes"] == 400_000
    assert poste.api(f"{chemin}/notifier").json() == {"nombre": 1}


@pytest.mark.parametrize(("page", "maximum"), [("/decisions", 6), ("ligne", 8), ("decision", 3)])
def test_le_nombre_de_requetes_d_une_page_est_borne(
    ecriture: Session, votee: Campagne, entrer: Connexion, service: FastAPI, page: str, maximum: int
) -> None:
    poste = entrer(votee.compte_charge)
    chemins = {"ligne": adresse(votee), "decision": f"/dossiers/{numero(votee)}/lignes/M2A/decision"}
    poste.client.get(chemins.get(page, page))
    with compter_les_requetes(service) as vues:
        assert poste.client.get(chemins.get(page, page)).status_code == 200
    assert len(vues) <= maximum, "\n---\n".join(vues)

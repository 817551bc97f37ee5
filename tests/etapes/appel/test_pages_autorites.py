"""La page des autorités : SIRET et service à joindre, saisis par le chargé de mission, consignés."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.infra.journal.models import JournalContenu, JournalEntree
from app.noyau.erreurs import ActeInterdit
from app.noyau.roles import Role
from app.referentiels.lignes import service as autorites
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.lignes.rules import ServiceAJoindre
from tests.factories import (
    MAINTENANT,
    UnContrat,
    connecter,
    identite,
    siret_fictif,
    un_appel,
    un_compte,
    un_contrat,
)
from tests.requetes import requetes

PAGE = "/campagne/ess-2027/autorites"
SIRET = siret_fictif(7)
SAISIE = {
    "siret-M2A": f" {SIRET[:9]} {SIRET[9:]} ", "nom-M2A": "Mission ville (fictif)",
    "adresse-M2A": "1 rue d’Essai\r\n99000 Ville d’essai", "telephone-M2A": "+33 3 00 00 00 00",
    "courriel-M2A": "ville@exemple.invalid",
}  # fmt: skip


@dataclass
class Monde:
    session: Session
    contrat: UnContrat
    client: TestClient
    jeton: str

    def envoyer(self, ligne: str = "M2A", **champs: str):  # type: ignore[no-untyped-def]
        donnees = {"_csrf": self.jeton} | SAISIE | {f"{champ}-M2A": v for champ, v in champs.items()}
        return self.client.post(f"{PAGE}/{ligne}", data=donnees)

    def ligne(self, code: str = "M2A") -> LigneFinancement:
        self.session.rollback()
        self.session.expire_all()
        return self.session.get_one(LigneFinancement, self.contrat.lignes[code].id)

    def actes(self) -> list[tuple[str, str]]:
        self.session.rollback()
        requete = select(JournalEntree.acte, JournalEntree.objet).where(JournalEntree.acte == "autorite.renseignee")
        return [(acte, objet) for acte, objet in self.session.execute(requete.order_by(JournalEntree.rang))]


@pytest.fixture
def monde(ecriture: Session, client: TestClient) -> Monde:
    contrat = un_contrat(ecriture)
    un_appel(ecriture, contrat)
    compte = un_compte(ecriture, Role.CHARGE_MISSION, contrat=contrat)
    jeton = connecter(client, ecriture, compte, maintenant=MAINTENANT)
    ecriture.commit()
    return Monde(ecriture, contrat, client, jeton)


def test_le_charge_de_mission_renseigne_une_autorite(monde: Monde, service: FastAPI) -> None:
    assert f'href="{PAGE}"' in monde.client.get("/campagne/ess-2027").text
    with requetes(service) as vues:
        page = monde.client.get(PAGE)
    assert page.status_code == 200
    assert len(vues) <= 8
    assert page.text.count("Ses subventions ne sortent pas en") == 3
    reponse = monde.envoyer()
    assert (reponse.status_code, reponse.headers["location"]) == (303, f"{PAGE}?fait=autorite-renseignee#ligne-M2A")
    ligne = monde.ligne()
    assert ligne.attribuant_siret == SIRET
    assert ligne.service == ServiceAJoindre(
        "Mission ville (fictif)", "1 rue d’Essai\n99000 Ville d’essai", "03 00 00 00 00", "ville@exemple.invalid"
    )
    assert monde.ligne("BOP147").service is None
    relue = monde.client.get(reponse.headers["location"]).text
    assert "Les coordonnées de l’autorité sont à jour." in relue
    assert relue.count("Ses subventions ne sortent pas en") == 2
    assert f'value="{SIRET}"' in relue
    assert monde.actes() == [("autorite.renseignee", "M2A")]
    garde = monde.session.scalars(select(JournalContenu)).all()
    assert any("Mission ville (fictif)" in str(vars(contenu)) for contenu in garde)


def test_renvoyer_la_meme_chose_n_ecrit_rien_et_vider_efface(monde: Monde) -> None:
    assert monde.envoyer().status_code == 303
    assert monde.envoyer().status_code == 303
    assert len(monde.actes()) == 1
    assert monde.envoyer(siret="", nom=" ", adresse="", telephone="", courriel="").status_code == 303
    assert (monde.ligne().attribuant_siret, monde.ligne().service) == (None, None)
    assert len(monde.actes()) == 2


@pytest.mark.parametrize(
    ("champ", "valeur", "dit"),
    [
        ("siret", "12345678901234", "Ce SIRET n’existe pas"),
        ("nom", "", "Donnez le nom du service."),
        ("adresse", " \n ", "Donnez l’adresse postale du service."),
        ("telephone", "demain", "Écrivez un numéro de téléphone français"),
        ("courriel", "ville@", "Écrivez une adresse complète"),
        ("nom", "x" * 201, "Nom du service » : écrivez au plus 200 caractères."),
    ],
)
def test_une_saisie_fautive_revient_avec_sa_faute_et_rien_n_est_ecrit(
    monde: Monde, champ: str, valeur: str, dit: str
) -> None:
    refus = monde.envoyer(**{champ: valeur})
    assert refus.status_code == 422
    texte = refus.text.replace("\u00a0", " ").replace("\u202f", " ")
    message = texte.split(f'id="erreur-{champ}-M2A"')[1].split("</p>")[0]
    assert dit in message
    assert f'href="#champ-{champ}-M2A"' in texte
    gardees = {nom.removesuffix("-M2A"): tape for nom, tape in SAISIE.items()} | {champ: valeur}
    for nom in ("siret", "nom", "telephone", "courriel"):
        assert f'name="{nom}-M2A" value="{gardees[nom]}"' in refus.text
    assert (monde.ligne().attribuant_siret, monde.ligne().service) == (None, None)
    assert monde.actes() == []


def test_une_ligne_inconnue_n_existe_pas(monde: Monde) -> None:
    assert monde.envoyer("AILLEURS").status_code == 404
    assert monde.client.get("/campagne/inconnu/autorites").status_code == 404


def test_un_autre_role_n_entre_pas(monde: Monde) -> None:
    compte = un_compte(monde.session, Role.INSTRUCTEUR, contrat=monde.contrat, ligne="M2A")
    monde.jeton = connecter(monde.client, monde.session, compte, maintenant=MAINTENANT)
    assert monde.client.get(PAGE).status_code == 403
    assert monde.envoyer().status_code == 403
    assert monde.ligne().attribuant_siret is None
    with pytest.raises(ActeInterdit):
        autorites.renseigner(
            monde.session, monde.ligne(), siret="", joindre=ServiceAJoindre("", "", ""),
            acteur=identite(monde.session, compte), maintenant=MAINTENANT,
        )  # fmt: skip


def test_le_charge_d_un_autre_contrat_ne_voit_rien(monde: Monde) -> None:
    autre = un_contrat(monde.session, code="autre-2024-2030", prefixe="AUT")
    compte = un_compte(monde.session, Role.CHARGE_MISSION, contrat=autre)
    monde.jeton = connecter(monde.client, monde.session, compte, maintenant=MAINTENANT)
    assert monde.client.get(PAGE).status_code == 404
    assert monde.envoyer().status_code == 404
    assert monde.ligne().attribuant_siret is None


def test_la_base_refuse_un_service_incomplet(monde: Monde) -> None:
    monde.ligne().service_nom = "Sans adresse"
    with pytest.raises(IntegrityError, match="service_entier"):
        monde.session.flush()
    monde.session.rollback()

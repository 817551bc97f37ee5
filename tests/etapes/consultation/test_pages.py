"""Les pages d'une rencontre : préparer, convoquer, rendre un avis, suivre en direct ce que les autres ont rendu."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel, Phase
from app.etapes.appel.rules import SilenceAvis
from app.etapes.consultation.rules import AVERTISSEMENT
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.etats import EtatDemande
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte
from tests.etapes.consultation.aide_service import un_service
from tests.factories import (
    MAINTENANT,
    connecter,
    un_appel,
    un_compte,
    un_contrat,
    un_dossier_complet,
    un_porteur,
    une_organisation,
)
from tests.requetes import requetes

NOUVELLE = "/appels/ess-2027/rencontres/nouvelle"
SAISIE = {
    "intitule": "Rencontre Éducation", "prevue_le": "2026-12-15T09:00", "lieu": "Sous-préfecture",
    "autorite": "Le sous-préfet de Mulhouse",
}  # fmt: skip


class Salle:
    """Un dossier déposé, la sous-préfecture et un service convoqué, chacun son compte."""

    def __init__(self, client: TestClient, session: Session) -> None:
        self.client, self.session = client, session
        self.contrat = contrat = un_contrat(session)
        self.appel = appel = un_appel(session, contrat)
        organisation = une_organisation(session)
        self.dossier: Dossier = un_dossier_complet(session, appel, organisation, un_porteur(session, organisation))
        self.sous_prefecture = un_compte(session, Role.SOUS_PREFECTURE, contrat=contrat)
        self.referent = un_compte(session, Role.REFERENT_SERVICE, contrat=contrat, service="DDETSPP")
        self.jeton = ""

    def entrer(self, compte: Compte) -> None:
        self.jeton = connecter(self.client, self.session, compte, maintenant=MAINTENANT + timedelta(days=1))

    def poster(self, chemin: str, **champs: object) -> tuple[int, str]:
        reponse = self.client.post(chemin, data={"_csrf": self.jeton, **champs})
        return reponse.status_code, reponse.headers.get("location", reponse.text)

    def convoquer(self) -> str:
        """Prépare et convoque la rencontre ; rend son adresse."""
        self.entrer(self.sous_prefecture)
        statut, adresse = self.poster(NOUVELLE, **SAISIE, numeros=[self.dossier.numero], services=["DDETSPP"])
        assert statut == 303, adresse
        rencontre = adresse.split("?")[0]
        assert self.poster(f"{rencontre}/convocation")[0] == 303
        return rencontre


@pytest.fixture
def salle(client: TestClient, ecriture: Session) -> Salle:
    return Salle(client, ecriture)


def test_une_rencontre_refusee_revient_telle_que_saisie(salle: Salle) -> None:
    salle.entrer(salle.sous_prefecture)
    statut, page = salle.poster(NOUVELLE, **SAISIE | {"lieu": ""}, numeros=[salle.dossier.numero], services=["DDETSPP"])
    assert statut == 422
    assert 'value="Rencontre Éducation"' in page
    assert 'id="champ-lieu"' in page
    assert page.count("checked") == 2


def test_un_service_convoque_rend_son_avis_et_les_autres_le_voient(
    salle: Salle, client: TestClient, service: FastAPI
) -> None:
    rencontre = salle.convoquer()
    fiche = f"{rencontre}/dossiers/{salle.dossier.numero}"
    avant = client.get(rencontre)
    connue = {"If-None-Match": avant.headers["etag"]}
    with requetes(service) as vues:
        assert client.get(rencontre, headers=connue).status_code == 304
    assert len(vues) <= 4
    salle.entrer(salle.referent)
    assert AVERTISSEMENT.split("’")[0] in client.get(fiche).text
    statut, page = salle.poster(f"{fiche}/avis", service="DDETSPP", degre="defavorable", motif="")
    assert statut == 422
    assert 'id="erreur-motif"' in page
    fait = salle.poster(
        f"{fiche}/avis", service="DDETSPP", degre="favorable_avec_reserve", motif="À caler avec l’école."
    )
    assert fait[0] == 303
    salle.entrer(salle.sous_prefecture)
    apres = client.get(rencontre, headers=connue)
    assert apres.status_code == 200
    assert "Favorable avec réserve" in apres.text
    assert "À caler avec l’école." in client.get(fiche).text


def test_un_montant_illisible_se_dit_et_rien_n_est_ecrit(salle: Salle, client: TestClient) -> None:
    fiche = f"{salle.convoquer()}/dossiers/{salle.dossier.numero}"
    salle.entrer(salle.referent)
    champs = {"service": "DDETSPP", "degre": "favorable", "motif": "", "droit_commun_dispositif": "Cité éducative"}
    statut, page = salle.poster(f"{fiche}/avis", **champs, droit_commun_montant="beaucoup")
    assert statut == 422
    assert 'value="beaucoup"' in page
    assert "Aucun avis pour l’instant" in client.get(fiche).text


def un_dossier_hors_du_lot(salle: Salle) -> str:
    organisation = une_organisation(salle.session, rang=2)
    autre = un_dossier_complet(salle.session, salle.appel, organisation, un_porteur(salle.session, organisation))
    salle.session.commit()
    return str(autre.numero)


def avis_par_l_api(salle: Salle, numero: str, rencontre: str, service: str = "DDETSPP") -> tuple[int, str]:
    corps = {"service": service, "degre": "favorable", "rencontre": rencontre.rsplit("/", 1)[-1]}
    reponse = salle.client.post(f"/api/v1/dossiers/{numero}/avis", json=corps, headers={"X-CSRF-Token": salle.jeton})
    return reponse.status_code, reponse.text


def test_un_dossier_hors_du_lot_est_introuvable_par_la_rencontre(salle: Salle, client: TestClient) -> None:
    rencontre, autre = salle.convoquer(), un_dossier_hors_du_lot(salle)
    salle.entrer(salle.sous_prefecture)
    fiche = f"{rencontre}/dossiers/{autre}"
    assert client.get(fiche).status_code == 404
    assert salle.poster(f"{fiche}/avis", service="DDETSPP", degre="favorable", motif="")[0] == 404
    assert avis_par_l_api(salle, autre, rencontre)[0] == 404
    assert avis_par_l_api(salle, str(salle.dossier.numero), rencontre)[0] == 201


def test_un_service_non_convoque_se_dit_a_cote_de_son_champ(salle: Salle) -> None:
    un_service(salle.session, salle.contrat, "ARS")
    rencontre = salle.convoquer()
    fiche = f"{rencontre}/dossiers/{salle.dossier.numero}"
    statut, page = salle.poster(f"{fiche}/avis", service="ARS", degre="reserve", motif="À revoir.")
    assert statut == 422
    assert 'id="erreur-service"' in page
    assert "À revoir." in page
    statut, probleme = avis_par_l_api(salle, str(salle.dossier.numero), rencontre, "ARS")
    assert (statut, "service_non_convoque" in probleme) == (422, True)


def test_la_saisie_se_ferme_quand_tout_est_decide(salle: Salle, client: TestClient) -> None:
    rencontre = salle.convoquer()
    statut, page = salle.poster(f"{rencontre}/convocation")
    assert (statut, "Cette rencontre est" in page, "Dossiers du lot" in page) == (409, True, True)
    fiche = f"{rencontre}/dossiers/{salle.dossier.numero}"
    assert "Rendre un avis" in client.get(fiche).text
    salle.session.execute(update(Demande).values(etat=EtatDemande.DECIDEE))
    salle.session.commit()
    page = client.get(fiche).text
    assert "Rendre un avis" not in page
    assert "n’aurait plus d’objet" in page
    assert salle.poster(f"{fiche}/avis", service="DDETSPP", degre="favorable", motif="")[0] == 409
    statut, probleme = avis_par_l_api(salle, str(salle.dossier.numero), rencontre)
    assert (statut, "deja_decide" in probleme) == (409, True)


def test_une_rencontre_dit_toutes_ses_fautes_d_un_coup(salle: Salle) -> None:
    salle.entrer(salle.sous_prefecture)
    statut, page = salle.poster(NOUVELLE, intitule="x" * 300, prevue_le="", lieu="", autorite="Le sous-préfet")
    assert statut == 422
    for champ in ("intitule", "prevue_le", "lieu", "numeros", "services"):
        assert f'href="#champ-{champ}"' in page, champ
        assert f'id="erreur-{champ}"' in page, champ
    assert "Intitulé\xa0»\xa0: écrivez au plus 200 caractères" in page
    assert 'value="Le sous-préfet"' in page


def test_un_avis_dit_toutes_ses_fautes_d_un_coup(salle: Salle) -> None:
    rencontre = salle.convoquer()
    salle.entrer(salle.referent)
    chemin = f"{rencontre}/dossiers/{salle.dossier.numero}/avis"
    statut, page = salle.poster(chemin, degre="", motif="Un doute", droit_commun_montant="beaucoup")
    assert statut == 422
    for champ in ("service", "degre", "droit_commun_montant"):
        assert f'href="#champ-{champ}"' in page, champ
        assert f'id="erreur-{champ}"' in page, champ
    assert "Un doute" in page
    statut, page = salle.poster(chemin, service="DDETSPP", degre="defavorable", droit_commun_montant="beaucoup")
    assert statut == 422
    assert 'href="#champ-motif"' in page
    assert 'href="#champ-droit_commun_montant"' in page


def test_un_service_muet_a_la_fin_de_la_consultation_est_lu_selon_la_regle_de_l_appel(
    salle: Salle, client: TestClient
) -> None:
    rencontre = salle.convoquer()
    assert "délai passé" not in client.get(rencontre).text
    salle.session.execute(update(Phase).values(consultation_au=MAINTENANT))
    salle.session.execute(update(Appel).values(silence_avis=SilenceAvis.FAVORABLE))
    salle.session.commit()
    assert "délai passé : réputé favorable" in client.get(rencontre).text.replace("\u00a0", " ")

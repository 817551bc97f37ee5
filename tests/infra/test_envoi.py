"""Un formulaire envoyé : une faute, un refus annulent tout et rendent la page, relue, avec la saisie."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.infra.acces import exiger
from app.infra.envoi import Envoi, EnvoiDep, Page, renommer, telle_quelle
from app.noyau.erreurs import (
    ActeImpossible,
    ActeInterdit,
    ErreurMetier,
    Faute,
    Introuvable,
    SaisieInvalide,
    VersionPerimee,
)
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte
from tests.factories import connecter, un_compte, un_contrat

AVANT, APRES, TAPE = "Avant (fictif)", "Après", "tapé@exemple.fr"
ERREURS: dict[str, ErreurMetier] = {
    "faute": SaisieInvalide([Faute("adresse", "Cette adresse ne va pas.", "adresse_fausse")]),
    "refus": ActeImpossible("C’est déjà fait.", code="deja_fait"),
    "perime": VersionPerimee("Quelqu’un a enregistré entre-temps."),
    "interdit": ActeInterdit("Pas vous."),
    "introuvable": Introuvable("Rien ici."),
}
sonde = APIRouter(dependencies=[Depends(exiger())])


def _page(envoi: Envoi) -> Page:
    """Le fil montre le nom lu à ce moment."""
    nom = envoi.session.scalar(select(Compte.nom_affiche).where(Compte.id == envoi.acteur.compte_id))
    return "acteurs/oubli.html", {"saisie": envoi.saisie, "minutes": 60, "attente": 0, "fil": ((nom, None),)}


@sonde.post("/essai/envoi/{cas}", name="essai:envoyer")
def envoyer(envoi: EnvoiDep, cas: str) -> Response:
    with envoi.sinon(lambda: _page(envoi), renommer(adresse="courriel")):
        acteur = Compte.id == envoi.qui["acteur"].compte_id
        envoi.session.execute(update(Compte).where(acteur).values(nom_affiche=APRES))
        if cas in ERREURS:
            raise ERREURS[cas]
    return envoi.vers("essai:envoyer", cas=cas, fait="essai")


@pytest.fixture
def envoyeur(service: FastAPI, ecriture: Session) -> Iterator[tuple[TestClient, str, Compte]]:
    """Une personne connectée au service, son jeton de formulaire, son compte."""
    service.include_router(sonde)
    compte = un_compte(ecriture, Role.INSTRUCTEUR, contrat=un_contrat(ecriture), ligne="M2A", nom="Avant")
    with TestClient(service, follow_redirects=False) as client:
        yield client, connecter(client, ecriture, compte), compte


def nom_enregistre(ecriture: Session, compte: Compte) -> str:
    ecriture.rollback()
    ecriture.refresh(compte)
    return compte.nom_affiche


@pytest.mark.parametrize(("cas", "statut"), [("faute", 422), ("refus", 409), ("perime", 412)])
def test_une_faute_ou_un_refus_n_ecrit_rien_et_rend_la_page_relue(
    envoyeur: tuple[TestClient, str, Compte], ecriture: Session, cas: str, statut: int
) -> None:
    client, jeton, compte = envoyeur
    reponse = client.post(f"/essai/envoi/{cas}", data={"_csrf": jeton, "courriel": TAPE})
    assert reponse.status_code == statut
    assert f'value="{TAPE}"' in reponse.text, "la saisie revient"
    assert f'aria-current="page">{AVANT}<' in reponse.text, "la page est lue après l’annulation"
    assert nom_enregistre(ecriture, compte) == AVANT
    if cas == "faute":
        assert '<a href="#champ-courriel">Cette adresse ne va pas.</a>' in reponse.text, "le champ de la page"
    else:
        assert str(ERREURS[cas]) in reponse.text, "le refus dit pourquoi"


@pytest.mark.parametrize(("cas", "statut"), [("interdit", 403), ("introuvable", 404)])
def test_ce_qu_on_n_a_pas_a_voir_ne_rend_pas_la_page(
    envoyeur: tuple[TestClient, str, Compte], ecriture: Session, cas: str, statut: int
) -> None:
    client, jeton, compte = envoyeur
    reponse = client.post(f"/essai/envoi/{cas}", data={"_csrf": jeton, "courriel": TAPE})
    assert reponse.status_code == statut
    assert TAPE not in reponse.text
    assert nom_enregistre(ecriture, compte) == AVANT


def test_l_acte_accompli_est_ecrit_et_mene_a_sa_page(
    envoyeur: tuple[TestClient, str, Compte], ecriture: Session
) -> None:
    client, jeton, compte = envoyeur
    reponse = client.post("/essai/envoi/juste", data={"_csrf": jeton})
    assert reponse.status_code == 303
    assert reponse.headers["location"] == "/essai/envoi/juste?fait=essai"
    assert nom_enregistre(ecriture, compte) == APRES


def test_renommer_ne_touche_que_les_champs_dits() -> None:
    situer, faute = renommer(motif="motif_reserve"), Faute("motif", "Dites pourquoi.", "absent")
    assert situer(faute, {}) == Faute("motif_reserve", "Dites pourquoi.", "absent")
    assert situer(Faute("", "Non."), {}) == Faute("", "Non.")
    assert telle_quelle(faute, {}) == faute

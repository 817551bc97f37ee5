"""Qui télécharge un fichier : l'organisation, qui instruit un de ses dossiers, et personne d'autre."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.espaces.pieces.pages import disposition
from app.etapes.dossier.rules.etats import EtatDossier
from app.noyau.roles import Role
from app.referentiels.acteurs.models import HabilitationCompte
from tests.factories import (
    UnContrat,
    un_appel,
    un_compte,
    un_contrat,
    un_dossier_complet,
    un_porteur,
    une_organisation,
)
from tests.fichiers.aide_pieces import Decor
from tests.requetes import requetes


@pytest.fixture
def fichier(decor: Decor) -> str:
    """L'adresse d'un fichier sain de l'organisation."""
    decor.deposer()
    decor.analyser()
    return f"/fichiers/{decor.fichiers()[0].code}"


def _un_dossier(decor: Decor, etat: EtatDossier) -> UnContrat:
    contrat = un_contrat(decor.session)
    porteur = un_porteur(decor.session, decor.organisation)
    un_dossier_complet(decor.session, un_appel(decor.session, contrat), decor.organisation, porteur, etat=etat)
    decor.session.commit()
    return contrat


def _statut(decor: Decor, adresse: str, role: Role, contrat: UnContrat, **portee: str) -> int:
    decor.entrer(un_compte(decor.session, role, contrat=contrat, **portee))
    return decor.client.get(adresse).status_code


def test_un_membre_lit_un_anonyme_se_connecte_une_autre_organisation_ne_trouve_rien(
    decor: Decor, fichier: str, client: TestClient
) -> None:
    with requetes(decor.service) as vues:
        assert client.get(fichier).status_code == 200
    assert len(vues) <= 4, vues
    client.cookies.clear()
    anonyme = client.get(fichier)
    assert (anonyme.status_code, anonyme.headers["location"]) == (303, f"/connexion?retour={fichier}")
    ailleurs = une_organisation(decor.session, rang=2)
    decor.entrer(un_compte(decor.session, Role.ADMINISTRATEUR_PORTEUR, organisation=ailleurs))
    assert client.get(fichier).status_code == 404
    assert client.get(decor.adresse).status_code == 404
    assert decor.deposer().status_code == 404
    assert client.get("/fichiers/f-inconnu").status_code == 404


@pytest.mark.parametrize(
    ("role", "portee", "statut"),
    [
        (Role.CHARGE_MISSION, {}, 200),
        (Role.INSTRUCTEUR, {"ligne": "M2A"}, 200),
        (Role.SOUS_PREFECTURE, {"ligne": "BOP147"}, 200),
        (Role.ELU_LIGNE, {"ligne": "M2A"}, 404),
        (Role.EQUIPE_PROJET, {}, 404),
        (Role.MEMBRE_COMMISSION, {}, 404),
        (Role.BINOME_QUARTIER, {"quartier": "QN06804M"}, 404),
        (Role.DELEGUE_PREFET, {"quartier": "QN06804M"}, 404),
        (Role.CONSEIL_HABITANTS, {"quartier": "QN06804M"}, 404),
        (Role.ADMINISTRATEUR, {}, 404),
    ],
)
def test_qui_instruit_lit_les_pieces_et_voir_le_dossier_ne_suffit_pas(
    decor: Decor, fichier: str, role: Role, portee: dict[str, str], statut: int
) -> None:
    contrat = _un_dossier(decor, EtatDossier.DEPOSE)
    assert _statut(decor, fichier, role, contrat, **portee) == statut


def test_instruire_un_autre_contrat_n_ouvre_rien_meme_a_qui_voit_le_dossier(decor: Decor, fichier: str) -> None:
    contrat = _un_dossier(decor, EtatDossier.DEPOSE)
    autre = un_contrat(decor.session, code="autre-2024", prefixe="AUT")
    assert _statut(decor, fichier, Role.CHARGE_MISSION, autre) == 404
    elue = un_compte(decor.session, Role.ELU_LIGNE, contrat=contrat, ligne="M2A")
    ailleurs = un_compte(decor.session, Role.CHARGE_MISSION, contrat=autre)
    tenue = decor.session.scalars(select(HabilitationCompte).where(HabilitationCompte.compte_id == ailleurs.id)).one()
    tenue.compte_id = elue.id
    decor.entrer(elue)
    assert decor.client.get(fichier).status_code == 404


def test_un_brouillon_n_ouvre_pas_les_pieces_aux_agents(decor: Decor, fichier: str) -> None:
    contrat = _un_dossier(decor, EtatDossier.BROUILLON)
    assert _statut(decor, fichier, Role.CHARGE_MISSION, contrat) == 404


def test_pas_a_vous_se_dit_avant_pas_encore_analyse(decor: Decor) -> None:
    decor.deposer()
    adresse = f"/fichiers/{decor.fichiers()[0].code}"
    assert decor.client.get(adresse).status_code == 409
    ailleurs = une_organisation(decor.session, rang=2)
    decor.entrer(un_compte(decor.session, Role.REDACTEUR, organisation=ailleurs))
    assert decor.client.get(adresse).status_code == 404


def test_des_octets_disparus_ne_font_pas_une_page_d_erreur_du_service(decor: Decor, fichier: str) -> None:
    for place in (decor.config.donnees / "fichiers").rglob("*"):
        if place.is_file():
            place.unlink()
    assert decor.client.get(fichier).status_code == 404


@pytest.mark.parametrize(
    ("nom", "attendu"),
    [
        ("statuts.pdf", "attachment; filename=\"statuts.pdf\"; filename*=UTF-8''statuts.pdf"),
        ('a";\\%.pdf', "attachment; filename=\"a.pdf\"; filename*=UTF-8''a%22%3B%5C%25.pdf"),
        ("école.pdf", "attachment; filename=\"ecole.pdf\"; filename*=UTF-8''%C3%A9cole.pdf"),
        ("文", "attachment; filename=\"fichier\"; filename*=UTF-8''%E6%96%87"),
    ],
)
def test_le_nom_telecharge_ne_s_echappe_pas_de_son_en_tete(nom: str, attendu: str) -> None:
    assert disposition(nom) == attendu

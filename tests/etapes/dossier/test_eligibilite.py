"""Trois questions avant l'effort : la règle, puis la page."""

from __future__ import annotations

import pytest

from app.etapes.dossier.rules.depot import LigneOuverte
from app.etapes.dossier.rules.eligibilite import Statut, a_qui_parler, juger, premier_rang
from app.noyau.euros import Euros
from app.referentiels.lignes.rules import NatureAutorite
from tests.etapes.dossier.conftest import Decor
from tests.requetes import requetes

LIGNES = [
    (LigneOuverte("BOP147", "État — BOP 147", None), NatureAutorite.ETAT),
    (LigneOuverte("M2A", "m2A — crédits", None), NatureAutorite.EPCI),
    (LigneOuverte("MULHOUSE", "Ville de Mulhouse", "68224"), NatureAutorite.COMMUNE),
    (LigneOuverte("ILLZACH", "Ville d’Illzach", "68154"), NatureAutorite.COMMUNE),
]
SEUIL = Euros.de(1500)


@pytest.mark.parametrize("statut", list(Statut))
def test_chaque_statut_dit_s_il_peut_demander(statut: Statut) -> None:
    verdict = juger(statut, {"68224"}, Euros.de(1000), LIGNES, SEUIL)
    assert verdict.peut is (statut not in {Statut.NON_INSCRITE, Statut.AUTRE})
    assert verdict.peut is bool(verdict.pistes)
    assert statut.libelle


def test_hors_des_quartiers_ces_credits_ne_servent_pas() -> None:
    verdict = juger(Statut.ASSOCIATION, set(), Euros.de(1000), LIGNES, SEUIL)
    assert not verdict.peut
    assert "quartiers prioritaires" in verdict.empeche


def test_une_ville_ne_finance_que_ses_projets_de_quartier() -> None:
    pistes = {p.code: p for p in juger(Statut.ASSOCIATION, {"68154"}, Euros.de(1000), LIGNES, SEUIL).pistes}
    assert {code for code, p in pistes.items() if p.ouverte} == {"BOP147", "M2A", "ILLZACH"}
    assert "sa commune" in pistes["MULHOUSE"].raison


def test_plusieurs_communes_interessent_l_agglomeration() -> None:
    une = juger(Statut.ESS, {"68154"}, Euros.de(1000), LIGNES, SEUIL).pistes[1]
    deux = juger(Statut.ESS, {"68154", "68224"}, Euros.de(1000), LIGNES, SEUIL).pistes[1]
    assert (une.raison != deux.raison, "plusieurs communes." in deux.raison) == (True, True)


@pytest.mark.parametrize(("euros", "court"), [(1500, True), (1501, False), (0, False)])
def test_le_chemin_court_se_dit(euros: int, court: bool) -> None:
    assert juger(Statut.ASSOCIATION, {"68224"}, Euros.de(euros), LIGNES, SEUIL).est_court is court


def test_une_ligne_dit_sa_premiere_priorite() -> None:
    contenu = {"priorites": [{"rang": 2, "intitule": "Ensuite"}, {"rang": 1, "intitule": "L’emploi"}]}
    assert (premier_rang(contenu), premier_rang({})) == ("L’emploi", "")


def test_une_fiche_dit_a_qui_parler_par_sa_fonction() -> None:
    acteurs = [
        {"famille": "pilotage", "nom": "Cheffe de projet Politique de la Ville"},
        {"famille": "pilotage", "nom": "déléguée du Préfet"},
        {"famille": "pilotage", "nom": "Une coordination territoriale"},
        {"famille": "bailleur", "nom": "Un bailleur, référent"},
    ]
    assert a_qui_parler({"acteurs": acteurs}) == ("Cheffe de projet Politique de la Ville", "déléguée du Préfet")
    assert a_qui_parler({}) == ()


def test_la_page_repond_a_trois_questions_sans_compte(decor: Decor) -> None:
    anonyme = decor.nouveau_client()
    adresse = f"/appels/{decor.appel.code}/eligibilite"
    assert anonyme.get(adresse).status_code == 200
    with requetes(decor.service) as vues:
        page = anonyme.get(f"{adresse}?statut=association&fiches=COTEAUX&montant=1 200")
    assert page.status_code == 200
    assert "Oui, vous pouvez demander" in page.text
    assert "Le chemin court" in page.text or decor.appel.seuil_court.centimes < 120_000
    assert len(vues) <= 8
    assert "Pas avec ces crédits" in anonyme.get(f"{adresse}?statut=autre&fiches=COTEAUX&montant=1200").text
    assert "quartiers prioritaires" in anonyme.get(f"{adresse}?statut=ess&fiches=ailleurs&montant=1200").text


@pytest.mark.parametrize(
    ("question", "phrase"),
    [
        ("fiches=COTEAUX&montant=1200", "Dites qui vous êtes"),
        ("statut=association&montant=1200", "Dites où vivent"),
        ("statut=association&fiches=NULLE-PART&montant=1200", "Dites où vivent"),
        ("statut=association&fiches=COTEAUX&montant=", "combien vous pensez"),
        ("statut=association&fiches=COTEAUX&montant=beaucoup", "montant en euros"),
        ("statut=association&fiches=COTEAUX&montant=-5", "négatif"),
    ],
)
def test_une_reponse_manquante_se_dit_a_cote_de_sa_question(decor: Decor, question: str, phrase: str) -> None:
    page = decor.nouveau_client().get(f"/appels/{decor.appel.code}/eligibilite?{question}")
    assert page.status_code == 422
    assert phrase in page.text


def test_un_appel_en_preparation_n_a_pas_de_questions(decor: Decor) -> None:
    assert decor.nouveau_client().get("/appels/inconnu/eligibilite").status_code == 404

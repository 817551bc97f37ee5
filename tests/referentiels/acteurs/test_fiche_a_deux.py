"""La fiche écrite à deux : chacun garde ce qu'il a changé ; la même réponse se choisit, sans perdre la saisie."""

from __future__ import annotations

import pytest

from app.noyau.roles import Role
from app.referentiels.acteurs.repository import fiche as lectures
from tests.etapes.dossier.aide_pages import Formulaire, formulaire
from tests.referentiels.acteurs.decor import REPRESENTANT, Decor

SIEGE = {"adresse": "1 rue Fictive", "code_postal": "68100", "commune": "Mulhouse"}

AGREMENT = {"agrement_type_0": "Sport", "agrement_par_0": "Préfecture", "agrement_date_0": "2024-01-09"}


def page(decor: Decor, section: str = "adresses") -> Formulaire:
    """La section, telle qu'elle est à cet instant."""
    chemin = f"{decor.adresse}/fiche/{section}"
    return formulaire(decor.client.get(chemin), chemin)


@pytest.fixture
def ecrit(decor: Decor) -> Decor:
    """Le siège est écrit ; un rédacteur est connecté."""
    decor.entrer(Role.REDACTEUR)
    assert decor.ecrire("adresses", **SIEGE).status_code == 303
    return decor


def test_deux_auteurs_de_champs_differents_gardent_les_deux(decor: Decor) -> None:
    decor.entrer(Role.REDACTEUR)
    ancienne = page(decor)
    assert decor.ecrire("adresses", **SIEGE).status_code == 303
    assert ancienne.remplir(telephone="03 89 00 00 00").envoyer(decor.client).status_code == 303
    lue = page(decor)
    assert {nom: lue.valeur(nom) for nom in SIEGE} == SIEGE, "l’adresse de l’autre est restée"
    assert lue.valeur("telephone")


def test_effacer_un_champ_reste_un_choix(ecrit: Decor) -> None:
    ancienne = page(ecrit)
    assert ecrit.ecrire("adresses", telephone="03 89 00 00 00").status_code == 303
    assert ancienne.remplir(commune="").envoyer(ecrit.client).status_code == 303
    lue = page(ecrit)
    assert (lue.valeur("commune"), bool(lue.valeur("telephone"))) == ("", True)


@pytest.mark.parametrize(("choix", "reste"), [("mien", "3 rue Inventée"), ("enregistre", "2 rue Fictive")])
def test_la_meme_reponse_se_choisit(ecrit: Decor, choix: str, reste: str) -> None:
    ancienne = page(ecrit).remplir(adresse="3 rue Inventée", telephone="03 89 00 00 00")
    assert ecrit.ecrire("adresses", adresse="2 rue Fictive").status_code == 303
    conflit = ancienne.envoyer(ecrit.client)
    assert conflit.status_code == 412
    for texte in ("2 rue Fictive", "3 rue Inventée", "Déjà enregistré", "Votre saisie"):
        assert texte in conflit.text
    assert page(ecrit).valeur("adresse") == "2 rue Fictive", "rien n’est écrit avant le choix"
    assert page(ecrit).valeur("telephone") == ""
    choisir = formulaire(conflit, "/adresses").remplir(**{"choix.adresse": choix})
    assert choisir.envoyer(ecrit.client).status_code == 303
    lue = page(ecrit)
    assert (lue.valeur("adresse"), bool(lue.valeur("telephone"))) == (reste, True)


def test_un_troisieme_texte_pendant_le_choix_se_montre(ecrit: Decor) -> None:
    ancienne = page(ecrit).remplir(adresse="3 rue Inventée")
    ecrit.ecrire("adresses", adresse="2 rue Fictive")
    choisir = formulaire(ancienne.envoyer(ecrit.client), "/adresses").remplir(**{"choix.adresse": "mien"})
    ecrit.ecrire("adresses", adresse="4 rue Fictive")
    encore = choisir.envoyer(ecrit.client)
    assert (encore.status_code, "4 rue Fictive" in encore.text) == (412, True)


def test_la_meme_correction_deux_fois_ne_fait_pas_de_conflit(ecrit: Decor) -> None:
    ancienne = page(ecrit).remplir(adresse="2 rue Fictive")
    ecrit.ecrire("adresses", adresse="2 rue Fictive")
    assert ancienne.envoyer(ecrit.client).status_code == 303


def test_une_page_refusee_garde_ce_qu_elle_montrait(ecrit: Decor) -> None:
    """Refusée puis corrigée, la page ancienne n'écrase toujours pas l'autre auteur."""
    ancienne = page(ecrit).remplir(code_postal="681")
    ecrit.ecrire("adresses", adresse="2 rue Fictive")
    refus = ancienne.envoyer(ecrit.client)
    assert refus.status_code == 422
    assert formulaire(refus, "/adresses").remplir(code_postal="68200").envoyer(ecrit.client).status_code == 303
    lue = page(ecrit)
    assert (lue.valeur("adresse"), lue.valeur("code_postal")) == ("2 rue Fictive", "68200")


@pytest.mark.parametrize(
    ("section", "premier", "second"),
    [
        ("identite", {"nom": "Nouveau nom (fictif)"}, {"sigle": "NN"}),
        ("contact", {"contact_nom": "Inventé"}, {"contact_prenom": "Dominique"}),
        ("reseaux", {"reseaux": "Fédération A\nUnion B"}, {"personnes_morales": "Commune C"}),
        ("administration", {"est_assujettie": "non"}, {"est_reconnue_utilite": "non"}),
        ("administration", AGREMENT, {"est_assujettie": "non"}),
    ],
)  # fmt: skip
def test_chaque_section_se_fond(decor: Decor, section: str, premier: dict[str, str], second: dict[str, str]) -> None:
    decor.entrer(Role.REDACTEUR)
    ancienne = page(decor, section)
    assert decor.ecrire(section, **premier).status_code == 303
    assert ancienne.remplir(**second).envoyer(decor.client).status_code == 303
    lue = page(decor, section)
    for nom, valeur in {**premier, **second}.items():
        assert (lue.valeur(nom) or "").strip() == valeur, nom


def test_le_representant_se_fond_aussi(decor: Decor) -> None:
    decor.entrer(Role.REDACTEUR)
    decor.ecrire("representant", **REPRESENTANT)
    ancienne = page(decor, "representant").remplir(telephone="03 89 00 00 00")
    decor.ecrire("representant", fonction="Coprésidence")
    assert ancienne.envoyer(decor.client).status_code == 303
    lue = page(decor, "representant")
    assert (lue.valeur("fonction"), bool(lue.valeur("telephone"))) == ("Coprésidence", True)


def test_une_autre_annee_de_moyens_ne_s_ecrase_pas_sans_le_dire(decor: Decor) -> None:
    """La page montre 2025 ; on y écrit 2024, qu'un autre vient d'écrire : il faut choisir."""
    decor.entrer(Role.REDACTEUR)
    nombres = dict.fromkeys(("volontaires", "salaries", "emplois_aides", "etpt", "mis_a_disposition", "adherents"), "0")
    ancienne = page(decor, "moyens").remplir(annee="2024", benevoles="7", **nombres)
    assert decor.ecrire("moyens", annee="2024", benevoles="12", **nombres).status_code == 303
    conflit = ancienne.envoyer(decor.client)
    assert (conflit.status_code, "12" in conflit.text) == (412, True)
    choisir = formulaire(conflit, "/moyens").remplir(**{"choix.benevoles": "mien"})
    assert choisir.envoyer(decor.client).status_code == 303
    decor.relire()
    garde = lectures.get_moyens(decor.session, decor.organisation.id, 2024)
    assert garde is not None
    assert garde.benevoles == 7


def test_le_compte_bancaire_s_ajoute_sans_version(decor: Decor) -> None:
    decor.entrer(Role.SIGNATAIRE)
    assert not [nom for nom, _ in page(decor, "banque").champs if nom.startswith("v.")]

"""Un bénévole dépose sur son téléphone, sans JavaScript, de la connexion à l'accusé."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.factories import MAINTENANT
from tests.navigateur.aide_fenetre import TELEPHONE, Fenetre, lu
from tests.navigateur.aide_scene import MOT_DE_PASSE
from tests.navigateur.conftest import Ouvrir, Site

pytestmark = pytest.mark.navigateur
CONTINUER = "Enregistrer et continuer"
TITRE = "Café des parents des Coteaux"
BESOIN = "Les parents du quartier disent leur isolement (fictif)."


def se_connecter(f: Fenetre, adresse: str) -> None:
    """Par le formulaire, après une faute de frappe dans le mot de passe."""
    f.aller("/")
    f.suivre(f.lien("Déposer un dossier"))
    assert "/connexion" in f.page.url
    f.ecrire("courriel", adresse)
    f.ecrire("mot_de_passe", MOT_DE_PASSE + "x")
    f.suivre(f.bouton("Se connecter"), refus=422)
    assert "ne correspond pas" in lu(f.resume())
    assert f.page.locator("#champ-courriel").input_value() == adresse
    f.ecrire("mot_de_passe", MOT_DE_PASSE)
    f.suivre(f.bouton("Se connecter"))
    assert f.page.url.endswith("/dossiers/nouveau")


def commencer(f: Fenetre) -> str:
    """Un nouveau dossier pour l'appel ouvert ; rend son adresse."""
    f.suivre(f.bouton("Commencer"))
    expect(f.page.get_by_role("status")).to_contain_text("Le dossier est ouvert")
    f.suivre(f.lien("Votre projet"))
    return f.page.url.removeprefix(f.adresse).split("/etapes/")[0]


def remplir_le_projet(f: Fenetre) -> None:
    f.ecrire("titre", TITRE)
    f.ecrire("besoin", BESOIN)
    f.cocher("besoin_identifie_par", "habitants")
    f.ecrire("but", "Que trente parents se rencontrent (fictif).")
    f.ecrire("description", "Un café hebdomadaire animé par des parents (fictif).")
    f.suivre(f.bouton(CONTINUER))


def choisir_l_objectif(f: Fenetre) -> None:
    f.cocher("objectif_principal", "E1.2")
    f.suivre(f.bouton(CONTINUER))


def remplir_le_territoire(f: Fenetre) -> None:
    f.cocher("fiches", "COTEAUX")
    f.cocher("quartiers_beneficiaires", "QN06804M")
    f.ecrire("lieu", "Centre social des Coteaux")
    f.cocher("communes", "68224")
    f.suivre(f.bouton(CONTINUER))


def remplir_le_public(f: Fenetre) -> None:
    f.ecrire("public", "Des parents du quartier (fictif).")
    for nom, nombre in (("beneficiaires", 60), ("beneficiaires_qpv", 45), ("beneficiaires_femmes", 40)):
        f.ecrire(nom, str(nombre))
    f.suivre(f.bouton(CONTINUER))


def passer_l_acces(f: Fenetre) -> None:
    """L'étape est facultative : on passe."""
    f.suivre(f.bouton(CONTINUER))


def remplir_les_moyens(f: Fenetre) -> None:
    f.ecrire("moyens", "Une animatrice à mi-temps.")
    f.ecrire("moyens_humains.1.nombre", "1")
    f.ecrire("moyens_humains.1.etpt", "0,5")
    f.suivre(f.bouton(CONTINUER))


def remplir_l_organisation(f: Fenetre) -> None:
    f.ecrire_date("exercice_debut", 2027, 1, 1)
    f.ecrire_date("exercice_fin", 2027, 12, 31)
    f.ecrire("asso_charges.3.montant", "40 000")
    f.ecrire("asso_produits.1.montant", "40 000")
    f.suivre(f.bouton(CONTINUER))


def remplir_le_deroulement(f: Fenetre) -> None:
    f.ecrire_date("debut", 2027, 1, 15)
    f.ecrire_date("fin", 2027, 12, 15)
    f.ecrire("calendrier", "Une séance par semaine.")
    f.ecrire("indicateurs.0.libelle", "Parents réguliers")
    f.ecrire("indicateurs.0.cible", "30")
    f.suivre(f.bouton(CONTINUER))


def remplir_les_habitants(f: Fenetre) -> None:
    f.cocher("participation_degre", "concertation")
    f.suivre(f.bouton(CONTINUER))


def remplir_le_budget(f: Fenetre) -> None:
    """Un montant illisible revient tel que tapé, sa faute à côté ; le reste de la page n'a pas bougé."""
    f.choisir("budget_charges.0.compte", "60 Achats")
    f.ecrire("budget_charges.0.montant", "deux mille")
    f.ecrire("budget_charges.3.libelle", "Animatrice")
    f.ecrire("budget_charges.3.montant", "10 000")
    f.choisir("budget_produits.1.compte", "74 Subventions d’exploitation")
    f.choisir("budget_produits.1.statut", "Sollicité")
    f.ecrire("budget_produits.1.montant", "4 000,00")
    f.suivre(f.bouton(CONTINUER), refus=422)
    faute = f.page.locator('[id="champ-budget_charges.0.montant"]')
    assert faute.input_value() == "deux mille"
    assert faute.get_attribute("aria-invalid") == "true"
    message = f.page.locator(f'[id="{faute.get_attribute("aria-describedby")}"]')
    assert message.is_visible()
    assert f.page.locator('[id="champ-budget_charges.3.libelle"]').input_value() == "Animatrice"
    assert f.page.locator('[id="champ-budget_produits.1.montant"]').input_value() == "4 000,00"
    f.resume().get_by_role("link").first.click()
    assert f.page.url.endswith("#champ-budget_charges.0.montant")
    f.ecrire("budget_charges.0.montant", "2000")
    f.suivre(f.bouton(CONTINUER))


def demander(f: Fenetre) -> None:
    """Il manque 1 000 € : le budget ne s'équilibre pas, et la page le dit dès qu'elle est enregistrée."""
    f.ecrire("demandes.0.montant", "3 000")
    f.ecrire("demandes.1.montant", "4 000")
    f.suivre(f.bouton(CONTINUER))
    assert "sollicitez l’État" in lu(f.page.get_by_role("status").first)
    expect(f.page.get_by_text("Il manque 1 000 €")).to_be_visible()
    f.suivre(f.bouton(CONTINUER))


def attester(f: Fenetre) -> None:
    for nom in ("a_jour", "sincere", "cer", "charte"):
        f.cocher(nom, "oui")
    f.cocher("aides_publiques", "inferieur")
    f.suivre(f.bouton(CONTINUER))


def equilibrer(f: Fenetre, dossier: str) -> None:
    """La relecture refuse l'envoi, dit pourquoi, et mène au champ ; rien de ce qui est rempli n'est perdu."""
    f.aller(f"{dossier}/signature")
    f.suivre(f.bouton("Envoyer à la signature"), refus=422)
    manque = f.resume()
    assert "1 point à régler" in lu(manque)
    assert BESOIN in lu(f.page.locator("main"))
    f.suivre(manque.get_by_role("link").first)
    assert f.page.url.endswith("/etapes/budget#champ-budget_produits")
    assert "Il manque 1 000 € de recettes" in lu(f.page.locator("#erreur-budget_produits"))
    assert "Il manque 1 000 € de recettes" in lu(f.resume())
    f.aller(f"{dossier}/etapes/financement")
    assert f.page.locator('[id="champ-demandes.0.montant"]').input_value().startswith("3")
    f.ecrire("demandes.1.montant", "5000")
    f.suivre(f.bouton("Enregistrer et quitter"))


def signer_et_deposer(f: Fenetre) -> None:
    f.suivre(f.lien("Relire et envoyer à la signature"))
    f.suivre(f.bouton("Envoyer à la signature"))
    f.cocher("qualite", "representant")
    f.suivre(f.bouton("Signer le dossier"))
    f.suivre(f.bouton("Déposer le dossier"))
    assert f.page.url.endswith("/accuse?fait=dossier-depose")


def test_un_benevole_depose_depuis_son_telephone_sans_scripts(site: Site, ouvrir: Ouvrir) -> None:
    """Le formulaire entier ; avec les scripts, voir `test_premiere_demande` et `test_suites_du_dossier`."""
    adresse = site.scene.un_benevole()
    with ouvrir(TELEPHONE, MAINTENANT, scripts=False) as f:
        se_connecter(f, adresse)
        dossier = commencer(f)
        remplir_le_projet(f)
        choisir_l_objectif(f)
        remplir_le_territoire(f)
        remplir_le_public(f)
        passer_l_acces(f)
        remplir_le_deroulement(f)
        remplir_les_moyens(f)
        remplir_les_habitants(f)
        remplir_le_budget(f)
        demander(f)
        remplir_l_organisation(f)
        attester(f)
        equilibrer(f, dossier)
        signer_et_deposer(f)
        principal = f.page.locator("main")
        expect(principal.get_by_role("heading", level=1)).to_have_text("Votre dossier est bien reçu")
        expect(principal).to_contain_text("M2A-2027-")
        expect(principal).to_contain_text("vendredi 6 novembre 2026")
        site.scene.faire_les_taches()
        f.aller(f.page.url.removeprefix(f.adresse))
        document = f.lien("Accusé de réception")
        recu = f.page.request.get(f.adresse + str(document.get_attribute("href")))
        assert recu.ok
        assert recu.body().startswith(b"%PDF-")
        f.suivre(f.lien("Revenir au dossier"))
        expect(principal).to_contain_text("Chaque financeur, pas à pas")
        assert len(f.pages_jugees) >= 20

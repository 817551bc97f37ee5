"""Ce qui suit une première demande : repartir de l'an dernier, répondre à un complément, demander deux années."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.factories import MAINTENANT
from tests.navigateur.aide_dossier import (
    CONTINUER,
    JOURS_PLUS_TARD,
    LENDEMAIN,
    QUITTER,
    choisir_un_fichier,
    cocher_tout,
    remplir,
    signer_et_deposer,
    un_depose,
    un_depose_l_an_dernier,
    un_projet,
    une_porteuse,
)
from tests.navigateur.aide_fenetre import BUREAU, TELEPHONE, Fenetre, aux_coins, lu
from tests.navigateur.conftest import Ouvrir, Site

pytestmark = pytest.mark.navigateur
A_REVOIR = re.compile(r"À revoir")


def etapes_a_revoir(f: Fenetre) -> int:
    """Combien d'étapes la liste des tâches dit à revoir."""
    return f.page.locator("main .tache, main li").filter(has_text=A_REVOIR).count()


def relire(f: Fenetre, dossier: str) -> None:
    """Étape après étape : enregistrer vaut relecture ; dates, montants et attestations sont à redonner."""
    f.suivre(f.lien("Votre projet"))
    assert f.page.locator("#champ-titre").input_value() == "Café des parents"
    f.ecrire("titre", "Café des parents, deuxième année")
    while (etape := f.page.url.split("/etapes/")[-1].partition("?")[0]) != "financement":
        if etape == "deroulement":
            assert f.page.locator("#champ-debut").input_value() == ""
            f.ecrire_date("debut", 2027, 1, 15)
            f.ecrire_date("fin", 2027, 12, 15)
        f.suivre(f.bouton(CONTINUER))
    assert "connu du service" in lu(f.page.locator("main"))
    f.cocher("duree", "1")
    remplir(f, {"demandes.1.montant": "8 000"})
    f.suivre(f.bouton(CONTINUER))
    f.ecrire_date("exercice_debut", 2027, 1, 1)
    f.ecrire_date("exercice_fin", 2027, 12, 31)
    f.suivre(f.bouton(CONTINUER))
    cocher_tout(f, [(nom, "oui") for nom in ("a_jour", "sincere", "cer", "charte")])
    f.cocher("aides_publiques", "inferieur")
    f.suivre(f.bouton(CONTINUER))
    assert f.page.url.removeprefix(f.adresse).startswith(dossier)


@aux_coins((TELEPHONE, True), (BUREAU, False))
def test_le_dossier_de_l_an_dernier_se_rouvre_se_relit_et_se_depose(
    site: Site, ouvrir: Ouvrir, taille: tuple[int, int], scripts: bool
) -> None:
    porteuse = une_porteuse(site.scene)
    passe = un_depose_l_an_dernier(site.scene, porteuse)
    with ouvrir(taille, MAINTENANT, temoin=site.scene.temoin(porteuse.tete), scripts=scripts) as f:
        f.aller("/dossiers")
        assert passe in lu(f.page.locator("main"))
        f.suivre(f.bouton("Reprendre pour 2027"))
        dossier = f.page.url.removeprefix(f.adresse).partition("?")[0]
        assert "Repris d’un dossier précédent" in lu(f.page.locator("main"))
        assert etapes_a_revoir(f) >= 5
        f.capturer("renouvellement")
        relire(f, dossier)
        assert etapes_a_revoir(f) == 0, lu(f.page.locator("main"))
        numero = signer_et_deposer(f, dossier)
        f.aller("/dossiers")
        nouveau = f.page.locator("tr", has_text=numero)
        assert "suite d’un dossier" in lu(nouveau)


def demander_un_complement(f: Fenetre, numero: str) -> None:
    """L'agent dit quoi, pourquoi, jusqu'à quand ; et ne rouvre qu'une étape."""
    f.aller(f"/instruction/{numero}")
    f.page.locator("#champ-ligne").select_option("M2A")
    remplir(f, {"objet": "Le nombre de personnes", "pourquoi": "Il dépasse la place de la salle (fictif)."})
    f.ecrire_date("echeance", 2026, 11, 30)
    f.cocher("sections", "public")
    f.suivre(f.bouton("Demander"))
    assert "Le complément est demandé" in lu(f.page.get_by_role("status").first)


def repondre_au_complement(f: Fenetre, numero: str) -> None:
    """Le porteur ne peut changer que l'étape rouverte ; il la corrige, joint un fichier, répond."""
    f.aller("/dossiers")
    f.suivre(f.lien("Compléter"))
    attendu = f.page.locator("main")
    assert "m2A attend votre réponse jusqu’au lundi 30 novembre 2026" in lu(attendu)
    assert attendu.locator('a[href*="/etapes/"]').count() == 1
    f.capturer("complement-attendu")
    f.aller(f"/dossiers/{numero}/etapes/budget")
    assert "n’est pas rouverte" in lu(f.page.get_by_role("status").first)
    f.aller(f"/dossiers/{numero}")
    f.ecrire("reponse", "Cinquante personnes, en deux groupes.")
    f.suivre(f.lien("Le public"))
    f.ecrire("beneficiaires", "50")
    f.suivre(f.bouton(QUITTER))
    f.suivre(f.lien("Joignez-le au dossier"))
    f.ecrire("intitule", "Plan de la salle")
    choisir_un_fichier(f, "plan.pdf")
    f.suivre(f.bouton("Joindre"))
    assert "Plan de la salle : plan.pdf" in lu(f.page.locator("main"))
    f.aller(f"/dossiers/{numero}")
    if f.a_javascript:
        assert f.page.locator("#champ-reponse").input_value() == "Cinquante personnes, en deux groupes."
        f.ecrire("reponse", "")
    f.suivre(f.bouton("Envoyer le complément"), refus=422)
    f.resume()
    f.ecrire("reponse", "Cinquante personnes, en deux groupes.")
    f.suivre(f.bouton("Envoyer le complément"))
    assert "Votre complément est envoyé" in lu(f.page.get_by_role("status").first)


def lire_ce_qui_a_change(f: Fenetre, numero: str) -> None:
    """L'agent ne relit que la différence, ouvre le fichier joint, écrit un mot."""
    f.aller(f"/instruction/{numero}")
    assert "Cinquante personnes, en deux groupes." in lu(f.page.locator("main"))
    f.suivre(f.lien("Ce que le dernier complément a changé"))
    assert lu(f.page.locator("h2")).startswith("Nombre de personnes attendues")
    avant, apres = f.page.locator(".conflit-texte").all()
    assert (lu(avant.locator("blockquote")), lu(apres.locator("blockquote"))) == ("60", "50")
    f.capturer("ce-qui-a-change")
    f.aller(f"/dossiers/{numero}/messages")
    fichier = f.page.request.get(f.adresse + str(f.lien("plan.pdf").get_attribute("href")))
    assert fichier.body().startswith(b"%PDF-")
    f.ecrire("texte", "Merci, c’est clair.")
    f.suivre(f.bouton("Envoyer"))
    assert "Merci, c’est clair." in lu(f.page.locator("main"))


def echanger_un_message(f: Fenetre) -> None:
    """Le porteur voit qu'un message l'attend, le lit, répond."""
    f.aller("/dossiers")
    assert "1 message au sujet de « Café des parents »" in lu(f.page.locator("main"))
    f.suivre(f.lien("Lire"))
    f.ecrire("texte", "À votre disposition.")
    f.suivre(f.bouton("Envoyer"))
    f.aller("/dossiers")
    assert "Un service vous a écrit" not in lu(f.page.locator("main"))


@aux_coins((TELEPHONE, False), (BUREAU, True))
def test_un_complement_se_demande_se_donne_et_se_compare(
    site: Site, ouvrir: Ouvrir, taille: tuple[int, int], scripts: bool
) -> None:
    """Le porteur à ce coin, l'agent au coin opposé."""
    autre = BUREAU if taille == TELEPHONE else TELEPHONE
    porteuse = une_porteuse(site.scene)
    numero = un_depose(site.scene, porteuse)
    agent, porteur = (site.scene.temoin(c) for c in (site.scene.comptes["M2A"], porteuse.tete))
    with (
        ouvrir(autre, LENDEMAIN, temoin=agent, scripts=not scripts) as au_service,
        ouvrir(taille, JOURS_PLUS_TARD, temoin=porteur, scripts=scripts) as a_l_association,
    ):
        demander_un_complement(au_service, numero)
        repondre_au_complement(a_l_association, numero)
        site.scene.faire_les_taches()
        lire_ce_qui_a_change(au_service, numero)
        echanger_un_message(a_l_association)


def demander_deux_annees(f: Fenetre) -> None:
    """La durée montre les cases d'une année de plus (sans scripts : l'enregistrer) ; un montant par année."""
    expect(f.page.locator("label:visible", has_text="Demandé pour 2028")).to_have_count(0)
    f.cocher("duree", "2")
    f.ecrire("demandes.1.montant", "8 000")
    if not f.a_javascript:
        f.suivre(f.bouton(CONTINUER))
        assert "les années d’après" in lu(f.page.get_by_role("status").first)
    expect(f.page.locator("label:visible", has_text="Demandé pour 2028")).to_have_count(5)
    expect(f.page.locator("label:visible", has_text="Demandé pour 2029")).to_have_count(0)
    f.ecrire("demandes.6.montant", "6 000")
    f.suivre(f.bouton(CONTINUER))


def equilibrer_l_annee_suivante(f: Fenetre) -> None:
    """Le budget de 2028 : refusé s'il manque des recettes, dit où, puis équilibré."""
    assert lu(f.page.locator("h1")).startswith("Les années suivantes")
    annee = {"actions": "Deux cafés par semaine (fictif).", "charges": "9 000", "produits": "2 000"}
    remplir(f, {f"annees_suivantes.0.{colonne}": texte for colonne, texte in annee.items()})
    f.suivre(f.bouton(CONTINUER))
    reste = f.page.get_by_role("link", name="Les années suivantes").first
    f.suivre(reste)
    assert "2028 : 8 000 € de recettes, dont 6 000 € demandés, il manque 1 000 €" in lu(f.page.locator("main"))
    f.capturer("annees-suivantes")
    f.ecrire("annees_suivantes.0.produits", "3 000")
    f.suivre(f.bouton(QUITTER))


@aux_coins((TELEPHONE, True), (BUREAU, False))
def test_une_convention_de_deux_ans_se_depose(
    site: Site, ouvrir: Ouvrir, taille: tuple[int, int], scripts: bool
) -> None:
    porteuse = une_porteuse(site.scene)
    reference = un_projet(site.scene, porteuse, duree=None, demandes=None)
    with ouvrir(taille, MAINTENANT, temoin=site.scene.temoin(porteuse.tete), scripts=scripts) as f:
        f.aller(f"/dossiers/{reference}")
        f.suivre(f.lien("Ce que vous demandez"))
        demander_deux_annees(f)
        equilibrer_l_annee_suivante(f)
        numero = signer_et_deposer(f, f"/dossiers/{reference}")
        f.aller("/dossiers")
        ligne = lu(f.page.locator("tr", has_text=numero))
        assert "convention pluriannuelle d’objectifs (CPO) de 2 ans" in ligne
        f.aller(f"/dossiers/{numero}")
        noms = [lu(nom) for nom in f.page.locator(".suivi-nom").all()]
        assert noms == ["m2A, 2027 (1re année)", "m2A, 2028 (2e année)"]

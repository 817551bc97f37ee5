"""Écrire à plusieurs sans rien perdre : l'étape tenue, deux textes, le fil de la saisie, la coupure, la session."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Route, expect

from app.infra.acces import TEMOIN
from app.infra.heure import heure_machine
from app.referentiels.acteurs import repository as acteurs
from app.referentiels.acteurs.service import sessions
from tests.factories import MAINTENANT
from tests.navigateur.aide_dossier import CONTINUER, un_projet, une_porteuse
from tests.navigateur.aide_fenetre import BUREAU, TELEPHONE, Fenetre, lu
from tests.navigateur.aide_scene import MOT_DE_PASSE
from tests.navigateur.conftest import Ouvrir, Site

pytestmark = pytest.mark.navigateur
ENREGISTRE = re.compile(r"^Enregistré à \d+\sh\s\d{2}\.$")
BESOIN = "Les parents ne se connaissent pas (fictif)."


def etat(f: Fenetre) -> Locator:
    """Ce que dit la page de l'enregistrement au fil de la saisie."""
    return f.page.locator("[data-etat-brouillon]")


def valeur(f: Fenetre, nom: str) -> str:
    """Le texte d'un champ."""
    return f.page.locator(f'[id="champ-{nom}"]').input_value()


def prendre_la_main(f: Fenetre, adresse: str, qui: str) -> None:
    """L'étape est tenue : on lit par qui, et ce qui y est déjà ; on la prend."""
    f.aller(adresse)
    page = lu(f.page.locator("main"))
    assert re.search(rf"{re.escape(qui)} remplit cette étape depuis \d+ h \d{{2}}\.", page), page
    assert "Café des parents" in page
    assert f.page.locator("#champ-titre").count() == 0
    f.capturer("etape-tenue")
    f.suivre(f.bouton("Prendre la main"))
    assert valeur(f, "titre") == "Café des parents"


def ecrire_chacun_son_champ(a: Fenetre, b: Fenetre) -> None:
    """Au fil de la saisie, deux champs s'enregistrent ; la première personne apprend qu'on a pris la main."""
    a.ecrire("besoin", BESOIN)
    expect(etat(a)).to_contain_text("Bénévole B (fictif) a pris la main sur cette étape")
    b.ecrire("titre", "Café des voisins")
    expect(etat(b)).to_have_text(ENREGISTRE)


def ecrire_la_meme_reponse(a: Fenetre, b: Fenetre) -> None:
    """Deux textes pour une réponse : la seconde personne voit les deux, et choisit le sien."""
    a.ecrire("description", "Un café le mardi (fictif).")
    if a.a_javascript:
        expect(a.page.locator('[name="v.description"]')).to_have_value("2")
    else:
        a.suivre(a.bouton(CONTINUER))
    b.ecrire("description", "Un café le jeudi (fictif).")
    if b.a_javascript:
        note = b.page.locator('[data-note-brouillon="description"]')
        expect(note).to_contain_text("Quelqu’un a enregistré : « Un café le mardi (fictif). »")
        b.juger()
    b.suivre(b.bouton(CONTINUER), refus=412)
    textes = [lu(t) for t in b.page.locator(".conflit-texte blockquote").all()]
    assert textes == ["Un café le mardi (fictif).", "Un café le jeudi (fictif)."]
    b.capturer("deux-textes")
    b.suivre(b.bouton("Enregistrer ce choix"))


@pytest.mark.parametrize("scripts", [True, False], ids=["avec les scripts", "sans scripts"])
def test_deux_personnes_remplissent_la_meme_etape(site: Site, ouvrir: Ouvrir, scripts: bool) -> None:
    porteuse = une_porteuse(site.scene)
    adresse = f"/dossiers/{un_projet(site.scene, porteuse)}/etapes/projet"
    tete, suite = (site.scene.temoin(c) for c in (porteuse.tete, porteuse.suite))
    with (
        ouvrir(BUREAU, MAINTENANT, temoin=tete, scripts=scripts) as a,
        ouvrir(TELEPHONE, MAINTENANT, temoin=suite, scripts=scripts) as b,
    ):
        a.aller(adresse)
        prendre_la_main(b, adresse, "Bénévole A (fictif)")
        if scripts:
            ecrire_chacun_son_champ(a, b)
        ecrire_la_meme_reponse(a, b)
        a.aller(adresse)
        assert valeur(a, "description") == "Un café le jeudi (fictif)."
        if scripts:  # ce que B n'a pas touché garde le texte de A, sans conflit
            assert (valeur(a, "titre"), valeur(a, "besoin")) == ("Café des voisins", BESOIN)


def test_ce_que_l_on_tape_s_enregistre_sans_cliquer(site: Site, ouvrir: Ouvrir) -> None:
    """Un texte, des totaux et l'équilibre en direct, une saisie refusée gardée, une coupure rattrapée."""
    porteuse = une_porteuse(site.scene)
    etapes = f"/dossiers/{un_projet(site.scene, porteuse)}/etapes"
    with ouvrir(TELEPHONE, MAINTENANT, temoin=site.scene.temoin(porteuse.tete)) as f:
        f.aller(f"{etapes}/projet")
        f.ecrire("besoin", BESOIN)
        expect(etat(f)).to_have_text(ENREGISTRE)
        f.aller(f"{etapes}/projet")
        assert valeur(f, "besoin") == BESOIN

        f.aller(f"{etapes}/budget")
        f.ecrire("budget_charges.0.montant", "3 000,50")
        expect(f.page.locator('[data-total="budget_charges"]')).to_have_text(re.compile(r"13.000,50"))
        expect(f.page.locator("#equilibre")).to_contain_text(re.compile(r"Il manque 1.000,50"))
        f.ecrire("budget_charges.0.montant", "deux mille")
        expect(f.page.locator('[data-note-brouillon="budget_charges"]')).to_contain_text(
            "Gardé, pas encore enregistré."
        )
        expect(f.page.locator('[id="champ-budget_charges.0.montant"]')).to_have_attribute("aria-invalid", "true")
        expect(etat(f)).to_contain_text("Une partie n’est pas enregistrée")
        f.juger()
        f.capturer("saisie-gardee")
        f.aller(f"{etapes}/budget")
        assert "gardées comme vous les avez tapées, mais pas enregistrées : Dépenses" in lu(f.page.locator("main"))
        assert valeur(f, "budget_charges.0.montant") == "deux mille"
        couper_le_reseau(f)
        f.suivre(f.bouton(CONTINUER))
        assert f.page.url.split("?")[0].endswith("/etapes/financement")


def test_partir_pendant_un_enregistrement_se_demande(site: Site, ouvrir: Ouvrir) -> None:
    """Le texte est en route, la réponse n'est pas revenue : le navigateur demande avant de quitter la page."""
    porteuse = une_porteuse(site.scene)
    adresse = f"/dossiers/{un_projet(site.scene, porteuse)}/etapes/projet"
    with ouvrir(TELEPHONE, MAINTENANT, temoin=site.scene.temoin(porteuse.tete)) as f:
        f.aller(adresse)
        questions: list[str] = []
        f.page.on("dialog", lambda d: (questions.append(d.type), d.dismiss()))
        retenues: list[Route] = []
        f.page.route("**/champs", lambda route: retenues.append(route))  # noqa: PLW0108 -- playwright refuse une méthode native
        f.ecrire("besoin", BESOIN)
        expect(etat(f)).to_have_text("Enregistrement…")
        f.page.evaluate("location.assign('/dossiers')")
        f.page.wait_for_timeout(300)
        assert questions == ["beforeunload"]
        for retenue in retenues:
            retenue.continue_()
        expect(etat(f)).to_have_text(ENREGISTRE)


def couper_le_reseau(f: Fenetre) -> None:
    """L'envoi échoue : la page le dit, garde le texte, et recommence d'elle-même."""
    f.page.route("**/champs", lambda route: route.abort())
    f.ecrire("budget_charges.0.montant", "2 000")
    expect(etat(f)).to_contain_text("Pas de réponse du service")
    assert valeur(f, "budget_charges.0.montant") == "2 000"
    page = f.page.url
    f.bouton(CONTINUER).click()
    expect(etat(f)).to_contain_text("Pas de réseau")
    assert (f.page.url, valeur(f, "budget_charges.0.montant")) == (page, "2 000")
    assert any("/champs" in ennui or "ERR_FAILED" in ennui for ennui in f.ennuis)
    f.ennuis.clear()  # la coupure : c'est ce qu'on voulait
    f.page.unroute("**/champs")
    expect(etat(f)).to_have_text(ENREGISTRE)
    f.finir()


def test_une_session_fermee_ailleurs_ne_perd_rien(site: Site, ouvrir: Ouvrir) -> None:
    courriel = site.scene.un_benevole()
    with ouvrir(TELEPHONE, MAINTENANT) as f:
        f.aller("/connexion?retour=/dossiers/nouveau")
        entrer(f, courriel)
        f.suivre(f.bouton("Commencer"))
        f.suivre(f.lien("Votre projet"))
        adresse = f.page.url.removeprefix(f.adresse)
        fermer_les_sessions(site, courriel)
        f.refus_attendus.append(401)
        f.ecrire("titre", "Café des parents")
        f.ecrire("besoin", BESOIN)
        expect(etat(f)).to_contain_text("Votre session est finie.")
        f.refus_attendus.clear()
        f.suivre(f.bouton(CONTINUER), refus=401)
        assert "Votre saisie est gardée" in lu(f.page.locator("main"))
        f.capturer("session-finie")
        entrer(f, courriel)
        assert BESOIN in lu(f.page.locator("main"))
        f.suivre(f.bouton("Envoyer ce que vous avez tapé"))
        f.aller(adresse)
        assert (valeur(f, "titre"), valeur(f, "besoin")) == ("Café des parents", BESOIN)


def test_se_reconnecter_dans_un_autre_onglet_ne_perd_rien(site: Site, ouvrir: Ouvrir) -> None:
    """Les scripts reprennent d'eux-mêmes ; sans eux, la page rend la saisie, qui part d'un clic."""
    porteuse = une_porteuse(site.scene)
    adresse = f"/dossiers/{un_projet(site.scene, porteuse)}/etapes/projet"
    for scripts in (True, False):
        with ouvrir(TELEPHONE, MAINTENANT, temoin=site.scene.temoin(porteuse.tete), scripts=scripts) as f:
            f.aller(adresse)
            changer_de_session(f, site.scene.temoin(porteuse.tete))
            if scripts:
                f.refus_attendus.append(403)
                f.ecrire("besoin", BESOIN)
                expect(etat(f)).to_have_text(ENREGISTRE)
                assert not f.refus_attendus, "le jeton d'avant a été refusé une fois"
                f.suivre(f.bouton(CONTINUER))
            else:
                f.ecrire("description", "Un café le samedi (fictif).")
                f.suivre(f.bouton(CONTINUER), refus=403)
                assert "Un café le samedi (fictif)." in lu(f.page.locator("main"))
                f.capturer("saisie-retrouvee")
                f.suivre(f.bouton("Envoyer ce que vous avez tapé"))
            f.aller(adresse)
            assert valeur(f, "besoin" if scripts else "description") == (
                BESOIN if scripts else "Un café le samedi (fictif)."
            )


def changer_de_session(f: Fenetre, temoin: str) -> None:
    """La même personne se reconnecte dans un autre onglet du même navigateur."""
    (pose,) = [c for c in f.page.context.cookies() if c["name"] == TEMOIN]
    f.page.context.add_cookies([{"name": TEMOIN, "value": temoin, "domain": pose["domain"], "path": pose["path"]}])


def entrer(f: Fenetre, courriel: str) -> None:
    """Le formulaire de connexion, sur sa page ou sur celle d'une session finie."""
    f.ecrire("courriel", courriel)
    f.ecrire("mot_de_passe", MOT_DE_PASSE)
    f.suivre(f.page.locator("main form").get_by_role("button", name="Se connecter").first)


def fermer_les_sessions(site: Site, courriel: str) -> None:
    """La même personne, ailleurs, ferme toutes ses sessions."""
    with site.scene.fabrique.begin() as session:
        compte = acteurs.get_compte_par_courriel(session, courriel)
        assert compte is not None
        sessions.fermer_toutes(session, compte.id, heure_machine())

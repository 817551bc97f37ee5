"""Une personne sans compte, une association neuve : du doute à l'accusé d'une petite demande."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import expect

from tests.factories import MAINTENANT, siret_fictif
from tests.navigateur.aide_dossier import (
    CONTINUER,
    choisir_un_fichier,
    cocher_tout,
    lien_recu,
    remplir,
    signer_et_deposer,
)
from tests.navigateur.aide_fenetre import BUREAU, TELEPHONE, Fenetre, aux_coins, lu
from tests.navigateur.conftest import Ouvrir, Site

pytestmark = pytest.mark.navigateur
CONNU = "97000001400013"  # de l'annuaire local, comme en démonstration
MOT_DE_PASSE = "une phrase qui se retient (essai)"
COURT = {"projet", "objectifs", "territoire", "public", "deroulement", "budget", "financement", "attestations"}
QUESTIONS_AU_PLUS = 20  # dix minutes, à trente secondes par question
# Les réponses qu'une étape attend avant le dépôt : ni facultatives, ni repliées ; un groupe de cases en est une.
QUESTIONS = """() => [...document.querySelectorAll("form[data-brouillon] .champ")].filter(
  (c) => c.checkVisibility() && !c.querySelector(".champ") && !c.querySelector(".champ-libelle .facultatif")
).map((c) => (c.querySelector("[name]:not([type=hidden])") || {}).name || "").filter(Boolean)"""


@dataclass
class Chemin:
    """Ce que la petite demande a vraiment demandé : étape → les questions montrées sans être facultatives."""

    etapes: dict[str, list[str]] = field(default_factory=dict)

    def noter(self, f: Fenetre) -> None:
        """Compte les questions de l'étape ouverte, avant d'y répondre."""
        trouve = re.search(r"/etapes/(\w+)", f.page.url)
        assert trouve is not None, f.page.url
        self.etapes[trouve[1]] = [str(nom) for nom in f.page.evaluate(QUESTIONS)]


def demander_si_l_on_peut(f: Fenetre) -> None:
    """Trois questions, une réponse fautive d'abord ; puis le chemin court, et à qui en parler."""
    f.aller("/")
    f.suivre(f.lien("Puis-je demander ?"))
    f.cocher("statut", "association")
    f.ecrire("montant", "1 500")
    f.suivre(f.bouton("Voir la réponse"), refus=422)
    assert "Dites où vivent les personnes" in lu(f.resume())
    f.cocher("fiches", "COTEAUX")
    f.suivre(f.bouton("Voir la réponse"))
    reponse = lu(f.page.locator("main"))
    assert "Oui, vous pouvez demander" in reponse
    assert "Le chemin court" in reponse
    assert "En parler d’abord" in reponse


def creer_un_compte(f: Fenetre, site: Site, courriel: str) -> None:
    """Le formulaire, le lien du courriel, le mot de passe redonné."""
    f.suivre(f.lien("Créer un compte"))
    champs = {"nom_affiche": "Bénévole neuve (fictif)", "courriel": courriel, "mot_de_passe": MOT_DE_PASSE}
    remplir(f, champs | {"confirmation": MOT_DE_PASSE})
    f.suivre(f.bouton("Créer mon compte"))
    expect(f.page.get_by_role("status").first).to_contain_text("Un courriel part à cette adresse")
    f.aller(lien_recu(site.scene, courriel))
    assert courriel in lu(f.page.locator("main"))
    f.ecrire("mot_de_passe", MOT_DE_PASSE)
    f.suivre(f.bouton("Confirmer et entrer"))
    assert "Votre compte n’a pas encore de rôle" in lu(f.page.locator("main"))


def enregistrer_l_association(f: Fenetre, siret: str, nom: str) -> str:
    """Le SIRET, ce que l'annuaire en dit (ou la main), le registre du tribunal ; rend l'adresse de la fiche."""
    f.suivre(f.lien("Enregistrer mon organisation"))
    f.ecrire("siret", siret)
    f.suivre(f.bouton("Continuer"))
    if siret == CONNU:
        assert f.page.locator("#champ-nom").input_value() == nom
        assert f.page.locator("#champ-commune").input_value() == "MULHOUSE"
    else:
        assert "ne connaît pas ce SIRET" in lu(f.page.locator("main"))
        f.choisir("forme", "Association")
        remplir(f, {"nom": nom, "adresse": "4 rue Inventée", "code_postal": "68200", "commune": "Mulhouse"})
    assert f.page.locator("#champ-forme").input_value() == "association"
    remplir(f, {"registre_tribunal": "Mulhouse", "registre_volume": "97", "registre_folio": "12"})
    f.ecrire_date("registre_inscrit_le", 2026, 3, 2)
    f.suivre(f.bouton("Enregistrer"))
    assert "Il manque" in lu(f.page.locator("main"))
    f.capturer("fiche-a-completer")
    return f.page.url.removeprefix(f.adresse).partition("?")[0]


def completer_la_fiche(f: Fenetre) -> None:
    """Chaque manque que dit la fiche, dans l'ordre ; un IBAN faux se voit."""
    representante = {"fonction": "présidence", "prenom": "Prénom", "nom": "Fictif", "courriel": "p@exemple.invalid"}
    f.suivre(f.lien("Modifier : représentant"))
    remplir(f, representante)
    f.suivre(f.bouton("Enregistrer"))
    f.suivre(f.lien("Modifier : relations"))
    cocher_tout(f, [("est_reconnue_utilite", "non"), ("est_assujettie", "non")])
    f.suivre(f.bouton("Enregistrer"))
    f.suivre(f.lien("Modifier : moyens"))
    nombres = ("volontaires", "salaries", "emplois_aides", "etpt", "mis_a_disposition")
    remplir(f, {"benevoles": "12", "adherents": "40"} | dict.fromkeys(nombres, "0"))
    f.suivre(f.bouton("Enregistrer"))
    f.suivre(f.lien("Modifier : compte"))
    compte = {"titulaire": "Association (fictif)", "banque": "Banque fictive", "bic": "CEPAFRPP751"}
    remplir(f, compte | {"iban": "FR76 3000 6000 0112 3456 7890 188"})
    f.suivre(f.bouton("Ajouter ce compte"), refus=422)
    assert f.page.locator("#champ-iban").get_attribute("aria-invalid") == "true"
    f.ecrire("iban", "FR76 3000 6000 0112 3456 7890 189")
    f.suivre(f.bouton("Ajouter ce compte"))
    f.suivre(f.lien("Modifier : contrat d’engagement"))
    f.cocher("atteste", "oui")
    f.suivre(f.bouton("Attester"))
    assert "Rien ne manque à cette fiche" in lu(f.page.locator("main"))


def deposer_les_statuts(f: Fenetre, site: Site) -> None:
    """Une pièce durable, un vrai PDF, vérifié par l'antivirus."""
    f.suivre(f.lien("Pièces"))
    f.choisir("nature", "Statuts signés")
    choisir_un_fichier(f, "statuts.pdf")
    f.suivre(f.bouton("Déposer la pièce"))
    site.scene.faire_les_taches()
    f.aller(f.page.url.removeprefix(f.adresse))
    assert "Valable" in lu(f.page.locator("main"))


def commencer(f: Fenetre) -> str:
    """Un dossier neuf, que la page propose de commencer par le montant ; rend son adresse."""
    f.aller("/dossiers/nouveau")
    envois: list[str] = []
    f.page.on("request", lambda requete: envois.append(requete.url) if requete.method == "POST" else None)
    if f.a_javascript:
        with f.page.expect_navigation():
            f.bouton("Commencer").evaluate("b => { b.click(); setTimeout(() => b.click(), 25); }")
        f.juger()
    else:
        f.suivre(f.bouton("Commencer"))
    assert len([adresse for adresse in envois if adresse.endswith("/dossiers/nouveau")]) == 1, (
        "un double clic envoie une fois"
    )
    assert "Une petite demande ?" in lu(f.page.locator("main"))
    f.suivre(f.lien("ce que vous demandez"))
    return f.page.url.removeprefix(f.adresse).split("/etapes/")[0]


def remplir_le_chemin_court(f: Fenetre, dossier: str, chemin: Chemin) -> None:
    """Le montant d'abord : le formulaire se raccourcit ; puis, étape après étape, ce qui reste exigé."""
    f.ecrire("demandes.1.montant", "1 500")
    f.suivre(f.bouton("Enregistrer et quitter"))
    assert "Petite demande" in lu(f.page.locator("aside"))
    f.capturer("petite-demande")
    f.suivre(f.lien("Votre projet"))
    chemin.noter(f)
    champs = {"titre": "Nouvel an des voisins", "besoin": "Personne ne se connaît (fictif)."}
    remplir(f, champs | {"description": "Un repas partagé (fictif)."})
    f.suivre(f.bouton(CONTINUER))
    chemin.noter(f)
    f.cocher("objectif_principal", "E1.2")
    f.suivre(f.bouton(CONTINUER))
    chemin.noter(f)
    cocher_tout(f, [("fiches", "COTEAUX"), ("quartiers_beneficiaires", "QN06804M"), ("communes", "68224")])
    f.ecrire("lieu", "Salle du centre social")
    f.suivre(f.bouton(CONTINUER))
    chemin.noter(f)
    remplir(f, {"beneficiaires": "60", "beneficiaires_qpv": "50", "beneficiaires_femmes": "30"})
    f.suivre(f.bouton(CONTINUER))
    chemin.noter(f)
    f.ecrire_date("debut", 2026, 12, 31)
    f.ecrire_date("fin", 2027, 1, 1)
    f.suivre(f.bouton(CONTINUER))
    chemin.noter(f)
    f.ecrire("budget_charges.0.montant", "1 500")
    f.suivre(f.bouton(CONTINUER))
    chemin.noter(f)
    assert "Équilibré" in lu(f.page.locator("#equilibre"))
    f.suivre(f.bouton(CONTINUER))
    chemin.noter(f)
    cocher_tout(f, [(nom, "oui") for nom in ("a_jour", "sincere", "cer", "charte")])
    f.suivre(f.bouton(CONTINUER))
    assert f.page.url.removeprefix(f.adresse).startswith(dossier)


@aux_coins((TELEPHONE, True), (BUREAU, False))
def test_une_association_neuve_fait_sa_premiere_demande(
    site: Site, ouvrir: Ouvrir, taille: tuple[int, int], scripts: bool
) -> None:
    rang = next(site.scene.rangs)
    connue = scripts and taille == TELEPHONE  # un SIRET ne s'enregistre qu'une fois
    siret, nom = (CONNU, "LES JARDINS PARTAGES DU CANAL (FICTIF)") if connue else (siret_fictif(rang), "Neuve (fictif)")
    chemin = Chemin()
    with ouvrir(taille, MAINTENANT, scripts=scripts) as f:
        demander_si_l_on_peut(f)
        creer_un_compte(f, site, f"neuve{rang}@exemple.invalid")
        enregistrer_l_association(f, siret, nom)
        completer_la_fiche(f)
        deposer_les_statuts(f, site)
        dossier = commencer(f)
        remplir_le_chemin_court(f, dossier, chemin)
        numero = signer_et_deposer(f, dossier)
        assert f"Dossier n° {numero}" in lu(f.page.locator("main"))
        f.aller(f"/dossiers/{numero}/pieces")
        statuts, rib = (lu(f.page.locator("tr", has_text=nom)) for nom in ("Statuts signés", "Relevé d’identité"))
        assert "Valable" in statuts
        assert "statuts.pdf" in statuts
        assert "À fournir" in rib
    assert set(chemin.etapes) == COURT
    assert sum(map(len, chemin.etapes.values())) <= QUESTIONS_AU_PLUS, chemin.etapes

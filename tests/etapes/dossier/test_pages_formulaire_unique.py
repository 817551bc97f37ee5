"""Les questions du Cerfa à l'écran : thème groupé, code d'avant montré, statut exigé au champ, détail d'une CPO."""

from __future__ import annotations

import re

from app.etapes.dossier.models import Champ, Dossier
from app.etapes.dossier.repository import contenu, list_champs
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire
from tests.etapes.dossier.conftest import Decor

CPO = [
    {"ligne": "M2A", "annee": 2027, "montant": 800_000},
    {"ligne": "M2A", "annee": 2028, "montant": 500_000},
]


def un_brouillon(decor: Decor, **change: object) -> Dossier:
    cree = f.un_brouillon(
        decor.session, decor.appel, decor.organisation, decor.acteur, contenu=f.contenu_complet(2027, **change)
    )
    decor.session.commit()
    return cree


def adresse(dossier: Dossier, etape: str) -> str:
    return f"/dossiers/{dossier.reference}/etapes/{etape}"


def test_le_theme_de_l_etat_se_choisit_avec_son_sous_theme_sans_script(decor: Decor) -> None:
    dossier = un_brouillon(decor)
    page = decor.client.get(adresse(dossier, "financement"))
    assert '<optgroup label="2 Accès aux droits">' in page.text
    envoi = formulaire(page, "/etapes/financement").remplir(theme_p147="2.2").envoyer(decor.client, "enregistrer")
    assert envoi.status_code == 303
    decor.session.expire_all()
    assert contenu(decor.session, dossier.id)["theme_p147"] == "2.2"
    fiche = decor.client.get(f"/dossiers/{dossier.reference}/portail").text
    assert "2.2 Soutien à la parentalité" in fiche


def test_un_compte_d_avant_reste_choisi_et_se_garde(decor: Decor) -> None:
    dossier = un_brouillon(decor)
    garde = list_champs(decor.session, dossier.id)["budget_charges"]
    garde.valeur = [{"compte": "65", "montant": 200_000}, {"compte": "64", "montant": 1_000_000}]
    decor.session.commit()
    page = formulaire(decor.client.get(adresse(dossier, "budget")), "/etapes/budget")
    assert page.valeur("budget_charges.0.compte") == "65x"
    assert page.envoyer(decor.client, "enregistrer").status_code == 303
    decor.session.expire_all()
    relu: Champ = list_champs(decor.session, dossier.id)["budget_charges"]
    assert relu.valeur[0] == {"compte": "65x", "montant": 200_000}
    assert relu.valeur[1] == {"compte": "64", "montant": 1_000_000}


def test_une_subvention_sans_statut_se_dit_a_son_champ(decor: Decor) -> None:
    dossier = un_brouillon(decor, budget_produits=[{"compte": "74orgasoc", "libelle": "CAF", "montant": 400_000}])
    page = decor.client.get(adresse(dossier, "budget")).text
    assert re.search(r'id="champ-budget_produits\.0\.statut"[^>]*aria-invalid="true"', page)
    assert "Dites si cette subvention est acquise ou sollicitée." in page.replace("\u00a0", " ")
    saisie = formulaire(decor.client.get(adresse(dossier, "budget")), "/etapes/budget")
    saisie.remplir(budget_produits__0__statut="acquis").envoyer(decor.client, "enregistrer")
    assert "Dites si cette subvention" not in decor.client.get(adresse(dossier, "budget")).text


def test_le_detail_d_une_annee_suivante_se_remplit_sans_script(decor: Decor) -> None:
    dossier = un_brouillon(decor, duree="2", demandes=CPO)
    page = decor.client.get(adresse(dossier, "annees"))
    assert re.search(r'<details class="repli repli-champ">\s*<summary id="champ-annees_budget-repli">', page.text), (
        "replié tant que rien n'est tapé"
    )
    saisie = formulaire(page, "/etapes/annees")
    assert (saisie.valeur("annees_budget.0.annee"), saisie.valeur("annees_budget.1.compte")) == ("2028", "64")
    assert saisie.envoyer(decor.client, "enregistrer").status_code == 303
    assert "annees_budget" not in contenu(decor.session, dossier.id), "offertes d'avance, elles ne s'enregistrent pas"
    saisie = formulaire(decor.client.get(adresse(dossier, "annees")), "/etapes/annees")
    saisie.remplir(annees_budget__1__montant="11 000").envoyer(decor.client, "enregistrer")
    ecart = decor.client.get(adresse(dossier, "annees")).text.replace("\u202f", " ").replace("\u00a0", " ")
    assert "2028 : le détail des dépenses fait 11 000 €, le total annoncé est 12 000 €." in ecart


def test_le_recrutement_et_le_lieu_de_signature_se_disent(decor: Decor) -> None:
    dossier = un_brouillon(decor)
    moyens = formulaire(decor.client.get(adresse(dossier, "moyens")), "/etapes/moyens")
    refus = moyens.remplir(recrutement_etpt="beaucoup").envoyer(decor.client, "enregistrer")
    assert refus.status_code == 422
    assert "beaucoup" in refus.text, "ce qui est refusé revient tel que tapé"
    assert moyens.remplir(recrutement_etpt="0,5").envoyer(decor.client, "enregistrer").status_code == 303
    page = formulaire(decor.client.get(adresse(dossier, "moyens")), "/etapes/moyens")
    assert page.valeur("recrutement_etpt") == "0,5"
    attestations = formulaire(decor.client.get(adresse(dossier, "attestations")), "/etapes/attestations")
    attestations.remplir(fait_a="Illzach").envoyer(decor.client, "enregistrer")
    decor.session.expire_all()
    garde = contenu(decor.session, dossier.id)
    assert (garde["recrutement_etpt"], garde["fait_a"]) == (50, "Illzach")

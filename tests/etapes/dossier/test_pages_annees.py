"""Demander plusieurs années : les cases suivent la durée, chaque année a son équilibre, rien n'est oublié."""

from __future__ import annotations

import re

import pytest

from app.etapes.dossier.models import Dossier
from tests import factories as f
from tests.etapes.dossier.aide_pages import Formulaire, formulaire
from tests.etapes.dossier.conftest import Decor


@pytest.fixture
def dossier(decor: Decor) -> Dossier:
    """Un dossier d'un an, complet."""
    cree = f.un_brouillon(decor.session, decor.appel, decor.organisation, decor.acteur, contenu=f.contenu_complet(2027))
    decor.session.commit()
    return cree


def ouverte(decor: Decor, dossier: Dossier, section: str = "financement") -> tuple[str, Formulaire]:
    """(texte, formulaire) d'une étape."""
    page = decor.client.get(f"/dossiers/{dossier.reference}/etapes/{section}")
    assert page.status_code == 200, page.text
    return page.text, formulaire(page, f"/etapes/{section}")


def cases(texte: str) -> tuple[set[str], set[str]]:
    """(années montrées, années cachées) des cases à remplir."""
    trouvees = re.findall(r'data-annee="\d"( hidden)?>.*?Demandé pour (\d{4})<', texte, re.DOTALL)
    return {a for cachee, a in trouvees if not cachee}, {a for cachee, a in trouvees if cachee}


def test_les_cases_d_apres_sont_cachees_puis_montrees(decor: Decor, dossier: Dossier) -> None:
    texte, page = ouverte(decor, dossier)
    assert cases(texte) == ({"2027"}, {"2028", "2029"})
    rendue = page.remplir(duree="2").envoyer(decor.client, "annees")
    assert cases(rendue.text) == ({"2027", "2028"}, {"2029"})


def test_allonger_la_duree_sans_rien_demander_ensuite_ramene_a_l_etape(decor: Decor, dossier: Dossier) -> None:
    _, page = ouverte(decor, dossier)
    suite = page.remplir(duree="2").envoyer(decor.client, "enregistrer")
    assert suite.status_code == 303
    assert suite.headers["location"].startswith(f"/dossiers/{dossier.reference}/etapes/financement")
    assert suite.headers["location"].endswith("#champ-demandes")
    revenue, page = ouverte(decor, dossier)
    assert cases(revenue) == ({"2027", "2028"}, {"2029"})
    suite = page.envoyer(decor.client, "enregistrer")  # les cases étaient là : on ne ramène plus
    assert "/etapes/annees" in suite.headers["location"]


def test_une_annee_muette_empeche_de_deposer_et_le_dit(decor: Decor, dossier: Dossier) -> None:
    _, page = ouverte(decor, dossier)
    page.remplir(duree="3").envoyer(decor.client, "enregistrer")
    relecture = decor.client.get(f"/dossiers/{dossier.reference}/signature").text
    assert "Demandez aussi un montant pour 2028 et 2029, ou choisissez une durée plus courte." in relecture


def test_chaque_annee_d_apres_montre_son_equilibre(decor: Decor, dossier: Dossier) -> None:
    _, page = ouverte(decor, dossier)
    rendue = formulaire(page.remplir(duree="2").envoyer(decor.client, "annees"), "/etapes/financement")
    rang = next(n.split(".")[1] for n, v in rendue.champs if n.endswith(".annee") and v == "2028")
    rendue.remplir(**{f"demandes.{rang}.montant": "6 000"}).envoyer(decor.client, "enregistrer")
    texte, page = ouverte(decor, dossier, "annees")
    assert "Demandé aux financeurs pour 2028" in texte
    assert re.search(r"Recettes en trop\s: 6\s000\s€", texte)
    page.remplir(**{"annees_suivantes.0.actions": "Encore", "annees_suivantes.0.charges": "6 000"})
    recu = decor.client.post(page.action + "/champs", data=dict(page.champs))
    assert "2028" in recu.json()["equilibre"]
    assert "Recettes en trop" not in recu.json()["equilibre"].partition("2028")[2]

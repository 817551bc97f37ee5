"""« Et si on mettait 2 au lieu de 12 ? » : préparer une grille, l'essayer, l'adopter, avec et sans JavaScript."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.etapes.commission.aide_seance import AVANT
from tests.navigateur.aide_fenetre import BUREAU, TELEPHONE, Fenetre, lu
from tests.navigateur.conftest import Ouvrir, Site

pytestmark = pytest.mark.navigateur
GRILLES = "/contrats/m2a-2024-2030/grilles"


def poids(f: Fenetre, ligne: str, critere: str, valeur: str) -> None:
    f.page.locator(f'[name="poids.{ligne}.{critere}"]').fill(valeur)


def changer_les_poids(f: Fenetre) -> None:
    """Une somme fausse se voit en tapant, se refuse à l'envoi, puis se corrige."""
    poids(f, "M2A", "QPV", "2")
    somme = f.page.locator('[data-somme="M2A"]')
    if f.a_javascript:
        assert lu(somme) == "90, il manque 10"
    f.suivre(f.bouton("Enregistrer les poids"), refus=422)
    assert lu(somme) == "90, il manque 10"
    assert "la somme des poids de m2a est 90" in lu(f.resume()).lower()
    assert f.page.locator('[name="poids.M2A.QPV"]').input_value() == "2"
    poids(f, "M2A", "LAN", "15")
    f.suivre(f.bouton("Enregistrer les poids"))
    assert "2 changements" in lu(f.page.locator("main"))


def changer_un_seuil(f: Fenetre) -> None:
    """Un seuil d'un critère, tapé dans son unité."""
    f.suivre(f.page.get_by_role("link", name="Public des quartiers prioritaires", exact=True).first)
    seuil = f.page.locator('[name="b0.p0.s0"]')
    assert seuil.input_value() == "60"
    seuil.fill("65")
    f.suivre(f.bouton("Enregistrer ce critère"))
    assert "au moins 65" in lu(f.page.locator("main"))


def essayer(f: Fenetre, site: Site) -> None:
    """L'essai avance en tâche de fond ; fini, la page dit qui bouge."""
    f.suivre(f.bouton("Essayer"))
    assert "En file" in lu(f.page.locator("#essai"))
    site.scene.faire_les_taches()
    if f.a_javascript:
        expect(f.page.locator("#essai")).to_contain_text("dossiers comparés", timeout=10_000)
    else:
        f.suivre(f.lien("Actualiser"))
    page = lu(f.page.locator("main"))
    assert "comparés à la grille 2027.0" in page
    assert "Dossiers touchés" in page


def adopter(f: Fenetre, version: str) -> None:
    f.suivre(f.lien("Adopter cette grille"))
    assert "Une grille adoptée ne change plus" in lu(f.page.locator("main"))
    f.suivre(f.bouton("Adopter cette grille"))
    assert f.page.url.partition("?")[0].endswith(f"{GRILLES}/versions/{version}")
    f.aller(f"{GRILLES}/comparaison?avant=2027.0&apres={version}")
    assert "était 12" in lu(f.page.locator("main"))


@pytest.mark.parametrize(
    ("taille", "scripts", "version"), [(BUREAU, True, "2031.0"), (TELEPHONE, False, "2031.1")], ids=["1280", "375"]
)
def test_une_grille_se_prepare_s_essaie_et_s_adopte(
    site: Site, ouvrir: Ouvrir, taille: tuple[int, int], scripts: bool, version: str
) -> None:
    temoin = site.scene.temoin(site.scene.comptes["charge"])
    with ouvrir(taille, AVANT, temoin=temoin, scripts=scripts) as f:
        f.aller(GRILLES)
        f.choisir("origine", "2027.0, Grille de départ de l’appel 2027")
        f.ecrire("version", "2027.0")
        f.suivre(f.bouton("Préparer cette grille"), refus=422)
        f.ecrire("version", version)
        f.suivre(f.bouton("Préparer cette grille"))
        changer_les_poids(f)
        changer_un_seuil(f)
        essayer(f, site)
        adopter(f, version)

"""Le secrétariat tient une séance à l'écran : présences, déport, vote d'un point, vote en bloc, procès-verbal."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.etapes.commission.aide_seance import AVANT, EN_SEANCE
from tests.navigateur.aide_fenetre import BUREAU, TELEPHONE, Fenetre, lu
from tests.navigateur.conftest import Ouvrir, Site

pytestmark = pytest.mark.navigateur
ABSENTS = {9: "absent", 10: "pouvoir-1"}


def se_deporter(f: Fenetre, seance: str) -> str:
    """Un élu se déporte du premier dossier ; une raison manque d'abord. Rend ce que la page lui cache ensuite."""
    f.aller(f"/seances/{seance}")
    f.suivre(f.page.get_by_role("link", name="Me déporter du point 1", exact=True))
    f.suivre(f.bouton("Me déporter"), refus=422)
    assert f.page.locator("#champ-motif").get_attribute("aria-invalid") == "true"
    f.resume()
    f.ecrire("motif", "Membre du conseil d’administration")
    f.suivre(f.bouton("Me déporter"))
    return lu(f.page.locator("main"))


def noter_les_presences(f: Fenetre, seance: str) -> None:
    """Huit présents, un absent, un pouvoir."""
    f.aller(f"/seances/{seance}/presences")
    assert "Quorum non atteint" in lu(f.page.locator("aside"))
    for rang in range(1, 11):
        f.page.locator(f"#champ-siege-{rang}").select_option(ABSENTS.get(rang, "present"))
    f.suivre(f.bouton("Noter les présences"))
    assert "Quorum atteint" in lu(f.page.locator("aside"))


def ouvrir_la_seance(f: Fenetre) -> None:
    f.suivre(f.page.get_by_role("link", name="Ordre du jour", exact=True))
    repli = f.page.locator("details", has_text="Ouvrir la séance")
    if repli.get_attribute("open") is None:
        repli.locator("summary").click()
    f.suivre(f.bouton("Ouvrir la séance"))
    assert "6 points restent à voter" in lu(f.page.locator("main"))


def voter_voix_par_voix(f: Fenetre) -> None:
    """Le point 1 : six voix pour, une contre, une abstention (le pouvoir) ; le déporté n'est pas dans le tableau."""
    f.suivre(f.page.locator("main").get_by_role("link", name="Point 1", exact=True))
    assert "Déport : Vice-président de m2A compétent, premier siège" in lu(f.page.locator("main"))
    f.page.get_by_text("Voter voix par voix").click()
    rangees = f.page.locator("[data-voix]")
    assert rangees.count() == 8
    for rang in range(rangees.count()):
        sens = {0: "contre", 7: "abstention"}.get(rang, "pour")
        rangees.nth(rang).locator(f'label:has(input[value="{sens}"])').click()
    if f.a_javascript:  # la touche P, quand le focus est dans la rangée
        rangees.nth(0).locator("input").first.focus()
        f.page.keyboard.press("c")
        assert rangees.nth(0).locator('input[value="contre"]').is_checked()
    f.suivre(f.bouton("Compter et proclamer"))
    resultat = lu(f.page.locator("main"))
    assert "Résultat proclamé" in resultat
    assert "6 pour, 1 contre, 1 abstention" in resultat


def voter_en_bloc(f: Fenetre) -> None:
    """Les autres points, un bloc après l'autre, à l'unanimité ; puis celui qu'un déport a mis à part."""
    f.suivre(f.lien("Tous les votes"))
    while (adopter := f.page.get_by_role("button", name="Adopter à l’unanimité : ")).count():
        f.suivre(adopter.first)
    while (reste := f.page.locator("main .titre-page-actions").get_by_role("link", name="Point ")).count():
        f.suivre(reste.first)
        f.suivre(f.bouton("Adopter à l’unanimité"))
        f.suivre(f.lien("Tous les votes"))
    assert "Tous les points sont proclamés" in lu(f.page.locator("main"))


def clore(f: Fenetre) -> None:
    if f.a_javascript:
        f.page.get_by_role("link", name="Clore la séance…").click()
        dialogue = f.page.get_by_role("dialog")
        expect(dialogue).to_be_visible()
        f.juger()
        f.suivre(dialogue.get_by_role("button", name="Clore la séance"))
    else:
        f.suivre(f.bouton("Clore la séance"))


@pytest.mark.parametrize("scripts", [True, False], ids=["avec les scripts", "sans scripts"])
def test_une_seance_se_tient_a_l_ecran(site: Site, ouvrir: Ouvrir, scripts: bool) -> None:
    seance = site.scene.une_seance_convoquee().code
    membre = site.scene.temoin(site.scene.comptes["membre"])
    with ouvrir(BUREAU, AVANT, temoin=membre, scripts=scripts) as f:
        assert "Vous vous êtes déporté de ce dossier" in se_deporter(f, seance)
    charge = site.scene.temoin(site.scene.comptes["charge"])
    with ouvrir(BUREAU, EN_SEANCE, temoin=charge, scripts=scripts) as f:
        noter_les_presences(f, seance)
        ouvrir_la_seance(f)
        voter_voix_par_voix(f)
        voter_en_bloc(f)
        clore(f)
        assert "Le document scellé est en préparation" in lu(f.page.locator("main"))
        site.scene.faire_les_taches()
        f.aller(f"/seances/{seance}/proces-verbal")
        proces_verbal = lu(f.page.locator("main"))
        assert "Empreinte SHA-256" in proces_verbal
        assert "Membre du conseil d’administration" in proces_verbal
        recu = f.page.request.get(f.adresse + str(f.lien("Procès-verbal scellé").get_attribute("href")))
        assert recu.ok
        assert recu.body().startswith(b"%PDF-")
        assert len(f.pages_jugees) >= 12


def test_un_membre_suit_la_seance_sans_recharger(site: Site, ouvrir: Ouvrir) -> None:
    """Ce que le secrétariat proclame arrive à l'écran des autres en deux secondes ; ce qu'ils ont déplié le reste."""
    code = site.scene.une_seance_convoquee().code
    membre, charge = (site.scene.temoin(site.scene.comptes[qui]) for qui in ("membre", "charge"))
    with (
        ouvrir(BUREAU, EN_SEANCE, temoin=charge) as tenue,
        ouvrir(TELEPHONE, EN_SEANCE, temoin=membre) as suivie,
    ):
        suivie.aller(f"/seances/{code}/presences")
        expect(suivie.page.locator("aside")).to_contain_text("Quorum non atteint")
        noter_les_presences(tenue, code)
        expect(suivie.page.locator("aside")).to_contain_text("Quorum atteint")
        ouvrir_la_seance(tenue)
        suivie.aller(f"/seances/{code}/votes")
        suivie.page.locator("details").first.locator("summary").click()
        suivie.page.locator("h1").evaluate("() => document.activeElement.blur()")
        tenue.suivre(tenue.page.get_by_role("button", name="Adopter à l’unanimité : ").first)
        expect(suivie.page.get_by_role("status")).to_contain_text("Mis à jour à")
        expect(suivie.page.locator("main")).to_contain_text(re.compile("Retenu|Avis favorable"))
        assert suivie.page.locator("details").first.get_attribute("open") is not None
        suivie.juger()

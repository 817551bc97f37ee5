"""Les écrans de la notation, avec et sans scripts : comparer, explorer les poids, placer un coût, lire une source."""

from __future__ import annotations

from fractions import Fraction

import pytest
from sqlalchemy import select

from app.etapes.notation.models import ReleveFaits
from app.etapes.notation.rules import fait_vers_donnees
from app.noyau.euros import Euros
from app.referentiels.grilles.rules import Fait, Statut, Valeur
from tests.etapes.commission.aide_seance import AVANT
from tests.navigateur.aide_fenetre import BUREAU, COINS, Fenetre
from tests.navigateur.conftest import Ouvrir, Site
from tests.navigateur.test_clavier import avancer_jusqu_a

pytestmark = pytest.mark.navigateur
APPEL = "/appels/m2a-2027"
NOMS = [f"{largeur}-{'avec' if scripts else 'sans'}-scripts" for (largeur, _), scripts in COINS]


def un_cout(site: Site, charges: Euros, personnes: int) -> str:
    """Le dossier de la scène, un relevé de plus où son coût se compare ; rend son numéro."""
    faits: dict[str, Valeur] = {
        "type_action": "sport", "charges_total": charges, "beneficiaires": personnes, "comparables": 9,
        "mediane_cout": Fraction(5_000),
    }  # fmt: skip
    with site.scene.fabrique.begin() as session:
        lus = select(ReleveFaits).where(ReleveFaits.dossier_id == site.scene.dossier.id)
        dernier = session.scalars(lus.order_by(ReleveFaits.rang.desc())).first()
        assert dernier is not None
        ecrits = {code: fait_vers_donnees(Fait(valeur, Statut.VERIFIE)) for code, valeur in faits.items()}
        session.add(
            ReleveFaits(
                contrat_id=dernier.contrat_id, dossier_id=dernier.dossier_id, rang=dernier.rang + 1,
                faits=dernier.faits | ecrits, empreinte=dernier.empreinte, a=AVANT,
            )
        )  # fmt: skip
    return str(site.scene.dossier.numero)


@pytest.mark.parametrize(("taille", "scripts"), COINS, ids=NOMS)
def test_deux_dossiers_coches_dans_le_classement_se_comparent(
    site: Site, ouvrir: Ouvrir, taille: tuple[int, int], scripts: bool
) -> None:
    with ouvrir(taille, AVANT, temoin=site.scene.temoin(site.scene.comptes["M2A"]), scripts=scripts) as f:
        f.aller(f"{APPEL}/classement/M2A?duree=un_an")
        cases = f.page.locator('input[name="d"]')
        cases.nth(0).check()
        f.refus_attendus.append(422)
        f.suivre(f.bouton("Comparer les deux dossiers cochés"))
        assert "Cochez deux dossiers" in f.resume().inner_text()
        f.aller(f"{APPEL}/classement/M2A?duree=un_an")
        cases.nth(0).check()
        cases.nth(1).check()
        f.suivre(f.bouton("Comparer les deux dossiers cochés"))
        f.juger()
        assert "Deux dossiers côte à côte" in f.page.locator("h1").inner_text()


@pytest.mark.parametrize(("taille", "scripts"), COINS, ids=NOMS)
def test_un_point_de_plus_recalcule_sans_rien_ecrire(
    site: Site, ouvrir: Ouvrir, taille: tuple[int, int], scripts: bool
) -> None:
    with ouvrir(taille, AVANT, temoin=site.scene.temoin(site.scene.comptes["M2A"]), scripts=scripts) as f:
        f.aller(f"{APPEL}/poids/M2A")
        _plus(f)
        assert f.page.locator("#champ-OBJ").input_value() == "25"
        assert "Somme\u00a0: 101, pas 100" in f.page.locator(".somme").inner_text()
        assert "Entrent dans les 10 premiers" in f.page.locator("#simulateur").inner_text()
        f.juger()
        f.page.locator("#champ-OBJ").fill("30")
        f.page.locator("#champ-OBJ").press("Enter")
        f.page.locator(".somme b", has_text="106").wait_for()
        if scripts:
            assert "OBJ=30" in f.page.url


def _plus(f: Fenetre) -> None:
    f.page.get_by_role("button", name="Un point de plus pour Réponse aux objectifs").click()
    f.page.locator(".somme b", has_text="101").wait_for()


def test_les_poids_se_changent_au_clavier_seul(site: Site, ouvrir: Ouvrir) -> None:
    with ouvrir(BUREAU, AVANT, temoin=site.scene.temoin(site.scene.comptes["M2A"])) as f:
        f.aller(f"{APPEL}/poids/M2A")
        avancer_jusqu_a(f, "plus-OBJ", pas=60)
        f.page.keyboard.press("Enter")
        f.page.locator(".somme b", has_text="101").wait_for()
        assert f.page.evaluate("document.activeElement.id") == "plus-OBJ"  # le focus reste où l'on travaille
        f.page.keyboard.press("Enter")
        f.page.locator(".somme b", has_text="102").wait_for()
        f.juger()


@pytest.mark.parametrize(("taille", "scripts"), COINS, ids=NOMS)
def test_un_cout_se_place_face_a_la_mediane(site: Site, ouvrir: Ouvrir, taille: tuple[int, int], scripts: bool) -> None:
    with ouvrir(taille, AVANT, temoin=site.scene.temoin(site.scene.comptes["M2A"]), scripts=scripts) as f:
        for charges, phrase in ((Euros.de(4_000), "2 fois la médiane"), (Euros.de(40_000), "20 fois la médiane")):
            f.aller(f"/dossiers/{un_cout(site, charges, 40)}/cout")
            assert phrase in f.page.locator("main").inner_text()
            f.capturer(f"cout-{charges.centimes}")


def test_la_source_d_un_critere_s_ouvre_au_bon_endroit_du_contrat(site: Site, ouvrir: Ouvrir) -> None:
    numero = site.scene.dossier.numero
    with ouvrir(BUREAU, AVANT, temoin=site.scene.temoin(site.scene.comptes["M2A"])) as f:
        f.aller(f"/dossiers/{numero}/passage?lignes=1492")
        assert "/contrats/m2a-2024-2030/gouvernance?version=" in f.page.url
        assert f.page.locator(":target").count() == 1
        f.aller(f"/dossiers/{numero}/passage?lignes=696")
        assert "/contrats/m2a-2024-2030/objectifs/T.1?version=" in f.page.url

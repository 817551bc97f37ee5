"""Déposer une pièce : progression, annulation, refus dits sur place ; et tout pareil sans JavaScript."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from app.noyau.roles import Role
from tests.factories import MAINTENANT, un_compte, une_organisation
from tests.fichiers.aide_fichiers import un_pdf, une_image
from tests.navigateur.aide_fenetre import BUREAU, TELEPHONE, Fenetre, lu
from tests.navigateur.conftest import Ouvrir, Site

pytestmark = pytest.mark.navigateur
DEBIT = 400_000  # octets par seconde : de quoi voir la progression, et l'annuler


@pytest.fixture
def porteur(site: Site) -> tuple[str, str]:
    """(adresse de la page des pièces, témoin de son rédacteur)."""
    with site.scene.fabrique.begin() as session:
        organisation = une_organisation(session, rang=700 + next(site.scene.rangs))
        compte = un_compte(session, Role.REDACTEUR, organisation=organisation)
    return f"/organisations/{organisation.code}/pieces", site.scene.temoin(compte)


def choisir(f: Fenetre, octets: bytes, nom: str, nature: str = "Statuts signés") -> None:
    """Remplit le formulaire."""
    f.choisir("nature", nature)
    fichier = {"name": nom, "mimeType": "application/octet-stream", "buffer": octets}
    f.page.locator("#champ-fichier").set_input_files(files=[fichier])  # type: ignore[list-item]


def test_l_envoi_se_voit_s_annule_et_reprend(site: Site, ouvrir: Ouvrir, porteur: tuple[str, str]) -> None:
    adresse, temoin = porteur
    with ouvrir(TELEPHONE, MAINTENANT, temoin=temoin) as f:
        f.aller(adresse)
        reseau = f.page.context.new_cdp_session(f.page)
        limites = {"offline": False, "latency": 0, "downloadThroughput": -1}
        reseau.send("Network.enable")
        reseau.send("Network.emulateNetworkConditions", {**limites, "uploadThroughput": DEBIT})
        octets = un_pdf(page=b"% " + b"x" * 3_000_000)
        choisir(f, octets, "statuts.pdf")
        f.bouton("Déposer la pièce").click()
        statut = f.page.locator("[data-progression] [role=status]")
        expect(statut).to_contain_text(re.compile(r"\d+ % envoyés"))
        expect(f.page.get_by_role("progressbar", name="Envoi du fichier")).to_be_visible()
        expect(f.bouton("Déposer la pièce")).to_be_disabled()
        f.juger()
        f.capturer("piece-en-route")
        with f.page.expect_event("requestfailed"):
            f.bouton("Annuler l’envoi").click()
        expect(statut).to_have_text("Envoi annulé. Rien n’est enregistré.")
        f.ennuis.clear()  # la requête annulée : c'est ce qu'on voulait
        reseau.send("Network.emulateNetworkConditions", {**limites, "uploadThroughput": -1})
        f.suivre(f.bouton("Déposer la pièce"))
        expect(f.page.get_by_role("status").first).to_contain_text("La pièce est enregistrée")
        assert "En cours d’analyse" in lu(f.page.locator("main"))
        f.capturer("piece-recue")
        site.scene.faire_les_taches()
        f.aller(adresse)
        assert "Valable" in lu(f.page.locator("main"))
        with f.page.expect_download() as telechargement:
            f.lien("Télécharger").click()
        assert telechargement.value.suggested_filename == "statuts.pdf"
        assert telechargement.value.path().read_bytes() == octets
        f.ennuis.clear()  # Chromium dit « abandonnée » la navigation devenue un fichier à enregistrer


def test_un_refus_se_dit_sans_recharger_et_porte_le_focus(ouvrir: Ouvrir, porteur: tuple[str, str]) -> None:
    adresse, temoin = porteur
    with ouvrir(BUREAU, MAINTENANT, temoin=temoin) as f:
        f.aller(adresse)
        choisir(f, un_pdf(page=b"% " + b"x" * 11 * 1024 * 1024), "gros.pdf")
        f.bouton("Déposer la pièce").click()
        expect(f.page.locator("[data-progression] [role=status]")).to_contain_text("10 Mo au plus")
        f.refus_attendus.append(422)
        choisir(f, une_image(), "photo.pdf")
        f.bouton("Déposer la pièce").click()
        expect(f.page.locator(".resume-erreurs")).to_be_visible()
        assert "image PNG" in lu(f.resume())
        f.juger()
        choisir(f, une_image(), "photo.png")
        f.suivre(f.bouton("Déposer la pièce"))
        expect(f.page.get_by_role("status").first).to_contain_text("La pièce est enregistrée")


def test_sans_javascript_la_piece_se_depose_aussi(ouvrir: Ouvrir, porteur: tuple[str, str]) -> None:
    adresse, temoin = porteur
    with ouvrir(TELEPHONE, MAINTENANT, temoin=temoin, scripts=False) as f:
        f.aller(adresse)
        choisir(f, une_image(), "rib.pdf", "Relevé d’identité bancaire")
        f.suivre(f.bouton("Déposer la pièce"), refus=422)
        assert "image PNG" in lu(f.resume())
        choisir(f, une_image(), "rib.png", "Relevé d’identité bancaire")
        f.suivre(f.bouton("Déposer la pièce"))
        assert "La pièce est enregistrée" in lu(f.page.locator("main"))

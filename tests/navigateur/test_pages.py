"""Les pages principales de chaque public, au téléphone et au bureau : axe, aucun débordement, une image de chacune."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.etapes.commission.aide_seance import AVANT
from tests.factories import MAINTENANT
from tests.navigateur.aide_fenetre import BUREAU, TELEPHONE
from tests.navigateur.conftest import Ouvrir, Site

pytestmark = pytest.mark.navigateur
APPEL = "/appels/m2a-2027"
CONTRAT = "/contrats/m2a-2024-2030"
PAGES: dict[str, tuple[datetime, tuple[str, ...]]] = {
    "": (
        MAINTENANT,
        (
            "/", "/connexion", "/appel", APPEL, "/contrat", f"{CONTRAT}/objectifs/E1.2", f"{CONTRAT}/fiches/COTEAUX",
            f"{CONTRAT}/quartiers/QN06804M", f"{CONTRAT}/gouvernance", f"{APPEL}/regles", "/donnees",
            "/accessibilite", "/donnees-personnelles",
        ),
    ),
    "porteur": (AVANT, ("/accueil", "/dossiers", "/dossiers/{numero}", "/dossiers/{numero}/accuse", "/organisations")),
    "M2A": (
        AVANT,
        (
            "/accueil", "/instruction", "/instruction/{numero}", "/dossiers/{numero}/notes/M2A",
            "/dossiers/{numero}/faits", f"{APPEL}/classement/M2A", f"{APPEL}/programmation",
            f"{APPEL}/programmation/M2A", f"{APPEL}/decisions/M2A",
        ),
    ),
    "charge": (
        AVANT,
        (
            "/accueil", "/campagne", f"{APPEL}/scenarios", "/rencontres", "/decisions", "/seances", "/seances/{seance}",
            "/seances/{seance}/presences", "/seances/{seance}/votes", "/seances/{seance}/points/1",
            "/seances/{seance}/proces-verbal",
        ),
    ),
    "membre": (AVANT, ("/accueil", "/seances/{seance}", "/seances/{seance}/points/3/deport")),
    "referent": (AVANT, ("/accueil", "/rencontres")),
}  # fmt: skip


@pytest.mark.parametrize("public", PAGES, ids=lambda p: p or "visiteur")
def test_les_pages_d_un_public_se_lisent_partout(site: Site, ouvrir: Ouvrir, public: str) -> None:
    horloge, chemins = PAGES[public]
    temoin = site.scene.temoin(site.scene.comptes[public]) if public else None
    numeros = {"numero": site.scene.dossier.numero, "seance": site.scene.seance.code}
    with ouvrir(BUREAU, horloge, temoin=temoin) as f:
        for rang, chemin in enumerate(chemins):
            image = f"{public or 'visiteur'}-{rang:02d}"
            f.redimensionner(BUREAU)
            f.aller(chemin.format(**numeros), axe=rang == 0)
            f.capturer(image)
            f.redimensionner(TELEPHONE)
            f.juger()
            f.capturer(image)


@pytest.mark.parametrize("taille", [TELEPHONE, BUREAU], ids=["375", "1280"])
def test_une_adresse_inconnue_reste_une_page(ouvrir: Ouvrir, taille: tuple[int, int]) -> None:
    with ouvrir(taille, MAINTENANT) as f:
        f.refus_attendus.append(404)
        f.aller("/n-existe-pas")
        f.suivre(f.page.get_by_role("link", name="Initiatives Quartiers"))
        assert f.page.url == f.adresse + "/"

"""Le tableau du portail de l'État : importer, rapprocher, défaire ; au téléphone sans scripts, au bureau avec."""

from __future__ import annotations

import pytest

from tests.etapes.dossier.aide_portail import en_csv, en_xlsx, une_rangee
from tests.factories import MAINTENANT, un_dossier_complet, un_porteur, une_organisation
from tests.navigateur.aide_fenetre import BUREAU, TELEPHONE, Fenetre, lu
from tests.navigateur.conftest import Ouvrir, Site

pytestmark = pytest.mark.navigateur
ADRESSE = "/portail-etat/m2a-2027"


def envoyer(f: Fenetre, nom: str, octets: bytes, *, refus: int | None = None) -> None:
    fichier = {"name": nom, "mimeType": "application/octet-stream", "buffer": octets}
    f.page.locator("#champ-tableau").set_input_files(files=[fichier])  # type: ignore[list-item]
    f.suivre(f.bouton("Lire le tableau"), refus=refus)


@pytest.mark.parametrize(("taille", "scripts"), [(TELEPHONE, False), (BUREAU, True)], ids=["téléphone", "bureau"])
def test_la_sous_prefecture_importe_et_rapproche(
    site: Site, ouvrir: Ouvrir, taille: tuple[int, int], *, scripts: bool
) -> None:
    rang = 800 + next(site.scene.rangs)
    with site.scene.fabrique.begin() as session:
        organisation = une_organisation(session, rang=rang)
        porteur = un_porteur(session, organisation)
        titre = f"Lecture au pied des tours de l’Îlot {rang}"
        numero = un_dossier_complet(session, site.scene.appel, organisation, porteur, titre=titre).numero
    siret, portail = organisation.siret, f"DA{rang:08d}-1"
    rangees = (
        une_rangee(portail, f"LECTURE AU PIED DES TOURS DE L''ILOT {rang}", siret=siret, statut="Transmise"),
        une_rangee(f"DA9{rang:07d}", "Subventions Multi-actions du programme 147"),
        une_rangee(f"DA8{rang:07d}", "ÉCOLE OUVERTE " * 6, siret="", demandeur="Collège"),
    )
    with ouvrir(taille, MAINTENANT, temoin=site.scene.temoin(site.scene.comptes["BOP147"]), scripts=scripts) as f:
        f.aller("/portail-etat")
        envoyer(f, "export.xlsm", en_xlsx(*rangees), refus=422)
        assert "macros" in lu(f.resume())
        envoyer(f, "export.csv", en_csv(*rangees))
        f.capturer("portail-etat")
        assert "Probable" in lu(f.page.locator("main"))
        f.aller(f"{ADRESSE}?tas=ecartees")
        assert "Multi-actions" in lu(f.page.locator("main"))
        f.aller(f"{ADRESSE}?tas=sans_numero")
        f.aller(f"{ADRESSE}/lignes/{portail}")
        f.capturer("portail-etat-ligne")
        f.suivre(f.bouton("Enregistrer"), refus=422)
        assert "Notre dossier" in lu(f.resume())
        f.cocher("choix", str(numero))
        f.suivre(f.bouton("Enregistrer"))
        f.aller(f"{ADRESSE}?tas=rapprochees")
        assert str(numero) in lu(f.page.locator("main"))
        f.capturer("portail-etat-rapprochees")
        f.aller(f"{ADRESSE}/lignes/{portail}")
        f.suivre(f.bouton("Défaire"), refus=422)
        f.ecrire("motif", "Essai d’annulation")
        f.suivre(f.bouton("Défaire"))
        f.cocher("choix", "aucun")
        f.suivre(f.bouton("Enregistrer"))
        f.aller(f"{ADRESSE}?tas=portail_seul")
        f.aller(f"{ADRESSE}/lignes/{portail}")
        assert "Déposée seulement sur le portail" in lu(f.page.locator("main"))

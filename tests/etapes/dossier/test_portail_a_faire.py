"""La part de l'État se dépose aussi sur sa plateforme : l'accusé, le courriel, la liste et le dossier le disent."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.service import accuse
from app.infra.mail import Courriel
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire
from tests.etapes.dossier.conftest import Decor

TACHE = "aussi sur la plateforme de l’État"
RESTE = "Il reste à déposer la part de l’État sur sa plateforme"
RIEN = "Vous n’avez rien d’autre à faire"


def un_depose(decor: Decor, *lignes: str) -> Dossier:
    demandes = [{"ligne": ligne, "annee": 2027, "montant": 800_000 // len(lignes)} for ligne in lignes]
    dossier = f.un_dossier_complet(decor.session, decor.appel, decor.organisation, decor.acteur, demandes=demandes)
    decor.session.commit()
    return dossier


def dit(decor: Decor, dossier: Dossier) -> tuple[str, str, str]:
    """(la liste, le dossier, l'accusé)"""
    liste, page, recu = (
        decor.client.get(x).text
        for x in ("/dossiers", f"/dossiers/{dossier.numero}", f"/dossiers/{dossier.numero}/accuse")
    )
    return liste, page, recu


def courriel(decor: Decor, dossier: Dossier) -> str:
    accuse.accuser_reception(decor.session, dossier.id, url_publique="https://exemple.fr", maintenant=f.MAINTENANT)
    return str(decor.session.scalars(select(Courriel.corps)).one())


def test_demander_a_l_etat_laisse_une_chose_a_faire_jusqu_au_numero(decor: Decor) -> None:
    dossier = un_depose(decor, "BOP147", "M2A")
    liste, page, recu = dit(decor, dossier)
    assert TACHE in liste
    assert RESTE in page
    assert RESTE in recu
    ecrit = courriel(decor, dossier)
    assert f"https://exemple.fr/dossiers/{dossier.numero}/portail" in ecrit
    assert RIEN not in ecrit
    for demande in decor.session.scalars(select(Demande).where(Demande.dossier_id == dossier.id)):
        demande.numero_dauphin = "DA00012345"
    decor.session.commit()
    for texte in dit(decor, dossier):
        assert TACHE not in texte
        assert RESTE not in texte


def test_ne_rien_demander_a_l_etat_ne_laisse_rien_a_faire(decor: Decor) -> None:
    dossier = un_depose(decor, "M2A")
    for texte in dit(decor, dossier):
        assert TACHE not in texte
        assert RESTE not in texte
    assert RIEN in courriel(decor, dossier)


@pytest.mark.parametrize("url", [None, "https://plateforme.exemple.invalid/"])
def test_la_feuille_a_recopier_mene_a_la_plateforme_si_son_adresse_est_connue(decor: Decor, url: str | None) -> None:
    dossier = un_depose(decor, "BOP147")
    decor.service.state.config = decor.service.state.config.model_copy(update={"portail_etat_url": url})
    page = decor.client.get(f"/dossiers/{dossier.numero}/portail").text
    assert ("https://plateforme.exemple.invalid/" in page) is (url is not None)


def test_les_quartiers_deja_dits_suivent_dans_le_brouillon(decor: Decor) -> None:
    page = decor.client.get("/dossiers/nouveau?appel=ess-2027&fiches=COTEAUX&fiches=INCONNUE")
    cree = formulaire(page, "/dossiers/nouveau").envoyer(decor.client)
    assert cree.status_code == 303
    adresse = cree.headers["location"].split("?")[0]
    territoire = decor.client.get(f"{adresse}/etapes/territoire").text
    assert 'name="fiches" value="COTEAUX" checked' in territoire
    assert territoire.count('name="fiches"') > 1

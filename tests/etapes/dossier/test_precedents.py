"""« L'an dernier » d'un dossier qui en renouvelle un autre : connu du service, montré, jamais retapé."""

from __future__ import annotations

from datetime import date, timedelta

from app.etapes.dossier.models import Dossier
from app.etapes.dossier.repository import list_champs
from app.etapes.dossier.service import brouillon, reprise
from app.noyau.euros import Euros
from app.noyau.roles import Role
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire
from tests.etapes.dossier.conftest import Decor


def _l_an_dernier(decor: Decor) -> Dossier:
    """Un dossier 2026, déposé à un appel clos depuis."""
    un_an = timedelta(days=365)
    ancien = f.un_appel(
        decor.session, decor.contrat, annee=2026, ouverture_le=f.OUVERTURE - un_an, cloture_le=f.CLOTURE - un_an
    )
    return f.un_dossier_complet(
        decor.session, ancien, decor.organisation, decor.acteur, maintenant=f.MAINTENANT - un_an
    )


def _renouvele(decor: Decor) -> Dossier:
    """Un brouillon 2027 qui renouvelle un dossier 2026 : m2A a notifié 4 000 €, l'État pas encore."""
    source = _l_an_dernier(decor)
    reprise.constater_accorde(
        decor.session, source, ligne="M2A", annee=2026, montant=Euros.de(4_000), source="2026-CA-12",
        le=date(2026, 5, 18),
    )  # fmt: skip
    neuf = brouillon.creer_brouillon(
        decor.session, acteur=decor.acteur, appel=decor.appel, organisation=decor.organisation,
        maintenant=f.MAINTENANT, renouvelle=source,
    )  # fmt: skip
    decor.session.commit()
    return neuf


def test_l_accorde_connu_se_montre_sans_se_taper_et_reste_quand_on_enregistre(decor: Decor) -> None:
    dossier = _renouvele(decor)
    page = decor.client.get(f"/dossiers/{dossier.reference}/etapes/financement")
    assert "connu du service" in page.text
    saisie = formulaire(page, "/etapes/financement")
    noms = {nom for nom, _ in saisie.champs if nom.startswith("precedents.1.")}
    assert noms == {"precedents.1.ligne", "precedents.1.depense"}, "m2A : seul le dépensé se tape"
    assert "precedents.0.accorde" in {nom for nom, _ in saisie.champs}, "l'État n'a rien notifié : à dire"
    saisie.remplir(precedents__1__depense="3 900", demandes__1__montant="5 000").envoyer(decor.client)
    decor.session.expire_all()
    valeur = list_champs(decor.session, dossier.id)["precedents"].valeur
    m2a = next(r for r in valeur if r["ligne"] == "M2A")
    assert m2a == {"ligne": "M2A", "demande": 500_000, "accorde": 400_000, "depense": 390_000}


def test_le_dossier_de_l_an_dernier_se_reprend_d_un_geste_et_une_seule_fois(decor: Decor) -> None:
    numero = _l_an_dernier(decor).numero
    decor.session.commit()
    liste = decor.client.get("/dossiers")
    assert "Reprendre pour 2027" in liste.text
    reprise_ = formulaire(liste, "/dossiers/nouveau").envoyer(decor.client)
    assert reprise_.status_code == 303
    page = decor.client.get(reprise_.headers["location"]).text
    assert (numero or "") in page
    assert "À revoir" in page
    assert "Reprendre pour 2027" not in decor.client.get("/dossiers").text


def test_un_lecteur_ne_se_voit_pas_offrir_de_reprendre(decor: Decor) -> None:
    _l_an_dernier(decor)
    lecteur = f.un_compte(decor.session, Role.LECTEUR_PORTEUR, organisation=decor.organisation)
    decor.session.commit()
    assert "Reprendre pour" not in decor.nouveau_client(lecteur).get("/dossiers").text


def test_un_envoi_force_qui_contredit_le_service_est_refuse_sans_rien_perdre(decor: Decor) -> None:
    dossier = _renouvele(decor)
    page = decor.client.get(f"/dossiers/{dossier.reference}/etapes/financement")
    saisie = formulaire(page, "/etapes/financement")
    reponse = saisie.remplir(precedents__1__accorde="4 500", demandes__1__montant="5 000").envoyer(decor.client)
    assert reponse.status_code == 422
    assert "Le service connaît ce montant" in reponse.text
    decor.session.expire_all()
    valeur = list_champs(decor.session, dossier.id)["precedents"].valeur
    assert next(r for r in valeur if r["ligne"] == "M2A")["accorde"] == 400_000

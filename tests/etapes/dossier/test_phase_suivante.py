"""Un brouillon dont la phase est finie se dépose à la suivante : ses pages et ses rappels parlent de celle-là."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from app.etapes.appel.models import Phase
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.etats import EtatDossier
from app.etapes.dossier.service import echanges
from app.infra.mail import Courriel
from tests import factories as f
from tests.etapes.dossier.conftest import Decor
from tests.requetes import requetes

ENTRE = f.CLOTURE + timedelta(days=3)
SECONDE = f.CLOTURE + timedelta(days=10)
FIN = f.CLOTURE + timedelta(days=40)
PENDANT = FIN - timedelta(days=6)


@pytest.fixture
def dossier(decor: Decor) -> Dossier:
    """Un brouillon de la première phase ; une seconde s'ouvre dix jours après la clôture."""
    decor.session.add(
        Phase(
            contrat_id=decor.contrat.contrat.id, appel_id=decor.appel.id, rang=2, intitule="Phase 2",
            ouverture_le=SECONDE, cloture_le=FIN,
        )
    )  # fmt: skip
    cree = f.un_brouillon(decor.session, decor.appel, decor.organisation, decor.acteur, contenu=f.contenu_complet(2027))
    decor.session.commit()
    return cree


def lues(decor: Decor, dossier: Dossier, instant: datetime) -> tuple[str, str]:
    """La liste et la page du dossier, à cet instant."""
    decor.client.headers["X-Horloge"] = instant.isoformat()
    pages = (decor.client.get(chemin).text for chemin in ("/dossiers", f"/dossiers/{dossier.reference}"))
    liste, page = (p.replace("\u00a0", " ") for p in pages)
    return liste, page


def test_entre_deux_phases_le_depot_reprendra(decor: Decor, dossier: Dossier) -> None:
    for page in lues(decor, dossier, ENTRE):
        assert "Le dépôt reprend le" in page
        assert "ne peut plus être déposé" not in page


def test_a_la_phase_suivante_tout_dit_sa_cloture(decor: Decor, dossier: Dossier) -> None:
    dossier.etat = EtatDossier.A_SIGNER
    decor.session.commit()
    liste, page = lues(decor, dossier, PENDANT)
    jour = f"{FIN.day} "
    assert "Relire" in liste, "la signature est ce qui attend la personne"
    for texte in (liste, page):
        assert "ne peut plus être déposé" not in texte
        assert "Dépôt possible jusqu’au" in texte
        assert jour in texte.partition("Dépôt possible jusqu’au")[2][:200]


def test_apres_la_derniere_phase_c_est_clos(decor: Decor, dossier: Dossier) -> None:
    for page in lues(decor, dossier, FIN):
        assert "ne peut plus être déposé" in page


def test_le_rappel_suit_la_phase_ouverte(decor: Decor, dossier: Dossier) -> None:
    for instant in (ENTRE, PENDANT, PENDANT):
        echanges.rappeler(decor.session, url_publique="https://exemple.fr", maintenant=instant)
    (corps,) = decor.session.scalars(select(Courriel.corps)).all()
    assert dossier.reference in corps


def test_la_liste_coute_autant_avec_treize_brouillons(decor: Decor, dossier: Dossier) -> None:
    decor.client.headers["X-Horloge"] = PENDANT.isoformat()

    def cout() -> int:
        decor.client.get("/dossiers")
        with requetes(decor.service) as vues:
            assert decor.client.get("/dossiers").status_code == 200
        return len(vues)

    un = cout()
    for _ in range(12):
        f.un_brouillon(
            decor.session, decor.appel, decor.organisation, decor.acteur,
            contenu=f.contenu_complet(2027) | {"duree": "3"},
        )  # fmt: skip
    decor.session.commit()
    assert cout() <= un + 1

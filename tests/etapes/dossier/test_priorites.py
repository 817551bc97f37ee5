"""L'ordre que le porteur donne à ses actions : la règle, l'acte, la page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.priorites import lire_rangs
from app.noyau.roles import Role
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire
from tests.etapes.dossier.conftest import Decor
from tests.requetes import requetes


@pytest.mark.parametrize(
    ("textes", "rangs", "fautifs"),
    [
        ({"A": "2", "B": " 1 "}, {"A": 2, "B": 1}, []),
        ({"A": "", "B": "7"}, {"A": None, "B": 7}, []),
        ({"A": "1", "B": "1"}, {"A": 1, "B": 1}, ["rang.B"]),
        (
            {"A": "0", "B": "100", "C": "un", "D": "-1", "E": "12345678"},
            {},
            ["rang.A", "rang.B", "rang.C", "rang.D", "rang.E"],
        ),
    ],
)
def test_un_rang_est_un_nombre_donne_une_fois(
    textes: dict[str, str], rangs: dict[str, int | None], fautifs: list[str]
) -> None:
    lus, fautes = lire_rangs(textes)
    assert (lus, [x.champ for x in fautes]) == (rangs, fautifs)


@pytest.fixture
def deux(decor: Decor) -> tuple[Dossier, Dossier]:
    faits = [
        f.un_brouillon(decor.session, decor.appel, decor.organisation, decor.acteur, contenu={"titre": titre})
        for titre in ("Premier", "Second")
    ]
    decor.session.commit()
    return faits[0], faits[1]


def adresse(decor: Decor) -> str:
    return f"/organisations/{decor.organisation.code}/priorites/{decor.appel.code}"


def test_le_porteur_classe_ses_actions(decor: Decor, deux: tuple[Dossier, Dossier]) -> None:
    assert f'href="{adresse(decor)}"' in decor.client.get("/dossiers").text
    with requetes(decor.service) as vues:
        page = decor.client.get(adresse(decor))
    assert len(vues) <= 8
    rangs = {f"rang.{deux[0].reference}": "2", f"rang.{deux[1].reference}": "1"}
    a_envoyer = formulaire(page, decor.appel.code)
    a_envoyer.champs = [c for c in a_envoyer.champs if not c[0].startswith("rang.")] + list(rangs.items())
    assert a_envoyer.envoyer(decor.client).status_code == 303
    assert [f.relire(decor.session, d).rang_porteur for d in deux] == [2, 1]
    double = [(n, "1" if n.startswith("rang.") else v) for n, v in a_envoyer.champs]
    a_envoyer.champs = double
    refus = a_envoyer.envoyer(decor.client)
    assert refus.status_code == 422
    assert "déjà donné" in refus.text
    assert [f.relire(decor.session, d).rang_porteur for d in deux] == [2, 1]


def test_l_ordre_ne_change_plus_apres_la_cloture(decor: Decor, deux: tuple[Dossier, Dossier]) -> None:
    page = formulaire(decor.client.get(adresse(decor)), decor.appel.code)
    decor.client.headers["X-Horloge"] = (f.MAINTENANT + timedelta(days=400)).isoformat()
    assert page.envoyer(decor.client).status_code == 409
    assert "ne se change plus" in decor.client.get(adresse(decor)).text


def test_un_lecteur_lit_et_une_autre_organisation_ne_voit_rien(decor: Decor, deux: tuple[Dossier, Dossier]) -> None:
    page = formulaire(decor.client.get(adresse(decor)), decor.appel.code)
    lecteur = decor.nouveau_client(f.un_compte(decor.session, Role.LECTEUR_PORTEUR, organisation=decor.organisation))
    assert "ne se change plus" in lecteur.get(adresse(decor)).text
    jeton = {"_csrf": formulaire(lecteur.get("/dossiers"), "/deconnexion").valeur("_csrf")}
    assert lecteur.post(page.action, data=jeton).status_code == 403
    autre = f.une_organisation(decor.session, rang=2)
    etranger = decor.nouveau_client(f.un_compte(decor.session, Role.REDACTEUR, organisation=autre))
    assert etranger.get(adresse(decor)).status_code == 404

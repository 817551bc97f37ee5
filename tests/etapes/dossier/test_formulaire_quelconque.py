"""N'importe quoi dans n'importe quelle étape : jamais de panne, rien d'écrit à moitié, rien de perdu."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.etapes.appel.repository import get_phase
from app.etapes.dossier import repository
from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.champs import CHAMPS, champs_de
from app.etapes.dossier.rules.depot import CadreDepot, section_de, verifier_depot
from app.etapes.dossier.rules.formes import Champ, Forme, Section
from app.etapes.dossier.rules.formulaire_unique import DemandeEcrite, cerfa, portail
from app.etapes.dossier.rules.lecture import Domaines, lire_json, lire_simple, lire_table
from app.etapes.dossier.rules.rubriques import a_plat
from app.etapes.dossier.rules.sections import etats_des_sections
from app.noyau.euros import Euros
from tests import factories as f
from tests.etapes.dossier.aide_pages import formulaire
from tests.etapes.dossier.conftest import Decor
from tests.etapes.dossier.test_rules_formulaire_unique import ORGANISATION, Noms

TEXTES = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["", " ", "0", "-1", "1 250,50", "9" * 30, "2027-02-30", "2027-03-15", "oui", "E1.2", "60", "DA00012345",
         "<script>", "'; DROP TABLE dossier; --", "é" * 200, "\uf0b7 puce", "１２", "٣", "1e5", "NaN", "2027"],
    ),
)  # fmt: skip
DOMAINES = Domaines(
    {"objectifs": frozenset({"E1.2"}), "lignes": frozenset({"M2A"}), "quartiers": frozenset({"QN06804M"})}
)
CADRE = CadreDepot(annee=2027, derniere_annee=2030, seuil_court=Euros.de(1500), cer_exige=True)


def _rangees(c: Champ) -> st.SearchStrategy[list[dict[str, str]]]:
    return st.lists(st.fixed_dictionaries({col.code: TEXTES for col in c.colonnes}), max_size=3)


@st.composite
def contenus(tirer: st.DrawFn) -> dict[str, Any]:
    """Un contenu admis, champ par champ : ce que la lecture accepte de textes quelconques."""
    rendu: dict[str, Any] = {}
    for c in CHAMPS:
        if c.forme is Forme.TABLE:
            valeur: Any
            valeur, fautes = lire_table(c, tirer(_rangees(c)), DOMAINES)
        else:
            valeur, fautes = lire_simple(c, [tirer(TEXTES)], DOMAINES)
        if valeur is not None and not fautes:
            rendu[c.code] = valeur
    return rendu


@given(contenus())
def test_un_contenu_quelconque_se_juge_se_range_et_s_imprime(contenu: dict[str, Any]) -> None:
    fautes = verifier_depot(contenu, CADRE)
    etats = etats_des_sections(contenu, fautes, ())
    assert all(section_de(x) in etats for x in fautes)
    ecrite = DemandeEcrite(
        numero="X", appel="A", contrat="C", annee=2027, contenu=contenu, organisation=ORGANISATION, noms=Noms(),
        financeurs={},
    )  # fmt: skip
    assert a_plat(cerfa(ecrite))
    assert a_plat(portail(ecrite))


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=10), x, max_size=3),
)


@given(JSONS)
def test_un_json_quelconque_se_lit_ou_se_refuse(valeur: Any) -> None:
    for c in CHAMPS:
        lue, fautes = lire_json(c, valeur, DOMAINES)
        assert fautes == () or lue is None or c.forme is Forme.TABLE
        assert all(x.message and x.champ.split(".")[0] == c.code for x in fautes)


@pytest.fixture
def brouillon(decor: Decor) -> Dossier:
    cree = f.un_brouillon(
        decor.session, decor.appel, decor.organisation, decor.acteur, contenu=f.contenu_complet(2027, duree="2")
    )
    decor.session.commit()
    return cree


SAISIES = st.fixed_dictionaries(
    {"section": st.sampled_from(list(Section)), "textes": st.lists(TEXTES, min_size=12, max_size=12)}
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(saisie=SAISIES)
def test_une_etape_quelconque_ne_tombe_jamais_et_ne_perd_rien(
    decor: Decor, brouillon: Dossier, saisie: dict[str, Any]
) -> None:
    section: Section = saisie["section"]
    adresse = f"/dossiers/{brouillon.reference}/etapes/{section.value}"
    page = formulaire(decor.client.get(adresse), f"/etapes/{section.value}")
    noms = [n for n, _ in page.champs if not n.startswith(("v.", "_"))]
    tapes = {noms[i % len(noms)]: t for i, t in enumerate(saisie["textes"])} if noms else {}
    tapes = {n: t.replace("\x00", "") for n, t in tapes.items() if not any("\ud800" <= x <= "\udfff" for x in t)}
    avant = repository.contenu(decor.session, brouillon.id)
    page.champs = [(n, tapes.get(n, v)) for n, v in page.champs]
    reponse = page.envoyer(decor.client, "enregistrer")
    assert reponse.status_code in {303, 422}, (reponse.status_code, tapes)
    decor.session.rollback()
    apres = repository.contenu(decor.session, brouillon.id)
    if reponse.status_code == 422:
        assert apres == avant, "un refus n'écrit rien"
    else:
        codes = {c.code for c in champs_de(section)}
        assert {c for c in avant | apres if avant.get(c) != apres.get(c)} <= codes


@pytest.mark.parametrize(("seconde", "statut"), [(59, 303), (60, 409)])
def test_un_depot_se_juge_a_la_seconde(decor: Decor, seconde: int, statut: int) -> None:
    dossier = f.un_dossier_complet(
        decor.session, decor.appel, decor.organisation, decor.acteur, etat=f.EtatDossier.A_SIGNER
    )
    decor.session.commit()
    cloture = get_phase(decor.session, dossier.phase_id).cloture_le
    signer = formulaire(decor.client.get(f"/dossiers/{dossier.reference}/signature"), "/signature")
    assert signer.remplir(qualite="representant").envoyer(decor.client).status_code == 303
    depot = formulaire(decor.client.get(f"/dossiers/{dossier.reference}/signature"), "/depot")
    instant = cloture.timestamp() - 60 + seconde
    decor.client.headers["X-Horloge"] = datetime.fromtimestamp(instant, UTC).isoformat()
    premier = depot.envoyer(decor.client)
    assert premier.status_code == statut
    if statut == 303:
        second = depot.envoyer(decor.client)
        assert second.headers["location"] == premier.headers["location"], "un double clic ne dépose qu'une fois"

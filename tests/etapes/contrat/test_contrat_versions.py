"""Deux versions d'un contrat : chacune garde ce qu'elle dit, les tables suivent la dernière, rien ne s'efface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.commandes.base import Base
from app.etapes.contrat import repository, service
from app.etapes.contrat.models import RubriqueContrat
from app.etapes.contrat.rules.contenu import GOUVERNANCE, Chargement, ContenuContrat
from app.etapes.dossier.repository.referentiel import get_referentiel
from app.noyau.erreurs import ActeImpossible
from app.referentiels.contrats import repository as contrats
from app.referentiels.contrats.models import VersionContrat
from app.referentiels.instances.models import MembreInstance
from app.referentiels.lignes import repository as lignes
from seeds.chargement import CONTRATS, chargement_de
from seeds.contrat import lire_contrat
from tests.conftest import MAINTENANT, Service
from tests.requetes import requetes

M2A = "m2a-2024-2030"
PAGE = f"/contrats/{M2A}"
API = f"/api/v1{PAGE}"
EN_2026, EN_2027 = date(2026, 11, 6), date(2027, 6, 1)
SORTI, VILLE, INSEE = "QN06809M", "WITTENHEIM", "68376"


@pytest.fixture(scope="module")
def en_2024() -> Chargement:
    return chargement_de(lire_contrat(CONTRATS / M2A))


def sans(elements: tuple[Any, ...], code: str) -> tuple[Any, ...]:
    return tuple(element for element in elements if element.code != code)


def actualiser(avant: Chargement) -> Chargement:
    """La version 2027 : tout est renommé ; Wittenheim en sort (quartier, ligne, fiche), une instance aussi."""
    contenu = avant.contenu
    instances = [i for i in contenu.rubriques[GOUVERNANCE]["instances"] if i["code"] != "RENCONTRES_ACTEURS"]
    ancienne = replace(avant.versions[0], fin=date(2026, 12, 31))
    nouvelle = replace(avant.versions[1], debut=date(2027, 1, 1))
    communes = {c.insee: replace(c, nom=f"{c.nom} (2027)") for c in avant.communes if c.insee != INSEE}
    change = replace(
        contenu,
        version=nouvelle,
        intitule="Contrat actualisé",
        quartiers=tuple(
            replace(
                q, nom=f"{q.nom} (2027)", population=(q.population or 0) + 100,
                communes=tuple(communes[c.insee] for c in q.communes), contenu={**q.contenu, "indicateurs": []},
            )
            for q in sans(contenu.quartiers, SORTI)
        ),
        fiches=tuple(
            replace(f, nom=f"{f.nom} (2027)", commune=communes[f.commune.insee])
            for f in contenu.fiches
            if f.quartier != SORTI
        ),
        lignes=tuple(replace(ligne, intitule=f"{ligne.intitule} (2027)") for ligne in sans(contenu.lignes, VILLE)),
        rubriques={**contenu.rubriques, GOUVERNANCE: {**contenu.rubriques[GOUVERNANCE], "instances": instances}},
    )  # fmt: skip
    return replace(avant, contenu=change, versions=(ancienne, nouvelle), communes=tuple(communes.values()))


def edition(session: Session, version: str) -> ContenuContrat:
    session.flush()
    session.expire_all()
    lue = repository.get_edition(session, M2A, EN_2026, version)
    assert lue is not None
    return lue.contenu


def finie(chargement: Chargement) -> ContenuContrat:
    """Le contenu de 2024 tel qu'il doit rester : seul le jour où elle finit est venu avec 2027."""
    return replace(chargement.contenu, version=replace(chargement.versions[0], fin=date(2026, 12, 31)))


def charger_les_deux(session: Session, en_2024: Chargement) -> int:
    service.charger(session, en_2024, MAINTENANT)
    return service.charger(session, actualiser(en_2024), MAINTENANT).contrat_id


def version(session: Session, contrat_id: int, code: str) -> VersionContrat:
    return next(v for v in contrats.list_versions(session, contrat_id) if v.code == code)


def test_chaque_version_garde_ce_qu_elle_dit(session: Session, en_2024: Chargement) -> None:
    charger_les_deux(session, en_2024)
    assert edition(session, "2024") == finie(en_2024)
    assert edition(session, "2027") == actualiser(en_2024).contenu


def test_les_tables_suivent_la_derniere_et_ne_perdent_rien(session: Session, en_2024: Chargement) -> None:
    contrat_id = charger_les_deux(session, en_2024)
    session.flush()
    session.expire_all()
    quartiers = repository.quartiers_par_code(session, contrat_id)
    assert (quartiers["QN06803M"].nom, quartiers["QN06803M"].population) == ("Les Coteaux (2027)", 7900)
    assert (quartiers[SORTI].nom, quartiers[SORTI].population) == ("Markstein - La Forêt", 1500)
    assert [cle for cle in repository.liens_quartier_commune(session, contrat_id) if cle[0] == quartiers[SORTI].id]
    assert VILLE in {ligne.code for ligne in lignes.list_lignes(session, contrat_id)}
    assert "RENCONTRES_ACTEURS" in repository.instances_par_code(session, contrat_id)
    assert INSEE in repository.communes_par_code(session, contrat_id)


def test_un_dossier_de_2027_ne_cite_pas_le_quartier_sorti(session: Session, en_2024: Chargement) -> None:
    contrat_id = charger_les_deux(session, en_2024)
    cites = {}
    for code in ("2024", "2027"):
        referentiel = get_referentiel(session, contrat_id, version(session, contrat_id, code).id)
        cites[code] = {entree.code for entree in referentiel.liste("quartiers")}
    assert cites["2024"] - cites["2027"] == {SORTI}
    assert len(cites["2027"]) == 6


def sans_quartier(contenu: ContenuContrat) -> ContenuContrat:
    fiches = tuple(fiche for fiche in contenu.fiches if fiche.quartier != "QN06808M")
    return replace(contenu, quartiers=sans(contenu.quartiers, "QN06808M"), fiches=fiches)


def sans_instance(contenu: ContenuContrat) -> ContenuContrat:
    instances = contenu.rubriques[GOUVERNANCE]["instances"][:-1]
    return replace(contenu, rubriques={**contenu.rubriques, GOUVERNANCE: {"instances": instances}})


@pytest.mark.parametrize(
    ("retirer", "manque"),
    [
        (
            lambda c: replace(
                c,
                quartiers=sans(c.quartiers, "QN06808M"),
                fiches=tuple(f for f in c.fiches if f.quartier != "QN06808M"),
            ),
            "quartier QN06808M",
        ),
        (lambda c: replace(c, lignes=sans(c.lignes, "ILLZACH")), "ligne de financement ILLZACH"),
        (sans_instance, "instance ANIMATION_TERRITORIALE"),
    ],
    ids=["quartier", "ligne", "instance"],
)
def test_dans_une_meme_version_rien_ne_disparait(
    session: Session, en_2024: Chargement, retirer: Callable[[ContenuContrat], ContenuContrat], manque: str
) -> None:
    charger_les_deux(session, en_2024)
    en_2027 = actualiser(en_2024)
    with pytest.raises(ActeImpossible) as refus, session.begin_nested():
        service.charger(session, replace(en_2027, contenu=retirer(en_2027.contenu)), MAINTENANT)
    assert refus.value.code == "contenu_disparu"
    assert manque in refus.value.message
    assert VILLE not in refus.value.message, "ce que 2027 n'a jamais dit ne lui manque pas"
    assert edition(session, "2027") == en_2027.contenu


def test_corriger_l_ancienne_ne_change_pas_la_nouvelle(session: Session, en_2024: Chargement) -> None:
    contrat_id = charger_les_deux(session, en_2024)
    premier, *autres = en_2024.contenu.quartiers
    quartiers = (replace(premier, nom="Les Côteaux", communes=en_2024.communes), *autres)
    tard_venu = replace(en_2024.contenu.lignes[0], code="TARD", intitule="Ligne oubliée (fictif)")
    corrige = replace(
        en_2024,
        contenu=replace(
            en_2024.contenu, intitule="Corrigé", quartiers=quartiers, lignes=(*en_2024.contenu.lignes, tard_venu)
        ),
        sieges=tuple(replace(siege, a_voix=False, preside=False) for siege in en_2024.sieges),
    )
    voix = sa.select(sa.func.count()).where(MembreInstance.contrat_id == contrat_id, MembreInstance.a_voix)
    bilan = service.charger(session, corrige, MAINTENANT)
    assert (dict(bilan.ajoutes), dict(bilan.modifies)) == ({"ligne de financement": 1}, {})
    assert edition(session, "2024") == finie(corrige)
    assert edition(session, "2027") == actualiser(en_2024).contenu
    coteaux = repository.quartiers_par_code(session, contrat_id)["QN06803M"]
    assert coteaux.nom == "Les Coteaux (2027)"
    assert len([c for c in repository.liens_quartier_commune(session, contrat_id) if c[0] == coteaux.id]) == 1
    assert contrats.get_contrat(session, contrat_id).intitule == "Contrat actualisé"
    assert session.scalar(voix) == 10
    en_vigueur = contrats.version_en_vigueur(session, contrat_id, EN_2027)
    assert en_vigueur is not None
    assert en_vigueur.code == "2027"


def test_recharger_les_fichiers_de_l_ancienne_ne_touche_pas_aux_dates(session: Session, en_2024: Chargement) -> None:
    contrat_id = charger_les_deux(session, en_2024)
    assert service.charger(session, en_2024, MAINTENANT).deja_charge
    session.flush()
    session.expire_all()
    assert version(session, contrat_id, "2027").en_vigueur_le == date(2027, 1, 1)
    assert version(session, contrat_id, "2024").fin_le == date(2026, 12, 31)


def test_une_version_chargee_avant_d_etre_figee_l_est_a_temps(session: Session, en_2024: Chargement) -> None:
    service.charger(session, en_2024, MAINTENANT)
    session.execute(sa.delete(RubriqueContrat).where(RubriqueContrat.code == "fige"))
    assert edition(session, "2024") == en_2024.contenu
    service.charger(session, actualiser(en_2024), MAINTENANT)
    assert edition(session, "2024") == finie(en_2024)


def test_un_siret_saisi_vaut_pour_toutes_les_versions(session: Session, en_2024: Chargement) -> None:
    contrat_id = charger_les_deux(session, en_2024)
    ligne = lignes.get_ligne(session, contrat_id, "BOP147")
    assert ligne is not None
    ligne.attribuant_siret = "98000000100014"
    session.flush()
    assert [edition(session, code).lignes[0].siret for code in ("2024", "2027")] == ["98000000100014"] * 2


def test_les_pages_et_l_api_montrent_la_version_demandee(
    base_propre: Base, creer_service: Service, en_2024: Chargement
) -> None:
    en_ligne = creer_service(base_propre)
    with TestClient(en_ligne) as client:
        with en_ligne.state.fabrique.begin() as session:
            charger_les_deux(session, en_2024)
        lus = {code: client.get(f"{API}?version={code}").json() for code in ("2024", "2027")}
        noms = {code: {q["code"]: q["nom"] for q in lu["quartiers"]} for code, lu in lus.items()}
        assert (noms["2024"][SORTI], SORTI in noms["2027"]) == ("Markstein - La Forêt", False)
        assert [noms[code]["QN06803M"] for code in noms] == ["Les Coteaux", "Les Coteaux (2027)"]
        assert [sum(q["population"] for q in lu["quartiers"]) for lu in lus.values()] == [49_000, 48_100]
        assert [len(lu["lignes"]) for lu in lus.values()] == [5, 4]
        assert [len(lu["instances"]) for lu in lus.values()] == [9, 8]
        repository._editions.clear()
        with requetes(en_ligne) as a_froid:
            ancienne = client.get(f"{PAGE}/quartiers/{SORTI}?version=2024")
        assert (ancienne.status_code, "Markstein" in ancienne.text) == (200, True)
        assert len(a_froid) <= 7
        assert client.get(f"{PAGE}/quartiers/{SORTI}?version=2027").status_code == 404
        assert "(2027)" not in client.get(f"{PAGE}/fiches/JONQUILLES?version=2024").text
        assert "Illzach (2027)" in client.get(f"{PAGE}/fiches/JONQUILLES?version=2027").text

"""Deux contrats réellement chargés, chacun son appel et son dossier : personne ne voit l'autre, dans les deux sens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.etapes.appel import service as appels
from app.etapes.appel.models import Appel
from app.etapes.appel.rules import NatureEnveloppe, Orientations, PhaseAnnoncee
from app.etapes.notation import service as notation
from app.infra.db import creer_moteur
from app.main import create_app
from app.noyau.euros import Euros
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Organisation
from app.referentiels.contrats import repository as contrats
from app.referentiels.contrats.models import Contrat, VersionContrat
from app.referentiels.grilles import repository as grilles
from app.referentiels.lignes import repository as lignes
from seeds import chargement
from tests.client import ClientDirect
from tests.conftest import un_clone, une_config
from tests.factories import (
    CLOTURE,
    MAINTENANT,
    OUVERTURE,
    UnContrat,
    connecter,
    identite,
    un_compte,
    un_dossier_complet,
    un_porteur,
    une_organisation,
)

PROJETS: dict[str, dict[str, Any]] = {
    "m2a-2024-2030": {
        "titre": "Atelier vélo des Coteaux", "objectif_principal": "E1.2", "fiches": ["COTEAUX"],
        "quartiers_beneficiaires": ["QN06804M"], "communes": ["68224"], "lignes": ("BOP147", "M2A"),
    },
    "colmar-exemple": {
        "titre": "Jardin du canal", "objectif_principal": "E2.1", "fiches": ["EUROPE"],
        "quartiers_beneficiaires": ["QN06802M"], "communes": ["68066"], "lignes": ("BOP147", "CA"),
    },
}  # fmt: skip


@dataclass
class Cote:
    """Un contrat, son appel, son dossier, son porteur."""

    contrat: UnContrat
    appel: Appel
    numero: str
    titre: str
    ligne: str
    organisation: Organisation


def _version(session: Session, contrat: Contrat) -> VersionContrat:
    version = contrats.version_en_vigueur(session, contrat.id, MAINTENANT.date())
    assert version is not None
    return version


def un_cote(session: Session, rang: int, code: str) -> Cote:
    """Un contrat chargé dont le chargé de mission prépare et ouvre un appel ; un porteur y dépose, on note."""
    trouve = contrats.get_contrat_par_code(session, code)
    assert trouve is not None
    version, grille = _version(session, trouve), grilles.list_grilles(session, trouve.id)[0]
    par_code = {ligne.code: ligne for ligne in lignes.list_lignes(session, trouve.id)}
    contrat = UnContrat(trouve, version, grille, {}, {}, {}, par_code, {})
    charge = identite(session, un_compte(session, Role.CHARGE_MISSION, contrat=contrat))
    projet = dict(PROJETS[code])
    demandees = projet.pop("lignes")
    appel = appels.preparer(
        session, contrat=trouve, version=version, grille=grille, code=f"appel-{rang}", annee=2027,
        intitule=f"Appel {code}", phases=[PhaseAnnoncee("Phase 1", OUVERTURE, CLOTURE)], acteur=charge,
        maintenant=OUVERTURE, orientations=Orientations(priorites={demandees[1]: (("E1.1",),)}),
    )  # fmt: skip
    for ligne in demandees:
        appels.doter(
            session, contrat_id=trouve.id, ligne=ligne, annee=2027, montant=Euros.de(50_000),
            nature=NatureEnveloppe.PREVISIONNELLE, motif="Essai", acteur=charge, maintenant=OUVERTURE,
        )  # fmt: skip
    appels.passer(session, appel.code, "ouvrir", acteur=charge, maintenant=OUVERTURE)
    organisation = une_organisation(session, rang=rang)
    demandes = [{"ligne": demandees[0], "annee": 2027, "montant": 300_000},
                {"ligne": demandees[1], "annee": 2027, "montant": 500_000}]  # fmt: skip
    dossier = un_dossier_complet(
        session, appel, organisation, un_porteur(session, organisation), demandes=demandes, **projet
    )
    notation.noter_dossier(session, dossier.id, acteur="c-essai", maintenant=MAINTENANT)
    return Cote(contrat, appel, str(dossier.numero), str(projet["titre"]), demandees[1], organisation)


@pytest.fixture(scope="module")
def service(grappe: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """Le service sur un clone à soi : les deux contrats se chargent une seule fois."""
    with un_clone(grappe) as base:  # type: ignore[arg-type]
        moteur = creer_moteur(base.url)
        yield create_app(une_config(tmp_path_factory.mktemp("deux")), moteur)
        moteur.dispose()


@pytest.fixture(scope="module")
def cotes(service: FastAPI) -> dict[str, Cote]:
    with service.state.fabrique() as session:
        chargement.charger_reference(session, MAINTENANT)
        rendus = {code: un_cote(session, rang, code) for rang, code in enumerate(PROJETS, 1)}
        session.commit()
        session.expunge_all()
        return rendus


SENS = [("m2a-2024-2030", "colmar-exemple"), ("colmar-exemple", "m2a-2024-2030")]
AGENTS = [
    Role.CHARGE_MISSION, Role.EQUIPE_PROJET, Role.INSTRUCTEUR, Role.SOUS_PREFECTURE, Role.ELU_LIGNE, None,
]  # fmt: skip


def adresses(cote: Cote) -> list[str]:
    dossier, appel = cote.numero, cote.appel.code
    return [
        f"/instruction/{dossier}", f"/dossiers/{dossier}", f"/api/v1/dossiers/{dossier}",
        f"/api/v1/dossiers/{dossier}/notes", f"/dossiers/{dossier}/notes",
        f"/appels/{appel}/programmation", f"/appels/{appel}/programmation/{cote.ligne}", f"/campagne/{appel}",
    ]  # fmt: skip


@pytest.mark.parametrize(("ici", "ailleurs"), SENS)
@pytest.mark.parametrize("role", AGENTS)
def test_personne_ne_voit_le_dossier_de_l_autre_contrat(
    service: FastAPI, cotes: dict[str, Cote], ici: str, ailleurs: str, role: Role | None
) -> None:
    mien, autre = cotes[ici], cotes[ailleurs]
    with (
        ClientDirect(service, lever=True) as client,
        service.state.fabrique() as session,
    ):
        if role is None:
            organisation = session.scalars(select(Organisation).where(Organisation.id == mien.organisation.id)).one()
            compte = un_compte(session, Role.REDACTEUR, organisation=organisation)
        else:
            sienne = {Role.INSTRUCTEUR: mien.ligne, Role.ELU_LIGNE: mien.ligne}.get(role)
            compte = un_compte(session, role, contrat=mien.contrat, ligne=sienne)
        connecter(client, session, compte, maintenant=MAINTENANT)
        liste = "/dossiers" if role is None else "/instruction"
        vues = {chemin: client.get(chemin) for chemin in (liste, f"{liste}?q=des", "/api/v1/dossiers")}
        assert mien.titre in vues[liste].text or mien.numero in vues[liste].text, "le sien, lui, se voit"
        assert any(mien.numero in vue.text for vue in vues.values())
        recherches = (f"{liste}?q={autre.titre.split()[0]}", f"{liste}?q={autre.numero}")
        for chemin, vue in {**vues, **{c: client.get(c) for c in recherches}}.items():
            assert autre.titre not in vue.text, chemin
            assert f"/{autre.numero}" not in vue.text, chemin
        for chemin in adresses(autre):
            assert client.get(chemin).status_code in {403, 404}, chemin
        ensemble = f"/appels/{mien.appel.code}/programmation"
        if role is Role.CHARGE_MISSION:
            assert client.get(ensemble).status_code == 200
            assert autre.titre not in client.get(ensemble).text


def test_chaque_dossier_est_note_par_la_grille_et_les_priorites_de_son_contrat(
    service: FastAPI, cotes: dict[str, Cote]
) -> None:
    with ClientDirect(service, lever=True) as client, service.state.fabrique() as session:
        for code, cote in cotes.items():
            compte = un_compte(session, Role.CHARGE_MISSION, contrat=cote.contrat)
            connecter(client, session, compte, maintenant=MAINTENANT)
            elements = client.get(f"/api/v1/dossiers/{cote.numero}/notes").json()["elements"]
            notes = {e["ligne"]: e["note"] for e in elements}
            assert set(notes) == {"BOP147", cote.ligne}, code
            assert notes[cote.ligne]["priorites"] == [["E1.1"]]
            assert "priorites" not in notes["BOP147"]
            assert notes["BOP147"]["grille"]["empreinte"] == cote.contrat.grille.empreinte

"""La matrice rôle × route : chaque route, appelée sans compte, avec chaque rôle, et par quelqu'un d'ailleurs."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.etapes.commission.models import EtatSeance, Seance
from app.etapes.consultation.models import Rencontre, RencontreDossier, RencontreService
from app.etapes.consultation.rules import EtatRencontre
from app.etapes.dossier.models import Passage
from app.etapes.dossier.rules.recevabilite import tous_verifies
from app.etapes.dossier.service.acces import ouvrir_au_service
from app.etapes.programmation.models import EtatScenario, ScenarioEnregistre
from app.etapes.programmation.rules.reglages import Reglages
from app.infra import errors
from app.infra import postgres_embarque as pg
from app.infra.acces import TEMOIN, Exigence
from app.infra.clock import heure_machine
from app.infra.db import creer_moteur
from app.infra.secret import deriver
from app.main import create_app
from app.noyau.roles import ROLES_PORTEUR, Role
from app.referentiels.acteurs.models import Compte
from app.referentiels.acteurs.service import empreinte_secret, ouvrir_session_de
from app.referentiels.instances.models import Instance
from seeds import chargement
from tests.architecture.test_conventions import exigences, routes
from tests.client import sur_place
from tests.conftest import un_clone, une_config
from tests.factories import (
    MAINTENANT,
    UnContrat,
    un_appel,
    un_compte,
    un_contrat_charge,
    un_dossier_complet,
    un_porteur,
    une_organisation,
)

ACCES = Path(__file__).with_name("acces.txt")
REGLES = {"jeu": "commission_des_elus"}
LIGNE = {Role.INSTRUCTEUR, Role.ELU_LIGNE}
QUARTIER = {Role.BINOME_QUARTIER, Role.DELEGUE_PREFET, Role.CONSEIL_HABITANTS}
_BATIR_LA_PAGE = errors._page


@dataclass
class Monde:
    """Un contrat, un dossier déposé, de quoi remplir chaque adresse, une session par personne."""

    client: TestClient
    adresses: dict[str, str]
    temoins: dict[str, str]
    etrangers: dict[str, str]


def _compte(session: Session, role: Role, contrat: UnContrat, organisation: Any) -> Compte:
    if role in ROLES_PORTEUR:
        return un_compte(session, role, organisation=organisation)
    return un_compte(
        session, role, contrat=contrat,
        ligne="M2A" if role in LIGNE else None,
        quartier="QN06804M" if role in QUARTIER else None,
        service=next(iter(contrat.services), "AUCUN") if role is Role.REFERENT_SERVICE else None,
    )  # fmt: skip


def _temoin(session: Session, compte: Compte) -> str:
    return ouvrir_session_de(session, compte, machine=heure_machine(), duree=timedelta(hours=1))


def _objets(session: Session, contrat: UnContrat, appel: Any, dossier: Any) -> dict[str, str]:
    rencontre = Rencontre(
        contrat_id=contrat.id, appel_id=appel.id, code="r-essai", intitule="Rencontre", autorite="Le sous-préfet",
        prevue_le=MAINTENANT + timedelta(days=30), lieu="Mulhouse", etat=EtatRencontre.CONVOQUEE, cree_par="c-x",
        cree_at=MAINTENANT,
    )  # fmt: skip
    instance = Instance(
        contrat_id=contrat.id, code="commission-essai", rang=99, nom="Commission", pilotage="", frequence="",
        composition="", role="", source="",
    )  # fmt: skip
    session.add_all([rencontre, instance])
    session.flush()
    service = next(iter(contrat.services.values()))
    cles = {"contrat_id": contrat.id, "rencontre_id": rencontre.id}
    session.add_all(
        [
            RencontreDossier(**cles, dossier_id=dossier.id, rang=1),
            RencontreService(**cles, service_id=service.id),
            Seance(
                contrat_id=contrat.id, appel_id=appel.id, instance_id=instance.id, code="s-essai",
                prevue_le=MAINTENANT + timedelta(days=60), lieu="Mulhouse", etat=EtatSeance.PREPAREE, regles=REGLES,
                cree_par="c-x", cree_at=MAINTENANT,
            ),
            ScenarioEnregistre(
                contrat_id=contrat.id, appel_id=appel.id, code="sc-essai", intitule="Essai", motif="Voir",
                etat=EtatScenario.DEMANDE, parametres=Reglages().en_donnees(), acteur="c-x", a=MAINTENANT,
            ),
        ]
    )  # fmt: skip
    ouvrir_au_service(session, [dossier], service.id, motif="lot", maintenant=MAINTENANT)
    return {"rencontres": "r-essai", "seances": "s-essai", "scenarios": "sc-essai", "sc": "sc-essai"}


@pytest.fixture(scope="module")
def service(grappe: pg.Grappe, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """Le service sur un clone à soi : le monde est long à bâtir, un seul sert à tous les rôles."""
    with un_clone(grappe) as base:
        moteur = creer_moteur(base.url)
        yield create_app(une_config(tmp_path_factory.mktemp("matrice")), moteur)
        moteur.dispose()


@pytest.fixture(scope="module")
def monde(service: FastAPI) -> Iterator[Monde]:
    with service.state.fabrique() as session:
        chargement.charger_reference(session, MAINTENANT)
        contrat = un_contrat_charge(session, "m2a-2024-2030")
        appel = un_appel(session, contrat, orientations={"simulation": True})
        organisation = une_organisation(session)
        dossier = un_dossier_complet(session, appel, organisation, un_porteur(session, organisation))
        objets = _objets(session, contrat, appel, dossier)
        autre = un_contrat_charge(session, "colmar-exemple")
        autre_organisation = une_organisation(session, rang=2)
        temoins = {r.value: _temoin(session, _compte(session, r, contrat, organisation)) for r in Role}
        etrangers = {r.value: _temoin(session, _compte(session, r, autre, autre_organisation)) for r in Role}
        session.commit()
        adresses = {
            "appel": appel.code, "appels": appel.code, "campagne": appel.code, "contrats": contrat.contrat.code,
            "portail-etat": appel.code, "numero": str(dossier.numero), "identifiant": str(dossier.numero), **objets,
        }  # fmt: skip
        with TestClient(service, follow_redirects=False, raise_server_exceptions=False) as client:
            client.headers["X-Horloge"] = MAINTENANT.isoformat()
            yield Monde(client, adresses, temoins, etrangers)


VALEURS = {
    "ligne": "M2A", "annee": "2027", "section": "projet", "acte": "clore", "objectif": "E1.2", "quartier": "QN06804M",
    "fiche": "COTEAUX", "rang": "1", "jeton_id": "1", "compte_id": "1", "contrat": "m2a-2024-2030", "format": "csv",
    "organisation": "o-essai001", "personne": "c-inconnu", "habilitation_id": "1", "lien": "inconnu",
    "secret": "inconnu.secret", "fichier": "f-inconnu", "reference": "DA00000001",
    "version": "essai", "critere": "QPV",
}  # fmt: skip


APRES = {"lignes": "M2A", "faits": "beneficiaires"}


def adresse(route: APIRoute, monde: Monde) -> str:
    """L'adresse d'une route, ses paramètres remplis par des objets qui existent."""
    morceaux = route.path.split("/")
    for rang, morceau in enumerate(morceaux):
        trouve = re.fullmatch(r"\{(\w+)(?::\w+)?\}(.*)", morceau)
        if trouve is None:
            continue
        nom, suite = trouve[1], trouve[2]
        avant = morceaux[rang - 1]
        valeur = VALEURS.get(nom) or monde.adresses.get(nom)
        if nom == "code":
            valeur = APRES.get(avant) or monde.adresses.get(avant)
        assert valeur, f"{route.path} : donner une valeur à « {nom} » dans cet essai"
        morceaux[rang] = valeur + suite
    return "/".join(morceaux)


def appeler(
    monde: Monde, service: FastAPI, routes_appelees: Iterable[APIRoute], temoin: str | None
) -> list[tuple[int, str]]:
    """(statut, code d'erreur) d'un appel sans contenu de chaque route, l'un après l'autre.

    Une seule boucle pour tous : passer par TestClient triplerait le temps de la matrice (mesuré).
    """
    entetes = {"Accept": "*/*", "Accept-Encoding": "identity", "X-Horloge": MAINTENANT.isoformat()}
    if temoin is not None:
        entetes["Cookie"] = f"{TEMOIN}={temoin}"
        entetes["X-CSRF-Token"] = deriver(service.state.secret, "csrf", empreinte_secret(temoin)).hex()

    async def tous() -> list[tuple[int, str]]:
        transport = ASGITransport(app=service, raise_app_exceptions=False)
        async with AsyncClient(transport=transport, base_url="http://testserver", headers=entetes) as client:
            return [await _appeler(client, route, adresse(route, monde)) for route in routes_appelees]

    with sur_place():
        return asyncio.run(tous())


async def _appeler(client: AsyncClient, route: APIRoute, chemin: str) -> tuple[int, str]:
    methode = sorted(route.methods - {"HEAD"})[0]
    corps = {"json": {}} if route.path.startswith("/api/") and methode != "GET" else {}
    client.cookies.clear()
    reponse = await client.request(methode, chemin, **corps)
    code = reponse.json().get("code", "") if "problem" in reponse.headers.get("content-type", "") else ""
    if reponse.status_code == 403 and not code:
        code = "role_requis" if "réservée à" in reponse.text else "autre"
    return reponse.status_code, code


def cas(service: FastAPI) -> list[tuple[str, APIRoute, Exigence]]:
    return [(nom, route, exigences(route)[0]) for nom, route in routes(service) if route.path != "/deconnexion"]


def qui(exigence: Exigence) -> str:
    """« public », « connecté », ou les rôles admis."""
    if exigence.publique:
        return "public"
    return ", ".join(sorted(r.value for r in exigence.roles)) or "connecté"


def table(service: FastAPI) -> str:
    """Qui peut appeler quoi, une ligne par route."""
    lignes = {f"{' '.join(sorted(r.methods - {'HEAD'}))} {r.path} : {qui(e)}" for _, r, e in cas(service)}
    return "\n".join(sorted(lignes)) + "\n"


def test_les_acces_sont_ceux_qu_on_a_relus(service: FastAPI) -> None:
    """Élargir un accès se voit dans ce fichier, donc à la relecture. Le refaire : IQ_ACCES=1 pytest tests/acces."""
    if os.environ.get("IQ_ACCES"):
        ACCES.write_text(table(service), encoding="utf-8")
    assert table(service) == ACCES.read_text(encoding="utf-8")


def test_sans_compte_seul_le_public_passe(monde: Monde, service: FastAPI) -> None:
    tous = cas(service)
    vus = appeler(monde, service, [route for _, route, _ in tous], None)
    for (nom, route, exigence), (statut, code) in zip(tous, vus, strict=True):
        if exigence.publique:
            assert statut not in {401, 403, 500}, (nom, statut, code)
        elif route.path.startswith("/api/"):
            assert statut == 401, (nom, statut, code)
        else:
            assert statut == 303, (nom, statut, code)


def _refus_sans_page(request: Request, statut: int, code: str, detail: str, **plus: Any) -> Response:
    """La page d'un refus ne dépend pas de la route : la bâtir cinq mille fois prenait le tiers de la matrice."""
    batir = errors.probleme if statut == 403 else partial(_BATIR_LA_PAGE, request)
    return batir(statut, code, detail, **plus)


@pytest.mark.parametrize("role", list(Role))
def test_chaque_role_n_ouvre_que_ses_routes(
    monde: Monde, service: FastAPI, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Un rôle, que presque tout refuse, en lit la page partout ; les autres lisent le même refus en problème."""
    if role is not Role.LECTEUR_PORTEUR:
        monkeypatch.setattr(errors, "_page", _refus_sans_page)
    tous = cas(service)
    vus = appeler(monde, service, [route for _, route, _ in tous], monde.temoins[role.value])
    for (nom, _, exigence), (statut, code) in zip(tous, vus, strict=True):
        permis = exigence.publique or not exigence.roles or role in exigence.roles
        assert statut < 500, (nom, role, statut)
        if permis:
            assert (statut, code) != (403, "role_requis"), (nom, role)
        else:
            assert (statut, code) == (403, "role_requis"), (nom, role, statut, code)


@pytest.mark.parametrize("role", list(Role))
def test_ce_qui_est_d_ailleurs_n_existe_pas(monde: Monde, service: FastAPI, role: Role) -> None:
    prives = re.compile(r"\{(numero|identifiant)\}|^/(api/v1/)?(rencontres|seances|scenarios|portail-etat)/\{code\}")
    siennes = [
        (nom, route)
        for nom, route, exigence in cas(service)
        if not exigence.publique and prives.search(route.path) and (not exigence.roles or role in exigence.roles)
    ]
    vus = appeler(monde, service, [route for _, route in siennes], monde.etrangers[role.value])
    for (nom, route), (statut, code) in zip(siennes, vus, strict=True):
        assert statut in {404, 422, 428}, (nom, role, statut, code)
        if sorted(route.methods)[0] == "GET":
            assert statut == 404, (nom, role, statut, code)


SEANCE = "/api/v1/seances/{seances}"
LIGNE_M2A = "/api/v1/dossiers/{numero}/lignes/M2A"
ECRITURES: tuple[tuple[Role, str, dict[str, Any]], ...] = (
    (Role.INSTRUCTEUR, LIGNE_M2A + "/declarer_recevable", {"points": tous_verifies()}),
    (Role.INSTRUCTEUR, LIGNE_M2A + "/declarer_irrecevable", {"motif": "Volé"}),
    (Role.INSTRUCTEUR, LIGNE_M2A + "/proposer", {"annee": 2027, "montant_centimes": 100, "motif": "Volé"}),
    (Role.ELU_LIGNE, LIGNE_M2A + "/arbitrer", {"annee": 2027, "montant_centimes": 100, "motif": "Volé"}),
    (
        Role.INSTRUCTEUR,
        "/api/v1/dossiers/{numero}/demander_complement",
        {"objet": "Volé", "pourquoi": "Volé", "echeance_le": "2026-12-01T00:00:00Z"},
    ),
    (
        Role.INSTRUCTEUR,
        LIGNE_M2A + "/attribuer",
        {"montant_centimes": 100, "reference_acte": "Volé", "acte_le": "2026-11-01", "motif": "Volé"},
    ),
    (Role.INSTRUCTEUR, LIGNE_M2A + "/refuser", {"reference_acte": "Volé", "acte_le": "2026-11-01", "motif": "Volé"}),
    (Role.SIGNATAIRE, LIGNE_M2A + "/renoncer", {"motif": "Volé"}),
    (Role.SOUS_PREFECTURE, "/api/v1/dossiers/{numero}/avis", {"service": "DDETSPP", "degre": "favorable"}),
    (
        Role.INSTRUCTEUR,
        "/api/v1/dossiers/{numero}/faits",
        {"faits": [{"code": "beneficiaires", "valeur": 1, "motif": "Volé"}]},
    ),
    (Role.CHARGE_MISSION, SEANCE + "/deplacer", {"prevue_le": "2027-03-09T08:00:00Z", "lieu": "Volé"}),
    (
        Role.CHARGE_MISSION,
        SEANCE + "/points/1/amender",
        {"montant_centimes": 100, "motif": "Volé", "unanimite": "pour"},
    ),
    (Role.CHARGE_MISSION, SEANCE + "/points/1/ajourner", {"motif": "Volé", "unanimite": "pour"}),
    (Role.CHARGE_MISSION, SEANCE + "/points/1/proclamer", {"unanimite": "pour"}),
    (Role.SIGNATAIRE, "/api/v1/dossiers/{numero}/retirer", {"motif": "Volé"}),
    (Role.CHARGE_MISSION, "/api/v1/dossiers/{numero}/clore", {}),
)


def entrer(monde: Monde, service: FastAPI, temoin: str) -> str:
    """Prend ce témoin et rend le jeton de ses formulaires."""
    monde.client.cookies.clear()
    monde.client.cookies.set(TEMOIN, temoin)
    return deriver(service.state.secret, "csrf", empreinte_secret(temoin)).hex()


@pytest.mark.parametrize(("role", "chemin", "corps"), ECRITURES, ids=[c.rsplit("/", 1)[1] for _, c, _ in ECRITURES])
def test_un_acte_bien_forme_venu_d_ailleurs_ne_trouve_rien(
    monde: Monde, service: FastAPI, role: Role, chemin: str, corps: dict[str, Any]
) -> None:
    jeton = entrer(monde, service, monde.etrangers[role.value])
    adresse_volee = chemin.format_map(monde.adresses)
    with service.state.fabrique() as session:
        avant = session.scalar(select(func.count()).select_from(Passage))
    reponse = monde.client.post(adresse_volee, json=corps, headers={"X-CSRF-Token": jeton})
    assert (reponse.status_code, reponse.json()["code"]) == (404, "introuvable")
    with service.state.fabrique() as session:
        assert session.scalar(select(func.count()).select_from(Passage)) == avant

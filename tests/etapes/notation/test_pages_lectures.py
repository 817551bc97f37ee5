"""Pages de la seconde lecture : la demander, la rendre à l'aveugle, voir ce qui diffère."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.etapes.notation import service as notation
from app.infra.db import creer_fabrique
from app.noyau.roles import Role
from app.referentiels.acteurs.models import Compte
from tests.etapes.notation.aide_dossier import PLUS_TARD, Scene, declarer_recevable, un_dossier, une_scene
from tests.factories import connecter, un_compte
from tests.requetes import requetes


@dataclass
class Visite:
    """Un dossier noté, deux personnes qui instruisent m2A."""

    client: TestClient
    session: Session
    scene: Scene
    second: Compte
    note: str
    jeton: str = ""

    def entrer(self, compte: Compte) -> None:
        self.jeton = connecter(self.client, self.session, compte, maintenant=PLUS_TARD)

    def poster(self, chemin: str, **champs: str) -> tuple[int, str]:
        """Envoie ; suit la redirection, s'il y en a une."""
        reponse = self.client.post(chemin, data={"_csrf": self.jeton, **champs})
        if reponse.status_code == 303:
            reponse = self.client.get(reponse.headers["location"])
        return reponse.status_code, reponse.text


@pytest.fixture
def visite(moteur_propre: Engine, client: TestClient) -> Iterator[Visite]:
    with creer_fabrique(moteur_propre)() as session:
        scene = une_scene(session)
        dossier = un_dossier(session, scene)
        declarer_recevable(session, scene, dossier)
        notation.noter_dossier(session, dossier.id, acteur="service", maintenant=PLUS_TARD)
        notation.ajuster(
            session, str(dossier.numero), "M2A", critere="LAN", taux_pour_cent=60, motif="Interprète prévu.",
            acteur=scene.agent(session), maintenant=PLUS_TARD,
        )  # fmt: skip
        second = un_compte(session, Role.INSTRUCTEUR, contrat=scene.contrat, ligne="M2A")
        session.commit()
        yield Visite(client, session, scene, second, f"/dossiers/{dossier.numero}/notes/M2A")


def reponses(html: str) -> dict[str, str]:
    """La dernière option de chaque critère : le palier le plus bas."""
    return dict(re.findall(r'type="radio" id="[^"]+" name="(taux-[A-Z]+)" value="(\d+)"', html))


def test_de_la_demande_a_la_comparaison(visite: Visite, service: FastAPI) -> None:
    visite.entrer(visite.scene.instructeur)
    page = visite.client.get(f"{visite.note}/lectures").text
    assert visite.second.nom_affiche in page
    assert visite.scene.instructeur.acteur not in re.findall(r'<option value="([^"]*)"', page), "elle a ajusté"
    statut, _ = visite.poster(f"{visite.note}/lectures", lecteur=visite.second.acteur)
    assert statut == 200
    assert "Lecture attendue" in visite.client.get(visite.note).text

    visite.entrer(visite.second)
    for chemin in (visite.note, visite.note.removesuffix("/M2A"), f"{visite.note}/lecture"):
        cachee = visite.client.get(chemin).text
        assert "Interprète prévu" not in cachee, chemin
        assert "ajusté" not in cachee.replace("ajustements", ""), chemin
    api = visite.client.get("/api/v1" + visite.note.removesuffix("/M2A")).json()
    assert "note" not in next(element for element in api["elements"] if element["ligne"] == "M2A")
    with requetes(service) as vues:
        lecture = visite.client.get(f"{visite.note}/lecture").text
    assert len(vues) <= 8, vues
    statut, refusee = visite.poster(f"{visite.note}/lecture", **{"taux-LAN": "0", "motif-LAN": "Rien d’écrit."})
    assert statut == 422
    assert refusee.count("Dites ce que vous retenez pour") >= 10
    assert 'value="Rien d’écrit."' in refusee
    statut, rendue = visite.poster(f"{visite.note}/lecture", **reponses(lecture), **{"motif-LAN": "Rien d’écrit."})
    assert statut == 200
    assert "critères lus autrement" in rendue
    assert "Rien d’écrit." in rendue
    assert "Interprète prévu" in rendue, "la note se montre une fois la lecture rendue"
    assert visite.poster(f"{visite.note}/lecture", **reponses(lecture))[0] == 409
    with requetes(service) as vues:
        visite.client.get(visite.note)
    assert len(vues) <= 8, vues


def test_prendre_pour_soi_puis_retirer(visite: Visite) -> None:
    visite.entrer(visite.second)
    statut, page = visite.poster(f"{visite.note}/lectures", lecteur=visite.second.acteur)
    assert (statut, "Votre lecture pour m2A" in page) == (200, True)
    assert "Lire maintenant" in visite.client.get(f"{visite.note}/lectures").text
    statut, page = visite.poster(f"{visite.note}/lectures/retrait", lecteur=visite.second.acteur)
    assert (statut, "n’est plus demandée" in page) == (200, True)
    assert visite.client.get(f"{visite.note}/lecture").status_code == 404


def test_une_demande_refusee_reste_sur_sa_page(visite: Visite) -> None:
    visite.entrer(visite.second)
    statut, page = visite.poster(f"{visite.note}/lectures", lecteur="inconnu")
    assert (statut, "Choisissez une personne qui instruit cette ligne" in page) == (422, True)


def test_qui_n_instruit_pas_la_ligne_ne_demande_ni_ne_lit(visite: Visite) -> None:
    visite.entrer(un_compte(visite.session, Role.INSTRUCTEUR, contrat=visite.scene.contrat, ligne="MULHOUSE"))
    assert visite.client.get(f"{visite.note}/lectures").status_code == 403
    assert visite.client.get(f"{visite.note}/lecture").status_code == 403
    assert visite.poster(f"{visite.note}/lectures", lecteur=visite.second.acteur)[0] == 403

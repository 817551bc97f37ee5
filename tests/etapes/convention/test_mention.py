"""La mention du traitement algorithmique, sur chaque document de décision qu'une note a préparée, et sur eux seuls."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pypdf import PdfReader
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.etapes.convention.models import Notification
from app.etapes.convention.service import lettre
from app.etapes.dossier.models import Dossier
from app.etapes.notation.rules.transparence import mention
from app.infra import documents
from app.infra.db import creer_fabrique
from app.infra.mail import Courriel
from app.noyau.roles import Role
from tests.etapes.notation.aide_dossier import Scene, un_dossier, une_scene
from tests.etapes.notation.aide_notice import ENSUITE, notifier, un_dossier_note
from tests.factories import connecter, un_compte

RACINE = Path(__file__).resolve().parents[3]


def serre(texte: str) -> str:
    """Sans blanc : un document coupe ses lignes où il veut."""
    return re.sub(r"\s", "", texte)


@dataclass
class Decide:
    """Deux dossiers notifiés par m2A : l'un noté, l'autre jamais."""

    client: TestClient
    session: Session
    scene: Scene
    note: tuple[Dossier, Notification]
    sans_note: tuple[Dossier, Notification]

    def document(self, cas: tuple[Dossier, Notification]) -> str:
        _, partie = cas
        lettre.sceller_et_envoyer(self.session, partie.id, url_publique="http://essai", maintenant=ENSUITE)
        assert partie.document_sha256 is not None
        scelle = documents.lire(self.session, partie.document_sha256)
        assert scelle is not None
        return "".join(page.extract_text() for page in PdfReader(io.BytesIO(scelle.contenu)).pages)

    def courriel(self, cas: tuple[Dossier, Notification]) -> str:
        self.document(cas)
        return self.session.scalars(select(Courriel.corps).order_by(Courriel.id.desc())).first() or ""

    def page(self, cas: tuple[Dossier, Notification]) -> str:
        dossier, _ = cas
        compte = un_compte(self.session, Role.SIGNATAIRE, organisation=self.scene.organisation)
        connecter(self.client, self.session, compte, maintenant=ENSUITE)
        return self.client.get(f"/dossiers/{dossier.numero}/notifications/M2A").text


Lire = Callable[[Decide, tuple[Dossier, Notification]], str]


@pytest.fixture
def decide(moteur_propre: Engine, client: TestClient) -> Iterator[Decide]:
    with creer_fabrique(moteur_propre)() as session:
        scene = une_scene(session)
        un_compte(session, Role.SIGNATAIRE, organisation=scene.organisation)
        note, sans_note = un_dossier_note(session, scene), un_dossier(session, scene, titre="Deuxième action")
        cas = [(dossier, notifier(session, dossier, "M2A", 2_000)) for dossier in (note, sans_note)]
        session.commit()
        yield Decide(client, session, scene, *cas)


@pytest.mark.parametrize("lire", [Decide.document, Decide.courriel, Decide.page], ids=["lettre", "courriel", "page"])
def test_chaque_document_de_decision_porte_la_mention_si_une_note_a_servi(decide: Decide, lire: Lire) -> None:
    dite = serre(lire(decide, decide.note))
    assert any(serre(mention(f"{hote}/appels/ess-2027/regles")) in dite for hote in ("http://essai", ""))
    assert serre("traitement algorithmique") not in serre(lire(decide, decide.sans_note))


def test_le_texte_de_la_mention_n_est_ecrit_qu_une_fois() -> None:
    debut = "préparée avec l’aide d’un traitement algorithmique"
    ecrits = [
        str(fichier.relative_to(RACINE))
        for dossier in ("app", "templates")
        for fichier in (RACINE / dossier).rglob("*")
        if fichier.suffix in {".py", ".html", ".txt", ".typ"} and debut in fichier.read_text(encoding="utf-8")
    ]
    assert ecrits == ["app/etapes/notation/rules/transparence.py"]

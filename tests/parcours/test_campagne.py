"""La campagne de démonstration, par HTTP, du dépôt à la notification : chaque issue possible y passe."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from app.commandes.base import Base
from app.commandes.campagne import bilan
from app.commandes.campagne.jeu import (
    ESSAI,
    Campagne,
    charger_le_decor,
    jouer,
    ouvrir_l_essai,
    service_de_la_campagne,
)
from app.etapes.appel.repository import get_appel_par_code
from app.etapes.convention.models import Notification
from app.infra.config import Mode
from app.infra.mail import Courriel
from seeds.demo.derivation import dossiers_deduits, enveloppe
from tests.conftest import une_config

ISSUES = {
    "notifiee", "refus_notifie", "irrecevable", "orientee", "hors_champ", "ajournee", "reserve", "retiree", "renoncee",
}  # fmt: skip


def test_les_dossiers_deduits_sont_les_memes_a_chaque_fois() -> None:
    premiers, seconds = dossiers_deduits(2025, 2027, 60), dossiers_deduits(2025, 2027, 60)
    assert premiers == seconds
    assert len(premiers) > 100
    demande = sum(d.demande("BOP147") for d in premiers)
    assert 1.35 < demande / enveloppe(premiers, "BOP147") < 1.45


@pytest.mark.parametrize("nombre", [44])
def test_une_campagne_entiere_concorde(base_jetable: Base, tmp_path: Path, nombre: int) -> None:
    config = une_config(tmp_path).model_copy(update={"mode": Mode.DEMONSTRATION})
    dits: list[str] = []
    with service_de_la_campagne(config, base_jetable) as plateau:
        charger_le_decor(plateau.fabrique)
        jouer(plateau, Campagne(2027, 2025, nombre), dits.append)
        ouvrir_l_essai(plateau)
        ouvrir_l_essai(plateau)
        with plateau.fabrique() as session:
            lu = bilan.dresser(session, "m2a-2027")
            assert bilan.discordances(session, lu) == []
            atteints = {etat for ligne in lu.lignes.values() for etat in ligne.etats}
            assert atteints >= ISSUES, ISSUES - atteints
            assert "Bilan de l’appel m2a-2027" in bilan.ecrire(lu)
            assert all(ligne.engage <= ligne.enveloppe for ligne in lu.lignes.values())
            lettres = session.scalars(select(Notification)).all()
            assert lettres
            assert all(lettre.document_sha256 for lettre in lettres)
            assert session.scalars(select(Courriel.etat)).first() == "envoye"
            assert get_appel_par_code(session, ESSAI) is not None
    assert dits[0].startswith(f"Campagne 2027 : {nombre} dossiers")

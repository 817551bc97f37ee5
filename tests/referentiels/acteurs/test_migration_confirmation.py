"""La migration 0025 : les organisations déjà là sont confirmées ; la descente retire tout, contestations comprises."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from app.commandes.base import Base
from app.infra import migrations
from app.infra.db import creer_moteur

ORGANISATION = """
INSERT INTO organisation (code, nom, sigle, forme, siret, adresse, code_postal, commune, courriel, telephone,
    fonction_representant, est_fictif, cree_at)
VALUES ('o-avant', 'Avant (fictif)', '', 'association', '97000000000011', '', '', '', '', '', '', true, '2024-01-02')
"""
CONTESTATION = """
INSERT INTO demande_acces (code, nature, organisation_id, compte_id, contrat_id, motif, cree_at, suite_motif)
SELECT 'd', 'contestation', o.id, 0, :contrat, '', now(), '' FROM organisation o
"""


def executer(moteur: Engine, ordre: str, **valeurs: object) -> None:
    with moteur.begin() as connexion:
        connexion.execute(text(ordre), valeurs)


def test_les_organisations_deja_la_sont_confirmees(base_jetable: Base) -> None:
    migrations.descendre(base_jetable.url_proprietaire, "0024")
    moteur = creer_moteur(base_jetable.url_proprietaire)
    executer(moteur, ORGANISATION)
    migrations.migrer(base_jetable.url_proprietaire)
    lecture = text("SELECT confirmee_at = cree_at, confirmee_par, recepisse FROM organisation WHERE code = 'o-avant'")
    with moteur.begin() as connexion:
        assert connexion.execute(lecture).one() == (True, "migration", "")
    migrations.verifier(base_jetable.url_proprietaire)
    with pytest.raises(IntegrityError, match="ck_demande_acces_contrat"):
        executer(moteur, CONTESTATION, contrat=None)
    moteur.dispose()

"""Le moteur : une connexion rompue se remplace sans que personne ne le voie ; un compte s'arrête à sa borne."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import OperationalError

from app.commandes.base import Base
from app.infra.db import COMPTE_MAX, compter, creer_moteur


@pytest.fixture
def moteur_seul(base_jetable: Base) -> Engine:
    return creer_moteur(base_jetable.url, taille=1)


def test_une_connexion_rompue_au_repos_est_remplacee(moteur_seul: Engine, base_jetable: Base) -> None:
    numero = text("SELECT pg_backend_pid()")
    with moteur_seul.connect() as connexion:
        premiere = connexion.scalar(numero)
    with moteur_seul.connect() as connexion:
        assert connexion.scalar(numero) == premiere, "une connexion saine se garde"
    autre = creer_moteur(base_jetable.url_proprietaire)
    with autre.connect() as connexion:
        fin = text("SELECT pg_terminate_backend(:pid, 5000)")
        assert connexion.scalar(fin, {"pid": premiere})
    autre.dispose()
    with moteur_seul.connect() as connexion:
        assert connexion.scalar(numero) != premiere
    moteur_seul.dispose()


def test_une_connexion_rompue_en_cours_de_route_le_dit(moteur_seul: Engine) -> None:
    with moteur_seul.connect() as connexion, pytest.raises(OperationalError):
        connexion.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    moteur_seul.dispose()


@pytest.mark.parametrize(("rangees", "attendu"), [(0, 0), (7, 7), (COMPTE_MAX, COMPTE_MAX), (5000, COMPTE_MAX + 1)])
def test_un_compte_s_arrete_a_sa_borne(moteur_seul: Engine, rangees: int, attendu: int) -> None:
    serie = select(func.generate_series(1, rangees).column_valued("n")).subquery()
    with moteur_seul.connect() as connexion:
        assert connexion.scalar(select(compter(select(serie.c.n)))) == attendu
        assert connexion.scalar(select(compter(select(serie.c.n), 3))) == min(rangees, 4)
    moteur_seul.dispose()

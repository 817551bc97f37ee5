"""Pourquoi une demande a eu cette suite, d'après les faits : une table."""

from __future__ import annotations

import pytest

from app.etapes.convention.rules.issue import PHRASES, Explication, FaitsIssue, expliquer_l_issue
from app.noyau.euros import Euros

E = Explication


@pytest.mark.parametrize(
    ("accorde", "reste", "sous_le_seuil", "attendues"),
    [
        (5_000, 0, None, (E.ACCORDEE_EN_ENTIER,)),
        (6_000, None, None, (E.ACCORDEE_EN_ENTIER,)),
        (2_000, 0, True, (E.ACCORDEE_EN_PARTIE,)),
        (0, 0, None, (E.CREDITS_EPUISES,)),
        (0, -100, True, (E.CREDITS_EPUISES, E.SOUS_LE_SEUIL)),
        (0, 4_999, False, (E.CREDITS_INSUFFISANTS,)),
        (0, 5_000, True, (E.SOUS_LE_SEUIL,)),
        (0, 5_000, False, (E.AUTRE,)),
        (0, None, None, (E.AUTRE,)),
    ],
)
def test_l_issue_se_deduit_des_faits(
    accorde: int, reste: int | None, sous_le_seuil: bool | None, attendues: tuple[Explication, ...]
) -> None:
    libres = Euros.de(reste) if reste is not None else None
    faits = FaitsIssue(Euros.de(5_000), Euros.de(accorde), libres, sous_le_seuil)
    assert expliquer_l_issue(faits) == attendues


def test_chaque_explication_a_sa_phrase() -> None:
    assert {explication.phrase for explication in Explication} == set(PHRASES.values())

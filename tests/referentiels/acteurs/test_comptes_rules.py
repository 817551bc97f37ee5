"""Compte créé soi-même, sessions glissantes, relais de la signature : les règles."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.referentiels.acteurs.rules import comptes, fin_de_jour

JOUR = date(2026, 11, 6)
MACHINE = datetime(2026, 11, 6, 12, 0, tzinfo=UTC)
LONG = "une phrase assez longue"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"
ANDROID = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"
EDGE = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0"


@pytest.mark.parametrize(
    ("agent", "dit"),
    [
        (FIREFOX, "Firefox sur Windows"), (ANDROID, "Chrome sur Android"), (IPHONE, "Safari sur iPhone"),
        (EDGE, "Edge sur Mac"), ("curl/8.5 Linux", "Linux"), ("Firefox/1", "Firefox"), ("", "Appareil inconnu"),
    ],
)  # fmt: skip
def test_un_appareil_se_reconnait(agent: str, dit: str) -> None:
    assert comptes.appareil(agent) == dit


def test_une_session_se_renouvelle_au_plus_une_fois_par_heure() -> None:
    assert not comptes.est_a_renouveler(MACHINE - timedelta(minutes=59), MACHINE)
    assert comptes.est_a_renouveler(MACHINE - timedelta(hours=1), MACHINE)


def test_une_session_ne_passe_jamais_sa_limite() -> None:
    semaine = timedelta(days=7)
    loin, pres = MACHINE + timedelta(days=30), MACHINE + timedelta(days=2)
    assert comptes.nouvelle_expiration(MACHINE, semaine, loin) == MACHINE + semaine
    assert comptes.nouvelle_expiration(MACHINE, semaine, pres) == pres


@pytest.mark.parametrize(
    ("change", "fautifs"),
    [
        ({}, []),
        ({"nom": "  "}, ["nom_affiche"]),
        ({"courriel": "sans arobase"}, ["courriel"]),
        ({"courriel": "é@exemple.fr"}, ["courriel"]),
        ({"mot_de_passe": "court", "confirmation": "court"}, ["mot_de_passe"]),
        ({"confirmation": "autre"}, ["confirmation"]),
        ({"nom": "", "courriel": "", "mot_de_passe": "", "confirmation": "x"},
         ["nom_affiche", "courriel", "mot_de_passe", "confirmation"]),
    ],
)  # fmt: skip
def test_une_inscription_dit_toutes_ses_fautes(change: dict[str, str], fautifs: list[str]) -> None:
    saisie = {"nom": "Camille", "courriel": "c@exemple.fr", "mot_de_passe": LONG, "confirmation": LONG, **change}
    assert [f.champ for f in comptes.verifier_inscription(**saisie)] == fautifs


RELAIS: dict[str, Any] = {
    "courriel": "suite@exemple.fr", "prenom": "Camille", "nom": "Fictif", "fonction": "Présidence", "fin_le": JOUR,
    "aujourd_hui": JOUR, "partant": "ancien@exemple.fr", "partants": {"ancien@exemple.fr"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "fautifs"),
    [
        ({}, []),
        ({"partant": "inconnu@exemple.fr"}, ["partant"]),
        ({"courriel": "x"}, ["courriel"]),
        ({"courriel": "é@exemple.fr"}, ["courriel"]),
        ({"courriel": "Ancien@exemple.fr"}, ["courriel"]),
        ({"prenom": "", "nom": " ", "fonction": ""}, ["prenom", "nom", "fonction"]),
        ({"fin_le": None}, ["fin_le"]),
        ({"fin_le": JOUR - timedelta(days=1)}, ["fin_le"]),
        ({"fin_le": JOUR + timedelta(days=366)}, []),
        ({"fin_le": JOUR + timedelta(days=367)}, ["fin_le"]),
    ],
)
def test_un_relais_dit_toutes_ses_fautes(change: dict[str, Any], fautifs: list[str]) -> None:
    assert [f.champ for f in comptes.verifier_relais(**{**RELAIS, **change})] == fautifs


@pytest.mark.parametrize(
    ("fins", "tient"),
    [
        ((None,), True),
        ((fin_de_jour(date(2026, 12, 31)),), True),
        ((fin_de_jour(date(2026, 11, 5)),), True),
        ((MACHINE - timedelta(days=1),), False),
        ((MACHINE,), False),
        ((), False),
        ((fin_de_jour(date(2026, 3, 1)), MACHINE - timedelta(days=1)), False),
        ((MACHINE - timedelta(days=9), None), True),
    ],
    ids=[
        "signe encore", "relais à venir", "relais passé", "retirée", "retirée à l’instant", "jamais signataire",
        "relais ancien puis retrait", "retirée puis renommée",
    ],
)  # fmt: skip
def test_une_signature_tombe_avec_un_role_retire_pas_avec_un_relais(
    fins: tuple[datetime | None, ...], tient: bool
) -> None:
    en_base = [fin and fin.astimezone(UTC) for fin in fins]
    assert comptes.signature_tient(en_base, MACHINE) is tient

"""Les coordonnées d'une autorité : téléphone, SIRET, un service entier ou rien."""

from __future__ import annotations

import pytest

from app.referentiels.lignes.rules import ServiceAJoindre, normaliser_telephone, verifier_autorite
from tests.factories import siret_fictif

VIDE = ServiceAJoindre("", "", "")
ENTIER = ServiceAJoindre(
    "Mission ville (fictif)", "1 rue d’Essai\n\n 99000 Ville d’essai ", "03 00 00 00 00", "ville@exemple.invalid"
)


@pytest.mark.parametrize(
    ("tape", "lu"),
    [
        ("0389000000", "03 89 00 00 00"),
        ("03.89.00.00.00", "03 89 00 00 00"),
        ("+33 (0)3 89 00 00 00", "03 89 00 00 00"),
        ("0033 3 89 00 00 00", "03 89 00 00 00"),
        ("3939", "3939"),
        ("", None),
        ("12", None),
        ("0089000000", None),
        ("03 89 00 00 00 00", None),
        ("03 89 00 00 0O", None),
        ("٠٣٨٩٠٠٠٠٠٠", None),
        ("03890000²0", None),
    ],
)
def test_un_telephone_se_lit_comme_on_le_tape(tape: str, lu: str | None) -> None:
    assert normaliser_telephone(tape) == lu


def test_tout_est_facultatif() -> None:
    assert verifier_autorite("", VIDE) == ()
    assert verifier_autorite(siret_fictif(1), VIDE) == ()
    assert verifier_autorite("", ENTIER) == ()
    assert verifier_autorite("", ServiceAJoindre("Ville", "1 rue", "3939")) == ()


@pytest.mark.parametrize(
    ("siret", "service", "fautes"),
    [
        ("12345678901234", VIDE, [("siret", "siret_invalide")]),
        ("123", ENTIER, [("siret", "siret_invalide")]),
        (
            "",
            ServiceAJoindre("", "", "", "ville@exemple.invalid"),
            [(champ, "service_incomplet") for champ in ("nom", "adresse", "telephone")],
        ),
        ("", ServiceAJoindre("Ville", "1 rue", ""), [("telephone", "service_incomplet")]),
        ("", ServiceAJoindre("Ville", "1 rue", "demain"), [("telephone", "telephone_invalide")]),
        ("", ServiceAJoindre("Ville", "1 rue", "3939", "ville@"), [("courriel", "courriel_invalide")]),
    ],
)
def test_chaque_faute_dit_son_champ(siret: str, service: ServiceAJoindre, fautes: list[tuple[str, str]]) -> None:
    assert [(f.champ, f.code) for f in verifier_autorite(siret, service)] == fautes


def test_le_service_s_ecrit_comme_sur_une_enveloppe() -> None:
    assert ENTIER.lignes == (
        "Mission ville (fictif)",
        "1 rue d’Essai",
        "99000 Ville d’essai",
        "Tél. 03 00 00 00 00",
        "ville@exemple.invalid",
    )
    assert ServiceAJoindre("Ville", "1 rue", "3939").lignes == ("Ville", "1 rue", "Tél. 3939")

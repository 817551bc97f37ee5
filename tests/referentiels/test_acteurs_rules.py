"""Identité d'une organisation, mot de passe, adresse."""

from __future__ import annotations

from datetime import date

import pytest

from app.referentiels.acteurs.rules import (
    FormeOrganisation,
    IdentiteOrganisation,
    est_un_courriel,
    verifier_identite,
    verifier_mot_de_passe,
)

AUJOURD_HUI = date(2026, 11, 6)
REGISTRE = {
    "registre_tribunal": "Mulhouse",
    "registre_volume": "12",
    "registre_folio": "34",
    "registre_inscrit_le": date(1998, 5, 4),
}


def codes(**change: object) -> list[tuple[str, str]]:
    valeurs: dict[str, object] = {
        "nom": "Association (fictif)", "forme": FormeOrganisation.ASSOCIATION, "siret": "21680224900013", **REGISTRE,
    }  # fmt: skip
    identite = IdentiteOrganisation(**(valeurs | change))  # type: ignore[arg-type]
    return [(f.champ, f.code) for f in verifier_identite(identite, AUJOURD_HUI)]


def test_une_association_d_alsace_moselle_se_passe_de_rna() -> None:
    assert codes() == []


def test_une_association_a_un_rna_ou_une_inscription() -> None:
    vide = dict.fromkeys(REGISTRE, "") | {"registre_inscrit_le": None}
    assert codes(**vide) == [("rna", "rna_ou_registre")]
    assert codes(**vide, rna="W681002345") == []
    assert codes(**vide, forme=FormeOrganisation.COLLECTIVITE) == []


@pytest.mark.parametrize(
    ("change", "faute"),
    [
        ({"nom": " "}, ("nom", "invalide")),
        ({"siret": "20006600900012"}, ("siret", "siret_invalide")),
        ({"rna": "681"}, ("rna", "rna_invalide")),
        ({"registre_folio": ""}, ("registre_folio", "registre_incomplet")),
        ({"registre_inscrit_le": date(2026, 11, 7)}, ("registre_inscrit_le", "date_future")),
    ],
)
def test_une_identite_fausse_dit_ou(change: dict[str, object], faute: tuple[str, str]) -> None:
    assert codes(**change) == [faute]


def test_seuls_les_organismes_prives_signent_une_convention_obligatoire() -> None:
    prives = {f for f in FormeOrganisation if f.est_privee}
    assert FormeOrganisation.BAILLEUR_PRIVE in prives
    publics = {
        FormeOrganisation.BAILLEUR_PUBLIC, FormeOrganisation.ETABLISSEMENT_PUBLIC, FormeOrganisation.COLLECTIVITE,
    }  # fmt: skip
    assert publics == set(FormeOrganisation) - prives
    assert all(f.libelle for f in FormeOrganisation)


def test_un_mot_de_passe_est_long_et_n_est_pas_l_adresse() -> None:
    assert [f.code for f in verifier_mot_de_passe("court", "a@exemple.fr")] == ["trop_court"]
    assert [f.code for f in verifier_mot_de_passe("Porteur@exemple.fr", "porteur@exemple.fr")] == ["trop_simple"]
    assert verifier_mot_de_passe("une phrase assez longue", "a@exemple.fr") == ()


@pytest.mark.parametrize(("texte", "vrai"), [("a@b.fr", True), ("a@b", False), ("a b@c.fr", False), ("a@@b.fr", False)])
def test_une_adresse_a_une_forme(texte: str, vrai: bool) -> None:
    assert est_un_courriel(texte) is vrai

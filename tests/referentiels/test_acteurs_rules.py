"""Identité d'une organisation, mot de passe, adresse, portée et fin des habilitations."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from app.noyau.roles import ROLES_PORTEUR, Portee, Role
from app.referentiels.acteurs.rules import (
    FormeOrganisation,
    IdentiteOrganisation,
    debut_de_jour,
    est_un_courriel,
    fin_de_jour,
    laisse_sans_administrateur,
    portees_du_role,
    roles_donnables,
    verifier_identite,
    verifier_mot_de_passe,
    verifier_periode,
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
    assert codes(**vide, recepisse="Préfecture fictive, n° 12, 4 mai 1998") == []
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


@pytest.mark.parametrize(
    ("texte", "vrai"),
    [
        ("a@b.fr", True),
        ("Jean.O'Neil+x@b-c.fr", True),
        ("a@b", False),
        ("a b@c.fr", False),
        ("a@@b.fr", False),
        ("josé@b.fr", False),
        ("a,b@c.fr", False),
    ],
)
def test_une_adresse_a_une_forme(texte: str, vrai: bool) -> None:
    assert est_un_courriel(texte) is vrai


def test_chaque_role_dit_sur_quoi_il_porte() -> None:
    assert all(portees_du_role(role) for role in Role)
    assert {portees_du_role(role) for role in ROLES_PORTEUR} == {(Portee.ORGANISATION,)}
    assert Portee.ORGANISATION not in {p for role in set(Role) - ROLES_PORTEUR for p in portees_du_role(role)}
    assert portees_du_role(Role.INSTRUCTEUR) == (Portee.LIGNE,)
    assert portees_du_role(Role.DELEGUE_PREFET) == (Portee.QUARTIER, Portee.COMMUNE)


def test_personne_ne_donne_un_role_plus_etendu_que_le_sien() -> None:
    du_contrat = set(Role) - ROLES_PORTEUR
    assert set(roles_donnables({Role.ADMINISTRATEUR})) == du_contrat
    assert set(roles_donnables({Role.CHARGE_MISSION})) == du_contrat - {Role.ADMINISTRATEUR}
    assert roles_donnables({Role.INSTRUCTEUR, Role.ADMINISTRATEUR_PORTEUR}) == ()


@pytest.mark.parametrize(
    ("debut", "fin", "code"),
    [
        (date(2026, 11, 6), None, None),
        (date(2026, 11, 6), date(2026, 11, 6), None),
        (date(2026, 11, 7), date(2026, 11, 6), "fin_avant_debut"),
        (date(2026, 10, 1), date(2026, 11, 5), "fin_passee"),
    ],
)
def test_le_dernier_jour_ne_precede_ni_le_premier_ni_aujourd_hui(debut: date, fin: date | None, code: str) -> None:
    assert [f.code for f in verifier_periode(debut, fin, AUJOURD_HUI)] == ([code] if code else [])


def test_les_jours_commencent_et_finissent_a_minuit_a_paris() -> None:
    assert debut_de_jour(date(2026, 11, 6)).astimezone(UTC) == datetime(2026, 11, 5, 23, tzinfo=UTC)
    assert fin_de_jour(date(2026, 10, 24)).astimezone(UTC) == datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert fin_de_jour(date(2026, 10, 25)).astimezone(UTC) == datetime(2026, 10, 25, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("role", "est_soi", "siens", "autres", "refuse"),
    [
        (Role.ADMINISTRATEUR, False, 0, 1, False),
        (Role.ADMINISTRATEUR, False, 0, 0, True),
        (Role.ADMINISTRATEUR, True, 0, 3, True),
        (Role.ADMINISTRATEUR_PORTEUR, True, 1, 1, False),
        (Role.INSTRUCTEUR, True, 0, 0, False),
    ],
)
def test_il_reste_toujours_un_administrateur(role: Role, est_soi: bool, siens: int, autres: int, refuse: bool) -> None:
    assert laisse_sans_administrateur(role, est_soi=est_soi, siens=siens, autres=autres) is refuse

"""Natures, validité et correspondance avec les pièces exigées d'un appel."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.etapes.appel.rules import code_de_piece
from app.referentiels.pieces.rules import (
    REGLES,
    EtatValidite,
    Nature,
    Validite,
    attendues,
    etat_validite,
    manquent,
    natures_attendues,
    validite,
    verifier_dates,
)

JOUR = date(2026, 11, 6)


@pytest.mark.parametrize(
    ("nature", "datee_du", "jusqu_au", "fin"),
    [
        (Nature.RIB, JOUR, None, None),
        (Nature.RIB, JOUR, date(2027, 1, 1), date(2027, 1, 1)),
        (Nature.LISTE_DIRIGEANTS, JOUR, None, date(2027, 11, 6)),
        (Nature.LISTE_DIRIGEANTS, JOUR, date(2027, 1, 1), date(2027, 1, 1)),
        (Nature.LISTE_DIRIGEANTS, JOUR, date(2030, 1, 1), date(2027, 11, 6)),
        (Nature.COMPTES_ANNUELS, date(2025, 12, 31), None, date(2027, 6, 30)),
        (Nature.LISTE_DIRIGEANTS, date(2024, 2, 29), None, date(2025, 2, 28)),
    ],
)
def test_une_piece_vaut_selon_sa_nature(
    nature: Nature, datee_du: date, jusqu_au: date | None, fin: date | None
) -> None:
    assert validite(nature, datee_du, jusqu_au) == Validite(datee_du, fin)


@pytest.mark.parametrize(
    ("le", "etat"),
    [
        (date(2026, 1, 1) - timedelta(days=1), EtatValidite.A_VENIR),
        (date(2026, 1, 1), EtatValidite.VALABLE),
        (date(2026, 11, 30), EtatValidite.VALABLE),
        (date(2026, 12, 1), EtatValidite.A_RENOUVELER),
        (date(2026, 12, 31), EtatValidite.A_RENOUVELER),
        (date(2027, 1, 1), EtatValidite.PERIMEE),
    ],
)
def test_a_renouveler_trente_jours_avant_la_fin_comprise(le: date, etat: EtatValidite) -> None:
    assert etat_validite(Validite(date(2026, 1, 1), date(2026, 12, 31)), le) is etat


def test_sans_fin_une_piece_reste_valable() -> None:
    assert etat_validite(Validite(JOUR, None), date(2099, 1, 1)) is EtatValidite.VALABLE


@pytest.mark.parametrize(
    ("nature", "datee_du", "jusqu_au", "codes"),
    [
        (Nature.RIB, JOUR, None, []),
        (Nature.RIB, JOUR + timedelta(days=1), None, ["date_future"]),
        (Nature.BUDGET_PREVISIONNEL, date(2027, 1, 1), None, []),
        (Nature.BUDGET_PREVISIONNEL, date(2028, 1, 1), None, ["date_future"]),
        (Nature.STATUTS, date(1850, 1, 1), None, ["date_ancienne"]),
        (Nature.POUVOIR, JOUR, JOUR - timedelta(days=1), ["fin_avant_debut"]),
    ],
)
def test_les_dates_saisies_se_tiennent(nature: Nature, datee_du: date, jusqu_au: date | None, codes: list[str]) -> None:
    assert [f.code for f in verifier_dates(nature, datee_du, jusqu_au, JOUR)] == codes


def _un(*natures: Nature) -> frozenset[Nature]:
    return frozenset(natures)


@pytest.mark.parametrize(
    ("code", "libelle", "attendues"),
    [
        ("statuts", "Statuts et liste des dirigeants", (_un(Nature.STATUTS), _un(Nature.LISTE_DIRIGEANTS))),
        (
            "registre", "Extrait du registre des associations (Alsace-Moselle) ou récépissé",
            (_un(Nature.EXTRAIT_REGISTRE, Nature.RECEPISSE),),
        ),
        ("comptes", "Comptes approuvés du dernier exercice", (_un(Nature.COMPTES_ANNUELS),)),
        ("rib", "Relevé d’identité bancaire", (_un(Nature.RIB),)),
        ("salaries", "Tableau des salariés, sans donnée personnelle", (_un(Nature.TABLEAU_SALARIES),)),
        ("prestataires", "Tableau des prestataires extérieurs", (_un(Nature.TABLEAU_PRESTATAIRES),)),
        ("avis_de_situation_sirene", "", (_un(Nature.AVIS_SIRENE),)),
        ("rapport_du_commissaire_aux_comptes", "", (_un(Nature.RAPPORT_CAC),)),
        ("compte_rendu", "Compte rendu du conseil", ()),
        ("contribution", "Contribution à l’attribution", ()),
    ],
)  # fmt: skip
def test_chaque_piece_exigee_de_l_appel_trouve_sa_nature(
    code: str, libelle: str, attendues: tuple[frozenset[Nature], ...]
) -> None:
    assert natures_attendues(code, libelle) == attendues


@pytest.mark.parametrize("nature", [n for n in Nature if n is not Nature.AUTRE])
def test_le_libelle_de_chaque_nature_se_reconnait_lui_meme(nature: Nature) -> None:
    assert any(nature in groupe for groupe in natures_attendues(code_de_piece(nature.libelle)))
    assert REGLES[nature].source


def test_un_recepisse_dispense_de_l_extrait_du_registre() -> None:
    attendues = natures_attendues("registre") + natures_attendues("rib")
    assert manquent(attendues, {Nature.RECEPISSE}) == (_un(Nature.RIB),)
    assert manquent(attendues, {Nature.EXTRAIT_REGISTRE, Nature.RIB}) == ()


@given(st.text(max_size=60), st.text(max_size=60))
def test_un_code_quelconque_ne_fait_rien_tomber(code: str, libelle: str) -> None:
    assert all(natures_attendues(code, libelle))


def test_chaque_piece_exigee_dit_ce_qui_y_repond() -> None:
    (rib,) = attendues("rib", "Relevé d’identité bancaire")
    assert (rib.libelle, rib.a_deposer) == (Nature.RIB.libelle, (Nature.RIB.value, ""))
    assert rib.repond(Nature.RIB, "")
    assert not rib.repond(Nature.STATUTS, "")
    (autre,) = attendues("plan", "Plan de la salle")
    assert (autre.libelle, autre.a_deposer) == ("Plan de la salle", (Nature.AUTRE.value, "Plan de la salle"))
    assert autre.repond(Nature.AUTRE, "Plan de la salle")
    assert not autre.repond(Nature.AUTRE, "Autre chose")

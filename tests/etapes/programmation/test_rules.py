"""Soldes et équité : des tableaux lisibles, et des propriétés."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.etapes.programmation.rules import (
    Financement,
    concentration,
    fautes_du_montant,
    par_commune,
    par_habitant,
    par_objectif,
    par_quartier,
    partager,
    peut_arreter,
    solde,
)
from app.noyau.euros import ZERO, Euros


@pytest.mark.parametrize(
    ("enveloppe", "engage", "propose", "disponible", "reste", "depasse"),
    [
        (100_000, 0, 0, 100_000, 100_000, False),
        (100_000, 30_000, 50_000, 70_000, 20_000, False),
        (100_000, 30_000, 70_000, 70_000, 0, False),
        (100_000, 30_000, 80_000, 70_000, -10_000, True),
        (20_000, 30_000, 0, -10_000, -10_000, True),  # enveloppe notifiée plus basse que l'engagé
    ],
)
def test_le_solde_d_une_ligne(
    enveloppe: int, engage: int, propose: int, disponible: int, reste: int, depasse: bool
) -> None:
    lu = solde(Euros.de(enveloppe), Euros.de(engage), Euros.de(propose))
    assert (lu.disponible, lu.reste, lu.est_depasse) == (Euros.de(disponible), Euros.de(reste), depasse)


@pytest.mark.parametrize("montants", [(-1, 0, 0), (0, -1, 0), (0, 0, -1)])
def test_un_solde_ne_part_pas_d_un_montant_negatif(montants: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="jamais négatifs"):
        solde(*(Euros(m) for m in montants))


@pytest.mark.parametrize(
    ("propose", "notifiee", "sans_decision", "possible", "motif"),
    [
        (70_000, True, 0, True, "il reste 0\u00a0€"),
        (60_000, True, 0, True, "il reste 10\u202f000\u00a0€"),
        (70_001, True, 0, False, "Il manque 1\u00a0€"),
        (60_000, False, 0, False, "prévisionnelle"),
        (60_000, True, 1, False, "1 demande attend encore"),
        (60_000, True, 12, False, "12 demandes attendent encore"),
        (99_999, False, 3, False, "Il manque"),
    ],
)
def test_arreter_une_ligne(propose: int, notifiee: bool, sans_decision: int, possible: bool, motif: str) -> None:
    etat = solde(Euros.de(100_000), Euros.de(30_000), Euros.de(propose))
    lu = peut_arreter(etat, enveloppe_notifiee=notifiee, sans_decision=sans_decision)
    assert lu.possible is possible
    assert motif in lu.motif


@pytest.mark.parametrize(
    ("montant", "code"),
    [
        (0, None), (500_000, None), (-1, "montant_negatif"), (500_001, "montant_au_dessus_de_la_demande"),
    ],
)  # fmt: skip
def test_un_montant_va_de_zero_a_la_demande(montant: int, code: str | None) -> None:
    fautes = fautes_du_montant(Euros(montant), Euros.de(5_000))
    assert [f.code for f in fautes] == ([] if code is None else [code])


FINANCEMENTS = (
    Financement("A", "Centre social", Euros(10_001), ("Drouot", "Briand"), "E1.2", ("Mulhouse",)),
    Financement("B", "Centre social", Euros(30_000), ("Drouot",), "E2.2", ("Mulhouse", "Illzach")),
    Financement("C", "Club", Euros(9_999), (), "E2.2", ("Wittenheim",)),
    Financement("B", "Centre social", Euros(10_000), ("Drouot",), "E2.2", ("Mulhouse",)),
)


def test_la_repartition_par_quartier_partage_a_parts_egales() -> None:
    lu = {p.repere: (p.montant.centimes, p.part, p.dossiers) for p in par_quartier(FINANCEMENTS, ["Coteaux"])}
    assert lu == {
        "Briand": (5_001, Fraction(5_001, 60_000), 1),
        "Coteaux": (0, Fraction(0), 0),
        "Drouot": (45_000, Fraction(3, 4), 2),
        "—": (9_999, Fraction(9_999, 60_000), 1),
    }


def test_la_repartition_par_commune_et_par_objectif() -> None:
    communes = {p.repere: p.montant.centimes for p in par_commune(FINANCEMENTS)}
    assert communes == {"Illzach": 15_000, "Mulhouse": 35_001, "Wittenheim": 9_999}
    objectifs = {p.repere: (p.montant.centimes, p.dossiers) for p in par_objectif(FINANCEMENTS)}
    assert objectifs == {"E1.2": (10_001, 1), "E2.2": (49_999, 2)}


def test_sans_financement_une_part_est_inconnue_et_non_nulle() -> None:
    (part,) = par_quartier([], ["Drouot"])
    assert (part.montant, part.part, part.dossiers) == (ZERO, None, 0)


def test_par_habitant_seulement_ou_la_population_est_connue() -> None:
    lu = par_habitant(par_quartier(FINANCEMENTS), {"Drouot": 1_000, "Briand": 0})
    assert lu == {"Drouot": Fraction(45_000, 100_000), "Briand": None, "—": None}


def test_la_concentration_entre_porteurs() -> None:
    lu = concentration(FINANCEMENTS)
    assert lu is not None
    assert lu.porteurs == 2
    assert lu.premier == Fraction(50_001, 60_000)
    assert lu.cinq_premiers == 1
    assert lu.indice == Fraction(50_001, 60_000) ** 2 + Fraction(9_999, 60_000) ** 2
    assert concentration([]) is None


def test_un_porteur_sans_montant_ne_compte_pas_dans_la_concentration() -> None:
    lu = concentration([Financement("A", "Un", Euros(5)), Financement("B", "Deux", ZERO)])
    assert lu is not None
    assert (lu.porteurs, lu.indice) == (1, Fraction(1))


@given(st.integers(0, 10**9), st.integers(1, 40))
def test_un_partage_ne_perd_pas_un_centime(centimes: int, nombre: int) -> None:
    parts = partager(Euros(centimes), nombre)
    assert Euros.somme(parts) == Euros(centimes)
    assert max(parts).centimes - min(parts).centimes <= 1


NOMS = st.lists(st.sampled_from(["Drouot", "Briand", "Coteaux", "Fonderie"]), max_size=4).map(tuple)


@given(
    st.lists(
        st.builds(Financement, st.sampled_from("ABC"), st.just("P"), st.builds(Euros, st.integers(0, 10**7)), NOMS)
    )
)
def test_la_somme_des_quartiers_est_le_total(financements: list[Financement]) -> None:
    parts = par_quartier(financements)
    total = Euros.somme(f.montant for f in financements)
    assert Euros.somme(p.montant for p in parts) == total
    if total:
        assert sum(p.part or 0 for p in parts) == 1

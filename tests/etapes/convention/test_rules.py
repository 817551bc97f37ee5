"""Les règles de la décision, en tableaux."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from app.etapes.convention.rules import (
    DELAI_RECOURS_MOIS,
    DELAI_VERSEMENT_JOURS,
    AnneeSuivante,
    AvancementDeLaLigne,
    DecisionDite,
    EtatDeLaLigne,
    FaitsDecision,
    LigneDeLot,
    SensDecision,
    a_liberer,
    acte_cite,
    empechements_de_l_appel,
    empechements_de_l_arrete,
    empechements_de_la_decision,
    fautes_de_la_decision,
    lire_lot,
    montant_de_la_tranche,
    tranche,
    tribunal_competent,
)
from app.noyau.euros import Euros


@pytest.mark.parametrize(
    ("reference", "cite"),
    [
        ("2027-CA-12", "2027-CA-12, délibération du conseil d’agglomération du mardi 18 mai 2027"),
        ("Délibération n° 12", "Délibération n° 12 du mardi 18 mai 2027"),
    ],
)
def test_le_nom_de_l_acte_ne_se_dit_qu_une_fois(reference: str, cite: str) -> None:
    assert acte_cite("délibération du conseil d’agglomération", reference, date(2027, 5, 18)) == cite


JOUR = date(2027, 5, 20)
ATTRIBUEE, REFUSEE = SensDecision.ATTRIBUEE, SensDecision.REFUSEE
PRETE = EtatDeLaLigne(
    deja_arretee=False, a_voter=(), en_complement=(), nombre_vote=3, vote=Euros.de(9_000), reste=Euros.de(9_000),
    reserve=Euros(0),
)  # fmt: skip
MOMENT = datetime(2027, 5, 20, 9, 0, tzinfo=UTC)
FAITS = FaitsDecision(
    ligne_arretee=True, complement_attendu=False, demande=Euros.de(6_000), vote=Euros.de(4_000),
    engage=Euros.de(4_000), reste=Euros.de(500), depose_le=date(2026, 11, 6),
)  # fmt: skip
ACCORD = DecisionDite(ATTRIBUEE, Euros.de(4_000), "2027-CM-12", date(2027, 5, 18))
REFUS = replace(ACCORD, sens=REFUSEE, montant=Euros(0), motif="Hors des priorités")


def test_les_delais_et_le_tribunal() -> None:
    assert DELAI_VERSEMENT_JOURS.au(JOUR) == 60
    assert DELAI_RECOURS_MOIS.au(JOUR) == 2
    assert tribunal_competent("68") == "tribunal administratif de Strasbourg"
    assert "ressort" in tribunal_competent("13")


def test_une_ligne_prete_s_arrete() -> None:
    assert empechements_de_l_arrete(PRETE, MOMENT) == ()


def test_une_ligne_ne_s_arrete_pas_tant_que_sa_phase_recoit() -> None:
    ouverte = replace(PRETE, cloture=MOMENT + timedelta(minutes=1), a_voter=("N1",))
    assert [e.code for e in empechements_de_l_arrete(ouverte, MOMENT)] == ["depot_ouvert", "demandes_a_voter"]
    assert empechements_de_l_arrete(replace(PRETE, cloture=MOMENT), MOMENT) == ()
    arretee = replace(ouverte, deja_arretee=True, a_voter=())
    assert [e.code for e in empechements_de_l_arrete(arretee, MOMENT)] == ["ligne_arretee"]


@pytest.mark.parametrize(
    ("changement", "code", "extrait"),
    [
        ({"deja_arretee": True}, "ligne_arretee", "déjà arrêtée"),
        ({"a_voter": tuple(f"N{i}" for i in range(7))}, "demandes_a_voter", "N4 et 2 de plus"),
        ({"en_complement": ("N1",)}, "complement_attendu", "Complément attendu : N1"),
        ({"nombre_vote": 0, "vote": Euros(0)}, "rien_a_arreter", "rien voté"),
        ({"reste": Euros.de(8_000)}, "enveloppe_depassee", "il manque 1\u202f000"),
    ],
)
def test_ce_qui_empeche_d_arreter_une_ligne(changement: dict[str, object], code: str, extrait: str) -> None:
    (empechement,) = empechements_de_l_arrete(replace(PRETE, **changement), MOMENT)  # type: ignore[arg-type]
    assert empechement.code == code
    assert extrait in empechement.message


@pytest.mark.parametrize(
    ("changement", "codes"),
    [
        ({}, []),
        ({"ligne_arretee": False}, ["ligne_non_arretee"]),
        ({"complement_attendu": True}, ["complement_attendu"]),
        ({"ligne_arretee": False, "complement_attendu": True}, ["ligne_non_arretee", "complement_attendu"]),
    ],
)
def test_ce_qui_empeche_de_decider(changement: dict[str, bool], codes: list[str]) -> None:
    assert [e.code for e in empechements_de_la_decision(replace(FAITS, **changement))] == codes


SANS_ENGAGEMENT = replace(FAITS, vote=None, engage=Euros(0), reste=Euros.de(2_000))


@pytest.mark.parametrize(
    ("faits", "dite", "codes"),
    [
        (FAITS, ACCORD, []),
        (FAITS, REFUS, []),
        (FAITS, replace(ACCORD, montant=Euros.de(3_000), motif="Crédits limités"), []),
        (FAITS, replace(ACCORD, montant=Euros.de(3_000)), ["motif_exige"]),
        (FAITS, replace(ACCORD, montant=Euros(0), motif="x"), ["montant_nul"]),
        (FAITS, replace(ACCORD, montant=Euros.de(4_001), motif="x"), ["montant_au_dela_de_l_engage"]),
        (FAITS, replace(REFUS, montant=Euros(1)), ["refus_avec_montant"]),
        (FAITS, replace(REFUS, motif=" "), ["motif_exige"]),
        (FAITS, replace(ACCORD, reference_acte=" "), ["reference_absente"]),
        (FAITS, replace(ACCORD, acte_le=date(2027, 5, 21)), ["acte_futur"]),
        (FAITS, replace(ACCORD, acte_le=JOUR), []),
        (FAITS, replace(ACCORD, acte_le=date(2026, 11, 5)), ["acte_avant_depot"]),
        (FAITS, replace(ACCORD, acte_le=date(2026, 11, 6)), []),
        (SANS_ENGAGEMENT, replace(ACCORD, montant=Euros.de(2_000), motif="Réserve activée"), []),
        (SANS_ENGAGEMENT, replace(ACCORD, montant=Euros.de(2_001), motif="x"), ["montant_au_dela_du_reste"]),
        (SANS_ENGAGEMENT, replace(ACCORD, montant=Euros.de(1_000)), ["motif_exige"]),
    ],
)
def test_une_decision_se_controle(faits: FaitsDecision, dite: DecisionDite, codes: list[str]) -> None:
    assert [f.code for f in fautes_de_la_decision(faits, dite, JOUR)] == codes


def test_ce_qui_n_est_pas_accorde_revient_a_l_enveloppe() -> None:
    assert a_liberer(Euros.de(4_000), ACCORD) == Euros(0)
    assert a_liberer(Euros.de(4_000), replace(ACCORD, montant=Euros.de(2_500))) == Euros.de(1_500)
    assert a_liberer(Euros.de(4_000), REFUS) == Euros.de(4_000)
    assert a_liberer(Euros(0), ACCORD) == Euros(0)


def test_un_collage_se_lit_en_points_virgules_ou_en_tabulations() -> None:
    attendu = (
        LigneDeLot(2, "M2A-2027-0001", Euros.de(4_000), ATTRIBUEE, ""),
        LigneDeLot(4, "M2A-2027-0002", Euros(0), REFUSEE, "Doublon ; voir 0001"),
        LigneDeLot(5, "M2A-2027-0003", Euros(250_050), ATTRIBUEE, "Crédits limités"),
    )
    texte = (
        "Numéro;Montant;Sens;Motif\nm2a-2027-0001;4 000;;\n;;\nM2A-2027-0002;;refusée;Doublon ; voir 0001\n"
        'M2A-2027-0003;"2 500,50 €";oui;"Crédits limités"'
    )
    assert lire_lot(texte) == (attendu, ())
    tabule = texte.replace("Doublon ; voir", "Doublon @ voir").replace(";", "\t").replace("Doublon @", "Doublon ;")
    assert lire_lot(tabule) == (attendu, ())


@pytest.mark.parametrize(
    ("texte", "codes", "extrait"),
    [
        ("", ["lot_vide"], "Collez"),
        ("numéro;montant", ["lot_vide"], "Collez"),
        ("N1;beaucoup", ["montant_illisible"], "Ligne 1 : le montant « beaucoup »"),
        ("N1;", ["montant_illisible"], "Ligne 1"),
        ("N1;12;peut-être", ["sens_illisible"], "Ligne 1 : le sens"),
        (";12;oui", ["numero_absent"], "Ligne 1"),
        ("N1;12\nn1;13", ["numero_en_double"], "Ligne 2 : N1 est déjà à la ligne 1"),
        ("N1;x;y", ["sens_illisible", "montant_illisible"], "sens"),
    ],
)
def test_un_collage_fautif_dit_ses_lignes(texte: str, codes: list[str], extrait: str) -> None:
    _, fautes = lire_lot(texte)
    assert [f.code for f in fautes] == codes
    assert extrait in fautes[0].message


# -- les années suivantes d'une CPO

SUITE = AnneeSuivante(2028, demande=Euros.de(5_000), arbitre=None, reste=Euros.de(10_000))


@pytest.mark.parametrize(
    ("changement", "demande", "accorde", "attendu"),
    [
        ({}, 6_000, 6_000, 5_000),
        ({}, 6_000, 4_000, 3_333),
        ({}, 6_000, 9_000, 5_000),
        ({}, 6_000, 0, 0),
        ({"arbitre": Euros.de(1_200)}, 6_000, 4_000, 1_200),
        ({"arbitre": Euros.de(7_000)}, 6_000, 4_000, 5_000),
        ({"arbitre": Euros(0)}, 6_000, 4_000, 0),
        ({"arbitre": Euros.de(1_200)}, 6_000, 0, 0),
    ],
)
def test_une_annee_suivante_suit_l_arbitrage_sinon_le_taux_accorde(
    changement: dict[str, Euros], demande: int, accorde: int, attendu: int
) -> None:
    suite = replace(SUITE, **changement)
    assert montant_de_la_tranche(suite, Euros.de(demande), Euros.de(accorde)) == Euros.de(attendu)


@pytest.mark.parametrize(
    ("changement", "accorde", "montant", "extrait"),
    [
        ({}, 4_000, 3_333, "réservés pour 2028, sous condition du bilan et du vote des crédits."),
        ({}, 0, 0, "la première année n’est pas financée"),
        ({"arbitre": Euros(0)}, 4_000, 0, "aucun montant n’est retenu"),
        ({"reste": None}, 4_000, 0, "pas encore ouverte. Redemandez-la à l’appel 2028"),
        ({"reste": Euros.de(3_332)}, 4_000, 0, "ne suffit pas"),
        ({"reste": Euros.de(3_333)}, 4_000, 3_333, "sous condition"),
    ],
)
def test_une_tranche_se_reserve_entiere_ou_dit_pourquoi_non(
    changement: dict[str, Euros | None], accorde: int, montant: int, extrait: str
) -> None:
    dite = tranche(replace(SUITE, **changement), Euros.de(6_000), Euros.de(accorde))
    assert dite.montant == Euros.de(montant)
    assert extrait in dite.motif


def test_l_arrete_d_une_ligne_n_entame_pas_la_part_reservee() -> None:
    entamee = replace(PRETE, reserve=Euros.de(300))
    (empechement,) = empechements_de_l_arrete(entamee, MOMENT)
    assert empechement.code == "part_reservee"
    assert "300" in empechement.message
    assert empechements_de_l_arrete(replace(entamee, vote=Euros.de(8_700)), MOMENT) == ()
    trop = replace(entamee, vote=Euros.de(9_001))
    assert [e.code for e in empechements_de_l_arrete(trop, MOMENT)] == ["enveloppe_depassee"]


@pytest.mark.parametrize(
    ("lignes", "codes"),
    [
        ([("m2A", False, 0)], ["aucune_ligne_arretee"]),
        ([], ["aucune_ligne_arretee"]),
        ([("m2A", True, 0), ("Mulhouse", False, 1)], ["lignes_a_arreter"]),
        ([("m2A", True, 1), ("Mulhouse", False, 0)], ["lignes_a_arreter"]),
        ([("m2A", True, 0), ("Mulhouse", False, 0)], []),
    ],
)
def test_un_appel_s_arrete_apres_toutes_ses_lignes(lignes: list[tuple[str, bool, int]], codes: list[str]) -> None:
    empechements = empechements_de_l_appel([AvancementDeLaLigne(*ligne) for ligne in lignes])
    assert [e.code for e in empechements] == codes

"""Budget, dépôt, hors champ, rejet implicite."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from app.etapes.dossier.rules.budget import lire_budget, lire_demandes
from app.etapes.dossier.rules.depot import (
    CadreDepot,
    LigneOuverte,
    est_chemin_court,
    hors_champ,
    lignes_hors_champ,
    rejet_implicite_le,
    section_de,
    verifier_depot,
)
from app.etapes.dossier.rules.formes import Section
from app.noyau.erreurs import Faute
from app.noyau.euros import Euros
from tests.factories import annees_suivantes

CADRE = CadreDepot(annee=2027, derniere_annee=2030, seuil_court=Euros.de(1500), cer_exige=True)


def contenu(**change: Any) -> dict[str, Any]:
    """Un dossier complet : 10 000 € de dépenses, 4 000 demandés à m2A, 3 000 à Mulhouse, 3 000 d'autres recettes."""
    complet: dict[str, Any] = {
        "titre": "Café des parents",
        "besoin": "Des parents isolés.",
        "besoin_identifie_par": ["organisation", "habitants"],
        "but": "Que les parents se rencontrent.",
        "public": "Des parents seuls.",
        "description": "Un café chaque semaine.",
        "objectif_principal": "E2.3",
        "objectifs_secondaires": ["E1.2"],
        "fiches": ["COTEAUX"],
        "priorites": ["COTEAUX:1"],
        "quartiers_beneficiaires": ["QN06803M"],
        "lieu": "Centre social",
        "communes": ["68224"],
        "beneficiaires": 120,
        "beneficiaires_qpv": 100,
        "beneficiaires_femmes": 80,
        "ages": [{"tranche": "26_64", "nombre": 120}],
        "debut": "2027-01-15",
        "fin": "2027-12-15",
        "calendrier": "Toute l’année.",
        "moyens": "Deux animatrices.",
        "indicateurs": [{"libelle": "Présence", "cible": "12", "mesure": "Feuille"}],
        "participation_degre": "concertation",
        "budget_charges": [{"compte": "60", "montant": 400_000}, {"compte": "64", "montant": 600_000}],
        "budget_produits": [
            {"compte": "70", "montant": 100_000, "statut": "acquis"},
            {"compte": "74", "montant": 200_000, "statut": "sollicite"},
        ],
        "duree": "1",
        "demandes": [
            {"ligne": "M2A", "annee": 2027, "montant": 400_000},
            {"ligne": "MULHOUSE", "annee": 2027, "montant": 300_000},
        ],
        "a_jour": True,
        "sincere": True,
        "cer": True,
        "exercice_debut": "2027-01-01",
        "exercice_fin": "2027-12-31",
        "asso_charges": [{"compte": "64", "montant": 4_000_000}],
        "asso_produits": [{"compte": "74", "montant": 3_000_000}, {"compte": "756", "montant": 1_000_000}],
        "charte": True,
        "aides_publiques": "inferieur",
    }
    complet.update(change)
    if int(complet.get("duree") or 1) > 1 and "annees_suivantes" not in change:
        complet |= annees_suivantes(complet, min(d["annee"] for d in complet["demandes"]))
    return {cle: valeur for cle, valeur in complet.items() if valeur is not None}


def codes(cadre: CadreDepot = CADRE, **change: Any) -> list[tuple[str, str]]:
    return [(f.champ, f.code) for f in verifier_depot(contenu(**change), cadre)]


def test_un_dossier_complet_peut_etre_depose() -> None:
    assert codes() == []


@pytest.mark.parametrize(
    ("change", "attendu"),
    [
        ({"titre": None}, ("titre", "champ_manquant")),
        ({"beneficiaires": None}, ("beneficiaires", "champ_manquant")),
        ({"fiches": [], "priorites": None}, ("fiches", "champ_manquant")),
        ({"a_jour": False}, ("a_jour", "attestation_manquante")),
        ({"cer": None}, ("cer", "attestation_manquante")),
        ({"moyens": None}, ("moyens", "champ_manquant")),
        ({"beneficiaires": 0, "beneficiaires_qpv": 0, "beneficiaires_femmes": 0, "ages": None},
         ("beneficiaires", "nombre_nul")),
        ({"beneficiaires_qpv": 121}, ("beneficiaires_qpv", "part_trop_grande")),
        ({"ages": [{"tranche": "65", "nombre": 121}]}, ("ages", "ages_trop_grands")),
        ({"fin": "2027-01-14"}, ("fin", "dates_inversees")),
        ({"objectifs_secondaires": ["E2.3"]}, ("objectifs_secondaires", "objectif_double")),
        ({"priorites": ["DROUOT:1"]}, ("priorites", "priorite_hors_fiche")),
        ({"budget_produits": None}, ("budget_produits", "budget_desequilibre")),
        ({"budget_produits": [{"compte": "70", "montant": 300_001}]}, ("budget_produits", "budget_desequilibre")),
        ({"ressources_volontaires": [{"compte": "870", "montant": 100}]},
         ("ressources_volontaires", "volontaires_desequilibrees")),
        ({"duree": "2", "demandes": [{"ligne": "M2A", "annee": 2029, "montant": 100}]}, ("demandes", "rien_demande")),
        ({"duree": "2", "demandes": [{"ligne": "M2A", "annee": 2027, "montant": 300_000}]},
         ("demandes", "annee_sans_demande")),
    ],
)  # fmt: skip
def test_ce_qui_manque_est_dit_a_sa_place(change: dict[str, Any], attendu: tuple[str, str]) -> None:
    assert attendu in codes(**change)


def test_une_demande_sans_depense_est_refusee() -> None:
    assert ("budget_charges", "champ_manquant") in codes(budget_charges=None)
    assert ("budget_charges", "budget_vide") in codes(budget_charges=[{"compte": "60", "montant": 0}])


def test_on_ne_demande_pas_plus_que_les_depenses() -> None:
    trop = [{"ligne": "M2A", "annee": 2027, "montant": 1_000_001}]
    assert ("demandes", "demande_trop_haute") in codes(demandes=trop)


def test_les_montants_demandes_se_verifient_un_par_un() -> None:
    demandes = [
        {"ligne": "M2A", "annee": 2027, "montant": 0},
        {"ligne": "M2A", "annee": 2027, "montant": 5},
        {"ligne": "M2A", "annee": 2028, "montant": 5},
        {"ligne": "M2A"},
    ]
    trouves = codes(demandes=demandes)
    assert ("demandes.0.montant", "montant_nul") in trouves
    assert ("demandes.1.ligne", "demande_double") in trouves
    assert ("demandes.2.annee", "annee_hors_duree") in trouves
    assert len(lire_demandes({"demandes": demandes})) == 3


def test_une_cpo_finit_avec_le_contrat() -> None:
    cadre = CadreDepot(annee=2029, derniere_annee=2030, seuil_court=Euros(0), cer_exige=False)
    demandes = [{"ligne": "M2A", "annee": 2029, "montant": 700_000}]
    assert ("duree", "duree_trop_longue") in codes(cadre, duree="3", demandes=demandes)
    assert ("duree", "duree_trop_longue") not in codes(cadre, duree="2", demandes=demandes)


TROIS_ANS = [{"ligne": "M2A", "annee": annee, "montant": 700_000} for annee in (2028, 2029, 2030)]


@pytest.mark.parametrize(
    ("fin", "fin_contrat", "fautes"),
    [
        ("2030-12-31", date(2030, 12, 31), []),
        ("2031-01-01", date(2030, 12, 31), [("fin", "fin_hors_annees")]),
        ("2031-06-30", date(2030, 12, 31), [("fin", "fin_hors_annees")]),
        ("2031-06-30", None, [("fin", "fin_hors_annees")]),
        ("2030-11-01", date(2030, 10, 31), [("fin", "fin_hors_annees")]),
        ("2031-06-30", date(2035, 12, 31), []),
    ],
)
def test_une_action_ne_finit_pas_apres_le_contrat(
    fin: str, fin_contrat: date | None, fautes: list[tuple[str, str]]
) -> None:
    cadre = CadreDepot(2028, 2030, Euros(0), cer_exige=False, fin_contrat=fin_contrat)
    assert codes(cadre, duree="3", demandes=TROIS_ANS, debut="2028-01-15", fin=fin) == fautes


def test_le_dernier_jour_est_dit_avec_sa_raison() -> None:
    cadre = CadreDepot(2028, 2030, Euros(0), cer_exige=False, fin_contrat=date(2030, 12, 31))
    demande = contenu(duree="3", demandes=TROIS_ANS, debut="2028-01-15", fin="2031-06-30")
    assert [f.message for f in verifier_depot(demande, cadre)] == [
        "L’action se termine au plus tard le mardi 31 décembre 2030, dernier jour du contrat."
    ]
    annuelle = verifier_depot(contenu(fin="2028-07-01"), CADRE)
    assert [f.message for f in annuelle] == ["L’action se termine au plus tard le vendredi 30 juin 2028."]


def test_une_annee_suivante_se_demande_avec_la_premiere() -> None:
    demandes = [
        {"ligne": "M2A", "annee": 2027, "montant": 700_000},
        {"ligne": "M2A", "annee": 2028, "montant": 500_000},
        {"ligne": "MULHOUSE", "annee": 2028, "montant": 300_000},
        {"ligne": "ILLZACH", "annee": 2029, "montant": 100_000},
    ]
    cadre = replace(CADRE, financeurs={"MULHOUSE": "Ville de Mulhouse"})
    fautes = verifier_depot(contenu(duree="3", demandes=demandes, fin="2029-12-15"), cadre)
    assert [(f.champ, f.code) for f in fautes] == [
        ("demandes.2.ligne", "suite_sans_premiere"),
        ("demandes.3.ligne", "suite_sans_premiere"),
    ]
    assert [f.message for f in fautes] == [
        "Demandez d’abord à Ville de Mulhouse pour 2027 : une année suivante se réserve avec la première.",
        "Demandez d’abord à ce financeur pour 2027 : une année suivante se réserve avec la première.",
    ]


SUITE = {"annee": 2028, "actions": "La suite.", "charges": 1_000_000, "produits": 600_000}


@pytest.mark.parametrize(
    ("rangees", "attendu"),
    [
        ([SUITE], []),
        ([SUITE | {"produits": 500_000}], ["2028 : 9 000 € de recettes, dont 4 000 € demandés, il manque 1 000 €."]),
        (
            [SUITE | {"produits": 700_000}],
            ["2028 : 11 000 € de recettes, dont 4 000 € demandés, il y a 1 000 € de trop."],
        ),
        ([SUITE, SUITE | {"annee": 2029}], []),
        ([SUITE | {"annee": 2027}, SUITE], ["L’année 2027 n’est pas dans la durée demandée."]),
        ([], ["À remplir : ce que vous ferez en 2028, et avec quel budget."]),
        ([{"actions": "Sans année"}], ["À remplir : ce que vous ferez en 2028, et avec quel budget."]),
    ],
)
def test_chaque_annee_suivante_a_son_budget_equilibre(rangees: list[dict[str, Any]], attendu: list[str]) -> None:
    demandes = [
        {"ligne": "M2A", "annee": 2027, "montant": 400_000},
        {"ligne": "MULHOUSE", "annee": 2027, "montant": 300_000},
        {"ligne": "M2A", "annee": 2028, "montant": 400_000},
    ]
    demande = contenu(duree="2", demandes=demandes, annees_suivantes=rangees)
    dites = [f.message.replace("\u202f", " ").replace("\xa0", " ") for f in verifier_depot(demande, CADRE)]
    assert dites == attendu


def test_trois_ans_sans_budget_nomment_les_deux_annees() -> None:
    demandes = [{"ligne": "M2A", "annee": annee, "montant": 700_000} for annee in (2027, 2028, 2029)]
    dites = verifier_depot(contenu(duree="3", demandes=demandes, annees_suivantes=[]), CADRE)
    assert [f.message for f in dites] == ["À remplir : ce que vous ferez en 2028 et 2029, et avec quel budget."]


@pytest.mark.parametrize(
    ("change", "attendu"),
    [
        ({"asso_produits": [{"compte": "74", "montant": 3_999_900}]}, ("asso_produits", "budget_desequilibre")),
        (
            {"asso_charges": [{"compte": "64", "montant": 4_000_000}, {"compte": "864", "montant": 100}]},
            ("asso_produits", "volontaires_desequilibrees"),
        ),
        ({"exercice_fin": "2027-01-01"}, ("exercice_fin", "dates_inversees")),
        ({"exercice_fin": "2028-07-02"}, ("exercice_fin", "exercice_trop_long")),
        ({"asso_charges": None}, ("asso_charges", "champ_manquant")),
        ({"charte": None}, ("charte", "attestation_manquante")),
        ({"aides_publiques": None}, ("aides_publiques", "champ_manquant")),
    ],
)
def test_le_budget_de_l_organisation_est_juge_a_part(change: dict[str, Any], attendu: tuple[str, str]) -> None:
    assert attendu in codes(**change)


def test_les_contributions_volontaires_de_l_organisation_s_egalent() -> None:
    dons = {"asso_charges": [{"compte": "864", "montant": 100}], "asso_produits": [{"compte": "870", "montant": 100}]}
    assert codes(**dons, exercice_fin="2028-07-01") == []


def test_un_porteur_public_ne_donne_ni_budget_ni_charte() -> None:
    cadre = replace(CADRE, cer_exige=False)
    vides = dict.fromkeys(("asso_charges", "asso_produits", "exercice_debut", "exercice_fin", "cer", "charte"))
    assert codes(cadre, **vides) == []


def test_le_chemin_court_garde_les_rubriques_obligatoires() -> None:
    petit = {
        "demandes": [{"ligne": "M2A", "annee": 2027, "montant": 150_000}],
        "budget_charges": [{"compte": "60", "montant": 150_000}],
        "budget_produits": None,
        "moyens": None,
        "calendrier": None,
        "indicateurs": None,
        "participation_degre": None,
        "ages": None,
    }
    assert codes(**petit) == []
    assert codes(**petit | {"besoin": None}) == [("besoin", "champ_manquant")]
    un_centime_de_plus = {
        "demandes": [{"ligne": "M2A", "annee": 2027, "montant": 150_001}],
        "budget_charges": [{"compte": "60", "montant": 150_001}],
    }
    assert ("moyens", "champ_manquant") in codes(**petit | un_centime_de_plus)


def test_le_cer_n_est_demande_qu_aux_associations_et_fondations() -> None:
    autre = CadreDepot(annee=2027, derniere_annee=2030, seuil_court=Euros(0), cer_exige=False)
    assert codes(autre, cer=None) == []


def test_les_fautes_suivent_l_ordre_du_formulaire() -> None:
    champs = [champ for champ, _ in codes(titre=None, fin="2026-01-01", a_jour=None, budget_produits=None)]
    assert champs == ["titre", "fin", "budget_produits", "a_jour"]


def test_le_budget_compte_ce_qui_est_demande() -> None:
    budget = lire_budget(contenu(), 2027)
    assert budget.charges == Euros.de(10_000)
    assert budget.produits == Euros.de(10_000)
    assert budget.ecart == Euros(0)
    assert budget.produits_acquis == Euros.de(1_000)
    assert budget.produits_sollicites == Euros.de(2_000)
    assert budget.part_demandee == Fraction(7, 10)
    assert budget.demande_total == Euros.de(7_000)
    assert lire_budget({}, 2027).part_demandee is None
    assert not est_chemin_court(lire_budget({}, 2027), Euros.de(1500))


def test_une_faute_mene_a_son_etape() -> None:
    assert section_de(Faute("demandes.0.montant", "…")) is Section.FINANCEMENT
    with pytest.raises(KeyError):
        section_de(Faute("inconnu", "…"))


def test_une_ligne_communale_n_est_ouverte_qu_a_ses_fiches() -> None:
    illzach = LigneOuverte("ILLZACH", "Crédits d’Illzach", "68154")
    assert hors_champ(illzach, {"68154", "68224"}) is None
    assert "Illzach" in (hors_champ(illzach, {"68224"}) or "")
    m2a = LigneOuverte("M2A", "Crédits de m2A", None)
    assert hors_champ(m2a, set()) is None
    assert list(lignes_hors_champ([m2a, illzach], {"68224"})) == ["ILLZACH"]
    assert lignes_hors_champ([m2a, illzach], {"68154"}) == {}


@pytest.mark.parametrize(
    ("depose", "suspensions", "attendu"),
    [
        (date(2026, 12, 31), [], date(2027, 2, 28)),
        (date(2026, 11, 6), [], date(2027, 1, 6)),
        (date(2026, 11, 6), [(date(2026, 11, 20), date(2026, 11, 30))], date(2027, 1, 16)),
        (
            date(2026, 11, 6),
            [(date(2026, 11, 20), date(2026, 11, 30)), (date(2026, 11, 25), date(2026, 12, 2))],
            date(2027, 1, 18),
        ),
    ],
)
def test_le_silence_vaut_rejet_apres_deux_mois_hors_suspension(
    depose: date, suspensions: list[tuple[date, date]], attendu: date
) -> None:
    assert rejet_implicite_le(depose, suspensions) == attendu

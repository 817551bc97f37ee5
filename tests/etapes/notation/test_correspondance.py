"""Du contenu figé aux faits : chaque ligne de la table, le chemin court, ce que les agents établissent."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from app.etapes.dossier.rules.champs import champ
from app.etapes.notation.rules import (
    CORRESPONDANCES,
    Cadre,
    Constat,
    FaitsDossier,
    FaitsInvalides,
    Mediane,
    avec_constats,
    avec_externes,
    faits_a_noter,
    faits_du_contenu,
    faits_vers_json,
)
from app.noyau.euros import Euros
from app.referentiels.grilles.rules import CATALOGUE, Declarant, Fait, Statut
from tests.factories import contenu_complet

COMPLET = Cadre(annee=2027)
COURT = Cadre(annee=2027, est_chemin_court=True)


def lire(fait: str, cadre: Cadre = COMPLET, **contenu: Any) -> Any:
    trouve = faits_du_contenu(contenu, cadre).fait(fait)
    return None if trouve is None else trouve.valeur


# --- la table -------------------------------------------------------------------------------------------------------


def test_chaque_fait_de_la_table_est_au_catalogue_une_fois_avec_une_regle_et_des_champs_connus() -> None:
    codes = [c.fait for c in CORRESPONDANCES]
    assert len(codes) == len(set(codes))
    assert set(codes) <= set(CATALOGUE)
    assert all(c.regle.endswith(".") for c in CORRESPONDANCES)
    assert all(champ(code) is not None for c in CORRESPONDANCES for code in c.champs)


def test_les_faits_sans_correspondance_sont_ceux_que_le_formulaire_ne_demande_pas() -> None:
    absents = set(CATALOGUE) - {c.fait for c in CORRESPONDANCES}
    assert absents == {
        *("actions_feuille_de_route", "competence_m2a_etablie", "type_action"),
        *("asl_assiduite", "asl_demi_niveaux", "asl_sorties_positives", "asl_plateforme"),
        *("comparables", "mediane_cout", "bilan_precedent", "cibles_atteintes"),
    }


def test_un_fait_du_porteur_est_declare_un_fait_du_service_ou_de_l_appel_est_verifie() -> None:
    faits = faits_du_contenu(contenu_complet(), COMPLET)
    for code, fait in faits.faits.items():
        attendu = Statut.DECLARE if CATALOGUE[code].declarant is Declarant.PORTEUR else Statut.VERIFIE
        assert fait.statut is attendu, code


def test_le_dossier_type_des_fabriques_donne_ses_faits() -> None:
    bruts = {code: fait.valeur for code, fait in faits_du_contenu(contenu_complet(), COMPLET).faits.items()}
    assert bruts["objectif_principal"] == "E1.2"
    assert bruts["fiches_visees"] == {"COTEAUX"}
    assert bruts["communes_touchees"] == {"68224"}
    assert bruts["beneficiaires"] == 60
    assert bruts["part_qpv"] == Fraction(3, 4)
    assert bruts["charges_total"] == Euros.de(12_000)
    assert bruts["produits_sollicites"] == Euros.de(4_000)
    assert bruts["produits_acquis"] == bruts["benevolat_valorise"] == Euros(0)
    assert bruts["calendrier"] is bruts["moyens_identifies"] is bruts["mode_de_mesure"] is True
    assert bruts["deux_indicateurs_avec_cible"] is False
    assert bruts["premiere_demande"] is True
    assert bruts["appel_sans_orientation_nationale"] is True
    assert "etp_porteur" not in bruts


# --- cases, listes, textes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contenu", "cadre", "attendu"),
    [
        ({"diagnostic_sexue": True}, COMPLET, True),
        ({"diagnostic_sexue": False}, COMPLET, False),
        ({}, COMPLET, False),
        ({}, COURT, None),
        ({"diagnostic_sexue": False}, COURT, False),
    ],
)
def test_une_case_non_cochee_est_un_non_sauf_si_la_question_n_a_pas_ete_posee(
    contenu: dict[str, Any], cadre: Cadre, attendu: bool | None
) -> None:
    assert lire("diagnostic_sexue", cadre, **contenu) is attendu


def test_une_liste_facultative_vide_est_vide_une_liste_exigee_vide_manque() -> None:
    assert lire("besoins_fiche") == frozenset()
    assert lire("besoins_fiche", COURT) is None
    assert lire("fiches_visees") is None
    assert lire("besoins_fiche", COURT, besoins_fiche=["COTEAUX"]) == {"COTEAUX"}


def test_un_code_absent_manque() -> None:
    assert lire("participation_degre") is None
    assert lire("participation_degre", participation_degre="concertation") == "concertation"


@pytest.mark.parametrize(("texte", "attendu"), [("Une séance par semaine", True), ("   ", None), (None, None)])
def test_un_texte_rempli_est_un_oui_un_texte_vide_manque(texte: str | None, attendu: bool | None) -> None:
    assert lire("calendrier", calendrier=texte) is attendu
    assert lire("moyens_identifies", moyens=texte) is attendu


def test_une_priorite_de_fiche_prend_la_forme_de_la_grille() -> None:
    assert lire("priorites_fiche", priorites=["COTEAUX:1", "DROUOT:2"]) == {"COTEAUX.1", "DROUOT.2"}
    assert lire("priorites_fiche") == frozenset()
    assert lire("priorites_fiche", COURT) is None


def test_les_pistes_se_separent_des_objectifs_operationnels() -> None:
    choisis = ["E1.2.1", "T.1.P1", "T.2.P3"]
    assert lire("objectifs_operationnels", objectifs_operationnels=choisis) == {"E1.2.1"}
    assert lire("pistes_transversales", objectifs_operationnels=choisis) == {"T.1.P1", "T.2.P3"}
    assert lire("pistes_transversales", objectifs_operationnels=["E1.2.1"]) is None
    assert lire("objectifs_operationnels", COURT) is None


# --- nombres --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "en_qpv", "attendu"),
    [(120, 102, Fraction(85, 100)), (0, 0, None), (None, 10, None), (10, None, None), (10, 0, Fraction(0))],
)
def test_la_part_en_qpv_est_un_rapport_exact_ou_manque(
    total: int | None, en_qpv: int | None, attendu: Fraction | None
) -> None:
    assert lire("part_qpv", beneficiaires=total, beneficiaires_qpv=en_qpv) == attendu


def test_sans_depenses_aucun_montant_n_est_connu() -> None:
    for fait in ("charges_total", "produits_acquis", "produits_sollicites", "benevolat_valorise"):
        assert lire(fait, budget_produits=[{"compte": "74", "montant": 1000, "statut": "acquis"}]) is None


def test_les_produits_se_partagent_entre_acquis_et_sollicites_et_le_benevolat_est_le_compte_870() -> None:
    budget = {
        "budget_charges": [{"compte": "60", "montant": 500_000}],
        "budget_produits": [
            {"compte": "74", "montant": 100_000, "statut": "acquis"},
            {"compte": "75", "montant": 30_000},
        ],
        "ressources_volontaires": [{"compte": "870", "montant": 40_000}, {"compte": "875", "montant": 9_000}],
    }
    assert lire("produits_acquis", **budget) == Euros(100_000)
    assert lire("produits_sollicites", **budget) == Euros(30_000)
    assert lire("benevolat_valorise", **budget) == Euros(40_000)


def test_les_salaries_de_l_organisation_sont_en_centiemes() -> None:
    assert lire("etp_porteur", Cadre(2027, salaries_etp_centiemes=150)) == Fraction(3, 2)
    assert lire("etp_porteur") is None


# --- partenaires, indicateurs, renouvellement -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("partenaires", "cadre", "attendu"),
    [
        ([{"nom": "A", "confirme": True}, {"nom": "B"}], COMPLET, True),
        ([{"nom": "A", "confirme": False}], COURT, False),
        ([], COMPLET, False),
        ([], COURT, None),
    ],
)
def test_un_seul_partenaire_confirme_suffit(partenaires: list[Any], cadre: Cadre, attendu: bool | None) -> None:
    assert lire("partenaire_confirme", cadre, partenaires=partenaires) is attendu


def test_deux_cibles_et_une_mesure_sans_indicateur_le_fait_manque() -> None:
    rangees = [{"libelle": "a", "cible": "30"}, {"libelle": "b", "cible": "5", "mesure": "registre"}]
    assert lire("deux_indicateurs_avec_cible", indicateurs=rangees) is True
    assert lire("deux_indicateurs_avec_cible", indicateurs=rangees[:1]) is False
    assert lire("mode_de_mesure", indicateurs=rangees) is True
    assert lire("mode_de_mesure", indicateurs=rangees[:1]) is False
    assert lire("mode_de_mesure") is None


@pytest.mark.parametrize(
    ("contenu", "cadre", "attendu"),
    [
        ({}, COMPLET, True),
        ({}, Cadre(2027, renouvelle=True), False),
        ({"renouvelle": "M2A-2026-0007"}, COMPLET, False),
        ({"precedents": [{"ligne": "M2A", "accorde": 100_000}]}, COMPLET, False),
        ({"precedents": [{"ligne": "M2A", "accorde": 0}]}, COMPLET, True),
    ],
)
def test_une_premiere_demande_ne_renouvelle_rien(contenu: dict[str, Any], cadre: Cadre, attendu: bool) -> None:
    assert lire("premiere_demande", cadre, **contenu) is attendu


def test_l_appel_dit_s_il_fixe_des_orientations_nationales() -> None:
    assert lire("appel_sans_orientation_nationale", Cadre(2027, orientations_nationales=True)) is False


# --- ce que l'administration établit --------------------------------------------------------------------------------


def declares(**faits: Any) -> FaitsDossier:
    return FaitsDossier({code: Fait(valeur) for code, valeur in faits.items()})


def test_un_fait_appris_d_une_etape_d_apres_est_verifie_et_l_inconnu_est_laisse() -> None:
    externes = [
        Constat("bilan_precedent", "accepte"),
        Constat("cibles_atteintes", "2/3"),
        Constat("cpo_en_cours", True),
    ]
    faits = avec_externes(declares(beneficiaires=10), externes)
    assert faits.fait("bilan_precedent") == Fait("accepte", Statut.VERIFIE)
    assert faits.fait("cibles_atteintes") == Fait(Fraction(2, 3), Statut.VERIFIE)
    assert set(faits.faits) == {"beneficiaires", "bilan_precedent", "cibles_atteintes"}


def test_une_verification_vaut_pour_la_valeur_verifiee_seulement() -> None:
    verifie = [Constat("beneficiaires", 60)]
    assert avec_constats(declares(beneficiaires=60), verifie).fait("beneficiaires") == Fait(60, Statut.VERIFIE)
    assert avec_constats(declares(beneficiaires=80), verifie).fait("beneficiaires") == Fait(80, Statut.DECLARE)
    assert avec_constats(declares(), verifie).fait("beneficiaires") == Fait(60, Statut.VERIFIE)


def test_une_correction_tient_meme_si_le_porteur_change_sa_declaration() -> None:
    corrige = [Constat("beneficiaires", 40, Statut.CORRIGE, "Feuille de présence.")]
    for declare in (60, 80):
        fait = avec_constats(declares(beneficiaires=declare), corrige).fait("beneficiaires")
        assert fait == Fait(40, Statut.CORRIGE, "Feuille de présence.")


def test_le_dernier_constat_d_un_fait_l_emporte_et_un_illisible_est_laisse() -> None:
    constats = [
        Constat("beneficiaires", 40, Statut.CORRIGE, "Erreur de saisie."),
        Constat("beneficiaires", 60),
        Constat("part_qpv", "beaucoup"),
    ]
    faits = avec_constats(declares(beneficiaires=60, part_qpv=Fraction(1, 2)), constats)
    assert faits.fait("beneficiaires") == Fait(60, Statut.VERIFIE)
    assert faits.fait("part_qpv") == Fait(Fraction(1, 2), Statut.DECLARE)


def test_une_verification_perimee_efface_la_correction_d_avant() -> None:
    constats = [Constat("beneficiaires", 40, Statut.CORRIGE, "Erreur."), Constat("beneficiaires", 60)]
    assert avec_constats(declares(beneficiaires=80), constats).fait("beneficiaires") == Fait(80, Statut.DECLARE)


def test_avant_la_cloture_aucune_mediane_apres_celle_du_type() -> None:
    externes = [Constat("type_action", "emploi"), Constat("comparables", 3)]
    ouverte = faits_a_noter({}, Cadre(2027), externes)
    assert ouverte.fait("type_action") == Fait("emploi", Statut.VERIFIE)
    assert ouverte.fait("comparables") is None
    close = faits_a_noter({}, Cadre(2027), externes, medianes={"emploi": Mediane(Fraction(15_000), 9)})
    assert close.fait("comparables") == Fait(9, Statut.VERIFIE)
    assert close.fait("mediane_cout") == Fait(Fraction(15_000), Statut.VERIFIE)


def test_les_faits_a_noter_sont_ceux_des_trois_lectures_l_une_apres_l_autre() -> None:
    contenu = {"beneficiaires": 80, "beneficiaires_qpv": 40}
    externes, constats = [Constat("bilan_precedent", "accepte")], [Constat("beneficiaires", 60, Statut.CORRIGE, "Vu.")]
    un_par_un = avec_constats(avec_externes(faits_du_contenu(contenu, Cadre(2027)), externes), constats)
    assert faits_vers_json(faits_a_noter(contenu, Cadre(2027), externes, constats)) == faits_vers_json(un_par_un)


def test_un_contenu_mal_forme_ne_donne_pas_de_faits() -> None:
    with pytest.raises(FaitsInvalides, match="nombre de bénéficiaires prévus"):
        faits_du_contenu({"beneficiaires": -3}, Cadre(2027))

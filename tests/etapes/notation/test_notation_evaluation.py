"""Les opérateurs un à un, sur des conditions écrites ici : ce que la grille de départ n'emploie pas encore."""

from __future__ import annotations

from fractions import Fraction

import pytest

from app.etapes.notation.rules import FaitsDossier
from app.etapes.notation.rules.evaluation import _CODES_GARDES, Bornes, contexte, descend, juge, mesureur
from app.noyau.euros import Euros
from app.noyau.sources import CHOIX_DU_PROJET
from app.referentiels.grilles.rules import (
    AuMoins,
    AuPlus,
    Condition,
    Couverture,
    Ensemble,
    Fait,
    Lexique,
    Mesure,
    MoinsDe,
    Parmi,
    Rapport,
    Statut,
    Terme,
    Unite,
)

PAR_PERSONNE = Rapport((Terme("charges_total"),), (Terme("beneficiaires"),))
NOMS = Lexique(
    ensembles={"VILLE": Ensemble("VILLE", ("DROUOT", "COTEAUX"), CHOIX_DU_PROJET)},
    mesures={
        mesure.code: mesure
        for mesure in (
            Mesure("par_personne", "coût par personne", Unite.CENTIMES, PAR_PERSONNE),
            Mesure(
                "melange",
                "somme dont un terme peut n’avoir pas de valeur",
                Unite.NOMBRE,
                Rapport((Terme("par_personne"), Terme("comparables", Fraction(1, 3))), (Terme("etp_porteur"),)),
            ),
            Mesure("couverture", "couverture", Unite.PART, Couverture("fiches_visees", "priorites_fiche", "VILLE")),
        )
    },
    definitions={},
)


def des_faits(**valeurs: object) -> FaitsDossier:
    return FaitsDossier({code: Fait(valeur, Statut.VERIFIE) for code, valeur in valeurs.items()})  # type: ignore[arg-type]


def reponse(condition: Condition, **valeurs: object) -> bool | None:
    return juge(condition, NOMS)(contexte(des_faits(**valeurs)))


def mesure(code: str, **valeurs: object) -> Bornes | None:
    return mesureur(code, NOMS)(contexte(des_faits(**valeurs)))


def test_un_rapport_exact_n_a_qu_une_valeur() -> None:
    assert mesure("par_personne", charges_total=Euros(100), beneficiaires=3) == Bornes(
        Fraction(100, 3), Fraction(100, 3)
    )


def test_une_somme_ponderee_garde_ses_coefficients() -> None:
    valeurs = {"charges_total": Euros(100), "beneficiaires": 10, "comparables": 6, "etp_porteur": Fraction(2)}
    assert mesure("melange", **valeurs) == Bornes(Fraction(6), Fraction(6))


def test_un_terme_sans_valeur_laisse_la_somme_sans_valeur() -> None:
    valeurs = {"charges_total": Euros(100), "beneficiaires": 0, "comparables": 6, "etp_porteur": Fraction(2)}
    assert mesure("melange", **valeurs) is None
    assert reponse(AuMoins("melange", Fraction(0)), **valeurs) is False
    assert reponse(AuPlus("melange", Fraction(9)), **valeurs) is False
    assert reponse(MoinsDe("melange", Fraction(9)), **valeurs) is False


@pytest.mark.parametrize(
    ("valeurs", "attendu"),
    [
        ({"beneficiaires": 10}, Bornes(0, None)),
        ({"charges_total": Euros(100)}, Bornes(Fraction(0), None, est_sur=False)),
        ({}, Bornes(Fraction(0), None, est_sur=False)),
    ],
)
def test_un_fait_manquant_donne_des_bornes(valeurs: dict[str, object], attendu: Bornes) -> None:
    assert mesure("par_personne", **valeurs) == attendu


def test_un_rapport_qui_peut_n_avoir_pas_de_valeur_ne_remplit_aucun_seuil_a_coup_sur() -> None:
    """Le coût est nul, mais s'il n'y a aucun bénéficiaire le rapport n'existe pas : on ne sait pas."""
    assert reponse(AuMoins("par_personne", Fraction(0)), charges_total=Euros(0)) is None
    assert reponse(AuPlus("par_personne", Fraction(5)), charges_total=Euros(0)) is None
    assert reponse(MoinsDe("par_personne", Fraction(5)), charges_total=Euros(0)) is None


def test_un_seuil_se_juge_sur_les_bornes() -> None:
    connu = {"charges_total": Euros(600), "beneficiaires": 10}
    assert reponse(AuMoins("par_personne", Fraction(60)), **connu) is True
    assert reponse(AuMoins("par_personne", Fraction(61)), **connu) is False
    assert reponse(AuPlus("par_personne", Fraction(60)), **connu) is True
    assert reponse(AuPlus("par_personne", Fraction(59)), **connu) is False
    assert reponse(MoinsDe("par_personne", Fraction(60)), **connu) is False
    assert reponse(MoinsDe("par_personne", Fraction(61)), **connu) is True
    assert reponse(AuMoins("beneficiaires", Fraction(1))) is None


def test_la_couverture_ne_regarde_que_l_ensemble() -> None:
    vises = frozenset({"DROUOT", "COTEAUX", "JONQUILLES"})
    assert mesure("couverture", fiches_visees=vises, priorites_fiche=frozenset({"DROUOT.2", "DROUOT.1"})) == Bornes(
        Fraction(1, 2), Fraction(1, 2)
    )
    assert mesure("couverture", fiches_visees=vises) == Bornes(0, 1)
    assert mesure("couverture", fiches_visees=frozenset({"JONQUILLES"}), priorites_fiche=frozenset()) is None
    assert mesure("couverture", priorites_fiche=frozenset({"DROUOT.1"})) == Bornes(0, 1, est_sur=False)


@pytest.mark.parametrize(
    ("code", "attendu"),
    [("E2.2", True), ("E2.2.1", True), ("E2.2.1.4", True), ("E2.21", False), ("E2", False), ("", False), (".", False)],
)
def test_un_code_descend_d_un_ensemble_par_ses_points(code: str, attendu: bool) -> None:
    assert descend(code, frozenset({"E2.2"})) is attendu


def test_la_memoire_des_codes_est_bornee_et_ne_change_pas_la_reponse() -> None:
    dans_la_ville = juge(Parmi("objectif_principal", ("E1.2",)), NOMS)
    vus = [f"E1.{n}" for n in range(_CODES_GARDES + 10)] + ["E1.2.3", "E1.2", "E1.3"]
    reponses = [dans_la_ville(contexte(des_faits(objectif_principal=code))) for code in [*vus, *vus]]
    assert reponses == [code == "E1.2" or code.startswith("E1.2.") for code in [*vus, *vus]]

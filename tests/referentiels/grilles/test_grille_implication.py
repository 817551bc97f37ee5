"""Un palier jamais atteint se voit : il répète, il est englobé, il se contredit, son seuil n'a pas la bonne unité."""

from __future__ import annotations

from fractions import Fraction

import pytest

from app.referentiels.grilles.rules import (
    AuMoins,
    AuPlus,
    Condition,
    Est,
    GrilleInvalide,
    MoinsDe,
    Parmi,
    Toujours,
    Tous,
    UnDe,
    Vrai,
    lexique,
    valider,
)
from app.referentiels.grilles.rules.implication import entraine, se_contredit
from tests.referentiels.grilles.decor import Donnees, la_grille, rang_de, une_grille

A, B, C = Vrai("calendrier"), Vrai("mode_de_mesure"), Vrai("diagnostic_sexue")
CINQ, DIX = AuMoins("beneficiaires", Fraction(5)), AuMoins("beneficiaires", Fraction(10))


def au_plus(valeur: int) -> AuPlus:
    return AuPlus("beneficiaires", Fraction(valeur))


def moins_de(valeur: int) -> MoinsDe:
    return MoinsDe("beneficiaires", Fraction(valeur))


@pytest.mark.parametrize(
    ("cause", "effet"),
    [
        (A, A), (A, Toujours()), (Tous((A, B)), A), (Tous((A, B)), Tous((B, A))), (A, UnDe((A, B))),
        (UnDe((A, B)), UnDe((B, A, C))), (Tous((A, B)), UnDe((C, B))), (UnDe((Tous((A, B)), Tous((A, C)))), A),
        (DIX, CINQ), (DIX, DIX), (au_plus(3), au_plus(5)), (moins_de(3), au_plus(3)), (moins_de(3), moins_de(3)),
        (au_plus(3), moins_de(4)), (Tous((DIX, A)), CINQ),
        (Parmi("objectif_principal", ("E2.2.1",)), Parmi("objectif_principal", ("E2.2", "E1.1"))),
        (Parmi("objectif_principal", (), "M2A_RANG_1"), Parmi("objectif_principal", ("E2.2",))),
        (Est("petite_structure"), AuPlus("etp_porteur", Fraction(2))),
        (Tous((AuPlus("etp_porteur", Fraction(1)), AuPlus("charges_total", Fraction(100)))), Est("petite_structure")),
    ],
)  # fmt: skip
def test_une_condition_en_entraine_une_autre(cause: Condition, effet: Condition) -> None:
    assert entraine(cause, effet, lexique(la_grille()))


@pytest.mark.parametrize(
    ("cause", "effet"),
    [
        (A, B), (A, Tous((A, B))), (UnDe((A, B)), A), (UnDe(()), A), (Tous(()), A), (CINQ, DIX),
        (au_plus(5), au_plus(3)),        (au_plus(3), moins_de(3)), (moins_de(4), au_plus(3)), (DIX, au_plus(50)),
        (DIX, AuMoins("comparables", Fraction(1))),
        (Parmi("objectif_principal", ("E2.2",)), Parmi("objectif_principal", ("E2.2.1",))),
        (Parmi("objectif_principal", (), "INCONNU"), Parmi("objectif_principal", ("E2.2",))),
        (Parmi("objectif_principal", ("E2.2",)), Parmi("type_action", ("E2.2",))),
        (Est("inconnue"), A), (Toujours(), A),
    ],
)  # fmt: skip
def test_dans_le_doute_rien_n_est_entraine(cause: Condition, effet: Condition) -> None:
    assert not entraine(cause, effet, lexique(la_grille()))


def test_des_seuils_qui_s_excluent_se_contredisent() -> None:
    noms = lexique(la_grille())
    assert se_contredit(Tous((DIX, au_plus(9))), noms)
    assert se_contredit(Tous((DIX, A, Tous((moins_de(10),)))), noms)
    assert se_contredit(UnDe((Tous((DIX, au_plus(9))), moins_de(0))), noms)
    assert se_contredit(moins_de(0), noms)
    assert se_contredit(Tous((Est("petite_structure"), AuMoins("etp_porteur", Fraction(2)))), noms)


def test_ce_qui_peut_se_remplir_ne_se_contredit_pas() -> None:
    noms = lexique(la_grille())
    for condition in (
        Tous((DIX, au_plus(10))), Tous((CINQ, DIX)), UnDe((Tous((DIX, au_plus(9))), A)), UnDe(()), A, au_plus(0),
        Tous((DIX, MoinsDe("comparables", Fraction(3)))), Tous((UnDe((DIX, A)), au_plus(3))),
    ):  # fmt: skip
        assert not se_contredit(condition, noms), condition


# --- dans une grille ------------------------------------------------------------------------------------------------


def refus(code: str, rang: int, si: Donnees) -> list[tuple[str, str]]:
    def changer(donnees: Donnees) -> None:
        donnees["criteres"][rang_de(code)]["baremes"][0]["paliers"][rang]["si"] = si

    return [(faute.champ.rpartition("paliers.")[2], faute.message) for faute in valider(une_grille(changer))]


def seuil(de: str, valeur: str, borne: str = "au_moins") -> Donnees:
    return {borne: {"de": de, "valeur": valeur}}


@pytest.mark.parametrize(
    ("code", "rang", "si", "message"),
    [
        ("QPV", 1, {"tous": [seuil("part_qpv", "60 %"), {"vrai": "calendrier"}]}, "un palier plus haut l’englobe"),
        ("QPV", 1, seuil("part_qpv", "3/5"), "ce palier répète un palier plus haut"),
        ("QPV", 1, seuil("part_qpv", "70 %"), "les seuils se chevauchent"),
        (
            "QPV", 1, {"tous": [seuil("part_qpv", "30 %"), seuil("part_qpv", "20 %", "au_plus")]},
            "ces conditions se contredisent",
        ),
        ("QPV", 0, seuil("part_qpv", "60"), "le seuil est une part, de 0 à 100 % : 6 000 %"),
        ("QPV", 0, seuil("part_hors_lignes", "2"), "le seuil est une part, de 0 à 100 % : 200 %"),
        ("FAI", 0, seuil("faits_faisabilite", "5"), "« faits_faisabilite » ne compte que 4 faits"),
        ("FAI", 0, seuil("faits_faisabilite", "7/2"), "« faits_faisabilite » se compte"),
        ("FAI", 0, seuil("beneficiaires", "1/2"), "« beneficiaires » se compte"),
        ("FAI", 0, seuil("charges_total", "1/2"), "le seuil est un nombre entier (en centimes"),
        ("FAI", 0, seuil("communes", "1/2"), "« communes » se compte"),
    ],
)  # fmt: skip
def test_un_palier_qui_n_a_pas_de_sens_est_refuse_a_sa_place(code: str, rang: int, si: Donnees, message: str) -> None:
    trouves = refus(code, rang, si)
    assert any(
        place.startswith(f"{rang}.si") and message in dit.replace("\u202f", " ").replace("\u00a0", " ")
        for place, dit in trouves
    ), trouves


def test_les_nombres_qui_se_mesurent_admettent_un_seuil_fractionnaire() -> None:
    assert refus("COU", 0, seuil("rapport_mediane", "7/5", "au_plus")) == []
    assert refus("COU", 0, {"tous": [seuil("etp_porteur", "1/2"), {"vrai": "calendrier"}]}) == []


def test_une_definition_qui_tourne_en_rond_ne_fait_pas_tourner_le_juge() -> None:
    def changer(donnees: Donnees) -> None:
        donnees["definitions"]["petite_structure"]["si"] = {"tous": [{"est": "objectif_precise"}]}
        donnees["definitions"]["objectif_precise"]["si"] = {"tous": [{"est": "petite_structure"}]}

    assert {faute.message for faute in valider(une_grille(changer))} == {"la définition se lit elle-même"}


def test_un_code_ecrit_deux_fois_et_un_numero_illisible_sont_refuses() -> None:
    def changer(donnees: Donnees) -> None:
        donnees["version"] = "2027 bis"
        donnees["ensembles"]["M2A_RANG_1"]["codes"] = ["E2.2", "E2.2"]

    assert [(faute.champ, faute.message[:24]) for faute in valider(une_grille(changer))] == [
        ("version", "le numéro s’écrit avec d"),
        ("ensembles.M2A_RANG_1", "« E2.2 » est écrit 2 foi"),
    ]


def test_des_conditions_sans_fin_sont_refusees() -> None:
    si: Donnees = {"vrai": "calendrier"}
    for _ in range(30):
        si = {"tous": [si]}
    with pytest.raises(GrilleInvalide, match="imbriquées"):
        refus("QPV", 0, si)

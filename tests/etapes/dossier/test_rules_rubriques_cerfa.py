"""Les rubriques du Cerfa que la demande porte : N-1, thème, ETPT, lieu, durée, rappel, années d'une CPO, statut."""

from __future__ import annotations

from typing import Any

import pytest

from app.etapes.dossier.rules.budget import statuts_manquants
from app.etapes.dossier.rules.champs import champ
from app.etapes.dossier.rules.clair import textes_en_clair
from app.etapes.dossier.rules.depot import lieu_hors_fiches, verifier_depot
from app.etapes.dossier.rules.formulaire_unique import cerfa, duree_en_clair, portail
from app.etapes.dossier.rules.lecture import Domaines, lire_json, lire_simple
from app.etapes.dossier.rules.sections import etats_des_sections
from app.etapes.dossier.rules.tableau_budget import tableau
from tests.etapes.dossier.test_rules_depot import CADRE, contenu
from tests.etapes.dossier.test_rules_formulaire_unique import ORGANISATION, Noms, demande, tout
from tests.factories import contenu_complet

DEUX_ANS = [
    {"ligne": "M2A", "annee": 2027, "montant": 400_000},
    {"ligne": "MULHOUSE", "annee": 2027, "montant": 300_000},
    {"ligne": "M2A", "annee": 2028, "montant": 400_000},
]
SUITE = {"annee": 2028, "actions": "La suite.", "charges": 1_000_000, "produits": 600_000}


def lisible(texte: str) -> str:
    return texte.replace("\u202f", " ").replace("\xa0", " ")


def dites(**change: Any) -> list[tuple[str, str]]:
    return [(f.champ, lisible(f.message)) for f in verifier_depot(contenu(**change), CADRE)]


@pytest.mark.parametrize("forme", [cerfa, portail])
def test_le_theme_et_les_montants_de_l_an_dernier_s_impriment(forme: Any) -> None:
    rempli = contenu_complet(
        2027, theme_p147="2.2", numero_dauphin="DA00012345",
        precedents=[{"ligne": "M2A", "demande": 450_000, "accorde": 400_000}, {"ligne": "BOP147", "depense": 100}],
    )  # fmt: skip
    rubriques = forme(demande(contenu=rempli))
    imprime = tout(rubriques)
    assert "Thème du programme 147 (État) / 2.2 Soutien à la parentalité" in imprime
    assert "Numéro du portail de l’État / DA00012345" in imprime
    assert "74epci / L’an dernier (2026) — m2A — crédits : accordé / 4 000 €" in imprime
    assert "74etat / L’an dernier (2026) — État — BOP 147 : dépensé / 1 €" in imprime
    tableaux = {t.titre: t for r in rubriques for t in r.tableaux}
    assert lisible(" ".join(tableaux["L’an dernier (2026)"].lignes[0])) == "m2A — crédits 4 500 € 4 000 € —"


def test_le_theme_suit_l_intitule_et_la_description_sur_le_portail() -> None:
    titres = [(r.titre, [q for q, _ in (*r.paires, *r.textes)]) for r in portail(demande(contenu=contenu_complet(
        2027, theme_p147="2")))]  # fmt: skip
    rang = {q: n for n, (_, questions) in enumerate(titres) for q in questions}
    assert rang["Titre de l’action"] < rang["Thème du programme 147 (État)"] < rang["Part demandée"]


def test_ce_qui_n_est_pas_dit_ne_s_invente_pas() -> None:
    sans = tout(cerfa(demande()))
    assert "Forme / Non renseigné" in sans
    assert "Objet / Non renseigné" in sans
    assert "Fréquence / Première demande" in sans, "aucun dossier, aucun montant d'avant : cela se déduit"
    avec = tout(cerfa(demande(contenu=contenu_complet(2027, nature_aide="numeraire", objet_demande="action"))))
    assert "Forme / En numéraire" in avec
    assert "Objet / Projet(s), action(s)" in avec


def test_un_budget_rempli_ne_se_dit_pas_non_renseigne() -> None:
    sans_exercice = tout(cerfa(demande(contenu=contenu_complet(2027, exercice_debut=None, exercice_fin=None))))
    assert "5. Budget de l’organisation / Exercice / Non renseigné" in sans_exercice
    assert "Budget / Non renseigné" not in sans_exercice
    assert "5. Budget de l’organisation / Budget / Non renseigné" in tout(cerfa(demande(contenu={})))


@pytest.mark.parametrize(
    ("debut", "fin", "attendu"),
    [
        ("2027-01-15", "2027-12-15", "11 mois et 1 jour"),
        ("2027-01-01", "2027-12-31", "12 mois"),
        ("2026-12-31", "2027-01-01", "2 jours"),
        ("2027-03-01", "2027-03-01", "1 jour"),
        ("2027-01-31", "2027-02-28", "1 mois et 1 jour"),
        ("2027-03-02", "2027-03-01", ""),
        (None, "2027-03-01", ""),
        ("2027-03-01", None, ""),
    ],
)
def test_la_duree_se_dit_en_clair(debut: str | None, fin: str | None, attendu: str) -> None:
    assert duree_en_clair(debut, fin) == attendu
    imprime = tout(cerfa(demande(contenu=contenu_complet(2027, debut=debut, fin=fin))))
    assert ("Durée de l’action / " + attendu in imprime) is bool(attendu)


def test_le_recrutement_dit_ses_equivalents_temps_plein() -> None:
    c = champ("recrutement_etpt")
    assert c is not None
    assert lire_simple(c, ["1,5"], Domaines({})) == (150, ())
    assert lire_simple(c, ["beaucoup"], Domaines({}))[1][0].message.startswith("Écrivez un nombre, par exemple 0,5")
    assert lire_json(c, 150, Domaines({})) == (150, ())
    assert lire_json(c, "1,5", Domaines({}))[1][0].champ == "recrutement_etpt"
    assert textes_en_clair(c, 150, Noms()) == ("1,5",)
    rempli = contenu_complet(2027, recrutement=True, recrutement_etpt=50)
    assert "Si oui, combien d’équivalents temps plein (ETPT) ? / 0,5" in tout(cerfa(demande(contenu=rempli)))


def test_le_lieu_de_signature_est_celui_dit_sinon_le_siege() -> None:
    assert "Fait à / Mulhouse" in tout(cerfa(demande()))
    assert "Fait à / Illzach" in tout(cerfa(demande(contenu=contenu_complet(2027, fait_a="Illzach"))))
    assert "Fait à / Non renseigné" in tout(cerfa(demande(organisation=ORGANISATION | {"siege": None})))


def test_le_compte_rendu_a_rendre_se_rappelle() -> None:
    assert "six mois suivant la fin de l’exercice" in tout(cerfa(demande()))


def test_chaque_financeur_dit_sa_part_de_chaque_annee() -> None:
    rempli = contenu_complet(
        2027, duree="2", annees_suivantes=[{"annee": 2028, "actions": "Encore.", "charges": 1_000_000,
                                            "produits": 500_000}],
        demandes=[{"ligne": "M2A", "annee": 2027, "montant": 800_000}, {"ligne": "M2A", "annee": 2028,
                                                                         "montant": 500_000},
                  {"ligne": "M2A", "annee": 2030, "montant": 1}],
    )  # fmt: skip
    (entete, *_) = cerfa(demande(contenu=rempli))
    assert [lisible(" ".join(ligne)) for ligne in entete.tableaux[0].lignes] == [
        "m2A — crédits 2027 8 000 € 67 %", "m2A — crédits 2028 5 000 € 50 %", "m2A — crédits 2030 0,01 € —",
    ]  # fmt: skip
    imprime = tout(cerfa(demande(contenu=rempli)))
    assert "Ce qui sera fait en 2028 / Encore." in imprime
    assert "dépense / Dépenses, sans détail / 10 000 €" in imprime
    assert "recette / Autres recettes, sans détail / 5 000 €" in imprime


def test_le_detail_d_une_annee_suivante_s_imprime_par_poste() -> None:
    detail = [
        {"annee": 2028, "compte": "64", "montant": 1_000_000},
        {"annee": 2028, "compte": "74", "libelle": "CAF", "montant": 600_000, "statut": "acquis"},
        {"annee": 2028, "compte": "86", "montant": 100}, {"annee": 2028, "compte": "87", "montant": 100},
    ]  # fmt: skip
    rempli = contenu(duree="2", demandes=DEUX_ANS, annees_suivantes=[SUITE], annees_budget=detail)
    assert verifier_depot(rempli, CADRE) == ()
    (budget,) = [t for r in cerfa(demande(contenu=rempli)) for t in r.tableaux if t.titre == "Budget 2028"]
    lignes = [tuple(map(lisible, ligne)) for ligne in budget.lignes]
    assert lignes[0] == ("64 Charges de personnel", "10 000 €", "74 Subventions d’exploitation", "10 000 €")
    assert ("", "", "— CAF (acquis)", "6 000 €") in lignes
    assert lignes[-1] == ("Total général", "10 001 €", "Total général", "10 001 €")
    assert {m.sens for m in budget.montants} == {"dépense", "recette", "emploi", "ressource"}


@pytest.mark.parametrize(
    ("detail", "attendu"),
    [
        ([], []),
        ([{"annee": 2028, "compte": "64", "montant": 1_000_000}], []),
        (
            [{"annee": 2028, "compte": "64", "montant": 900_000}],
            [("annees_budget", "2028 : le détail des dépenses fait 9 000 €, le total annoncé est 10 000 €.")],
        ),
        (
            [{"annee": 2028, "compte": "70", "montant": 500_000}],
            [("annees_budget", "2028 : le détail des autres recettes fait 5 000 €, le total annoncé est 6 000 €.")],
        ),
        (
            [{"annee": 2028, "compte": "86", "montant": 500}],
            [("annees_budget", "2028 : les contributions volontaires doivent être égales, 5 € (86) et 0 € (87).")],
        ),
        (
            [{"annee": 2028, "compte": "74", "montant": 600_000}],
            [("annees_budget.0.statut", "Dites si cette subvention est acquise ou sollicitée.")],
        ),
        (
            [{"annee": 2029, "compte": "64", "montant": 1}, {"compte": "64", "montant": 1, "annee": 2027}],
            [("annees_budget.1.annee", "L’année 2027 n’est pas une année suivante.")],
        ),
    ],
)  # fmt: skip
def test_le_detail_d_une_annee_suivante_s_accorde_avec_ses_totaux(
    detail: list[dict[str, Any]], attendu: list[tuple[str, str]]
) -> None:
    assert dites(duree="2", demandes=DEUX_ANS, annees_suivantes=[SUITE], annees_budget=detail) == attendu


def test_ce_qui_reste_d_une_convention_raccourcie_ne_compte_plus() -> None:
    reste, suites = [{"annee": 2029, "compte": "64", "montant": 1}], [SUITE, SUITE | {"annee": 2029}]
    assert dites(duree="2", demandes=DEUX_ANS, annees_budget=reste, annees_suivantes=suites) == []
    assert dites(annees_budget=reste, annees_suivantes=suites) == [], "un an : l’étape n’est plus là"


def test_une_annee_d_avant_ne_suit_pas() -> None:
    avant = [{"annee": 2027, "compte": "64", "montant": 1}]
    dit = dites(duree="2", demandes=DEUX_ANS, annees_budget=avant, annees_suivantes=[SUITE | {"annee": 2026}, SUITE])
    assert ("annees_budget.0.annee", "L’année 2027 n’est pas une année suivante.") in dit
    assert "annees_suivantes.0.annee" in {champ for champ, _ in dit}


@pytest.mark.parametrize("compte", ["74", "74orgasoc", "74aidespriv"])
def test_une_subvention_d_un_autre_financeur_dit_son_statut(compte: str) -> None:
    produits = [{"compte": "70x", "montant": 100_000}, {"compte": compte, "montant": 200_000}]
    assert dites(budget_produits=produits) == [
        ("budget_produits.1.statut", "Dites si cette subvention est acquise ou sollicitée.")
    ]
    dit = [produits[0], produits[1] | {"statut": "acquis"}]
    assert dites(budget_produits=dit) == []
    assert statuts_manquants({}, "budget_produits") == ()
    fautes = verifier_depot(contenu(budget_produits=produits), CADRE)
    assert etats_des_sections(contenu(budget_produits=produits), fautes, ())["budget"].value == "a_corriger"  # type: ignore[index]


def test_un_statut_sans_precision_s_imprime_quand_meme() -> None:
    ecrit = tableau([], [{"compte": "74", "montant": 100, "statut": "acquis"}], [], [])
    assert ("", "", "— sans précision (acquis)", "1\xa0€") in ecrit.lignes


def test_une_case_a_cocher_d_une_table_se_lit_oui_ou_non() -> None:
    c = champ("partenaires")
    assert c is not None
    lus = textes_en_clair(c, [{"nom": "CSC", "confirme": True}, {"nom": "MJC", "confirme": False}], Noms())
    assert lus == ("CSC · Oui", "MJC · Non")


def test_une_commune_du_lieu_sans_projet_de_quartier_se_signale() -> None:
    assert lieu_hors_fiches({"communes": ["68224", "68154"]}, {"68224"}) == ("68154",)
    assert lieu_hors_fiches({}, {"68224"}) == ()
    assert lieu_hors_fiches({"communes": ["68224"]}, set()) == (), "sans fiche choisie, rien à comparer"

"""La nomenclature : codes du portail de l'État, de l'organisation, codes d'avant encore lus ; le tableur."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.etapes.dossier.pages.porteur_formulaire import rangees_montrees, saisie_enregistree
from app.etapes.dossier.rules import comptes
from app.etapes.dossier.rules.champs import GROUPES_P147, THEMES_P147, champ
from app.etapes.dossier.rules.clair import textes_en_clair
from app.etapes.dossier.rules.formes import Champ
from app.etapes.dossier.rules.formulaire_unique import cerfa, portail
from app.etapes.dossier.rules.lecture import Domaines, lire_json, lire_table
from app.etapes.dossier.rules.rubriques import Rubrique, Tableau, a_plat
from app.noyau.euros import Euros
from tests.etapes.dossier.test_rules_formulaire_unique import Noms, demande
from tests.factories import contenu_complet

NOMENCLATURE = Path(__file__).resolve().parents[3] / "seeds/reference/nomenclature_budget_dauphin.json"
RIEN = Domaines({})


def le_champ(code: str) -> Champ:
    trouve = champ(code)
    assert trouve is not None
    return trouve


def officielle(cote: str) -> list[dict[str, Any]]:
    """Les postes du portail d'un côté, dans l'ordre."""
    lue: list[dict[str, Any]] = json.loads(NOMENCLATURE.read_text("utf-8"))[cote]
    return lue


def en_codes(postes: tuple[comptes.Poste, ...]) -> list[tuple[str, list[str]]]:
    return [(p.code, [code for code, _ in p.lignes]) for p in postes]


def en_mots(postes: tuple[comptes.Poste, ...]) -> dict[str, str]:
    """Code → libellé, sans le numéro que l'écran met devant."""
    return {c: mot.removeprefix(f"{c} ") for p in postes for c, mot in ((p.code, p.libelle), *p.lignes)}


@pytest.mark.parametrize(
    ("cote", "postes"),
    [
        ("charges", (*comptes.CHARGES, *comptes.EMPLOIS_VOLONTAIRES)),
        ("produits", (*comptes.PRODUITS, *comptes.RESSOURCES_VOLONTAIRES)),
    ],
)
def test_les_postes_et_les_lignes_de_l_action_sont_ceux_du_portail(
    cote: str, postes: tuple[comptes.Poste, ...]
) -> None:
    assert en_codes(postes) == [(p["poste"], [x["code"] for x in p["lignes"]]) for p in officielle(cote)]


@pytest.mark.parametrize(
    ("cote", "postes", "siens"),
    [
        ("charges", (*comptes.CHARGES, *comptes.EMPLOIS_VOLONTAIRES), set()),
        # Ces deux-là n'ont pour l'organisation entière que le résultat prévu.
        ("charges", comptes.CHARGES_ORGANISATION, {"CHARGINDIRECT"}),
        ("produits", (*comptes.PRODUITS_ORGANISATION, *comptes.RESSOURCES_VOLONTAIRES),
         {"RESSPROPRES", "insufprevisionnel"}),
        # Les lignes du contrat se demandent à part : le reste du poste 74 de l'action est « autre ».
        ("produits", comptes.PRODUITS, {"74etat", "74dep", "74epci", "74com"}),
    ],
)  # fmt: skip
def test_les_libelles_sont_ceux_du_portail(cote: str, postes: tuple[comptes.Poste, ...], siens: set[str]) -> None:
    portail_ = {
        code: mot.replace("'", "’").removesuffix(" [code supposé]")
        for p in officielle(cote)
        for code, mot in ((p["poste"], p["libelle"]), *((x["code"], x["libelle"]) for x in p["lignes"]))
    }
    dits = en_mots(postes)
    assert {c for c, mot in dits.items() if portail_[c] != mot} == siens


def test_l_organisation_dit_ses_propres_financeurs() -> None:
    offerts = {code for code, _ in le_champ("asso_produits").colonnes[0].options}
    lignes_74 = next([x["code"] for x in p["lignes"]] for p in officielle("produits") if p["poste"] == "74")
    assert {*lignes_74, "70x", "73x", "76x", "77x", "78x", "79x", "insufprevisionnel"} <= offerts
    assert {"65x", "66x", "67x", "68x", "69x", "excprev"} <= dict(le_champ("asso_charges").colonnes[0].options).keys()
    mots = dict(le_champ("asso_produits").colonnes[0].options)
    assert (mots["74com"], mots["74epci"]) == ("Commune(s)", "Communautés de communes ou d’agglomérations")
    assert dict(le_champ("budget_produits").colonnes[0].options)["74com"] == "Autre commune"


def test_un_poste_d_une_seule_ligne_n_offre_qu_elle() -> None:
    offerts = dict(comptes.options(comptes.PRODUITS))
    assert offerts["70x"].startswith("70 Vente")
    assert offerts["insufprevisionnel"] == (
        "Ressources propres affectées au projet : Autofinancement (insuffisance prévisionnelle)"
    )
    assert "70" not in offerts
    assert {"74", "75"} <= offerts.keys()


@pytest.mark.parametrize(
    ("code", "ancien", "actuel"),
    [
        ("budget_charges", "65", "65x"),
        ("budget_charges", "IND", "CHARGINDIRECT"),
        ("budget_produits", "70", "70x"),
        ("budget_produits", "PROPRES", "insufprevisionnel"),
        ("asso_produits", "78", "78x"),
        ("asso_charges", "60", "60"),
    ],
)
def test_un_code_d_avant_se_lit_se_montre_et_se_modifie(code: str, ancien: str, actuel: str) -> None:
    c = le_champ(code)
    gardee: list[dict[str, Any]] = [{"compte": ancien, "montant": 500}]
    assert lire_json(c, gardee, RIEN) == ([{"compte": actuel, "montant": 500}], ())
    (montree,) = saisie_enregistree(c, gardee)
    assert isinstance(montree, dict)
    assert montree["compte"] == actuel, "la liste à choix montre la réponse d'avant"
    assert lire_table(c, [montree], RIEN) == ([{"compte": actuel, "montant": 500}], ())
    assert textes_en_clair(c, gardee, Noms()) == (f"{dict(c.colonnes[0].options)[actuel]} · 5\xa0€",)


def test_un_budget_d_avant_s_imprime_encore() -> None:
    contenu = contenu_complet(
        2027,
        budget_charges=[{"compte": "65", "montant": 200_000}, {"compte": "IND", "montant": 1_000_000}],
        budget_produits=[{"compte": "PROPRES", "libelle": "Réserves", "montant": 400_000}],
    )
    lignes = [ligne for ligne in a_plat(cerfa(demande(contenu=contenu))) if ligne[0].startswith("7.") and ligne[1]]
    assert [(sens, code, str(montant)) for _, sens, code, _, _, montant in lignes] == [
        ("dépense", "65x", str(Euros.de(2000))),
        ("dépense", "CHARGINDIRECT", str(Euros.de(10_000))),
        ("recette", "74etat", str(Euros.de(3000))),
        ("recette", "74epci", str(Euros.de(5000))),
        ("recette", "insufprevisionnel", str(Euros.de(4000))),
    ]


def test_le_tableur_dit_de_quel_cote_est_chaque_montant() -> None:
    contenu = contenu_complet(
        2027,
        emplois_volontaires=[{"compte": "864", "montant": 50_000}],
        ressources_volontaires=[{"compte": "870", "libelle": "Parents", "montant": 50_000}],
        salaries=[{"poste": "Animation", "montant": 90_000}],
    )
    plan = [x[1:] for x in a_plat(portail(demande(contenu=contenu))) if x[0].endswith("plan de financement") and x[1]]
    assert ("recette", "74", "74 Subventions d’exploitation : CAF (sollicité)", "", Euros.de(4000)) in plan
    assert ("emploi", "864", "864 Personnel bénévole", "", Euros.de(500)) in plan
    assert ("ressource", "870", "870 Bénévolat : Parents", "", Euros.de(500)) in plan
    totaux = {sens: Euros.somme(m for s, *_, m in plan if s == sens and m is not None) for sens in {x[0] for x in plan}}
    assert totaux["dépense"] == totaux["recette"] == Euros.de(12_000)
    assert totaux["emploi"] == totaux["ressource"]
    postes = [x for x in a_plat(cerfa(demande(contenu=contenu))) if x[3].startswith("Salariés affectés")]
    assert [(mot, montant) for *_, mot, _, montant in postes] == [
        ("Salariés affectés à l’action — Poste occupé : Animation", Euros.de(900))
    ]


def test_une_case_vide_ne_decale_pas_les_autres() -> None:
    tableau = Tableau("Partenaires", ("Organisme", "Ce qu’il apporte", "Confirmé"), (("CSC", "—", "Oui"),))
    (ligne,) = a_plat([Rubrique("6", tableaux=(tableau,))])
    assert ligne == ("6", "", "", "Partenaires", "Organisme : CSC ; Confirmé : Oui", None)


def test_les_themes_ont_leurs_sous_themes() -> None:
    assert [code for code, _ in THEMES_P147 if "." not in code] == ["1", "2", "3", "4", "5", "6"]
    assert len(THEMES_P147) == len(dict(THEMES_P147)) == 31
    assert all(code[0] == titre[0] for titre, options in GROUPES_P147 for code, _ in options)
    assert le_champ("theme_p147").groupes == GROUPES_P147


def test_le_budget_d_une_annee_suivante_offre_ses_postes_par_annee() -> None:
    c = le_champ("annees_budget")
    montrees = rangees_montrees(c, [], 0, (), range(2028, 2030))
    assert [(r["annee"], r["compte"]) for r in montrees] == [
        (annee, compte) for annee in ("2028", "2029") for compte in ("60", "64", "74")
    ]
    assert {compte for _, compte in ((r["annee"], r["compte"]) for r in montrees)} <= dict(c.colonnes[1].options).keys()
    assert lire_table(c, [{**r, "montant": ""} for r in montrees], RIEN) == (None, ()), (
        "offertes, elles ne comptent pas"
    )

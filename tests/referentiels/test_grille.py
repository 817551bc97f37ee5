"""La grille comme donnée : ses valeurs de départ, sa lecture, ses fautes, son empreinte."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from app.referentiels.grilles.rules import (
    CATALOGUE,
    AuMoins,
    AuPlus,
    Declarant,
    Est,
    Forme,
    Grille,
    GrilleInvalide,
    Palier,
    Renvoi,
    Statut,
    Terme,
    Toujours,
    TypeFait,
    ecrire_nombre,
    empreinte,
    faits_de,
    faits_lus,
    grille_depuis_donnees,
    grille_vers_donnees,
    lexique,
    lire_nombre,
    morceaux,
    texte_canonique,
    valider,
)
from seeds.grilles import GRILLES, lire_grille
from seeds.lecture import ErreurDeDonnees

FICHIER = GRILLES / "grille-2027.yaml"
CRITERES = ["OBJ", "QUA", "QPV", "EGA", "LAN", "HAB", "COO", "DRC", "FAI", "COU", "PLU", "INT"]
Donnees = dict[str, Any]


@cache
def la_grille() -> Grille:
    return lire_grille(FICHIER)


def des_donnees() -> Donnees:
    return deepcopy(grille_vers_donnees(la_grille()))


def la_grille_changee(changer: Callable[[Donnees], object]) -> Grille:
    donnees = des_donnees()
    changer(donnees)
    return grille_depuis_donnees(donnees)


def les_paliers(donnees: Donnees, critere: str, bareme: int = 0) -> list[Donnees]:
    trouve = next(c for c in donnees["criteres"] if c["code"] == critere)
    paliers: list[Donnees] = trouve["baremes"][bareme]["paliers"]
    return paliers


# --- les valeurs de départ, recopiées de reference/donnees/grille-depart.yaml --------------------------------------

POIDS = {
    "BOP147": [20, 12, 16, 7, 5, 8, 7, 12, 8, 2, 3, 0],
    "M2A": [24, 4, 12, 5, 5, 6, 8, 10, 8, 3, 3, 12],
    "MULHOUSE": [20, 18, 10, 5, 4, 10, 9, 8, 9, 3, 4, 0],
    "ILLZACH": [14, 24, 8, 5, 5, 10, 10, 8, 9, 3, 4, 0],
    "WITTENHEIM": [14, 24, 8, 5, 3, 12, 12, 6, 9, 3, 4, 0],
}
TAUX = {
    ("OBJ", "BOP147"): {100, 80, 40, 0},
    ("OBJ", "M2A"): {100, 70, 40, 20, 0},
    ("OBJ", "MULHOUSE"): {100, 60, 0},
    ("OBJ", "ILLZACH"): {100, 60, 0},
    ("OBJ", "WITTENHEIM"): {100, 60, 0},
    ("QUA", "M2A"): {100, 60, 30, 0},
    ("QPV", "M2A"): {100, 70, 35, 0},
    ("QPV", "ILLZACH"): {100, 70, 35, 0},
    ("EGA", "M2A"): {100, 60, 30, 0},
    ("LAN", "M2A"): {100, 60, 0},
    ("HAB", "M2A"): {100, 70, 40, 15, 0},
    ("COO", "M2A"): {100, 70, 35, 0},
    ("DRC", "M2A"): {100, 75, 40, 0},
    ("FAI", "M2A"): {100, 75, 45, 15, 0},
    ("COU", "M2A"): {100, 50, 0},
    ("PLU", "M2A"): {100, 60, 30, 0},
    ("INT", "M2A"): {100, 70, 30, 0},
}
ENSEMBLES = {
    "M2A_RANG_1": {"E2.2"},
    "M2A_RANG_2_TRANQUILLITE": {"E1.3"},
    "M2A_RANG_2_CADRE_DE_VIE": {"E1.1.5", "E1.1.6", "E1.1.2.1"},
    "M2A_RANG_2_ALIMENTATION": {"E2.1.1", "E2.1.3", "E2.1.4"},
    "M2A_RANG_3": {"E1.1", "E1.4", "E2.1", "E2.3", "T.1", "T.2", "C.1", "C.2"},
    "M2A_RANG_4": {"E1.2", "E2.4"},
    "MULHOUSE_VIVRE_ENSEMBLE": {"E1.1", "E1.2"},
    "MULHOUSE_GRANDIR": {"E2.3"},
    "MULHOUSE_GRANDIR_ACTIVITES": {"E2.4.4"},
    "MULHOUSE_BOUGER_MOBILITE": {"E1.4"},
    "MULHOUSE_BOUGER_SPORT": {"E2.1.6"},
    "MULHOUSE_MANGER": {"E2.1.1", "E2.1.3"},
    "MULHOUSE_EMPLOI": {"E2.2"},
    "ILLZACH_AXES_TRANSVERSAUX": {"T.2", "C.1", "C.2"},
    "WITTENHEIM_AXES_TRANSVERSAUX": {"C.1", "C.2"},
}


@pytest.mark.parametrize("ligne", POIDS)
def test_les_poids_de_depart_sont_repris_tels_quels(ligne: str) -> None:
    trouvee = next(definition for definition in la_grille().lignes if definition.code == ligne)
    assert dict(trouvee.poids) == dict(zip(CRITERES, POIDS[ligne], strict=True))
    assert sum(POIDS[ligne]) == 100


@pytest.mark.parametrize(("critere", "ligne"), TAUX)
def test_les_taux_de_depart_sont_repris_tels_quels(critere: str, ligne: str) -> None:
    trouve = next(definition for definition in la_grille().criteres if definition.code == critere)
    bareme = next(bareme for bareme in trouve.baremes if ligne in bareme.lignes)
    assert {palier.taux for palier in bareme.paliers} == TAUX[critere, ligne]


@pytest.mark.parametrize("nom", ENSEMBLES)
def test_les_priorites_de_chaque_ligne_sont_celles_du_contrat(nom: str) -> None:
    assert set(lexique(la_grille()).ensembles[nom].codes) == ENSEMBLES[nom]


def test_les_criteres_sont_dans_l_ordre_et_seuls_les_enjeux_transversaux_sont_transversaux() -> None:
    assert [critere.code for critere in la_grille().criteres] == CRITERES
    assert [critere.code for critere in la_grille().criteres if critere.est_transversal] == ["EGA", "LAN"]


def test_sans_objet_est_la_liste_fermee_de_la_grille() -> None:
    assert [cas.critere for cas in la_grille().sans_objet] == ["COU", "COU", "PLU"]


def test_chaque_bareme_et_chaque_ensemble_cite_sa_source() -> None:
    sources = [bareme.source for critere in la_grille().criteres for bareme in critere.baremes]
    sources += [ensemble.source for ensemble in la_grille().ensembles]
    for source in sources:
        assert source.texte in {"Contrat de ville m2A 2024-2030", "choix du projet"}
        assert source.endroit or source.texte == "choix du projet"


def test_l_empreinte_tient_au_contenu_pas_a_l_ecriture() -> None:
    donnees = json.loads(texte_canonique(des_donnees()))
    a_l_envers = {cle: donnees[cle] for cle in sorted(donnees, reverse=True)}
    relue = grille_depuis_donnees(a_l_envers)
    assert relue == la_grille()
    assert hash(relue) == hash(la_grille())
    assert empreinte(relue) == empreinte(la_grille())
    assert len(empreinte(relue)) == 64


@pytest.mark.parametrize(
    "changer",
    [
        lambda d: d.update(version="2027.1"),
        lambda d: les_paliers(d, "QPV")[0]["si"]["au_moins"].update(valeur="61 %"),
        lambda d: les_paliers(d, "QPV")[0].update(motif="autre"),
        lambda d: d["ensembles"]["M2A_RANG_1"]["codes"].append("E1.3"),
        lambda d: d["arrondi"].update(decimales=2),
    ],
)
def test_le_moindre_changement_change_l_empreinte(changer: Callable[[Donnees], object]) -> None:
    assert empreinte(la_grille_changee(changer)) != empreinte(la_grille())


# --- le fond : chaque faute est dite, à son endroit ----------------------------------------------------------------


def _le_poids(ligne: int, critere: str, valeur: int) -> Callable[[Donnees], object]:
    return lambda d: d["lignes"][ligne]["poids"].update({critere: valeur})


def _le_si(critere: str, palier: int, si: Donnees) -> Callable[[Donnees], object]:
    return lambda d: les_paliers(d, critere)[palier].update(si=si)


def _le_motif(critere: str, motif: str) -> Callable[[Donnees], object]:
    return lambda d: les_paliers(d, critere)[0].update(motif=motif)


def _la_mesure(**operation: Any) -> Callable[[Donnees], object]:
    return lambda d: d["mesures"].update(essai={"libelle": "essai", "unite": "nombre", **operation})


def _termes(*codes: str) -> list[Donnees]:
    return [{"de": code} for code in codes]


FAUTES: list[tuple[Callable[[Donnees], object], str, str]] = [
    (_le_poids(0, "OBJ", 21), "lignes.0.poids", "la somme des poids de BOP147 est 101, pas 100"),
    (_le_poids(0, "OBJ", -1), "lignes.0.poids.OBJ", "le poids va de 0 à 100"),
    (_le_poids(0, "XXX", 0), "lignes.0.poids", "« XXX » n’est pas un critère"),
    (lambda d: d["lignes"][1]["poids"].pop("INT"), "lignes.1.poids", "« INT » n’a pas de poids"),
    (
        lambda d: d["lignes"][0].update(poids={**dict.fromkeys(CRITERES, 0), "COU": 50, "PLU": 50}),
        "lignes.0.poids",
        "tous les critères de BOP147 peuvent être sans objet",
    ),
    (lambda d: d.update(lignes=[], sans_objet=[]), "lignes", "la liste est vide"),
    (lambda d: d["lignes"].append(d["lignes"][0]), "lignes", "« BOP147 » est écrit 2 fois"),
    (lambda d: d["criteres"].append(d["criteres"][0]), "criteres", "« OBJ » est écrit 2 fois"),
    (lambda d: d["criteres"].pop(0), "lignes.0.poids", "« OBJ » n’est pas un critère"),
    (
        lambda d: d["criteres"][0]["baremes"].pop(1),
        "criteres.0.baremes",
        "OBJ a aucun barème pour M2A",
    ),
    (
        lambda d: d["criteres"][0]["baremes"][0]["lignes"].append("M2A"),
        "criteres.0.baremes",
        "OBJ a plusieurs barèmes pour M2A",
    ),
    (
        lambda d: d["criteres"][0]["baremes"][0]["lignes"].append("KINGERSHEIM"),
        "criteres.0.baremes",
        "ligne inconnue : « KINGERSHEIM »",
    ),
    (lambda d: d["arrondi"].update(decimales=7), "arrondi.decimales", "le nombre de décimales va de 0 à 1"),
    (lambda d: d["ensembles"]["FICHES"].update(codes=[]), "ensembles.FICHES", "l’ensemble est vide"),
    # paliers
    (lambda d: les_paliers(d, "QPV").pop(), "criteres.2.baremes.0.paliers", "il y a un trou"),
    (lambda d: les_paliers(d, "QPV").clear(), "criteres.2.baremes.0.paliers", "il y a un trou"),
    (lambda d: les_paliers(d, "QPV")[1].update(taux=101), "criteres.2.baremes.0.paliers.1.taux", "ne remontent pas"),
    (lambda d: les_paliers(d, "QPV")[3].update(taux=-5), "criteres.2.baremes.0.paliers.3.taux", "ne remontent pas"),
    (_le_si("QPV", 1, {"toujours": True}), "criteres.2.baremes.0.paliers.1.si", "« toujours » ne vaut que pour"),
    (
        _le_si("QPV", 1, {"au_moins": {"de": "part_qpv", "valeur": "60 %"}}),
        "criteres.2.baremes.0.paliers.1.si",
        "ce palier répète un palier plus haut",
    ),
    (
        _le_si("QPV", 1, {"au_moins": {"de": "part_qpv", "valeur": "70 %"}}),
        "criteres.2.baremes.0.paliers.1.si",
        "les seuils se chevauchent",
    ),
    (
        _le_si("COU", 1, {"au_plus": {"de": "rapport_mediane", "valeur": "1"}}),
        "criteres.9.baremes.0.paliers.1.si",
        "les seuils se chevauchent",
    ),
    # conditions
    (_le_si("QPV", 0, {"vrai": "humeur"}), "criteres.2.baremes.0.paliers.0.si", "fait inconnu : « humeur »"),
    (
        _le_si("QPV", 0, {"vrai": "part_qpv"}),
        "criteres.2.baremes.0.paliers.0.si",
        "le fait « part_qpv » est de type fraction",
    ),
    (
        _le_si("QPV", 0, {"au_plus": {"de": "calendrier", "valeur": "1"}}),
        "criteres.2.baremes.0.paliers.0.si",
        "le fait « calendrier » est de type booleen",
    ),
    (
        _le_si("QPV", 0, {"tous": [{"un_de": [{"est": "inconnue"}]}]}),
        "criteres.2.baremes.0.paliers.0.si.tous.0.un_de.0",
        "définition inconnue : « inconnue »",
    ),
    (_le_si("QPV", 0, {"un_de": []}), "criteres.2.baremes.0.paliers.0.si", "la liste de conditions est vide"),
    (
        _le_si("QPV", 0, {"parmi": {"de": "fiches_visees", "ensemble": "NEANT"}}),
        "criteres.2.baremes.0.paliers.0.si",
        "ensemble inconnu : « NEANT »",
    ),
    (
        _le_si("QPV", 0, {"parmi": {"de": "humeur"}}),
        "criteres.2.baremes.0.paliers.0.si",
        "attend des codes ou un ensemble, l’un des deux",
    ),
    (
        _le_si("QPV", 0, {"parmi": {"de": "participation_degre", "codes": ["enthousiaste"]}}),
        "criteres.2.baremes.0.paliers.0.si",
        "n’admet pas : enthousiaste",
    ),
    # phrases
    (_le_motif("QPV", "{humeur} bonne"), "criteres.2.baremes.0.paliers.0.motif", "inconnue : « humeur »"),
    (_le_motif("QPV", "{part_qpv"), "criteres.2.baremes.0.paliers.0.motif", "phrase mal formée"),
    (_le_motif("QPV", "{fiches:statut}"), "criteres.2.baremes.0.paliers.0.motif", "elle n’a pas de statut"),
    (_le_motif("QPV", "{fiches:liste}"), "criteres.2.baremes.0.paliers.0.motif", "n’est pas un compte"),
    (_le_motif("QPV", "{part_qpv:liste}"), "criteres.2.baremes.0.paliers.0.motif", "n’est pas un compte"),
    # mesures
    (_la_mesure(compte=[]), "mesures.essai", "le compte est vide"),
    (_la_mesure(compte=["calendrier", "calendrier"]), "mesures.essai", "compte deux fois le même fait"),
    (_la_mesure(compte=["part_qpv"]), "mesures.essai", "le fait « part_qpv » est de type fraction"),
    (_la_mesure(nombre={"de": "calendrier"}), "mesures.essai", "le fait « calendrier » est de type booleen"),
    (
        _la_mesure(couverture={"de": "fiches_visees", "par": "humeur", "ensemble": "NEANT"}),
        "mesures.essai",
        "ensemble inconnu : « NEANT »",
    ),
    (
        _la_mesure(rapport={"numerateur": [], "denominateur": _termes("beneficiaires")}),
        "mesures.essai.numerateur",
        "la somme est vide",
    ),
    (
        _la_mesure(
            rapport={
                "numerateur": [{"de": "charges_total", "coefficient": "0"}],
                "denominateur": _termes("beneficiaires"),
            }
        ),
        "mesures.essai.numerateur",
        "le coefficient de « charges_total » n’est pas positif",
    ),
    (
        _la_mesure(rapport={"numerateur": _termes("rapport_mediane"), "denominateur": _termes("essai")}),
        "mesures.essai",
        "la mesure se lit elle-même",
    ),
    (
        lambda d: d["mesures"].update(calendrier={"libelle": "x", "unite": "nombre", "compte": ["moyens_identifies"]}),
        "mesures.calendrier",
        "la mesure porte le nom d’un fait",
    ),
    # définitions
    (
        lambda d: (
            d["definitions"]["petite_structure"].update(si={"un_de": [{"est": "objectif_precise"}]})
            or d["definitions"]["objectif_precise"].update(si={"est": "petite_structure"})
        ),
        "definitions.petite_structure",
        "la définition se lit elle-même",
    ),
    # sans objet et champ
    (
        lambda d: d["sans_objet"].append({**d["sans_objet"][0], "critere": "XXX"}),
        "sans_objet.3.critere",
        "« XXX » n’est pas un critère",
    ),
    (
        lambda d: d["sans_objet"].append({**d["sans_objet"][0], "critere": "EGA"}),
        "sans_objet.3.critere",
        "« EGA » est transversal : il n’est jamais sans objet",
    ),
    (
        lambda d: d["sans_objet"][2].update(si={"tous": [{"vrai": "calendrier"}]}),
        "sans_objet.2.si",
        "« calendrier » est un choix du porteur",
    ),
    (
        lambda d: d["sans_objet"][2].update(si={"au_moins": {"de": "faits_egalite", "valeur": "1"}}),
        "sans_objet.2.si",
        "est un choix du porteur",
    ),
    (
        lambda d: (
            d["criteres"][3].pop("est_transversal") and d["sans_objet"].append({**d["sans_objet"][2], "critere": "EGA"})
        ),
        "sans_objet.3.critere",
        "« EGA » est transversal : il n’est jamais sans objet",
    ),
    (
        lambda d: d["criteres"][4].pop("est_transversal"),
        "criteres.4.est_transversal",
        "« LAN » est un enjeu transversal du contrat : il compte toujours",
    ),
    (
        lambda d: d["sans_objet"].append({**d["sans_objet"][1], "critere": "PLU"}),
        "sans_objet.3.si",
        "« charges_total » est un choix du porteur, et « PLU » ne le note pas",
    ),
    (
        lambda d: d["sans_objet"].append(
            {**d["sans_objet"][1], "critere": "QPV", "si": {"moins_de": {"de": "beneficiaires", "valeur": "10"}}}
        ),
        "sans_objet.3.si",
        "« beneficiaires » est un choix du porteur",
    ),
    (
        _le_si("QPV", 1, {"au_plus": {"de": "part_qpv", "valeur": "40 %"}}),
        "criteres.2.baremes.0.paliers.1.si",
        "« part de bénéficiaires habitant un QPV » se lit « au plus » ici et « au moins » au palier 1",
    ),
    (
        _le_si("COU", 1, {"tous": [{"vrai": "calendrier"}, {"au_moins": {"de": "rapport_mediane", "valeur": "3"}}]}),
        "criteres.9.baremes.0.paliers.1.si",
        "se lit « au moins » ici et « au plus » au palier 1",
    ),
    (
        _le_si("QPV", 1, {"moins_de": {"de": "humeur", "valeur": "1"}}),
        "criteres.2.baremes.0.paliers.1.si",
        "fait inconnu : « humeur »",
    ),
    (lambda d: d["lignes"][2]["champ"].update(si={"vrai": "humeur"}), "lignes.2.champ.si", "fait inconnu"),
    (lambda d: d["lignes"][2]["champ"].update(motif="{humeur}"), "lignes.2.champ.motif", "inconnue : « humeur »"),
]


@pytest.mark.parametrize(("changer", "chemin", "message"), FAUTES, ids=[f"{c} {m}" for _, c, m in FAUTES])
def test_une_grille_fautive_est_refusee_avec_l_endroit_et_la_raison(
    changer: Callable[[Donnees], object], chemin: str, message: str
) -> None:
    fautes = valider(la_grille_changee(changer))
    assert any(faute.champ == chemin and message in faute.message for faute in fautes), fautes


def test_la_grille_de_depart_n_a_aucune_faute() -> None:
    assert valider(la_grille()) == []


def test_un_critere_retire_mais_encore_cite_par_sans_objet_est_refuse() -> None:
    def retirer(donnees: Donnees) -> None:
        donnees["criteres"] = [critere for critere in donnees["criteres"] if critere["code"] != "PLU"]
        for ligne in donnees["lignes"]:
            ligne["poids"]["FAI"] += ligne["poids"].pop("PLU")

    assert [faute.champ for faute in valider(la_grille_changee(retirer))] == ["sans_objet.2.critere"]


def test_un_seuil_negatif_ecrit_sans_passer_par_le_fichier_est_refuse() -> None:
    critere = la_grille().criteres[2]
    paliers = (Palier(100, AuMoins("part_qpv", Fraction(-1)), "x"), Palier(0, Toujours(), "x"))
    baremes = (replace(critere.baremes[0], paliers=paliers), critere.baremes[1])
    criteres = tuple(replace(c, baremes=baremes) if c.code == "QPV" else c for c in la_grille().criteres)
    assert [faute.message for faute in valider(replace(la_grille(), criteres=criteres))] == ["le seuil est négatif"]


def test_deux_seuils_moins_de_qui_se_suivent_sont_juges_aussi() -> None:
    def changer(donnees: Donnees) -> None:
        les_paliers(donnees, "COU")[0]["si"] = {"moins_de": {"de": "rapport_mediane", "valeur": "2"}}
        les_paliers(donnees, "COU")[1]["si"] = {"moins_de": {"de": "rapport_mediane", "valeur": "1"}}

    assert [faute.champ for faute in valider(la_grille_changee(changer))] == ["criteres.9.baremes.0.paliers.1.si"]


def test_toutes_les_fautes_sont_dites_a_la_fois() -> None:
    def changer(donnees: Donnees) -> None:
        _le_poids(0, "OBJ", 21)(donnees)
        _le_motif("QPV", "{humeur}")(donnees)

    assert len(valider(la_grille_changee(changer))) == 2


# --- la forme ------------------------------------------------------------------------------------------------------

FORMES: list[tuple[Callable[[Donnees], object], str, str]] = [
    (lambda d: d.pop("version"), "", "le champ « version » manque"),
    (lambda d: d.update(auteur="x"), "", "champ inconnu : auteur"),
    (lambda d: d.update(version=" "), "version", "attend un texte"),
    (lambda d: d.update(lignes={}), "lignes", "attend une liste"),
    (lambda d: d.update(arrondi=1), "arrondi", "attend un ensemble de champs"),
    (lambda d: d["arrondi"].update(decimales=True), "arrondi.decimales", "attend un nombre entier"),
    (lambda d: d["arrondi"].update(mode="au_plus_pres"), "arrondi.mode", "attend : demi_vers_le_haut"),
    (
        lambda d: d["mesures"]["fiches"].update(compte=["calendrier"]),
        "mesures.fiches",
        "attend une seule opération parmi : compte, couverture, nombre, rapport",
    ),
    (_le_si("QPV", 0, {}), "criteres.2.baremes.0.paliers.0.si", "attend un seul champ parmi"),
    (_le_si("QPV", 0, {"sauf": "x"}), "criteres.2.baremes.0.paliers.0.si", "attend un seul champ parmi"),
    (_le_si("QPV", 0, {"toujours": False}), "criteres.2.baremes.0.paliers.0.si.toujours", "attend « true »"),
    (
        _le_si("QPV", 0, {"au_moins": {"de": "part_qpv", "valeur": "beaucoup"}}),
        "criteres.2.baremes.0.paliers.0.si.au_moins.valeur",
        "« beaucoup » n’est pas un nombre",
    ),
    (lambda d: d["criteres"][0].update(est_transversal="oui"), "criteres.0.est_transversal", "attend « true »"),
]


@pytest.mark.parametrize(("changer", "chemin", "message"), FORMES, ids=[f"{c} {m}" for _, c, m in FORMES])
def test_une_grille_mal_formee_est_refusee_avec_l_endroit(
    changer: Callable[[Donnees], object], chemin: str, message: str
) -> None:
    with pytest.raises(GrilleInvalide) as refus:
        la_grille_changee(changer)
    assert refus.value.fautes[0].champ == chemin
    assert message in refus.value.fautes[0].message
    assert refus.value.code == "grille_invalide"


@pytest.mark.parametrize(
    ("texte", "nombre"),
    [
        ("60 %", Fraction(3, 5)),
        ("66,66 %", Fraction(3333, 5000)),
        ("2/3", Fraction(2, 3)),
        ("1.5", Fraction(3, 2)),
        ("3\u202f000\u00a0€", Fraction(300_000)),
        ("0", Fraction(0)),
    ],
)
def test_un_nombre_de_grille_se_lit_exactement(texte: str, nombre: Fraction) -> None:
    assert lire_nombre(texte) == nombre
    assert lire_nombre(ecrire_nombre(nombre)) == nombre


@pytest.mark.parametrize("texte", ["", "-1", "1/0", "1e3", "%", "un", "1,5,2", "١"])
def test_ce_qui_n_est_pas_un_nombre_est_refuse(texte: str) -> None:
    with pytest.raises(ValueError, match="n’est pas un nombre"):
        lire_nombre(texte)


def test_une_phrase_se_decoupe_en_textes_et_renvois() -> None:
    assert morceaux("{part_qpv} ({part_qpv:statut})") == (
        Renvoi("part_qpv", Forme.VALEUR),
        " (",
        Renvoi("part_qpv", Forme.STATUT),
        ")",
    )
    assert morceaux("{{tel quel}}") == ("{", "tel quel}")


@pytest.mark.parametrize("motif", ["{}", "{0.x}", "{part_qpv!r}", "{part_qpv:gras}", "{a b}"])
def test_une_phrase_ne_peut_rien_faire_d_autre_que_citer(motif: str) -> None:
    with pytest.raises(ValueError, match="renvoi"):
        morceaux(motif)


def test_les_faits_lus_traversent_mesures_et_definitions() -> None:
    noms = lexique(la_grille())
    assert faits_lus(Est("petite_structure"), noms) == ("etp_porteur", "charges_total")
    assert faits_lus(AuPlus("rapport_mediane", Fraction(1)), noms) == (
        "charges_total",
        "beneficiaires",
        "mediane_cout",
    )
    assert faits_lus(Toujours(), noms) == ()
    assert faits_de("couverture_fiches", noms) == ("fiches_visees", "priorites_fiche")
    assert faits_de("calendrier", noms) == ("calendrier",)


def test_le_catalogue_dit_qui_declare_chaque_fait() -> None:
    assert all(code == definition.code for code, definition in CATALOGUE.items())
    assert CATALOGUE["part_qpv"].declarant is Declarant.PORTEUR
    assert CATALOGUE["premiere_demande"].declarant is Declarant.SERVICE
    assert CATALOGUE["part_qpv"].type is TypeFait.FRACTION
    assert {statut.libelle for statut in Statut} == {"déclaré", "vérifié", "corrigé"}
    assert Terme("x").coefficient == 1


# --- le fichier ----------------------------------------------------------------------------------------------------


def ecrire(dossier: Path, avant: str, apres: str) -> Path:
    texte = FICHIER.read_text(encoding="utf-8")
    assert avant in texte
    chemin = dossier / "grille.yaml"
    chemin.write_text(texte.replace(avant, apres, 1), encoding="utf-8")
    return chemin


def ligne_de(extrait: str) -> int:
    lignes = FICHIER.read_text(encoding="utf-8").splitlines()
    return next(rang for rang, ligne in enumerate(lignes, 1) if extrait in ligne)


@pytest.mark.parametrize(
    ("avant", "apres", "raison", "repere"),
    [
        ("{OBJ: 20, QUA: 12", "{OBJ: 21, QUA: 12", "la somme des poids de BOP147 est 101", "{OBJ: 20, QUA: 12"),
        ('valeur: "60 %"', 'valeur: "soixante"', "« soixante » n’est pas un nombre", 'valeur: "60 %"'),
        ("de: part_qpv", "de: humeur", "fait inconnu : « humeur »", "de: part_qpv"),
        ("  contrat: Contrat", "  accord: Contrat", "texte inconnu : contrat", "textes:"),
        ("{toujours: oui}", "{toujours: non}", "attend « true »", "{toujours: oui}"),
        ("{vrai: premiere_demande}", "{vrai: premiere_demande, est: x}", "attend un seul champ", "{vrai: premiere_d"),
        ("ensemble: M2A_RANG_1}", "codes: [E2.2], ensemble: M2A_RANG_1}", "attend un seul", "ensemble: M2A_RANG_1}"),
        ("    unite: nombre\n", "", "le champ « unite » manque", "  fiches:"),
    ],
)
def test_un_fichier_fautif_dit_le_fichier_la_ligne_et_la_raison(
    tmp_path: Path, avant: str, apres: str, raison: str, repere: str
) -> None:
    with pytest.raises(ErreurDeDonnees) as refus:
        lire_grille(ecrire(tmp_path, avant, apres))
    assert refus.value.fichier == "grille.yaml"
    assert raison in refus.value.raison
    assert refus.value.ligne == ligne_de(repere)


def test_un_fichier_dit_toutes_ses_fautes(tmp_path: Path) -> None:
    chemin = ecrire(tmp_path, "{OBJ: 20, QUA: 12", "{OBJ: 21, QUA: 12")
    chemin.write_text(chemin.read_text(encoding="utf-8").replace("{OBJ: 24, QUA: 4", "{OBJ: 25, QUA: 4"), "utf-8")
    with pytest.raises(ErreurDeDonnees, match="et 1 autre") as refus:
        lire_grille(chemin)
    assert [autre.raison for autre in refus.value.autres] == [
        "ligne « m2A », poids : la somme des poids de M2A est 101, pas 100"
    ]

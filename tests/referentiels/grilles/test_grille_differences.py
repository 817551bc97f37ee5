"""Comparer deux versions : chaque changement se dit, au bon thème, avec l'avant et l'après."""

from __future__ import annotations

import pytest

from app.noyau.erreurs import Faute
from app.referentiels.grilles.rules.differences import Difference, Theme, criteres_retires, differences
from app.referentiels.grilles.rules.endroits import endroit
from app.referentiels.grilles.rules.poids import criteres_sortables, poids_effectifs
from app.referentiels.grilles.rules.usages import criteres_du_contenu, fautes_des_lignes, fautes_des_retraits
from tests.referentiels.grilles.decor import Changer, Donnees, des_donnees, la_grille, poids, rang_de, une_grille


def palier(donnees: Donnees, code: str, bareme: int, rang: int) -> Donnees:
    trouve: Donnees = donnees["criteres"][rang_de(code)]["baremes"][bareme]["paliers"][rang]
    return trouve


def test_une_grille_ne_differe_pas_d_elle_meme_meme_renumerotee() -> None:
    assert differences(la_grille(), une_grille(lambda d: d.update(version="2028.0"))) == ()


CHANGEMENTS: list[tuple[str, Changer, Theme, str]] = [
    ("intitulé", lambda d: d.update(intitule="Autre"), Theme.GRILLE, "Grille, intitulé : "),
    ("décimales", lambda d: d["arrondi"].update(decimales=0), Theme.GRILLE, "décimales du total : 1 devient 0"),
    ("poids", lambda d: poids(d, 1, QPV=2, LAN=15), Theme.POIDS, "prioritaires, poids m2A : 12 devient 2"),
    ("ligne", lambda d: d["lignes"][1].update(libelle="L’agglo"), Theme.LIGNES, "Ligne M2A, libellé : m2A devient"),
    (
        "critère renommé", lambda d: d["criteres"][0].update(libelle="Objectifs"), Theme.CRITERES,
        "Critère OBJ, libellé : Réponse aux objectifs devient Objectifs",
    ),
    (
        "source", lambda d: d["criteres"][0]["source"].update(endroit="p. 3"), Theme.CRITERES,
        "Réponse aux objectifs, source : ",
    ),
    (
        "transversal", lambda d: d["criteres"][0].update(est_transversal=True), Theme.CRITERES,
        "enjeu transversal : ordinaire devient compte toujours",
    ),
    (
        "seuil", lambda d: palier(d, "QPV", 0, 0)["si"]["au_moins"].update(valeur="7/10"), Theme.PALIERS,
        "(BOP 147, m2A), palier : 100\u00a0% — part de bénéficiaires habitant un QPV : au moins 60\u00a0% devient 100",
    ),
    (
        "taux", lambda d: palier(d, "QPV", 0, 1).update(taux=1), Theme.PALIERS, "habitant un QPV : au moins",
    ),
    ("phrase", lambda d: palier(d, "QPV", 0, 0).update(motif="Bravo"), Theme.PALIERS, "phrase : [part de"),
    (
        "palier retiré", lambda d: d["criteres"][rang_de("QPV")]["baremes"][0]["paliers"].pop(1), Theme.PALIERS,
        "Retrait — Public des quartiers prioritaires (BOP 147, m2A), palier : ",
    ),
    (
        "palier ajouté",
        lambda d: d["criteres"][rang_de("QPV")]["baremes"][0]["paliers"].insert(
            1, {"taux": 99, "si": {"vrai": "calendrier"}, "motif": "x"}
        ),
        Theme.PALIERS, "Ajout — Public des quartiers prioritaires (BOP 147, m2A), palier : 99\u00a0% — calendrier",
    ),
    (
        "source d’un barème", lambda d: d["criteres"][2]["baremes"][0]["source"].update(endroit="p. 4"),
        Theme.PALIERS, "source : ",
    ),
    ("sans objet", lambda d: d["sans_objet"].pop(), Theme.SANS_OBJET, "Retrait — Continuité, cas sans objet : "),
    (
        "sans objet de plus", lambda d: d["sans_objet"].append({**d["sans_objet"][0], "motif": "Autre"}),
        Theme.SANS_OBJET, "Ajout — Coût raisonnable, cas sans objet : ",
    ),
    ("ouverture", lambda d: d["lignes"][2].pop("champ"), Theme.OUVERTURES, "devient ouverte à tous les dossiers"),
    ("ensemble", lambda d: d["ensembles"]["FICHES"]["codes"].pop(), Theme.ENSEMBLES, "FICHES, codes : JONQUILLES"),
    (
        "source d’un ensemble", lambda d: d["ensembles"]["FICHES"]["source"].update(endroit="p. 9"),
        Theme.ENSEMBLES, "FICHES, source : ",
    ),
    (
        "ensemble de plus",
        lambda d: d["ensembles"].update(NEUF={"codes": ["E9"], "source": {"texte": "choix du projet"}}),
        Theme.ENSEMBLES, "Ajout — NEUF, codes : E9",
    ),
    (
        "compte", lambda d: d["mesures"]["faits_egalite"].update(compte=["diagnostic_sexue"]), Theme.MESURES,
        "faits_egalite, définition : faits d’égalité = combien de faits vrais parmi : diagnostic sexué, ",
    ),
    (
        "rapport",
        lambda d: d["mesures"]["part_hors_lignes"]["rapport"]["numerateur"][1].update(coefficient="3/4"),
        Theme.MESURES, "hors des lignes × 0,5) rapporté à (coût de l’action, hors bénévolat) devient",
    ),
    (
        "nombre", lambda d: d["mesures"]["fiches"]["nombre"].pop("ensemble"), Theme.MESURES,
        "combien de codes dans « projets de quartier visés », de la liste « Fiches » devient",
    ),
    (
        "couverture", lambda d: d["mesures"]["couverture_fiches"]["couverture"].update(ensemble="FICHES_ILLZACH"),
        Theme.MESURES, "part de « projets de quartier visés » qui a un code dans « priorités de fiche retenues »",
    ),
    (
        "définition", lambda d: d["definitions"]["petite_structure"].update(si={"vrai": "calendrier"}), Theme.MESURES,
        "devient petite structure, au plus 1 ETP et une action d’au plus 10 000 € = calendrier",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changer", "theme", "phrase"), [c[1:] for c in CHANGEMENTS], ids=[c[0] for c in CHANGEMENTS])
def test_chaque_changement_se_dit_a_son_theme(changer: Changer, theme: Theme, phrase: str) -> None:
    trouvees = differences(la_grille(), une_grille(changer))
    assert {d.theme for d in trouvees} == {theme}
    assert any(phrase in d.phrase for d in trouvees), [d.phrase for d in trouvees]


def sans_le_critere(code: str) -> Changer:
    def changer(donnees: Donnees) -> None:
        donnees["criteres"] = [c for c in donnees["criteres"] if c["code"] != code]
        donnees["sans_objet"] = [s for s in donnees["sans_objet"] if s["critere"] != code]
        for ligne in donnees["lignes"]:
            ligne["poids"]["OBJ"] += ligne["poids"].pop(code)

    return changer


def test_un_critere_retire_se_dit_avec_ses_poids_et_son_sans_objet() -> None:
    trouvees = differences(la_grille(), une_grille(sans_le_critere("PLU")))
    assert Difference(Theme.CRITERES, "Critère PLU", "critère", "Continuité", None) in trouvees
    assert Difference(Theme.POIDS, "Continuité", "poids BOP 147", "3", "0") in trouvees
    assert {d.theme for d in trouvees} == {Theme.CRITERES, Theme.POIDS, Theme.SANS_OBJET}


def test_une_ligne_retiree_se_dit_une_fois_sans_ses_poids() -> None:
    def changer(donnees: Donnees) -> None:
        donnees["lignes"] = donnees["lignes"][:-1]
        for critere in donnees["criteres"]:
            for bareme in critere["baremes"]:
                bareme["lignes"] = [ligne for ligne in bareme["lignes"] if ligne != "WITTENHEIM"]
            critere["baremes"] = [bareme for bareme in critere["baremes"] if bareme["lignes"]]

    trouvees = differences(la_grille(), une_grille(changer))
    lignes = [d for d in trouvees if d.theme is Theme.LIGNES]
    assert lignes == [Difference(Theme.LIGNES, "Ligne WITTENHEIM", "ligne", "Wittenheim", None)]
    assert {d.theme for d in trouvees} == {Theme.LIGNES, Theme.PALIERS}


def test_un_critere_retire_qui_sert_encore_est_refuse_avec_l_endroit() -> None:
    apres = une_grille(sans_le_critere("PLU"))
    assert [critere.code for critere in criteres_retires(la_grille(), apres)] == ["PLU"]
    usages = {"PLU": ["2 ajustements dans l’appel m2a-2027"], "OBJ": ["rien à voir"]}
    assert fautes_des_retraits(la_grille(), apres, usages) == [
        Faute(
            "criteres.PLU",
            "le critère « Continuité » (PLU) est retiré mais sert encore : 2 ajustements dans l’appel m2a-2027",
            "critere_utilise",
        )
    ]
    assert fautes_des_retraits(la_grille(), apres, {}) == []


def test_une_ligne_que_le_contrat_n_a_pas_est_refusee() -> None:
    assert fautes_des_lignes(la_grille(), {"BOP147", "M2A", "MULHOUSE", "ILLZACH", "WITTENHEIM"}) == []
    assert [f.champ for f in fautes_des_lignes(la_grille(), {"BOP147", "M2A", "MULHOUSE", "ILLZACH"})] == [
        "lignes.4.code"
    ]


def test_les_criteres_d_un_contenu_se_lisent_sans_le_relire() -> None:
    assert "OBJ" in criteres_du_contenu(des_donnees())
    assert criteres_du_contenu({}) == frozenset()


# --- poids effectifs ------------------------------------------------------------------------------------------------


def test_les_poids_effectifs_ramenent_a_cent_ce_qui_reste() -> None:
    ligne = la_grille().lignes[0]
    assert poids_effectifs(ligne)["OBJ"] == 20
    restants = poids_effectifs(ligne, {"COU", "PLU"})
    assert "COU" not in restants
    assert sum(restants.values()) == 100
    assert restants["OBJ"] * 95 == 2000
    assert poids_effectifs(ligne, [code for code, _ in ligne.poids]) == {}
    assert criteres_sortables(la_grille()) == ("COU", "PLU")


# --- l'endroit d'une faute ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chemin", "lisible"),
    [
        ("", "la grille entière"),
        ("version", "numéro de version"),
        ("arrondi.decimales", "arrondi, décimales"),
        ("lignes.0.poids", "ligne « BOP 147 », poids"),
        ("lignes.0.poids.OBJ", "ligne « BOP 147 », poids de « OBJ »"),
        ("lignes.2.champ.si", "ligne « Mulhouse », ouverture de la ligne, condition"),
        ("lignes.9.poids", "ligne 9, poids"),
        ("lignes", "lignes"),
        (
            "criteres.2.baremes.0.paliers.1.si.tous.0",
            "critère « Public des quartiers prioritaires », barème BOP147, M2A, palier 2, condition",
        ),
        ("criteres.2.baremes.7", "critère « Public des quartiers prioritaires », barème 8"),
        ("criteres.2.baremes.0.paliers.8.taux", "critère « Public des quartiers prioritaires », barème BOP147, M2A, "
         "palier 9, part du poids"),
        ("criteres.2.baremes", "critère « Public des quartiers prioritaires »"),
        ("criteres.2.baremes.0.paliers", "critère « Public des quartiers prioritaires », barème BOP147, M2A"),
        ("sans_objet.0.critere", "cas sans objet « COU », critère"),
        ("mesures.fiches", "mesure « fiches »"),
        ("mesures.part_hors_lignes.numerateur", "mesure « part_hors_lignes », numérateur"),
        ("definitions.petite_structure.si", "définition « petite_structure », condition"),
        ("textes.contrat", "textes"),
    ],
)  # fmt: skip
def test_l_endroit_d_une_faute_se_lit_sans_numero_de_champ(chemin: str, lisible: str) -> None:
    assert endroit(des_donnees(), chemin) == lisible


def test_un_endroit_se_dit_meme_dans_des_donnees_fautives() -> None:
    assert endroit({"lignes": "rien"}, "lignes.0.poids") == "ligne 0, poids"
    assert endroit({"criteres": [{"code": "X", "baremes": [3]}]}, "criteres.0.baremes.0") == "critère « X », barème 1"
    assert endroit({"criteres": [{"baremes": []}]}, "criteres.0.source") == "critère « 0 », source"

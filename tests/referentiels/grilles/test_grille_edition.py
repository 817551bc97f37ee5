"""Changer une grille par formulaire, et la vie d'un brouillon : ce qui se lit, ce qui se refuse, à quel champ."""

from __future__ import annotations

import pytest

from app.noyau.erreurs import Faute
from app.referentiels.grilles.rules import grille_depuis_donnees, valider
from app.referentiels.grilles.rules.brouillon import (
    EtatBrouillon,
    fautes_de_la_version,
    raison_de_ne_pas_adopter,
    version_suivante,
)
from app.referentiels.grilles.rules.edition import (
    baremes_edites,
    champ_de_la_faute_de_poids,
    champ_de_la_faute_du_critere,
    critere_saisi,
    lire_critere,
    lire_poids,
    poids_saisis,
    somme_saisie,
)
from tests.referentiels.grilles.decor import Donnees, des_donnees, la_grille, rang_de

QPV, COU, DRC, OBJ = (rang_de(code) for code in ("QPV", "COU", "DRC", "OBJ"))


# --- poids ----------------------------------------------------------------------------------------------------------


def test_les_poids_tapes_tels_quels_ne_changent_rien() -> None:
    assert lire_poids(des_donnees(), poids_saisis(des_donnees())) == (des_donnees(), [])


def test_un_poids_tape_change_sa_case_et_rien_d_autre() -> None:
    donnees = des_donnees()
    neuves, fautes = lire_poids(donnees, {"poids.M2A.QPV": " 2 ", "poids.M2A.LAN": ""})
    assert fautes == []
    assert neuves["lignes"][1]["poids"] == {**donnees["lignes"][1]["poids"], "QPV": 2, "LAN": 0}
    assert donnees == des_donnees()


@pytest.mark.parametrize("texte", ["douze", "1,5", "-3", "101", "1000", "²"])
def test_un_poids_illisible_se_dit_a_sa_case(texte: str) -> None:
    _, fautes = lire_poids(des_donnees(), {"poids.M2A.QPV": texte})
    assert [(faute.champ, faute.message) for faute in fautes] == [
        ("poids.M2A.QPV", "Écrivez un nombre entier de 0 à 100.")
    ]
    assert somme_saisie("M2A", {"poids.M2A.QPV": texte}) is None


def test_la_somme_d_une_ligne_suit_ce_qui_est_tape() -> None:
    saisie = poids_saisis(des_donnees())
    assert somme_saisie("M2A", saisie) == 100
    assert somme_saisie("M2A", {**saisie, "poids.M2A.QPV": "13"}) == 101


def test_une_faute_de_poids_se_montre_a_la_case_ou_a_la_ligne() -> None:
    neuves, _ = lire_poids(des_donnees(), {"poids.M2A.QPV": "13"})
    (faute,) = valider(grille_depuis_donnees(neuves))
    assert champ_de_la_faute_de_poids(faute, neuves) == "poids.M2A"
    assert champ_de_la_faute_de_poids(Faute("lignes.0.poids.OBJ", "x"), neuves) == "poids.BOP147.OBJ"
    assert champ_de_la_faute_de_poids(Faute("criteres.0.baremes", "x"), neuves) == ""


# --- critère --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rang", range(12))
def test_un_critere_remontre_tel_quel_ne_change_pas(rang: int) -> None:
    saisie = critere_saisi(la_grille(), des_donnees(), rang)
    assert lire_critere(la_grille(), des_donnees(), rang, saisie) == (des_donnees(), [])


def test_les_seuils_se_tapent_dans_leur_unite() -> None:
    (bareme, *_) = baremes_edites(la_grille(), des_donnees(), QPV)
    seuil = bareme.paliers[0].seuils[0]
    assert (seuil.valeur, seuil.unite, seuil.nom) == ("60", "%", "b0.p0.s0")
    assert seuil.libelle == "part de bénéficiaires habitant un QPV, au moins"
    assert bareme.lignes == ("BOP 147", "m2A")
    assert bareme.paliers[-1].seuils == ()
    unites = {s.unite for b in baremes_edites(la_grille(), des_donnees(), COU) for p in b.paliers for s in p.seuils}
    assert "fois" in unites


def paliers(donnees: Donnees, rang: int) -> list[Donnees]:
    trouves: list[Donnees] = donnees["criteres"][rang]["baremes"][0]["paliers"]
    return trouves


@pytest.mark.parametrize(
    ("texte", "garde"),
    [("50", "1/2"), ("50 %", "1/2"), ("1/3", "1/3"), ("33,33", "3333/10000"), ("12,5", "1/8")],
)
def test_un_seuil_tape_se_lit_exactement(texte: str, garde: str) -> None:
    neuves, fautes = lire_critere(la_grille(), des_donnees(), QPV, {"b0.p0.s0": texte})
    assert fautes == []
    assert paliers(neuves, QPV)[0]["si"]["au_moins"]["valeur"] == garde
    grille = grille_depuis_donnees(neuves)
    saisie = critere_saisi(grille, neuves, QPV)
    assert lire_critere(grille, neuves, QPV, saisie) == (neuves, [])


def test_un_montant_nu_est_en_euros_et_un_tiers_reste_un_quotient() -> None:
    donnees = des_donnees()
    paliers(donnees, QPV)[0]["si"] = {
        "tous": [
            {"au_plus": {"de": "charges_total", "valeur": "1000000"}},
            {"un_de": [{"vrai": "calendrier"}, {"au_moins": {"de": "part_qpv", "valeur": "1/3"}}]},
            {"au_plus": {"de": "rapport_mediane", "valeur": "3/2"}},
        ]
    }
    grille = grille_depuis_donnees(donnees)
    assert [s.valeur for s in baremes_edites(grille, donnees, QPV)[0].paliers[0].seuils] == ["10000", "1/3", "1,5"]
    neuves, fautes = lire_critere(grille, donnees, QPV, {"b0.p0.s0": "3 000", "b0.p0.s2": "2 fois"})
    assert fautes == []
    si = paliers(neuves, QPV)[0]["si"]["tous"]
    assert [si[0]["au_plus"]["valeur"], si[2]["au_plus"]["valeur"]] == ["300000", "2"]


def test_tout_le_critere_se_change() -> None:
    neuves, fautes = lire_critere(
        la_grille(), des_donnees(), QPV,
        {
            "libelle": "Public", "source_texte": "Contrat", "source_endroit": "", "est_transversal": "oui",
            "b0.source_texte": "Délibération", "b0.source_endroit": "p. 2", "b0.p0.taux": "90", "b0.p0.motif": "Oui",
        },
    )  # fmt: skip
    assert fautes == []
    critere = neuves["criteres"][QPV]
    assert (critere["libelle"], critere["source"], critere["est_transversal"]) == (
        "Public", {"texte": "Contrat"}, True,
    )  # fmt: skip
    assert critere["baremes"][0]["source"] == {"texte": "Délibération", "endroit": "p. 2"}
    assert (paliers(neuves, QPV)[0]["taux"], paliers(neuves, QPV)[0]["motif"]) == (90, "Oui")
    assert grille_depuis_donnees(neuves).criteres[QPV].est_transversal


def test_ce_qui_ne_se_lit_pas_se_dit_a_son_champ() -> None:
    _, fautes = lire_critere(
        la_grille(), des_donnees(), QPV,
        {"libelle": " ", "b0.p0.taux": "", "b0.p0.motif": "", "b0.p0.s0": "beaucoup", "b0.p1.taux": "cent"},
    )  # fmt: skip
    assert {faute.champ for faute in fautes} == {"libelle", "b0.p0.taux", "b0.p0.motif", "b0.p0.s0", "b0.p1.taux"}


def test_une_faute_de_la_grille_se_montre_au_champ_du_critere() -> None:
    neuves, _ = lire_critere(la_grille(), des_donnees(), QPV, {"b0.p0.s0": "20", "b0.p1.taux": "100"})
    fautes = valider(grille_depuis_donnees(neuves))
    champs = {champ_de_la_faute_du_critere(faute, neuves, QPV) for faute in fautes}
    assert "b0.p1.s0" in champs, fautes

    def champ(chemin: str, rang: int = QPV) -> str:
        return champ_de_la_faute_du_critere(Faute(chemin, "x"), des_donnees(), rang)

    assert champ("criteres.2.baremes.0.paliers.1.motif") == "b0.p1.motif"
    assert champ("criteres.2.baremes.0.paliers.1.taux") == "b0.p1.taux"
    assert champ("criteres.2.baremes.0.paliers") == "b0.source_texte"
    assert champ("criteres.2.baremes") == ""
    assert champ("criteres.0.baremes.0.paliers.0.si", OBJ) == "b0.p0.taux"
    assert champ("criteres.3.baremes.0.paliers.0.si") == ""
    assert champ("sans_objet.0.critere", COU) == "est_transversal"
    assert champ("sans_objet.0.critere", QPV) == ""
    assert champ("lignes.0.poids") == ""


# --- brouillon ------------------------------------------------------------------------------------------------------


def test_un_numero_de_version_est_court_lisible_et_libre() -> None:
    assert fautes_de_la_version("2028.0", {"2027.0"}) == []
    assert [f.code for f in fautes_de_la_version("", ())] == ["version_absente"]
    assert [f.code for f in fautes_de_la_version("2028 bis", ())] == ["version_refusee"]
    assert [f.code for f in fautes_de_la_version("2" * 41, ())] == ["version_refusee"]
    assert [f.code for f in fautes_de_la_version("2027.0", {"2027.0"})] == ["version_prise"]


@pytest.mark.parametrize(
    ("origine", "prises", "proposee"),
    [("2027.0", (), "2027.1"), ("2027.0", ("2027.1",), "2027.2"), ("2027", (), "2027.1"), ("m2a.b", (), "m2a.b.1")],
)
def test_un_numero_libre_est_propose(origine: str, prises: tuple[str, ...], proposee: str) -> None:
    assert version_suivante(origine, prises) == proposee


def test_une_grille_s_adopte_changee_et_essayee_s_il_y_a_des_notes() -> None:
    adoptable = {"est_essayee": True, "a_des_notes": True, "change": True}
    assert raison_de_ne_pas_adopter(**adoptable) is None
    assert raison_de_ne_pas_adopter(**{**adoptable, "a_des_notes": False, "est_essayee": False}) is None
    assert "Essayez d’abord" in str(raison_de_ne_pas_adopter(**{**adoptable, "est_essayee": False}))
    assert "ne change rien" in str(raison_de_ne_pas_adopter(**{**adoptable, "change": False}))


def test_les_etats_d_un_brouillon_se_lisent() -> None:
    assert [etat.libelle for etat in EtatBrouillon] == ["En préparation", "Adoptée", "Abandonnée"]

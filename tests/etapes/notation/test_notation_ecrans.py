"""Les règles des écrans, sans base : sources, poids, répartition, coût, deux notes face à face."""

from __future__ import annotations

import dataclasses
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.etapes.contrat.rules.contenu import (
    FEUILLES_DE_ROUTE,
    GOUVERNANCE,
    Commune,
    ContenuContrat,
    Enjeu,
    Fiche,
    Ligne,
    Objectif,
    Operationnel,
    Version,
)
from app.etapes.notation.rules import Note, ajuster_en_taux, criteres_a_garder, noter, total_des_gardes
from app.etapes.notation.rules.cout import Pourquoi, dresser_axe, regles_de_cout, situer
from app.etapes.notation.rules.distribution import Compte, Verdict, histogramme, repartir
from app.etapes.notation.rules.face_a_face import comparer_deux
from app.etapes.notation.rules.note import EtatLigne
from app.etapes.notation.rules.passages import (
    Passage,
    Renvoi,
    lire_plage,
    ou_lire,
    passages_du_contrat,
    renvois,
)
from app.etapes.notation.rules.poids import (
    MARGE_MAX,
    Part,
    Parts,
    explorer,
    lire_poids,
    marges,
    parts_gardees,
    total_pondere,
)
from app.noyau.euros import Euros
from app.noyau.sources import CHOIX_DU_PROJET, Source
from app.referentiels.grilles.rules import CATALOGUE, Fait, Statut
from tests.etapes.notation.lecture_cas import des_faits, la_grille

CONTRAT = "Contrat de ville"


# --- sources ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "attendus"),
    [
        (Source(CONTRAT, "Partie 3 § 1.1, l. 1492"), [(CONTRAT, "Partie 3 § 1.1, l. 1492", "1492")]),
        (
            Source(CONTRAT, "Partie 3, l. 12-15 et 20 ; annexe 2.1, l. 30"),
            [(CONTRAT, "Partie 3, l. 12-15 et 20", "12-15"), ("", "annexe 2.1, l. 30", "30")],
        ),
        (Source(CONTRAT, "Partie 2"), [(CONTRAT, "Partie 2", "")]),
        (
            Source(CONTRAT, "introduction, l. 25 ; appel à initiatives m2A 2021"),
            [(CONTRAT, "introduction, l. 25", "25"), ("", "appel à initiatives m2A 2021", None)],
        ),
        (Source("choix du projet", "partie 3, l. 4"), [("choix du projet", "partie 3, l. 4", None)]),
        (CHOIX_DU_PROJET, [("", "choix du projet", None)]),
        (Source(CONTRAT), [("", CONTRAT, None)]),
    ],
)
def test_une_source_se_coupe_en_morceaux_qui_s_ouvrent(
    source: Source, attendus: list[tuple[str, str, str | None]]
) -> None:
    assert renvois(source) == tuple(Renvoi(*attendu) for attendu in attendus)


@pytest.mark.parametrize(
    ("texte", "plage"),
    [("1485-1492", (1485, 1492)), ("696", (696, 696)), ("9-1", None), ("", None), ("x", None), ("1-2-3", None)],
)
def test_une_plage_de_lignes(texte: str, plage: tuple[int, int] | None) -> None:
    assert lire_plage(texte) == plage


def test_on_mene_au_passage_le_plus_court_sinon_au_chapitre() -> None:
    passages = (
        Passage(10, 90, "/objectifs/E1", "#objectifs"),
        Passage(20, 30, "/objectifs/E1#E1.1", "#objectifs"),
        Passage(100, 190, "/objectifs/E2", "#objectifs"),
        Passage(195, 220, "/fiches/COTEAUX", "#quartiers"),
    )
    assert ou_lire((22, 25), passages) == "/objectifs/E1#E1.1"
    assert ou_lire((25, 40), passages) == "/objectifs/E1"
    assert ou_lire((50, 200), passages) == "#objectifs"
    assert ou_lire((900, 901), passages) == ""


def test_chaque_endroit_du_contrat_a_son_adresse() -> None:
    objectif = Objectif(
        "E1.1", "Cadre de vie", {"source": "10-40", "pistes": [{"source": "35"}, {}]},
        (Operationnel("E1.1.1", "Un", "12-14, 20", {}),),
    )  # fmt: skip
    fiche = Fiche(
        "COTEAUX", "Les Coteaux", Commune("68224", "Mulhouse"), "QN1",
        {"source": "100-120", "priorites": [{"rang": 2, "source": "110"}]},
    )  # fmt: skip
    ligne = Ligne(
        "M2A", "m2A", "Crédits", "epci", "valide", "délibération", None, None, {"priorites": [{"source": "200"}]}
    )
    contenu = ContenuContrat(
        code="c", intitule="C", epci_nom="E", epci_siren="1", debut=date(2024, 1, 1), fin=date(2030, 1, 1),
        version=Version("2024", "V", date(2024, 1, 1), None),
        enjeux=(Enjeu("E1", "strategique", "E", {}, (objectif,)),), quartiers=(), fiches=(fiche,), lignes=(ligne,),
        rubriques={
            FEUILLES_DE_ROUTE: {"elements": [{"code": "M2A", "source": "300-310"}]},
            GOUVERNANCE: {"instances": [{"code": "COPIL", "source": "400"}]},
        },
    )  # fmt: skip
    trouves = {(p.debut, p.fin): p.adresse for p in passages_du_contrat(contenu)}
    assert trouves == {
        (10, 40): "/objectifs/E1.1",
        (12, 14): "/objectifs/E1.1#E1.1.1",
        (20, 20): "/objectifs/E1.1#E1.1.1",
        (35, 35): "/objectifs/E1.1#pistes",
        (100, 120): "/fiches/COTEAUX",
        (110, 110): "/fiches/COTEAUX#priorite-2",
        (200, 200): "/gouvernance#ligne-M2A",
        (300, 310): "/gouvernance#feuille-M2A",
        (400, 400): "/gouvernance#instance-COPIL",
    }


# --- poids ------------------------------------------------------------------------------------------------------------


def une_note(**faits: Any) -> Note:
    note = noter(la_grille(), "M2A", des_faits().avec(**{c: Fait(v, Statut.VERIFIE) for c, v in faits.items()}))
    assert isinstance(note, Note)
    return note


def test_avec_ses_propres_poids_une_note_gardee_redonne_son_total() -> None:
    """Notée, ajustée, incomplète, avec un critère peut-être sans objet : le même total que la note."""
    incomplete = noter(la_grille(), "M2A", des_faits().sans("comparables", "participation_degre"))
    assert isinstance(incomplete, Note)
    for note in (une_note(), ajuster_en_taux(une_note(), [("LAN", 35, "Vu.", "c-1")]), incomplete):
        gardes = criteres_a_garder(note)
        poids = {critere["code"]: critere["poids"] for critere in gardes}
        assert total_pondere(parts_gardees(gardes), poids) == total_des_gardes(gardes) == (note.minimum, note.maximum)


def test_un_ajustement_garde_sa_part_du_poids_meme_un_tiers_de_point() -> None:
    gardes = [
        {"code": "A", "poids": 3, "taux": [0, 0], "ajustement": {"points": "1/3", "motif": "", "auteur": ""}},
        {"code": "B", "poids": 0, "taux": [0, 0], "ajustement": {"points": "0", "motif": "", "auteur": ""}},
        {"code": "C", "poids": 7, "taux": [50, 50]},
        {"code": "D", "poids": 7, "taux": [0, 0], "etat": "sans_objet"},
    ]
    parts = parts_gardees(gardes)
    assert [(p.code, p.bas) for p in parts] == [("A", Fraction(100, 9)), ("B", 0), ("C", 50)]
    assert total_pondere(parts, {"A": 9, "B": 0, "C": 1}) == (Fraction(15), Fraction(15))


def test_une_note_sans_aucun_poids_n_est_pas_zero() -> None:
    assert total_pondere((Part("A", 100, 100),), {"A": 0}) is None
    assert total_pondere((Part("A", 100, 100, peut_sortir=True),), {"A": 0}) is None
    assert total_pondere((), {}) is None


@given(
    st.lists(
        st.tuples(st.integers(0, 100), st.integers(0, 100), st.booleans(), st.integers(1, 30)), min_size=1, max_size=6
    )
)
def test_un_critere_incertain_donne_le_meme_intervalle_que_tous_les_cas(
    tires: list[tuple[int, int, bool, int]],
) -> None:
    gardes: list[dict[str, Any]] = [
        {"code": str(rang), "poids": poids, "taux": sorted((a, b)), **({"peut_sortir": True} if sort else {})}
        for rang, (a, b, sort, poids) in enumerate(tires)
    ]
    poids = {critere["code"]: critere["poids"] for critere in gardes}
    attendu = total_des_gardes(gardes)
    assert total_pondere(parts_gardees(gardes), poids) == attendu
    doubles = {code: 2 * valeur for code, valeur in poids.items()}
    assert total_pondere(parts_gardees(gardes), doubles) == attendu


NOTES: dict[str, Parts] = {
    "a": (Part("X", 100, 100), Part("Y", 0, 0)),
    "b": (Part("X", 0, 0), Part("Y", 100, 100)),
    "c": (Part("X", 50, 100), Part("Y", 50, 50)),
}


def test_explorer_dit_qui_change_de_rang_et_de_combien() -> None:
    effet = explorer(NOTES, {"X": 60, "Y": 40}, {"X": 30, "Y": 70}, ligne="M2A")
    vus = {p.dossier: (p.avant, p.rang_avant, p.apres, p.rang_apres, p.places) for p in effet.placements}
    assert vus == {
        "a": ((600, 600), 1, (300, 300), 3, -2),
        "b": ((400, 400), 3, (700, 700), 1, 2),
        "c": ((500, 800), 2, (500, 650), 2, 0),
    }
    assert [p.dossier for p in effet.placements][-1] == "c"
    assert explorer({}, {}, {}).placements == ()
    sans_poids = explorer({"a": (Part("X", 100, 100),)}, {"X": 1}, {"X": 0}).placements[0]
    assert (sans_poids.apres, sans_poids.rang_apres, sans_poids.places) == (None, None, 0)


def test_les_rangs_sont_ceux_des_notes_arrondies_demi_vers_le_haut() -> None:
    notes: dict[str, Parts] = {"a": (Part("X", 1, 1), Part("Y", 0, 0)), "b": (Part("X", 0, 0), Part("Y", 0, 0))}
    placements = {p.dossier: p for p in explorer(notes, {"X": 1, "Y": 19}, {"X": 1, "Y": 99}).placements}
    assert placements["a"].avant == (1, 1)  # 0,05 monte à 0,1
    assert (placements["a"].apres, placements["a"].rang_apres, placements["b"].rang_apres) == ((0, 0), 1, 1)


@pytest.mark.parametrize(
    ("saisie", "plus", "moins", "attendu"),
    [
        ({}, "", "", {"X": 60, "Y": 40}),
        ({"X": " 70 "}, "", "", {"X": 70, "Y": 40}),
        ({"X": "70"}, "X", "Y", {"X": 71, "Y": 39}),
        ({"X": "100", "Y": "0"}, "X", "Y", {"X": 100, "Y": 0}),
        ({}, "INCONNU", "", {"X": 60, "Y": 40}),
        ({"X": "00000"}, "", "", {"X": 0, "Y": 40}),
    ],
)
def test_les_poids_se_lisent(saisie: dict[str, str], plus: str, moins: str, attendu: dict[str, int]) -> None:
    assert lire_poids(saisie, {"X": 60, "Y": 40}, plus=plus, moins=moins) == (attendu, ())


@pytest.mark.parametrize("texte", ["", "-1", "101", "1.5", "٣", "dix", "99999999999"])
def test_un_poids_illisible_est_une_faute_de_son_champ(texte: str) -> None:
    lus, fautes = lire_poids({"X": texte}, {"X": 60, "Y": 40})
    assert lus == {"Y": 40}
    assert [(f.champ, f.code) for f in fautes] == [("X", "poids_refuse")]


def test_des_poids_tous_nuls_sont_refuses() -> None:
    assert [f.code for f in lire_poids({"X": "0"}, {"X": 60})[1]] == ["poids_nuls"]
    assert [f.champ for f in lire_poids({}, {})[1]] == [""]


def test_la_marge_d_un_poids_est_exacte() -> None:
    """« a » (60) devant « b » (40) : à égalité quand X perd 10 points et Y en gagne 20."""
    notes = [NOTES["a"], NOTES["b"]]
    en_x, en_y = marges(notes, {"X": 45, "Y": 40})
    assert (en_x.baisse, en_x.hausse, en_x.bute_en_bas, en_x.bute_en_haut) == (5, MARGE_MAX, False, True)
    assert (en_y.baisse, en_y.hausse, en_y.bute_en_bas, en_y.bute_en_haut) == (MARGE_MAX, 5, True, False)
    assert marges([], {"X": 3})[0].baisse == 3


def test_la_marge_surveille_qui_est_derriere_les_dix_premiers() -> None:
    tete: list[Parts] = [(Part("X", 100 - rang, 100), Part("Y", 50, 50)) for rang in range(10)]
    derriere: list[Parts] = [(Part("X", 80, 80), Part("Y", 70, 70))] * 3
    assert marges([*tete, *derriere], {"X": 20, "Y": 5})[1].hausse == 6  # à Y = 11, 91 et 80 font jeu égal
    assert marges(tete, {"X": 20, "Y": 5})[1].hausse == MARGE_MAX


def test_des_egaux_se_departagent_sans_que_ce_soit_un_changement() -> None:
    egaux: list[Parts] = [(Part("X", 100, 100), Part("Y", 0, 0)), (Part("X", 0, 0), Part("Y", 100, 100))]
    assert marges(egaux, {"X": 20, "Y": 20})[0].hausse == MARGE_MAX
    nombreux: list[Parts] = [(Part("X", 50, 50),)] * 12
    assert marges(nombreux, {"X": 20})[0].hausse == MARGE_MAX


def test_un_critere_incertain_ou_absent_se_repese() -> None:
    incertain: Parts = (Part("X", 40, 40, peut_sortir=True), Part("Y", 60, 60))
    absent: Parts = (Part("Y", 50, 50),)
    lues = marges([incertain, absent], {"X": 9, "Y": 10})  # à parts égales, 50 des deux côtés
    assert [(m.code, m.baisse, m.hausse) for m in lues] == [("X", 9, 1), ("Y", 1, MARGE_MAX)]
    seul: Parts = (Part("X", 40, 40, peut_sortir=True),)
    assert marges([seul, (Part("X", 10, 10),)], {"X": 5})[0].baisse == 5  # à zéro, plus rien ne pèse : égalité


# --- répartition ------------------------------------------------------------------------------------------------------


def test_l_histogramme_range_par_dizaines_et_cent_dans_la_derniere() -> None:
    tranches = histogramme([(7, 8, 3), (9, 10, 2), (10, 10, 1)])
    assert {t.libelle: (t.au_moins, t.au_plus) for t in tranches if t.au_moins or t.au_plus} == {
        "70 à 79,9": (3, 0),
        "80 à 89,9": (0, 3),
        "90 à 100": (3, 3),
    }
    assert len(histogramme([])) == 10


def test_un_critere_sature_departage_ou_ne_dit_rien() -> None:
    def comptes(code: str, *paliers: tuple[int, int]) -> list[Compte]:
        return [Compte(code, 10, taux, taux, EtatLigne.NOTE, nombre) for taux, nombre in paliers]

    tous = [
        *comptes("B", (100, 8), (0, 2)),
        *comptes("A", (100, 5), (0, 5)),
        *comptes("C", (100, 5), (75, 5)),
        Compte("D", 10, 0, 100, EtatLigne.MANQUANT, 4),
        Compte("D", 12, 0, 0, EtatLigne.SANS_OBJET, 5),
        *comptes("E", (50, 1)),
    ]
    lus = {r.code: r for r in repartir(tous, ["C", "B"])}
    assert list(lus) == ["C", "B", "A", "D", "E"]
    assert {code: r.verdict for code, r in lus.items()} == {
        "A": Verdict.DEPARTAGE, "B": Verdict.SATURE, "C": Verdict.ENTRE_DEUX, "D": Verdict.VIDE, "E": Verdict.VIDE,
    }  # fmt: skip
    assert lus["A"].ecart_moyen == Fraction(50, 9)  # 25 paires sur 45 s'écartent de dix points
    assert (lus["B"].frequent, lus["B"].notes, lus["B"].entre(50, 100)) == ((100, Fraction(4, 5)), 10, 8)
    assert (lus["D"].poids, lus["D"].indecis, lus["D"].sans_objet, lus["D"].frequent) == (12, 4, 5, None)


# --- coût -------------------------------------------------------------------------------------------------------------


def test_les_regles_de_cout_viennent_de_la_grille() -> None:
    grille = la_grille()
    regles = regles_de_cout(grille, "M2A")
    assert regles is not None
    assert regles.seuils == (Fraction(3, 2), Fraction(3))
    assert (regles.comparables, regles.plancher) == (8, 300_000)
    assert regles_de_cout(grille, "AILLEURS") is None
    sans = dataclasses.replace(grille, sans_objet=())
    nues = regles_de_cout(sans, "M2A")
    assert nues is not None
    assert (nues.comparables, nues.plancher) == (0, 0)


def _situer(**changes: Any) -> tuple[Pourquoi | None, Fraction | None]:
    valeurs = {
        "type_action": "sport", "charges_total": Euros.de(6_000), "beneficiaires": 60,
        "comparables": 9, "mediane_cout": Fraction(5_000), **changes,
    }  # fmt: skip
    faits = des_faits().sans(*(c for c, v in valeurs.items() if v is None))
    faits = faits.avec(**{c: Fait(v, Statut.VERIFIE) for c, v in valeurs.items() if v is not None})
    situation = situer(faits, regles_de_cout(la_grille(), "M2A"))
    return situation.pourquoi, situation.rapport


def test_ce_qui_empeche_de_comparer_a_un_nom() -> None:
    assert _situer() == (None, Fraction(2))
    assert _situer(type_action=None)[0] is Pourquoi.TYPE_INCONNU
    assert _situer(beneficiaires=0) == (Pourquoi.COUT_INCONNU, None)
    assert _situer(charges_total=None)[0] is Pourquoi.COUT_INCONNU
    assert _situer(charges_total=Euros(299_999))[0] is Pourquoi.PETIT_BUDGET
    assert _situer(charges_total=Euros(300_000))[0] is None
    assert _situer(comparables=None, mediane_cout=None) == (Pourquoi.RECEVABILITE_OUVERTE, None)
    assert _situer(comparables=7)[0] is Pourquoi.TROP_PEU
    assert situer(des_faits(), None).pourquoi is Pourquoi.SANS_CRITERE


def test_l_axe_va_a_quatre_medianes_et_dit_qui_en_sort() -> None:
    axe = dresser_axe(Fraction(100), Fraction(100), [Fraction(c) for c in (0, 50, 50, 400, 401)])
    assert (axe.haut, axe.dossier, axe.sort) == (Fraction(400), Fraction(1, 4), False)
    assert (axe.au_dela, axe.plus_haute) == (1, 2)
    assert axe.colonnes == ((Fraction(0), 1), (Fraction(12, 100), 2), (Fraction(99, 100), 1))
    loin = dresser_axe(Fraction(1000), Fraction(100), [])
    assert (loin.haut, loin.dossier, loin.sort) == (Fraction(400), Fraction(1), True)
    assert dresser_axe(Fraction(0), Fraction(0), []).plus_haute == 1


# --- deux notes -------------------------------------------------------------------------------------------------------


def test_deux_notes_se_comparent_critere_par_critere() -> None:
    a, b = une_note(part_qpv=Fraction(9, 10)), une_note(part_qpv=Fraction(1, 10))
    faces = {critere.code: critere for critere in comparer_deux(a, b)}
    assert list(faces) == [ligne.code for ligne in a.lignes]
    qpv = faces["QPV"]
    assert [fait.code for fait in qpv.differents] == ["part_qpv"]
    assert qpv.ecart == qpv.a.points * 100 / a.points_possibles if qpv.a is not None and qpv.a.points else False
    assert faces["OBJ"].differents == ()
    assert faces["OBJ"].ecart == 0


def test_un_critere_d_une_seule_note_et_un_fait_manquant_se_disent() -> None:
    a = une_note()
    b = dataclasses.replace(a, lignes=a.lignes[1:])
    premier = comparer_deux(a, b)[0]
    assert (premier.b, premier.ecart, premier.libelle) == (None, None, a.lignes[0].libelle)
    assert all(fait.b is None and fait.differe for fait in premier.faits if fait.a is not None)
    dernier = comparer_deux(b, a)[-1]
    assert (dernier.a, dernier.libelle) == (None, a.lignes[0].libelle)


def test_une_meme_valeur_declaree_puis_verifiee_ne_differe_pas() -> None:
    faits = des_faits()
    code = next(c for c in faits.faits if c in CATALOGUE)
    declaree = faits.avec(**{code: Fait(faits.faits[code].valeur, Statut.DECLARE)})
    notes = [noter(la_grille(), "M2A", lus) for lus in (faits, declaree)]
    assert all(isinstance(note, Note) for note in notes)
    assert not any(c.differents for c in comparer_deux(*notes))  # type: ignore[arg-type]

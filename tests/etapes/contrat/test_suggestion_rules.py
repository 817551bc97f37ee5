"""Proposer des objectifs : découper, chercher les termes, lire le modèle, citer le contrat, classer, dire pourquoi."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.etapes.contrat.rules.contenu import SUGGESTIONS, ContenuContrat
from app.etapes.contrat.rules.suggestions import LONGUEUR_MAXIMUM, NOMBRE_MAXIMUM
from app.etapes.contrat.rules.suggestions import modele as rules_modele
from app.etapes.contrat.rules.suggestions.classement import (
    LU_PAR_LE_MODELE,
    OPERATIONNELS,
    PRIORITES,
    Conseiller,
    Genre,
    ObjectifPropose,
    preparer,
    suggerer,
)
from app.etapes.contrat.rules.suggestions.lexique import Lexique, Niveau, indexer, lire_terme
from app.etapes.contrat.rules.suggestions.modele import Modele
from app.etapes.contrat.rules.suggestions.mots import _raciniseur, mots, racine, traits, utiles
from app.etapes.contrat.service.suggestions import modele
from seeds.chargement import CONTRATS, chargement_de
from seeds.contrat import lire_contrat

# Des phrases de porteurs, inventées : chaque objectif du contrat a les siennes.
NATURELS = [
    ("E1.1", "Jardin partagé et compost en pied d’immeuble"),
    ("E1.1", "Nettoyage citoyen et propreté des espaces publics"),
    ("E1.2", "Fête des voisins et repas partagé pour rompre l’isolement"),
    ("E1.2", "Des rencontres entre générations pour créer du lien entre voisins"),
    ("E1.2", "Nouvel an solidaire : un bal populaire ouvert à tous les habitants"),
    ("E1.3", "Prévention de la délinquance : médiation de nuit et présence en pied d’immeuble"),
    ("E1.3", "Tranquillité publique : lutter contre les incivilités et les rodéos"),
    ("E1.4", "Vélo-école pour les femmes du quartier"),
    ("E1.4", "Auto-école solidaire vers l’emploi"),
    ("E2.1", "Petits déjeuners équilibrés et éducation à la santé"),
    ("E2.1", "Initiation à la boxe pour les filles"),
    ("E2.2", "Accompagner les demandeurs d’emploi vers les entreprises"),
    ("E2.2", "Atelier chantier d’insertion en couture"),
    ("E2.3", "CLAS : aide aux devoirs et soutien à la parentalité"),
    ("E2.3", "Café des parents à l’école maternelle"),
    ("E2.4", "Sorties culturelles et vacances en famille"),
    ("E2.4", "Permanences d’accès aux droits et aide aux démarches numériques"),
    ("T.1", "Égalité femmes-hommes : lutter contre les stéréotypes à l’école"),
    ("T.1", "Prévenir les violences faites aux femmes"),
    ("T.1", "Groupe de parole pour l’émancipation des femmes et le droit des femmes"),
    ("T.2", "Ateliers sociolinguistiques pour primo-arrivants"),
    ("T.2", "COURS DE FLE ET D''ALPHABETISATION"),
    ("C.1", "Fonds de participation des habitants"),
    ("C.1", "Conseil citoyen : budget participatif du quartier"),
    ("C.2", "Formation des bénévoles et soutien à la vie associative"),
    ("C.2", "Mise en réseau et coordination des acteurs du quartier"),
]
RIEN = [
    "",
    "   ",
    "...",
    "2027",
    "asdf qsdfgh",
    "Projet 2027 du quartier",
    "Bonjour",
    "的事情",
    "Contrat de ville, action n° 3",
]


def contenu_de(code: str) -> ContenuContrat:
    return chargement_de(lire_contrat(CONTRATS / code)).contenu


@pytest.fixture(scope="module")
def m2a() -> ContenuContrat:
    return contenu_de("m2a-2024-2030")


@pytest.fixture(scope="module")
def conseiller(m2a: ContenuContrat) -> Conseiller:
    return preparer(m2a, modele())


@pytest.fixture(scope="module")
def colmar() -> Conseiller:
    return preparer(contenu_de("colmar-exemple"), modele())


def codes(conseiller: Conseiller, texte: str, nombre: int = 3) -> list[str]:
    return [objectif.code for objectif in suggerer(conseiller, texte, nombre).objectifs]


def premier(conseiller: Conseiller, texte: str) -> ObjectifPropose:
    return suggerer(conseiller, texte, 1).objectifs[0]


def motif(objectif: Any, genre: Genre) -> Any:
    return next(m for m in objectif.motifs if m.genre is genre)


# --- découper -------------------------------------------------------------------------------------------------------


def test_un_mot_se_plie_et_garde_sa_place() -> None:
    texte = "L''Écœurant ÉTÉ 2027"
    assert [mot.plie for mot in mots(texte)] == ["l", "ecoeurant", "ete", "2027"]
    assert [texte[mot.debut : mot.fin] for mot in mots(texte)][1:3] == ["Écœurant", "ÉTÉ"]


def test_les_mots_de_tous_les_dossiers_ne_disent_rien() -> None:
    assert [mot.plie for mot in utiles(mots("Projet 2027 du quartier : les jardins"))] == ["jardins"]


def test_un_nombre_n_a_qu_une_racine() -> None:
    assert racine("2027") == racine("3") != racine("trois")
    assert racine("jardins") == racine("jardin")


def test_les_traits_sont_des_racines_des_couples_et_des_bouts_de_mots() -> None:
    comptes = traits("des jardins, le jardin")
    assert (comptes["w:jardin"], comptes["b:jardin_jardin"], comptes["c: ja"]) == (2, 1, 2)
    assert not any(trait.startswith("c: 2") for trait in traits("2027"))


# --- le lexique -----------------------------------------------------------------------------------------------------


def lexique(*termes: tuple[str, Niveau, str]) -> Lexique:
    return indexer(lire_terme(*terme) for terme in termes)


@pytest.mark.parametrize(
    ("ecrit", "texte", "trouve"),
    [
        ("jardins partagés", "Un JARDIN PARTAGÉ pour tous", "JARDIN PARTAGÉ"),
        ("mobil*", "les mobilités douces", "mobilités"),
        ("mobil*", "immobile", None),
        ("auto ecole", "L’auto-école sociale", "auto-école"),
        ("auto ecole", "une auto", None),
        ("fle", "fleurir", None),
        ("droit d'asile", "le droit d''asile", "droit d''asile"),
    ],
)
def test_un_terme_se_trouve_quelle_que_soit_la_graphie(ecrit: str, texte: str, trouve: str | None) -> None:
    places = lexique(("A", Niveau.FORT, ecrit)).chercher(mots(texte))
    assert [texte[place.debut : place.fin] for place in places] == ([trouve] if trouve else [])


SPORT = (
    *(("A", Niveau.NET, "sport*"), ("A", Niveau.DEDIE, "club sportif")),
    *(("B", Niveau.INDICE, "club"), ("A", Niveau.FORT, "yoga")),
)


def test_un_mot_ne_compte_qu_une_fois_par_objectif_et_le_terme_le_plus_fort_gagne() -> None:
    trouves = lexique(*SPORT).chercher(mots("Un club sportif, du yoga"))
    assert [(t.terme.objectif, t.terme.niveau) for t in trouves] == [
        ("A", Niveau.DEDIE), ("A", Niveau.FORT), ("B", Niveau.INDICE),
    ]  # fmt: skip


# --- le modèle ------------------------------------------------------------------------------------------------------


def petit_modele() -> Modele:
    pas, poids = rules_modele.quantifier([[2.0, -2.0], [-1.0, 1.0]])
    return Modele(
        ("1111", "2222"), ("Un", "Deux"), (0.5, 0.5), (0.0, 0.0), pas, {"w:jardin": 0, "c: em": 1}, (1.0, 2.0), poids
    )


def test_le_modele_s_ecrit_et_se_relit_a_l_identique() -> None:
    relu = rules_modele.lire(rules_modele.ecrire(petit_modele()))
    assert relu.probabilites("jardins et emploi") == petit_modele().probabilites("jardins et emploi")
    assert rules_modele.ecrire(relu) == rules_modele.ecrire(petit_modele())


def test_le_modele_penche_vers_le_code_de_ses_mots() -> None:
    un, deux = petit_modele().probabilites("un jardin")
    assert un > 0.9
    assert un + deux == pytest.approx(1)
    assert petit_modele().probabilites("rien de connu") == (0.5, 0.5)


def test_le_poids_d_un_mot_inconnu_est_nul() -> None:
    assert petit_modele().poids_de("w:inconnu", "1111") == 0
    assert petit_modele().poids_de("w:jardin", "1111") == pytest.approx(2)
    assert petit_modele().connait("jardins")
    assert not petit_modele().connait("vélo")


# --- proposer -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("attendu", "texte"), NATURELS)
def test_une_phrase_de_porteur_trouve_son_objectif(conseiller: Conseiller, attendu: str, texte: str) -> None:
    assert codes(conseiller, texte)[0] == attendu


def test_chaque_objectif_du_contrat_est_atteignable(m2a: ContenuContrat) -> None:
    assert {code for code, _ in NATURELS} == {objectif.code for objectif in m2a.objectifs}


@pytest.mark.parametrize("texte", RIEN)
def test_un_texte_qui_ne_dit_rien_ne_recoit_rien(conseiller: Conseiller, colmar: Conseiller, texte: str) -> None:
    for un in (conseiller, colmar):
        assert suggerer(un, texte).objectifs == ()
        assert suggerer(un, texte).priorites == ()


def test_chaque_proposition_dit_pourquoi(conseiller: Conseiller) -> None:
    texte = "Ateliers sociolinguistiques et alphabétisation au Drouot"
    propose = premier(conseiller, texte)
    assert propose.code == "T.2"
    assert motif(propose, Genre.TERMES).mots == ("sociolinguistiques", "alphabétisation")
    passage = motif(propose, Genre.PASSAGE)
    assert "sociolinguistiques" in passage.passage
    assert passage.source == "700-704"
    assert "savoirs socio linguistiques" in motif(propose, Genre.TITRES).texte
    for objectif in suggerer(conseiller, texte, NOMBRE_MAXIMUM).objectifs:
        assert objectif.motifs
        for un in objectif.motifs:
            assert un.mots
            assert all(mot in texte for mot in un.mots)


def test_un_passage_cite_vient_du_contrat_a_ses_lignes(conseiller: Conseiller, m2a: ContenuContrat) -> None:
    textes = {repr(objectif).replace("\\'", "'") for objectif in m2a.objectifs}
    propose = premier(conseiller, "Ateliers mobilité : découverte des transports de la ville")
    assert propose.code == "E1.4"
    assert any(motif(propose, Genre.PASSAGE).passage in texte for texte in textes)


def test_les_objectifs_operationnels_sont_ceux_de_l_objectif(conseiller: Conseiller) -> None:
    propose = premier(conseiller, "Renforcer la mobilité des femmes isolées à vélo et l’accès aux transports")
    assert propose.operationnels[0].code == "E1.4.4"
    assert len(propose.operationnels) <= OPERATIONNELS
    assert all(o.code.startswith("E1.4.") and o.motifs[0].mots and o.motifs[0].passage for o in propose.operationnels)


def test_les_priorites_parlent_de_l_objectif_ou_emploient_les_mots(conseiller: Conseiller) -> None:
    proposees = suggerer(conseiller, "Ateliers sociolinguistiques pour les mères", fiches=["DROUOT"]).priorites
    assert {p.fiche for p in proposees} == {"DROUOT"}
    assert proposees[0].rang == 2
    assert proposees[0].objectifs[0] == "T.2"
    assert "apprentissage du français" in proposees[0].motifs[0].mots
    toutes = suggerer(conseiller, "Jardins partagés, alimentation saine et parentalité").priorites
    assert 0 < len(toutes) <= PRIORITES
    assert any(m.genre is Genre.PASSAGE and m.passage and m.source for p in toutes for m in p.motifs)


def test_une_fiche_inconnue_ne_donne_aucune_priorite(conseiller: Conseiller) -> None:
    assert suggerer(conseiller, "Jardins partagés", fiches=["INCONNUE"]).priorites == ()


def test_le_nombre_borne_les_propositions(conseiller: Conseiller) -> None:
    texte = "Sport, santé et soutien à la parentalité"
    assert [len(codes(conseiller, texte, n)) for n in (1, 3)] == [1, 3]
    assert codes(conseiller, texte, NOMBRE_MAXIMUM)[:3] == codes(conseiller, texte)


def test_le_modele_lit_le_debut_et_les_termes_partout(conseiller: Conseiller) -> None:
    neutre = "Rendez-vous chaque semaine. " * 30
    assert len(neutre) > LU_PAR_LE_MODELE
    trouves = suggerer(conseiller, f"{neutre}Cours de français et alphabétisation").objectifs
    assert "T.2" in [objectif.code for objectif in trouves]
    tard = " " * LONGUEUR_MAXIMUM + "alphabétisation"
    assert suggerer(conseiller, tard).objectifs == ()


def test_le_code_national_suffit_a_un_contrat_sans_terme(colmar: Conseiller) -> None:
    propose = premier(colmar, "Parrainage de jeunes vers l’emploi avec les entreprises")
    assert propose.code == "E2.1"
    assert "entreprises" in motif(propose, Genre.PASSAGE).mots
    assert motif(propose, Genre.TITRES).mots
    assert codes(colmar, "Jardinage en pied d’immeuble")[0] == "E1.1"


def test_le_texte_du_contrat_suffit_sans_termes_ni_codes() -> None:
    contenu = contenu_de("colmar-exemple")
    nu = replace(contenu, rubriques={nom: r for nom, r in contenu.rubriques.items() if nom != SUGGESTIONS})
    propose = premier(preparer(nu, modele()), "Un forum des stages pour les jeunes")
    assert propose.code == "E2.1"
    assert {m.genre for m in propose.motifs} == {Genre.PASSAGE}
    assert propose.operationnels[0].code == "E2.1.1"


def test_un_code_que_le_modele_ne_connait_pas_ne_compte_pas() -> None:
    contenu = contenu_de("colmar-exemple")
    inconnu = {"code": "E2.1", "source": "25-28", "codes_p147": {"fort": ["9999"], "partiel": [], "ambigu": []}}
    elements = [{**inconnu, "termes": {niveau.value: [] for niveau in Niveau}}]
    seul = preparer(replace(contenu, rubriques={SUGGESTIONS: {"objectifs": elements}}), modele())
    assert {m.genre for m in premier(seul, "Un forum des stages").motifs} == {Genre.PASSAGE}


def test_une_priorite_sans_objectif_reconnu_revient_au_premier_propose(colmar: Conseiller) -> None:
    trouvees = suggerer(colmar, "Un jardin pour les voisins et des stages")
    assert trouvees.priorites
    assert all(p.objectifs == (trouvees.objectifs[0].code,) for p in trouvees.priorites)


def test_le_meme_texte_donne_la_meme_reponse(m2a: ContenuContrat, conseiller: Conseiller) -> None:
    autre = preparer(m2a, rules_modele.lire(rules_modele.ecrire(modele())))
    for _, texte in NATURELS:
        assert suggerer(conseiller, texte) == suggerer(conseiller, texte) == suggerer(autre, texte)


@given(st.text(max_size=300))
def test_aucun_texte_ne_fait_tomber_le_conseil(texte: str) -> None:
    trouvees = suggerer(preparer_une_fois(), texte)
    assert len(trouvees.objectifs) <= 3
    assert all(objectif.motifs for objectif in trouvees.objectifs)


_GARDE: list[Conseiller] = []


def preparer_une_fois() -> Conseiller:
    if not _GARDE:
        _GARDE.append(preparer(contenu_de("colmar-exemple"), modele()))
    return _GARDE[0]


def test_le_raciniseur_ne_se_lit_qu_une_fois() -> None:
    _raciniseur.cache_clear()  # un autre essai du même processus a pu le lire avant
    racine.cache_clear()
    assert racine("jardins") == racine("jardin")
    assert _raciniseur() is _raciniseur()

"""Chercher, relier, dire : les règles pures du contrat."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.etapes.contrat.rules import liens
from app.etapes.contrat.rules.contenu import Chargement, Commune, ContenuContrat, Objectif, empreinte, par_nom
from app.etapes.contrat.rules.disparus import Disparu, disparus, phrase, sous_actions
from app.etapes.contrat.rules.fige import Etat, codes_cites, figer, relire
from app.etapes.contrat.rules.recherche import (
    PROCHES,
    RESULTATS,
    Document,
    Genre,
    chercher,
    documents,
    plier,
    surligner,
    termes,
)
from app.etapes.contrat.rules.textes import Bloc, blocs, dire_sources, dire_valeur, typographier
from seeds.chargement import CONTRATS, chargement_de
from seeds.contrat import lire_contrat


@pytest.fixture(scope="module")
def m2a() -> Chargement:
    return chargement_de(lire_contrat(CONTRATS / "m2a-2024-2030"))


@pytest.fixture(scope="module")
def contenu(m2a: Chargement) -> ContenuContrat:
    return m2a.contenu


@pytest.fixture(scope="module")
def index(contenu: ContenuContrat) -> tuple[Document, ...]:
    return documents(contenu)


def trouves(index: tuple[Document, ...], question: str) -> list[str]:
    return [resultat.document.ancre or resultat.document.code for resultat in chercher(index, question)]


def marques(index: tuple[Document, ...], question: str) -> set[str]:
    return {
        morceau.texte
        for resultat in chercher(index, question)
        for suite in (resultat.titre, *resultat.extraits)
        for morceau in suite
        if morceau.trouve
    }


# --- chercher -------------------------------------------------------------------------------------------------------


def test_les_accents_la_casse_et_le_pluriel_ne_comptent_pas(index: tuple[Document, ...]) -> None:
    attendus = trouves(index, "vélo")
    assert "E1.4.4" in attendus
    for graphie in ("velo", "VÉLO", "Vélos", "ve\u0301lo"):
        assert trouves(index, graphie) == attendus


def test_une_ligature_se_cherche_avec_deux_lettres(index: tuple[Document, ...]) -> None:
    assert trouves(index, "oeuvre") == trouves(index, "œuvre") != []
    assert plier("Œuvre d’été, ÆGIDE") == "oeuvre d’ete, aegide"


def test_un_mot_court_se_trouve_entier(index: tuple[Document, ...]) -> None:
    assert marques(index, "age") <= {"âge", "âges", "Âge", "Âges"}
    assert "âge" in marques(index, "age")


def test_un_mot_se_trouve_par_son_debut(index: tuple[Document, ...]) -> None:
    assert {"jardin", "jardins"} <= {mot.lower() for mot in marques(index, "jardin")}


def test_un_code_mene_a_son_objectif(index: tuple[Document, ...]) -> None:
    assert chercher(index, "Drouot")[0].document.code == "DROUOT"


def test_la_priorite_d_un_quartier_se_trouve_et_mene_a_sa_place(index: tuple[Document, ...]) -> None:
    resultat = chercher(index, "développement de la parentalité")[0]
    assert (resultat.document.genre, resultat.document.code, resultat.document.ancre) == (
        Genre.PRIORITE,
        "DROUOT",
        "priorite-3",
    )
    assert resultat.document.parent == "Drouot (Mulhouse)"
    assert resultat.document.source == "1167-1169"


def test_tous_les_mots_d_abord_puis_ceux_qui_s_en_approchent(index: tuple[Document, ...]) -> None:
    resultats = chercher(index, "emploi des jeunes")
    manques = [len(resultat.manquants) for resultat in resultats]
    assert manques == sorted(manques)
    assert manques[0] == 0
    assert sum(1 for manque in manques if manque) == PROCHES
    assert resultats[0].document.code == "E2.2"


def test_la_moitie_des_mots_au_moins(index: tuple[Document, ...]) -> None:
    for resultat in chercher(index, "atelier cuisine parents quartier école"):
        assert len(resultat.manquants) <= 2


def test_une_phrase_de_mots_outils_se_cherche_quand_meme(index: tuple[Document, ...]) -> None:
    assert termes("avec vous") == ("avec", "vou")
    assert termes("Le jardin des jardins, et les écoles") == ("jardin", "ecole")
    assert len(chercher(index, "la")) == RESULTATS


@pytest.mark.parametrize("question", ["", "   ", "?!", "zzzz"])
def test_une_question_sans_reponse_ne_rend_rien(index: tuple[Document, ...], question: str) -> None:
    assert chercher(index, question) == ()


def test_l_extrait_se_coupe_entre_deux_mots(index: tuple[Document, ...]) -> None:
    for resultat in chercher(index, "rencontres"):
        for extrait in resultat.extraits:
            texte = "".join(morceau.texte for morceau in extrait)
            entier = texte.removeprefix("… ").removesuffix(" …")
            assert any(entier in original.replace("\n", " ") for original in resultat.document.textes)
            assert len(texte) < 260


@pytest.mark.parametrize(
    ("texte", "extrait"),
    [
        (f"{'a' * 300} cible {'a' * 300}", "… cible …"),
        (f"{'a' * 300}-cible-{'a' * 300}", f"… cible-{'a' * 89} …"),
        ("cible", "cible"),
    ],
)
def test_un_mot_sans_fin_se_coupe(texte: str, extrait: str) -> None:
    document = Document(Genre.FICHE, "X", "", "Titre", "", (texte,), "1", ("titre",), ("cible",))
    (resultat,) = chercher((document,), "cible")
    assert "".join(morceau.texte for morceau in resultat.extraits[0]) == extrait


@given(st.text(max_size=80), st.text(max_size=30))
def test_surligner_ne_change_pas_le_texte(texte: str, question: str) -> None:
    assert "".join(morceau.texte for morceau in surligner(texte, termes(question))) == texte


# --- relier ---------------------------------------------------------------------------------------------------------


def test_ce_que_chaque_ligne_dit_d_un_objectif(contenu: ContenuContrat) -> None:
    dites = {dite.ligne.code: dite.priorites for dite in liens.priorites_des_lignes(contenu, "E1.1")}
    assert list(dites) == ["BOP147", "M2A", "MULHOUSE", "ILLZACH", "WITTENHEIM"]
    assert [(p.rang, p.seulement) for p in dites["M2A"]] == [(2, ("E1.1.5", "E1.1.6", "E1.1.2.1")), (3, ())]
    assert [(p.rang, p.intitule) for p in dites["MULHOUSE"]] == [(1, "Bien Vivre Ensemble")]
    tranquillite = {dite.ligne.code: dite.priorites for dite in liens.priorites_des_lignes(contenu, "E1.3")}
    assert tranquillite["MULHOUSE"] == ()


def test_une_priorite_sous_condition_le_dit(contenu: ContenuContrat) -> None:
    m2a = next(d for d in liens.priorites_des_lignes(contenu, "T.2") if d.ligne.code == "M2A")
    assert [(p.rang, bool(p.condition)) for p in m2a.priorites] == [(2, True), (3, False)]


def test_un_code_ne_descend_que_de_ses_prefixes_entiers() -> None:
    assert liens.descend_de("E2.2", "E2.2")
    assert liens.descend_de("E2.2.1", "E2.2")
    assert not liens.descend_de("E2.20", "E2.2")
    assert not liens.descend_de("E2", "E2.2")


def test_ce_sur_quoi_s_appuyer(contenu: ContenuContrat) -> None:
    assert {f.code for f, _ in liens.priorites_de_quartier(contenu, "E2.1")} == {"BRUSTLEIN", "COTEAUX", "D8"}
    assert {d["code"] for d in liens.dispositifs_de_l_etat(contenu, "E1.1")} == {"ETAT-CAD-1", "ETAT-CAD-2"}
    assert all("E1.1" in e["objectifs"] for _, e in liens.engagements(contenu, "E1.1"))
    assert {a.collectivite for a in liens.axes(contenu, "E1.1")} >= {"m2A", "Mulhouse"}


def test_un_contrat_sans_rubrique_n_a_pas_d_appui(contenu: ContenuContrat) -> None:
    nu = replace(contenu, rubriques={})
    assert liens.dispositifs_de_l_etat(nu, "E1.1") == ()
    assert liens.engagements(nu, "E1.1") == ()
    assert liens.axes(nu, "E1.1") == ()


def test_les_communes_et_les_projets_d_un_quartier(contenu: ContenuContrat) -> None:
    assert [c.nom for c in contenu.communes] == ["Illzach", "Mulhouse", "Wittenheim"]
    fiches = [contenu.fiches_de(quartier.code) for quartier in contenu.quartiers]
    assert sum(map(len, fiches)) == len(contenu.fiches) == 9
    assert all(f.quartier == q.code for q, siennes in zip(contenu.quartiers, fiches, strict=True) for f in siennes)
    assert contenu.fiches_de("QN00000X") == ()


def test_les_voisins_suivent_l_ordre_du_document(contenu: ContenuContrat) -> None:
    def codes(paire: tuple[Objectif | None, Objectif | None]) -> tuple[str, ...]:
        return tuple(objectif.code if objectif else "" for objectif in paire)

    assert codes(liens.voisins(contenu, "E1.1")) == ("", "E1.2")
    assert codes(liens.voisins(contenu, "E2.1")) == ("E1.4", "E2.2")
    assert codes(liens.voisins(contenu, "C.2")) == ("C.1", "")


# --- dire -----------------------------------------------------------------------------------------------------------


def test_les_puces_qui_se_suivent_font_une_liste() -> None:
    texte = "Un paragraphe.\n\n- une puce\n\n- une autre\nSuite.\n- seule"
    assert blocs(texte) == (
        Bloc(texte="Un paragraphe."),
        Bloc(puces=("une puce", "une autre")),
        Bloc(texte="Suite."),
        Bloc(puces=("seule",)),
    )
    assert blocs(None) == ()


@pytest.mark.parametrize(
    ("sources", "phrase_attendue"),
    [
        (["12"], "contrat, l. 12"),
        (["1207", "1207-1208", "1208", "1219"], "contrat, l. 1207-1208, 1219"),
        (["15-20, 3", "21"], "contrat, l. 3, 15-21"),
        (["10-30", "12"], "contrat, l. 10-30"),
    ],
)
def test_des_sources_se_reunissent(sources: list[str], phrase_attendue: str) -> None:
    assert dire_sources(sources) == phrase_attendue


def mesure(**valeurs: Any) -> dict[str, Any]:
    return {"valeur": None, "mini": None, "maxi": None, "est_approchee": False, "unite": "%"} | valeurs


@pytest.mark.parametrize(
    ("donnee", "attendu"),
    [
        (mesure(valeur="53.6"), "53,6 %"),
        (mesure(valeur="46", est_approchee=True), "environ 46 %"),
        (mesure(maxi="14000", unite="euros"), "moins de 14\u202f000 €"),
        (mesure(mini="52"), "plus de 52 %"),
        (mesure(mini="19", maxi="21"), "entre 19 et 21 %"),
        (mesure(valeur="-7.8", unite="points"), "−7,8 points"),
        (mesure(valeur="2.4", unite="indice"), "2,4"),
        (mesure(valeur="3", unite="logements"), "3 logements"),
    ],
)
def test_une_valeur_se_dit_comme_le_document_la_dit(donnee: dict[str, Any], attendu: str) -> None:
    assert dire_valeur(donnee) == attendu


def test_les_apostrophes_deviennent_typographiques_partout(contenu: ContenuContrat) -> None:
    assert "'" in str(contenu.objectifs[3].intitule)
    montre = typographier(contenu)
    assert "'" not in "".join(
        texte for objectif in montre.objectifs for texte in (objectif.intitule, *_textes(objectif))
    )
    assert montre.code == contenu.code
    assert montre.debut == contenu.debut
    assert len(montre.fiches) == len(contenu.fiches)


def _textes(objectif: Objectif) -> list[str]:
    return [objectif.intitule, objectif.contenu["enjeux"]["texte"], *(o.intitule for o in objectif.operationnels)]


# --- comparer deux chargements --------------------------------------------------------------------------------------


def test_l_empreinte_change_avec_un_seul_mot(m2a: Chargement) -> None:
    fiche = m2a.contenu.fiches[0]
    autre = replace(fiche, contenu={**fiche.contenu, "source": "1"})
    change = replace(m2a, contenu=replace(m2a.contenu, fiches=(autre, *m2a.contenu.fiches[1:])))
    assert empreinte(m2a) == empreinte(replace(m2a))
    assert empreinte(change) != empreinte(m2a)
    assert empreinte(replace(m2a, sieges=())) != empreinte(m2a)


def test_ce_qui_n_est_pas_du_json_ne_se_charge_pas(m2a: Chargement) -> None:
    rubriques = {**m2a.contenu.rubriques, "x": {"jour": date(2027, 1, 1)}}
    assert empreinte(replace(m2a, contenu=replace(m2a.contenu, rubriques=rubriques)))
    fautif = replace(m2a, contenu=replace(m2a.contenu, rubriques={"x": {"y": {1, 2}}}))
    with pytest.raises(TypeError, match="set"):
        empreinte(fautif)


def test_les_communes_ont_un_ordre_total() -> None:
    ici, la, homonyme = Commune("68154", "Illzach"), Commune("68224", "Mulhouse"), Commune("01001", "Mulhouse")
    assert par_nom([la, ici, homonyme]) == (ici, homonyme, la)


def test_un_refus_dit_ce_qui_manque_et_comment_reparer() -> None:
    manquants = [*disparus("objectif", ["E1.1", "E1.2"], ["E1.1"]), *disparus("objectif", ["E2.1"], [])]
    dite = phrase([*manquants, Disparu("commune", "68154")], "m2a", "2024")
    assert "objectif E1.2, E2.1 ; commune 68154" in dite
    assert "valide_au" in dite
    assert disparus("objectif", ["E1.1"], ["E1.1", "E9.9"]) == ()


def test_les_sous_actions_d_un_contenu_mal_forme_ne_comptent_pas() -> None:
    assert sous_actions({"E1.1.1": {"sous_actions": [{"code": "E1.1.1.1"}]}, "E1.1.2": {"sous_actions": None}}) == (
        "E1.1.1.1",
    )


def test_ce_qu_une_version_fige_se_relit_pareil_sauf_le_siret_qui_vit_sans_elle(contenu: ContenuContrat) -> None:
    etat = Etat(
        intitule="Contrat", epci_nom="m2A", epci_siren="200066009", debut=date(2024, 1, 1), fin=date(2030, 12, 31),
        communes=contenu.communes, quartiers=contenu.quartiers, lignes=contenu.lignes,
    )  # fmt: skip
    en_json = json.loads(json.dumps(figer(etat)))
    sirets = {"M2A": "20006600900019"}
    relu = relire(en_json, sirets)
    assert relu == replace(etat, lignes=tuple(replace(li, siret=sirets.get(li.code)) for li in etat.lignes))
    cites = codes_cites(en_json, {"instances": [{"code": "commission"}]})
    assert cites["ligne de financement"] == {ligne.code for ligne in contenu.lignes}
    assert (cites["instance"], len(cites["quartier"]), len(cites["commune"])) == ({"commission"}, 7, 3)
    assert set(codes_cites(None, None).values()) == {frozenset()}

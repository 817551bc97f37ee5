"""Les priorités de l'appel : le critère OBJ les lit à la place des rangs de la grille ; tout le reste ne bouge pas."""

from __future__ import annotations

from dataclasses import replace

from app.etapes.notation.rules import (
    HorsChamp,
    Note,
    comparer,
    criteres_a_garder,
    note_vers_donnees,
    note_vers_json,
    noter,
    noter_lignes,
    orienter,
    regles_publiques,
    rejouer,
)
from app.referentiels.grilles.rules import empreinte, valider
from tests.etapes.notation.lecture_cas import des_faits, la_grille

PRIORITES: dict[str, tuple[tuple[str, ...], ...]] = {"M2A": (("E1.2",), ("E2.2", "E1.3"), ("T.2",))}


def note_de(objectif: str, ligne: str = "M2A", priorites: dict[str, tuple[tuple[str, ...], ...]] = PRIORITES) -> Note:
    note = noter(la_grille(), ligne, des_faits(objectif_principal=objectif), priorites=priorites)
    assert isinstance(note, Note)
    return note


def test_les_rangs_de_l_appel_remplacent_ceux_de_la_grille() -> None:
    attendus = {"E1.2": 100, "E2.2": 70, "E1.3": 70, "T.2": 40, "E2.4": 20, "Z.9": 0}
    assert {code: note_de(code).ligne_note("OBJ").taux for code in attendus} == attendus
    assert note_de("E1.2", priorites={}).ligne_note("OBJ").taux == 20
    ligne = note_de("E1.2").ligne_note("OBJ")
    assert "premier rang des priorités de l’année" in ligne.motif
    assert str(ligne.source).startswith("Orientations de l’appel")


def test_une_note_change_et_seulement_son_critere_des_objectifs() -> None:
    avant, apres = note_de("E1.2", priorites={}), note_de("E1.2")
    assert apres.minimum > avant.minimum
    differents = [a.code for a, b in zip(avant.lignes, apres.lignes, strict=True) if a.points != b.points]
    assert differents == ["OBJ"]
    assert "avec d’autres priorités de l’appel" in comparer(avant, apres)
    assert avant.empreinte_grille == apres.empreinte_grille, "la grille épinglée reste la même"


def test_les_autres_lignes_ne_bougent_pas() -> None:
    faits = des_faits()
    sans, avec = noter_lignes(la_grille(), faits), noter_lignes(la_grille(), faits, priorites=PRIORITES)
    for ligne in sans:
        if ligne != "M2A":
            assert note_vers_json(sans[ligne]) == note_vers_json(avec[ligne]), ligne


def test_une_note_gardee_se_rejoue_avec_ou_sans_orientation() -> None:
    aucune: dict[str, tuple[tuple[str, ...], ...]] = {}
    for priorites in (aucune, PRIORITES):
        note = note_de("E1.2", priorites=priorites)
        rejouee = rejouer(la_grille(), "M2A", note.faits, criteres_a_garder(note), note.priorites)
        assert note_vers_json(rejouee) == note_vers_json(note)
        donnees = note_vers_donnees(note)
        assert ("priorites" in donnees) is bool(priorites), "une note d'avant ne gagne aucun champ"
    hors = noter(la_grille(), "ILLZACH", des_faits(), priorites={"ILLZACH": (("E1.1",),)})
    assert isinstance(hors, HorsChamp), "une priorité n'ouvre pas une ligne communale"


def test_la_grille_orientee_reste_une_grille_valide_et_publique() -> None:
    grille = la_grille()
    orientee = orienter(grille, PRIORITES | {"INCONNUE": (("E1.1",),), "BOP147": ()})
    assert valider(orientee) == []
    assert empreinte(orientee) != empreinte(grille)
    objectifs = next(c for c in regles_publiques(orientee) if c.code == "OBJ")
    bareme = next(b for b in objectifs.baremes if b.lignes == ("m2A",))
    assert [p.taux for p in bareme.paliers] == [100, 70, 40, 20, 0]
    assert orienter(grille, {}) is grille
    sans_objectifs = replace(grille, criteres=tuple(c for c in grille.criteres if c.code != "OBJ"))
    assert orienter(sans_objectifs, PRIORITES) == sans_objectifs

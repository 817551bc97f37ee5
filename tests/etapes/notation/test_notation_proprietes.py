"""Ce qui reste vrai pour tout dossier : l'échelle, l'encadrement, le sens des faits, l'indifférence à l'ordre."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.etapes.notation.rules import (
    EtatLigne,
    FaitsDossier,
    HorsChamp,
    Note,
    bornes_vers_texte,
    criteres_a_garder,
    criteres_vers_json,
    faits_depuis_json,
    faits_vers_donnees,
    faits_vers_json,
    note_vers_json,
    noter,
    noter_lignes,
    rejouer,
    total_des_gardes,
)
from app.noyau.euros import Euros
from app.referentiels.grilles.rules import CATALOGUE, Fait, Statut, TypeFait, Valeur, texte_canonique
from tests.endurance import FOIS
from tests.etapes.notation.lecture_cas import la_grille

LIGNES = [ligne.code for ligne in la_grille().lignes]
CODES = {
    "objectif_principal": ["E1.1", "E1.2", "E1.3", "E2.1", "E2.2", "E2.4", "T.1", "T.2", "C.1", "E9.9"],
    "objectifs_secondaires": ["E2.2"],
    "objectifs_operationnels": ["E1.1.5", "E1.1.2.1", "E2.1.3", "E2.1.6", "E2.2.1", "E2.4.4"],
    "pistes_transversales": ["T.1.1", "T.2.1"],
    "actions_feuille_de_route": ["ILLZACH.1", "WITTENHEIM.1"],
    "fiches_visees": ["JONQUILLES", "DROUOT", "COTEAUX", "BRIAND", "MARKSTEIN"],
    "priorites_fiche": ["JONQUILLES.1", "DROUOT.1", "DROUOT.2", "COTEAUX.1", "MARKSTEIN.4"],
    "besoins_fiche": ["JONQUILLES", "DROUOT", "MARKSTEIN"],
    "communes_touchees": ["68224", "68154", "68376"],
    "type_action": ["emploi", "langue"],
}
FAVORABLES = [
    definition.code
    for definition in CATALOGUE.values()
    if definition.type is TypeFait.BOOLEEN and definition.code != "premiere_demande"
]
CROISSANTS = ["part_qpv", "produits_acquis", "produits_sollicites", "cibles_atteintes"]
essais = settings(max_examples=25 * FOIS)


def une_valeur(code: str) -> st.SearchStrategy[Valeur]:
    """Toute valeur admise, les plus extrêmes comprises : zéro, un centime, un million, plus de 100 %."""
    definition = CATALOGUE[code]
    codes = [valeur for valeur, _ in definition.valeurs] or CODES.get(code, [])
    match definition.type:
        case TypeFait.BOOLEEN:
            return st.booleans()
        case TypeFait.ENTIER:
            return st.sampled_from([0, 1, 7, 8, 9, 120, 1_000_000])
        case TypeFait.FRACTION:
            extremes = st.sampled_from([Fraction(0), Fraction(2, 3), Fraction(1), Fraction(10**6)])
            return st.one_of(extremes, st.fractions(min_value=0, max_value=3, max_denominator=1000))
        case TypeFait.MONTANT:
            bornes = [0, 1, 299_999, 300_000, 1_000_000, 1_000_001, 10**12]
            return st.one_of(st.sampled_from(bornes), st.integers(0, 5_000_000)).map(Euros)
        case TypeFait.CODE:
            return st.sampled_from(codes)
        case TypeFait.CODES:
            return st.frozensets(st.sampled_from(codes))


def un_statut(code: str) -> st.SearchStrategy[Statut]:
    declarable = CATALOGUE[code].declarant.value == "porteur"
    return st.sampled_from([Statut.DECLARE, Statut.VERIFIE]) if declarable else st.just(Statut.VERIFIE)


def des_faits(*, complets: bool = False) -> st.SearchStrategy[FaitsDossier]:
    """Des faits, complets ou non (un sur dix manque à peu près)."""
    tous = st.fixed_dictionaries({code: st.builds(Fait, une_valeur(code), un_statut(code)) for code in CATALOGUE})
    oublis = st.just(frozenset()) if complets else st.frozensets(st.sampled_from(sorted(CATALOGUE)), max_size=9)
    return st.builds(lambda faits, oublies: FaitsDossier(faits).sans(*oublies), tous, oublis)


def les_notes(faits: FaitsDossier) -> list[Note]:
    return [note for note in noter_lignes(la_grille(), faits).values() if isinstance(note, Note)]


@essais
@given(des_faits())
def test_le_total_reste_entre_0_et_100_et_le_minimum_sous_le_maximum(faits: FaitsDossier) -> None:
    for note in les_notes(faits):
        assert 0 <= note.minimum <= note.maximum <= 100
        for ligne in note.lignes:
            assert 0 <= ligne.points_minimum <= ligne.points_maximum <= ligne.maximum


@essais
@given(des_faits())
def test_le_total_se_refait_a_partir_des_lignes(faits: FaitsDossier) -> None:
    for note in les_notes(faits):
        if note.total is None or any(ligne.est_incertaine for ligne in note.lignes):
            continue
        comptees = [ligne for ligne in note.lignes if ligne.points is not None]
        obtenus = sum((ligne.points or Fraction(0) for ligne in comptees), Fraction(0))
        assert note.minimum == obtenus * 100 / sum(ligne.maximum for ligne in comptees)


@essais
@given(des_faits(complets=True))
def test_sans_fait_manquant_la_note_est_un_nombre_seul(faits: FaitsDossier) -> None:
    for note in les_notes(faits):
        assert note.total is not None
        assert note.faits_a_demander == ()
        assert all(ligne.etat is not EtatLigne.MANQUANT for ligne in note.lignes)


@essais
@given(des_faits(complets=True), st.sets(st.sampled_from(sorted(CATALOGUE)), max_size=12))
def test_l_intervalle_encadre_la_note_que_donnerait_n_importe_quelle_valeur(
    faits: FaitsDossier, oublies: set[str]
) -> None:
    for ligne in LIGNES:
        complete, lacunaire = noter(la_grille(), ligne, faits), noter(la_grille(), ligne, faits.sans(*oublies))
        if isinstance(complete, HorsChamp):
            continue
        assert isinstance(lacunaire, Note)
        assert lacunaire.minimum <= complete.minimum <= lacunaire.maximum


@essais
@given(des_faits(), st.sampled_from(FAVORABLES))
def test_un_fait_favorable_de_plus_ne_fait_pas_baisser_la_note(faits: FaitsDossier, code: str) -> None:
    sans = faits.avec(**{code: Fait(False, Statut.VERIFIE)})
    avec = faits.avec(**{code: Fait(True, Statut.VERIFIE)})
    for avant, apres in zip(les_notes(sans), les_notes(avec), strict=True):
        assert avant.minimum <= apres.minimum
        assert avant.maximum <= apres.maximum


@essais
@given(des_faits(), st.sampled_from(CROISSANTS), st.data())
def test_un_nombre_favorable_qui_monte_ne_fait_pas_baisser_la_note(
    faits: FaitsDossier, code: str, donnees: st.DataObject
) -> None:
    bas, haut = sorted([donnees.draw(une_valeur(code)), donnees.draw(une_valeur(code))])
    avant = les_notes(faits.avec(**{code: Fait(bas, Statut.VERIFIE)}))
    apres = les_notes(faits.avec(**{code: Fait(haut, Statut.VERIFIE)}))
    for note_avant, note_apres in zip(avant, apres, strict=True):
        assert note_avant.minimum <= note_apres.minimum
        assert note_avant.maximum <= note_apres.maximum


@essais
@given(des_faits(), st.sampled_from(CODES["priorites_fiche"]))
def test_une_priorite_de_fiche_de_plus_ne_fait_pas_baisser_la_note(faits: FaitsDossier, priorite: str) -> None:
    connues = faits.fait("priorites_fiche")
    if connues is None or not isinstance(connues.valeur, frozenset):
        return
    plus = faits.avec(priorites_fiche=Fait(connues.valeur | {priorite}, connues.statut))
    for avant, apres in zip(les_notes(faits), les_notes(plus), strict=True):
        assert avant.minimum <= apres.minimum


@essais
@given(des_faits())
def test_sans_objet_n_est_jamais_zero_il_sort_du_bareme(faits: FaitsDossier) -> None:
    for note in les_notes(faits):
        for ligne in note.lignes:
            if ligne.etat is EtatLigne.SANS_OBJET:
                assert ligne.code in {"COU", "PLU"}
                assert ligne.points is None
                assert ligne.poids_effectif == 0
        sortis = sum(ligne.maximum for ligne in note.lignes if not ligne.compte)
        assert note.points_possibles == 100 - sortis
        assert sum((ligne.poids_effectif for ligne in note.lignes), Fraction(0)) == 100


@essais
@given(des_faits(), st.randoms(use_true_random=False))
def test_l_ordre_des_faits_et_des_criteres_ne_change_rien(faits: FaitsDossier, hasard: Any) -> None:
    codes, criteres = list(faits.faits), list(la_grille().criteres)
    hasard.shuffle(codes)
    hasard.shuffle(criteres)
    melanges = FaitsDossier({code: faits.faits[code] for code in codes})
    for ligne in LIGNES:
        reference = noter(la_grille(), ligne, faits)
        assert note_vers_json(noter(la_grille(), ligne, melanges)) == note_vers_json(reference)
        autre_ordre = noter(replace(la_grille(), criteres=tuple(criteres)), ligne, faits)
        if isinstance(reference, Note) and isinstance(autre_ordre, Note):
            assert (autre_ordre.minimum, autre_ordre.maximum) == (reference.minimum, reference.maximum)


@essais
@given(des_faits())
def test_le_rang_est_provisoire_si_et_seulement_si_un_fait_utilise_n_est_que_declare(faits: FaitsDossier) -> None:
    for note in les_notes(faits):
        lus = {code for ligne in note.lignes for code in ligne.bareme.lus}
        declares = {code for code, fait in faits.faits.items() if fait.statut is Statut.DECLARE}
        assert note.est_provisoire is bool(lus & declares)
        assert set(note.faits_declares) == lus & declares


@essais
@given(des_faits())
def test_ce_qu_on_garde_refait_le_total_et_s_ecrit_toujours_pareil(faits: FaitsDossier) -> None:
    assert faits_vers_json(faits) == texte_canonique(faits_vers_donnees(faits))
    assert faits_depuis_json(faits_vers_json(faits)) == faits
    for note in les_notes(faits):
        garde = criteres_a_garder(note)
        assert criteres_vers_json(note) == texte_canonique(garde)
        assert total_des_gardes(garde) == (note.minimum, note.maximum)
        assert bornes_vers_texte(note) == tuple(map(str, note.intervalle))
        rejouee = rejouer(la_grille(), note.ligne, faits_depuis_json(faits_vers_json(faits)), garde)
        assert note_vers_json(rejouee) == note_vers_json(note)

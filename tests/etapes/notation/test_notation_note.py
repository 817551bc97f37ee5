"""La note : statuts, faits manquants, poids effectifs, JSON, rejeu."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from app.etapes.notation.rules import (
    EtatLigne,
    FaitsDossier,
    FaitsInvalides,
    HorsChamp,
    LigneInconnue,
    Note,
    ecrire_arrondi,
    ecrire_decimal,
    ecrire_fait,
    faits_depuis_json,
    faits_vers_json,
    note_vers_donnees,
    note_vers_json,
    noter,
    noter_lignes,
)
from app.noyau.euros import Euros, arrondir
from app.referentiels.grilles.rules import (
    CATALOGUE,
    Fait,
    FaitInvalide,
    GrilleInvalide,
    Statut,
    empreinte,
    grille_depuis_donnees,
)
from tests.etapes.notation.lecture_cas import des_faits, la_grille

REJEU = Path(__file__).parent / "rejeu"


def une_note(ligne: str = "M2A", faits: FaitsDossier | None = None) -> Note:
    note = noter(la_grille(), ligne, des_faits() if faits is None else faits)
    assert isinstance(note, Note)
    return note


def test_l_exemple_de_la_maquette_fait_78_5_sur_100() -> None:
    note = une_note()
    assert note.total == Decimal("78.5")
    assert note.points_obtenus == (Fraction("76.1"), Fraction("76.1"))
    assert note.minimum == Fraction(7610, 97)


def test_les_poids_effectifs_disent_ce_qui_a_vraiment_compte() -> None:
    note = une_note()
    assert note.ligne_note("OBJ").maximum == 24
    assert note.ligne_note("OBJ").poids_effectif == Fraction(2400, 97)
    assert note.ligne_note("COU").poids_effectif == 0


def test_un_critere_sans_poids_n_est_pas_dans_la_note() -> None:
    with pytest.raises(KeyError):
        une_note("BOP147").ligne_note("INT")


def test_un_fait_seulement_declare_rend_le_rang_provisoire() -> None:
    assert not une_note().est_provisoire
    provisoire = une_note(faits=des_faits(Statut.DECLARE, type_action="emploi"))
    assert provisoire.est_provisoire
    assert provisoire.total == Decimal("78.5")
    assert "part_qpv" in provisoire.faits_declares
    assert "bilan_precedent" not in provisoire.faits_declares


def test_un_fait_montre_mais_qui_ne_decide_pas_ne_rend_pas_le_rang_provisoire() -> None:
    faits = des_faits().avec(
        beneficiaires=Fait(120), priorites_fiche=Fait(frozenset({"DROUOT.1", "BRUSTLEIN.1"}), Statut.VERIFIE)
    )
    note = une_note("BOP147", faits)
    assert note.ligne_note("QPV").declares == ()
    assert note.faits_declares == ("beneficiaires",)
    assert ("beneficiaires", Fait(120)) in note.ligne_note("QPV").faits_utilises


def test_un_fait_corrige_porte_son_motif_et_ne_rend_pas_le_rang_provisoire() -> None:
    corrige = Fait(Fraction(1, 2), Statut.CORRIGE, "liste des inscrits relue")
    note = une_note(faits=des_faits().avec(part_qpv=corrige))
    assert not note.est_provisoire
    assert "corrigé" in note.ligne_note("QPV").motif
    assert note.ligne_note("QPV").points == Fraction("8.4")


def test_un_fait_manquant_donne_un_intervalle_et_dit_quoi_demander() -> None:
    note = une_note(faits=des_faits(part_qpv="?", calendrier="?"))
    assert note.total is None
    assert note.intervalle == (arrondir(Fraction(6210, 97)), Decimal("78.5"))
    assert note.faits_a_demander == ("part_qpv", "calendrier")
    ligne = note.ligne_note("QPV")
    assert (ligne.etat, ligne.points, ligne.taux, ligne.points_calcules) == (EtatLigne.MANQUANT, None, None, None)
    assert ligne.motif == "Il manque : part de bénéficiaires habitant un QPV ; entre 0 et 12 sur 12"


def test_un_critere_peut_etre_sans_objet_encadre_le_total_des_deux_cotes() -> None:
    """PLU vaut 1,8 sur 3, ou sort du barème : 76,1 / 97 ou 74,3 / 94."""
    note = une_note(faits=des_faits(premiere_demande="?"))
    assert (note.minimum, note.maximum) == (Fraction(7610, 97), Fraction(7430, 94))
    assert note.ligne_note("PLU").motif == "Il manque : première demande de l’action ; 1,8 sur 3, ou sans objet"


def test_sans_aucun_fait_la_note_va_de_0_a_100_et_rien_n_est_hors_champ() -> None:
    for note in noter_lignes(la_grille(), FaitsDossier({})).values():
        assert isinstance(note, Note)
        assert note.intervalle == (Decimal("0.0"), Decimal("100.0"))
        # L'objectif principal inconnu : on ne sait pas encore lequel, il faut le demander.
        assert note.faits_a_demander[0] == "objectif_principal"


def test_hors_champ_n_a_pas_de_note() -> None:
    resultat = noter(la_grille(), "ILLZACH", des_faits())
    assert isinstance(resultat, HorsChamp)
    assert not hasattr(resultat, "total")
    assert "l. 1509-1519" in str(resultat.source)
    assert note_vers_donnees(resultat)["etat"] == "hors_champ"


def test_noter_plusieurs_lignes_ou_une_seule_donne_la_meme_note() -> None:
    ensemble = noter_lignes(la_grille(), des_faits())
    assert list(ensemble) == ["BOP147", "M2A", "MULHOUSE", "ILLZACH", "WITTENHEIM"]
    for ligne, resultat in ensemble.items():
        assert note_vers_json(resultat) == note_vers_json(noter(la_grille(), ligne, des_faits()))


def test_une_ligne_inconnue_est_refusee() -> None:
    with pytest.raises(LigneInconnue, match="KINGERSHEIM"):
        noter(la_grille(), "KINGERSHEIM", des_faits())


def test_une_grille_invalide_ne_note_personne() -> None:
    boiteuse = grille_depuis_donnees(json.loads((REJEU / "grille.json").read_text(encoding="utf-8")))
    lignes = (*boiteuse.lignes[:-1],)
    object.__setattr__(boiteuse, "lignes", lignes)
    with pytest.raises(GrilleInvalide, match="ligne inconnue : « WITTENHEIM »"):
        noter(boiteuse, "M2A", des_faits())


# --- rejeu --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nom", ["complet", "lacunaire"])
@pytest.mark.parametrize("ligne", ["BOP147", "M2A", "MULHOUSE", "ILLZACH", "WITTENHEIM"])
def test_une_note_conservee_se_rejoue_au_bit_pres(nom: str, ligne: str) -> None:
    """La grille, les faits et la note sont ceux d'un jour passé, relus du disque."""
    grille = grille_depuis_donnees(json.loads((REJEU / "grille.json").read_text(encoding="utf-8")))
    faits = faits_depuis_json((REJEU / f"{nom}.faits.json").read_text(encoding="utf-8"))
    conservee = (REJEU / f"{nom}.{ligne}.note.json").read_text(encoding="utf-8")
    assert note_vers_json(noter(grille, ligne, faits)) == conservee
    assert json.loads(conservee)["grille"]["empreinte"] == empreinte(grille)


def test_les_faits_d_une_note_suffisent_a_la_rejouer() -> None:
    note = une_note(faits=des_faits(calendrier="?"))
    relus = faits_depuis_json(faits_vers_json(note.faits))
    assert note_vers_json(noter(la_grille(), "M2A", relus)) == note_vers_json(note)


def test_le_total_se_refait_a_la_main_avec_le_seul_json() -> None:
    for resultat in noter_lignes(la_grille(), des_faits(comparables=9)).values():
        donnees = json.loads(note_vers_json(resultat))
        if donnees["etat"] == "hors_champ":
            continue
        comptees = [ligne for ligne in donnees["lignes"] if ligne["etat"] == "note"]
        obtenus = sum((Fraction(ligne["points"]) for ligne in comptees), Fraction(0))
        possibles = sum(ligne["maximum"] for ligne in comptees)
        assert str(arrondir(obtenus * 100 / possibles)) == donnees["total"]
        for ligne in comptees:
            assert Fraction(ligne["points"]) == Fraction(ligne["taux"][0] * ligne["maximum"], 100)


def test_le_json_ne_porte_aucun_flottant() -> None:
    def refuser(texte: str) -> float:
        raise AssertionError(f"flottant : {texte}")

    for faits in (des_faits(), des_faits(part_qpv="?", premiere_demande="?")):
        for resultat in noter_lignes(la_grille(), faits).values():
            json.loads(note_vers_json(resultat), parse_float=refuser)
        json.loads(faits_vers_json(faits), parse_float=refuser)


# --- faits --------------------------------------------------------------------------------------------------------


def test_les_faits_se_relisent_a_l_identique() -> None:
    faits = des_faits(Statut.DECLARE).avec(part_qpv=Fait(Fraction(1, 3), Statut.CORRIGE, "relevé"))
    texte = faits_vers_json(faits)
    relus = faits_depuis_json(texte)
    assert relus == faits
    assert hash(relus) == hash(faits)
    assert faits_vers_json(relus) == texte
    assert '"part_qpv":{"motif":"relevé","statut":"corrige","valeur":{"fraction":"1/3"}}' in texte
    assert '"charges_total":{"statut":"declare","valeur":{"centimes":2000000}}' in texte


@pytest.mark.parametrize(
    ("texte", "message"),
    [
        ('{"part_qpv":{"statut":"verifie","valeur":0.85}}', "illisible"),
        ('{"part_qpv":{"statut":"verifie"}}', "illisible"),
        ('{"part_qpv":{"statut":"verifie","valeur":{"fraction":"x"}}}', "illisible"),
        ('{"part_qpv":{"statut":"suppose","valeur":{"fraction":"1/2"}}}', "illisible"),
        ('{"part_qpv":3}', "illisible"),
        ('{"humeur":{"statut":"verifie","valeur":true}}', "n’est pas un fait du catalogue"),
        ('{"part_qpv":{"statut":"verifie","valeur":true}}', "attend une valeur de type fraction"),
    ],
)
def test_des_faits_illisibles_sont_refuses(texte: str, message: str) -> None:
    with pytest.raises(FaitsInvalides, match=message) as refus:
        faits_depuis_json(texte)
    assert len(refus.value.fautes) == 1


@pytest.mark.parametrize(
    ("code", "valeur"),
    [
        ("calendrier", 1),
        ("beneficiaires", True),
        ("beneficiaires", -1),
        ("part_qpv", 1),
        ("part_qpv", Fraction(-1, 2)),
        ("charges_total", 1000),
        ("charges_total", Euros(-1)),
        ("objectif_principal", ""),
        ("objectif_principal", frozenset({"E1.1"})),
        ("fiches_visees", "DROUOT"),
        ("fiches_visees", frozenset({""})),
        ("participation_degre", "enthousiaste"),
        ("participation_phases", frozenset({"suivi", "fete"})),
    ],
)
def test_une_valeur_qui_n_a_pas_la_forme_du_fait_est_refusee(code: str, valeur: object) -> None:
    with pytest.raises(FaitsInvalides, match=CATALOGUE[code].libelle):
        FaitsDossier({code: Fait(valeur, Statut.VERIFIE)})  # type: ignore[arg-type]


def test_le_porteur_ne_declare_pas_ce_que_l_administration_etablit() -> None:
    """« Sans objet » n'est jamais un choix du porteur : la première demande ne se déclare pas."""
    with pytest.raises(FaitsInvalides, match="ne se déclare pas"):
        FaitsDossier({"premiere_demande": Fait(True, Statut.DECLARE)})


@pytest.mark.parametrize(("statut", "motif"), [(Statut.CORRIGE, " "), (Statut.DECLARE, "pour voir")])
def test_un_motif_va_avec_une_correction_et_avec_elle_seule(statut: Statut, motif: str) -> None:
    with pytest.raises(FaitInvalide):
        Fait(1, statut, motif)


# --- écriture -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "fait", "texte"),
    [
        ("calendrier", Fait(True), "oui"),
        ("calendrier", Fait(False), "non"),
        ("calendrier", None, "(non renseigné)"),
        ("beneficiaires", Fait(1_000_000), "1\u202f000\u202f000"),
        ("part_qpv", Fait(Fraction(2, 3)), "66,67\u00a0%"),
        ("etp_porteur", Fait(Fraction(4, 5)), "0,8"),
        ("mediane_cout", Fait(Fraction(50001, 3), Statut.VERIFIE), "166,67\u00a0€"),
        ("charges_total", Fait(Euros.de(12_000)), "12\u202f000\u00a0€"),
        ("objectif_principal", Fait("E2.2"), "E2.2"),
        ("participation_degre", Fait("co_decision"), "co-décision"),
        ("participation_phases", Fait(frozenset({"suivi", "analyse"})), "analyse préalable, suivi et évaluation"),
        ("fiches_visees", Fait(frozenset({"DROUOT", "BRIAND"})), "BRIAND, DROUOT"),
        ("fiches_visees", Fait(frozenset()), "aucun"),
    ],
)
def test_un_fait_s_ecrit_comme_on_le_lit(code: str, fait: Fait | None, texte: str) -> None:
    assert ecrire_fait(code, fait) == texte


def test_les_nombres_s_ecrivent_a_la_francaise() -> None:
    assert ecrire_decimal(Fraction(76100, 1000)) == "76,1"
    assert ecrire_decimal(Fraction(4)) == "4"
    assert ecrire_arrondi(Decimal("-1234.50")) == "−1\u202f234,5"


def test_une_phrase_dit_ce_qui_n_est_pas_renseigne() -> None:
    note = une_note(faits=des_faits(beneficiaires="?", fiches_visees=[], priorites_fiche=[]))
    assert note.ligne_note("QPV").motif.startswith("85\u00a0% des (non renseigné) bénéficiaires")
    sans_engagement = des_faits(atelier_sociolinguistique=True)
    assert une_note(faits=sans_engagement).ligne_note("LAN").taux == 0


def test_le_cout_indecis_demande_le_type_d_action_puis_attend_la_cloture() -> None:
    sans_type = une_note(faits=des_faits(type_action="?", comparables="?", mediane_cout="?", part_qpv="?"))
    assert sans_type.faits_a_demander == ("part_qpv", "type_action")
    assert set(sans_type.faits_manquants) == {"part_qpv", "mediane_cout", "comparables"}
    assert not sans_type.attend_la_cloture
    typee = une_note(faits=des_faits(type_action="emploi", comparables="?", mediane_cout="?"))
    assert (typee.faits_a_demander, typee.attend_la_cloture) == ((), True)
    assert not une_note().attend_la_cloture

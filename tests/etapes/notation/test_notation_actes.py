"""Ajuster, comparer, figer les médianes."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.etapes.notation.rules import (
    Ajustement,
    AjustementRefuse,
    CoutDossier,
    EtatLigne,
    FaitsDossier,
    Mediane,
    Note,
    appliquer_ajustements,
    avec_medianes,
    comparer,
    medianes_depuis_donnees,
    medianes_par_type,
    medianes_vers_donnees,
    note_vers_donnees,
    note_vers_json,
    noter,
    totaliser,
)
from app.noyau.euros import Euros
from app.referentiels.grilles.rules import Fait, Statut
from tests.endurance import FOIS
from tests.etapes.notation.lecture_cas import des_faits, la_grille


def une_note(ligne: str = "M2A", faits: FaitsDossier | None = None) -> Note:
    note = noter(la_grille(), ligne, des_faits() if faits is None else faits)
    assert isinstance(note, Note)
    return note


def un_ajustement(
    critere: str = "LAN", points: Fraction = Fraction(3), motif: str = "interprète prévu", auteur: str = "agent-12"
) -> Ajustement:
    return Ajustement(critere, points, motif, auteur)


# --- ajuster ------------------------------------------------------------------------------------------------------


def test_ajuster_un_critere_garde_la_valeur_calculee_a_cote() -> None:
    note = appliquer_ajustements(une_note(), [un_ajustement()])
    ligne = note.ligne_note("LAN")
    assert ligne.points == 3
    assert ligne.points_calcules == 0
    assert ligne.taux == 0
    assert ligne.motif == "Aucun moyen précis décrit"
    assert note.minimum == Fraction(7910, 97)
    assert note.total == Decimal("81.5")
    assert totaliser(note.lignes) == (note.minimum, note.maximum)


def test_l_ajustement_est_dans_le_json_avec_son_auteur_et_son_motif() -> None:
    donnees = note_vers_donnees(appliquer_ajustements(une_note(), [un_ajustement(points=Fraction(5, 2))]))
    ligne = next(ligne for ligne in donnees["lignes"] if ligne["code"] == "LAN")
    assert ligne["points"] == "5/2"
    assert ligne["ajustement"] == {"points_calcules": "0", "motif": "interprète prévu", "auteur": "agent-12"}


def test_le_dernier_ajustement_d_un_critere_l_emporte_et_les_autres_restent() -> None:
    note = appliquer_ajustements(une_note(), [un_ajustement(), un_ajustement("HAB", Fraction(6))])
    note = appliquer_ajustements(note, [un_ajustement(points=Fraction(1)), un_ajustement(points=Fraction(2))])
    assert note.ligne_note("LAN").points == 2
    assert note.ligne_note("HAB").points == 6
    assert note.ligne_note("LAN").points_calcules == 0


def test_ajuster_un_critere_indecis_tranche() -> None:
    lacunaire = une_note(faits=des_faits(part_qpv="?", premiere_demande="?"))
    ajustee = appliquer_ajustements(
        lacunaire, [un_ajustement("QPV", Fraction(6)), un_ajustement("PLU", Fraction(3, 2))]
    )
    assert ajustee.total is not None
    assert ajustee.faits_a_demander == ()
    ligne = ajustee.ligne_note("QPV")
    assert ligne.points == 6
    assert ligne.points_calcules is None
    assert ligne.etat is EtatLigne.MANQUANT
    assert ligne.motif == "Il manque : part de bénéficiaires habitant un QPV ; entre 0 et 12 sur 12"
    assert ajustee.minimum == Fraction(100 * (24 + 4 + 6 + 3) + 420 + 800 + 750 + 800 + 150 + 360, 97)


def test_un_critere_ajuste_ne_rend_plus_le_rang_provisoire() -> None:
    faits = des_faits().avec(part_qpv=Fait(Fraction(85, 100), Statut.DECLARE))
    assert une_note(faits=faits).est_provisoire
    assert not appliquer_ajustements(une_note(faits=faits), [un_ajustement("QPV", Fraction(12))]).est_provisoire


@pytest.mark.parametrize(
    ("ajustement", "code"),
    [
        (un_ajustement(motif="  "), "motif_absent"),
        (un_ajustement(auteur=""), "auteur_absent"),
        (un_ajustement(points=Fraction(-1)), "hors_echelle"),
        (un_ajustement(points=Fraction(501, 100)), "hors_echelle"),
        (un_ajustement("COU"), "critere_sans_objet"),
        (un_ajustement("XXX"), "critere_inconnu"),
    ],
)
def test_un_ajustement_fautif_est_refuse_et_ne_change_rien(ajustement: Ajustement, code: str) -> None:
    with pytest.raises(AjustementRefuse) as refus:
        appliquer_ajustements(une_note(), [un_ajustement(), ajustement])
    assert [faute.code for faute in refus.value.fautes] == [code]
    assert refus.value.code == "ajustement_refuse"


def test_sans_ajustement_la_note_ne_bouge_pas() -> None:
    assert note_vers_json(appliquer_ajustements(une_note(), [])) == note_vers_json(une_note())


# --- comparer -----------------------------------------------------------------------------------------------------


def test_la_difference_tient_en_une_phrase_le_plus_gros_ecart_d_abord() -> None:
    apres = une_note(faits=des_faits(part_qpv="45 %", mode_de_mesure=False))
    assert comparer(une_note(), apres) == (
        "La note m2A passe de 78,5 à 72,7 sur 100 : Public des quartiers prioritaires passe de 12 sur 12 à 8,4 sur 12, "
        "Qualité et faisabilité passe de 8 sur 8 à 6 sur 8."
    )


def test_rien_n_a_change() -> None:
    assert comparer(une_note(), une_note()) == "La note m2A reste à 78,5 sur 100 : aucun critère ne change."


def test_des_criteres_qui_se_compensent_sont_dits() -> None:
    faits = des_faits(comparables=8, mediane_cout="90 €", bilan_precedent="hors_delai")
    apres = une_note(faits=des_faits(comparables=8, mediane_cout="20 €", cibles_atteintes="?"))
    phrase = comparer(une_note(faits=faits), apres)
    assert "Coût raisonnable passe de 1,5 sur 3 à 0 sur 3" in phrase
    assert "Continuité passe de 0,9 sur 3 à 1,8–3 sur 3" in phrase


def test_un_intervalle_qui_se_resout_se_lit() -> None:
    lacunaire = une_note(faits=des_faits(part_qpv="?", premiere_demande="?"))
    phrase = comparer(lacunaire, une_note())
    assert phrase.startswith("La note m2A passe de 66,1–79 à 78,5 sur 100 : Public des quartiers prioritaires")
    assert "Continuité passe de 1,8 sur 3 ou sans objet à 1,8 sur 3" in phrase


def test_un_critere_devient_sans_objet() -> None:
    apres = une_note(faits=des_faits(premiere_demande=True))
    assert "Continuité passe de 1,8 sur 3 à sans objet" in comparer(une_note(), apres)


def test_un_ajustement_se_lit_dans_la_difference() -> None:
    apres = appliquer_ajustements(une_note(), [un_ajustement()])
    assert "Maîtrise de la langue passe de 0 sur 5 à 3 sur 5 (ajusté)" in comparer(une_note(), apres)


def test_hors_champ_se_compare_aussi() -> None:
    hors = noter(la_grille(), "ILLZACH", des_faits())
    dedans = noter(la_grille(), "ILLZACH", des_faits(fiches_visees=["JONQUILLES"], priorites_fiche=["JONQUILLES.1"]))
    motif = "le projet de quartier d’Illzach (Jonquilles) n’est pas visé."
    assert comparer(hors, dedans) == "La ligne Illzach n’est plus hors champ : elle est notée 86 sur 100."
    assert comparer(dedans, hors) == f"La ligne Illzach devient hors champ : {motif}"
    assert comparer(hors, hors) == f"La ligne Illzach reste hors champ : {motif}"


def test_une_autre_grille_est_dite_avec_ses_criteres_ajoutes_ou_retires() -> None:
    grille = la_grille()
    lignes = tuple(
        replace(ligne, poids=tuple((code, {"INT": 0, "OBJ": 36}.get(code, poids)) for code, poids in ligne.poids))
        if ligne.code == "M2A"
        else ligne
        for ligne in grille.lignes
    )
    sans_int = noter(replace(grille, version="2027.1", lignes=lignes), "M2A", des_faits())
    phrase = comparer(une_note(), sans_int)
    assert "sur 100, avec la grille 2027.1 au lieu de 2027.0 : " in phrase
    assert "Réponse aux objectifs passe de 24 sur 24 à 36 sur 36" in phrase
    assert "Portée intercommunale est retiré" in phrase
    assert "Portée intercommunale est ajouté" in comparer(sans_int, une_note())


def test_deux_lignes_ne_se_comparent_pas() -> None:
    with pytest.raises(ValueError, match="même ligne"):
        comparer(une_note("M2A"), une_note("BOP147"))


# --- médianes -----------------------------------------------------------------------------------------------------


def des_couts(*euros: int, type_action: str = "emploi") -> list[CoutDossier]:
    return [CoutDossier(type_action, Euros.de(montant), 10) for montant in euros]


def test_la_mediane_est_exacte_et_par_type_d_action() -> None:
    medianes = medianes_par_type([*des_couts(300, 100, 200), *des_couts(100, 400, type_action="langue")])
    assert medianes == {"emploi": Mediane(Fraction(2000), 3), "langue": Mediane(Fraction(2500), 2)}
    assert list(medianes) == ["emploi", "langue"]


def test_la_mediane_d_un_effectif_pair_est_une_fraction_exacte() -> None:
    couts = [CoutDossier("emploi", Euros(100), 3), CoutDossier("emploi", Euros(100), 7)]
    assert medianes_par_type(couts)["emploi"].valeur == Fraction(500, 21)


def test_un_dossier_sans_beneficiaire_n_entre_pas_dans_la_mediane() -> None:
    assert medianes_par_type([CoutDossier("emploi", Euros.de(100), 0)]) == {}


@settings(max_examples=100 * FOIS)
@given(st.lists(st.tuples(st.integers(1, 10**8), st.integers(1, 10**4)), min_size=1, max_size=25), st.randoms())
def test_la_mediane_ne_depend_pas_de_l_ordre_et_reste_entre_les_extremes(
    couts: list[tuple[int, int]], hasard: object
) -> None:
    dossiers = [CoutDossier("emploi", Euros(montant), personnes) for montant, personnes in couts]
    melanges = sorted(dossiers, key=lambda cout: (cout.beneficiaires, cout.charges_total))
    valeurs = [Fraction(montant, personnes) for montant, personnes in couts]
    mediane = medianes_par_type(dossiers)["emploi"]
    assert mediane == medianes_par_type(melanges)["emploi"]
    assert min(valeurs) <= mediane.valeur <= max(valeurs)
    assert mediane.effectif == len(couts)


def test_figer_les_medianes_met_la_mediane_et_l_effectif_dans_les_faits() -> None:
    nus = des_faits(comparables="?", mediane_cout="?")
    figes = avec_medianes(nus, {"emploi": Mediane(Fraction(10_000), 9)})
    assert figes.fait("mediane_cout") == Fait(Fraction(10_000), Statut.VERIFIE)
    assert figes.fait("comparables") == Fait(9, Statut.VERIFIE)


def test_noter_avec_des_medianes_ou_avec_des_faits_figes_donne_les_memes_octets() -> None:
    medianes = {"emploi": Mediane(Fraction(10_000), 9)}
    nus = des_faits(comparables="?", mediane_cout="?")
    avec = noter(la_grille(), "M2A", nus, medianes)
    assert note_vers_json(avec) == note_vers_json(noter(la_grille(), "M2A", avec_medianes(nus, medianes)))
    assert isinstance(avec, Note)
    assert avec.ligne_note("COU").points == Fraction(3, 2)


def test_un_type_absent_des_medianes_n_a_aucun_dossier_comparable() -> None:
    note = noter(la_grille(), "M2A", des_faits(), {})
    assert isinstance(note, Note)
    assert note.ligne_note("COU").etat is EtatLigne.SANS_OBJET
    assert "dossiers comparables (0)" in note.ligne_note("COU").motif


def test_un_type_d_action_manquant_laisse_le_cout_indecis() -> None:
    note = noter(la_grille(), "M2A", des_faits(type_action="?"), {"emploi": Mediane(Fraction(10_000), 9)})
    assert isinstance(note, Note)
    assert note.ligne_note("COU").etat is EtatLigne.MANQUANT


def test_les_medianes_se_relisent_a_l_identique() -> None:
    medianes = {"emploi": Mediane(Fraction(500, 21), 9), "langue": Mediane(Fraction(2500), 2)}
    donnees = medianes_vers_donnees(medianes)
    assert medianes_depuis_donnees(json.loads(json.dumps(donnees))) == medianes
    assert donnees["emploi"] == {"effectif": 9, "valeur": "500/21"}

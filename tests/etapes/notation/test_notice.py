"""La notice, sans base : refaite à la main du seul JSON, déroulée en toutes lettres, et rien de plus qu'annoncé."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest

from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.notation.rules import Ajustement, FaitsDossier, Note, Priorites, appliquer_ajustements, noter
from app.etapes.notation.rules.notice import (
    LigneEnAttente,
    LigneExpliquee,
    Notice,
    Raison,
    est_communicable,
    expliquer,
)
from app.etapes.notation.rules.notice_donnees import notice_vers_donnees
from app.etapes.notation.rules.transparence import FINALITE, adresse_des_regles, donnees_lues, mention, origine
from app.referentiels.grilles.rules import CATALOGUE, Fait, Statut
from tests.etapes.notation.lecture_cas import des_faits, faits_du_cas, la_grille, lire_cas
from tests.etapes.notation.recalcul import verifier

LE = datetime(2027, 1, 20, 9, 0, tzinfo=UTC)
AGENT = "Jeanne Instruit (fictive)"


def une_note(faits: FaitsDossier | None = None, ligne: str = "M2A", priorites: Priorites | None = None) -> Note:
    note = noter(la_grille(), ligne, faits if faits is not None else des_faits(), priorites=priorites or {})
    assert isinstance(note, Note)
    return note


def une_ligne(note: Note, noms: dict[str, dict[str, str]] | None = None) -> LigneExpliquee:
    return expliquer(note, la_grille(), libelle=note.libelle, calculee_le=LE, noms=noms or {})


def donnees(*notes: Note, attente: tuple[LigneEnAttente, ...] = (), apercu: bool = False) -> dict[str, Any]:
    notice = Notice(
        "ESS-2027-0001", "Café des parents", "/appels/ess-2027/regles", apercu, tuple(map(une_ligne, notes)), attente
    )
    return notice_vers_donnees(notice)


def lisible(texte: str) -> str:
    return texte.replace("\u00a0", " ").replace("\u202f", " ")


# --- refaire le calcul ----------------------------------------------------------------------------------------------


def test_chaque_cas_de_la_grille_se_refait_a_la_main_du_seul_json() -> None:
    notes = [noter(la_grille(), cas.ligne, faits_du_cas(cas)) for cas in lire_cas()]
    justes = [note for note in notes if isinstance(note, Note)]
    assert len(justes) > 60
    assert verifier(donnees(*justes)) == len(justes)


@pytest.mark.parametrize(
    "manquants",
    [
        ("cibles_atteintes",),
        ("premiere_demande",),
        ("premiere_demande", "comparables"),
        ("part_qpv", "communes_touchees"),
    ],
)
def test_une_donnee_manquante_donne_un_intervalle_qui_se_refait(manquants: tuple[str, ...]) -> None:
    note = une_note(des_faits().sans(*manquants))
    rendu = donnees(note)
    verifier(rendu)
    assert rendu["lignes"][0]["note"] is None
    assert rendu["lignes"][0]["intervalle"] == [str(borne) for borne in note.intervalle]


def test_un_ajustement_se_refait_et_dit_ce_que_donnait_la_grille_sans_dire_qui() -> None:
    note = appliquer_ajustements(une_note(), [Ajustement("LAN", Fraction(3), "Un interprète vient.", AGENT)])
    rendu = donnees(note)
    verifier(rendu)
    langue = next(c for c in rendu["lignes"][0]["criteres"] if c["code"] == "LAN")
    assert langue["etat"] == "ajuste"
    assert langue["part_pour_cent"] == ["60", "60"]
    assert langue["ajustement"] == {
        "part_de_la_grille_pour_cent": ["0", "0"],
        "raison": "Un interprète vient.",
        "par": "une personne de l’instruction",
    }
    assert "5 points possibles × 60 % = 3 points. La grille donnait 5 points possibles × 0 % = 0 point." in lisible(
        langue["calcul"]
    )
    assert AGENT not in str(rendu)


def test_un_ajustement_qui_ne_tombe_pas_juste_s_ecrit_en_fraction() -> None:
    note = appliquer_ajustements(une_note(), [Ajustement("LAN", Fraction(5, 3), "Entre deux paliers.", AGENT)])
    rendu = donnees(note)
    verifier(rendu)
    langue = next(c for c in rendu["lignes"][0]["criteres"] if c["code"] == "LAN")
    assert (langue["part_pour_cent"], langue["points"]) == (["100/3", "100/3"], ["5/3", "5/3"])


# --- en toutes lettres ----------------------------------------------------------------------------------------------


def test_le_calcul_est_deroule_en_toutes_lettres() -> None:
    ligne = une_ligne(une_note(des_faits(premiere_demande=True)))
    calculs = {critere.code: lisible(critere.calcul) for critere in ligne.criteres}
    assert calculs["OBJ"] == "24 points possibles × 100 % = 24 points"
    assert ligne.criteres[0].poids_ecrit == "25,5"
    assert calculs["HAB"] == "6 points possibles × 70 % = 4,2 points"
    assert calculs["PLU"] == "Sans objet : ses 3 points possibles ne comptent pas."
    (calcul,) = ligne.calculs
    somme, division = map(lisible, calcul.phrases)
    assert somme.startswith("24 + 4 + 12 + ")
    assert somme.endswith(" points obtenus")
    assert f"÷ {calcul.possibles} points possibles × 100 = " in division
    assert division.endswith("sur 100")
    assert "…, arrondi à " in division


def test_un_total_juste_ne_s_arrondit_pas() -> None:
    ligne = une_ligne(une_note(des_faits(cibles_atteintes="1", comparables=20, mediane_cout="20000")))
    (calcul,) = ligne.calculs
    assert calcul.possibles == 100
    assert "arrondi" not in calcul.phrases[1]


def test_un_intervalle_se_deroule_au_plus_bas_et_au_plus_haut() -> None:
    ligne = une_ligne(une_note(des_faits().sans("premiere_demande", "cibles_atteintes")))
    continuite = next(critere for critere in ligne.criteres if critere.code == "PLU")
    assert continuite.etat == "a_preciser"
    assert lisible(continuite.calcul) == "3 points possibles × 60 à 100 % = 1,8 à 3 points, ou sans objet"
    assert [calcul.sans for calcul in ligne.calculs] == [(), ("Continuité",)]
    assert [len(calcul.phrases) for calcul in ligne.calculs] == [4, 2]
    assert ligne.note_ecrite.startswith("entre ")


def test_un_critere_d_un_point_s_accorde() -> None:
    grille = la_grille()
    m2a = next(ligne for ligne in grille.lignes if ligne.code == "M2A")
    poids = tuple((code, {"OBJ": 26, "COU": 1}.get(code, valeur)) for code, valeur in m2a.poids)
    autre = replace(
        grille, version="x", lignes=tuple(replace(m2a, poids=poids) if x.code == "M2A" else x for x in grille.lignes)
    )
    note = noter(autre, "M2A", des_faits(comparables=20, mediane_cout="20000"))
    assert isinstance(note, Note)
    ligne = expliquer(note, autre, libelle="m2A", calculee_le=LE, noms={})
    cout = next(critere for critere in ligne.criteres if critere.code == "COU")
    assert lisible(cout.calcul).startswith("1 point possible × ")


# --- les paramètres -------------------------------------------------------------------------------------------------


def bareme(note: Note, critere: str) -> list[tuple[int | None, str, str]]:
    trouve = next(c for c in une_ligne(note).criteres if c.code == critere)
    return [(p.part, lisible(p.condition), p.etat.value) for p in trouve.paliers]


def test_chaque_palier_dit_sa_part_ce_qu_il_demande_et_s_il_est_rempli() -> None:
    paliers = bareme(une_note(des_faits(part_qpv="45 %")), "QPV")
    assert "part de bénéficiaires habitant un QPV : au moins 60 %" in [condition for _, condition, _ in paliers]
    assert [etat for _, _, etat in paliers].count("rempli") == 1
    assert paliers[0][2] == "non_rempli"
    assert paliers[-1] == (0, "dans tous les autres cas", "non_lu")


def test_un_cas_de_sans_objet_se_lit_avant_les_paliers_qui_ne_se_lisent_plus() -> None:
    note = une_note(des_faits(premiere_demande=True))
    paliers = bareme(note, "PLU")
    assert paliers[0] == (None, "première demande de l’action", "rempli")
    assert {etat for _, _, etat in paliers[1:]} == {"non_lu"}
    trouve = next(c for c in une_ligne(note).criteres if c.code == "PLU")
    assert [p.vaut for p in trouve.paliers[:2]] == ["sans objet", "100 %"]


def test_une_donnee_qui_manque_laisse_plusieurs_paliers_possibles() -> None:
    ligne = une_ligne(une_note(des_faits().sans("premiere_demande", "cibles_atteintes")))
    continuite = next(c for c in ligne.criteres if c.code == "PLU")
    assert [p.etat.value for p in continuite.paliers][:4] == ["possible", "possible", "possible", "non_lu"]
    assert continuite.paliers[0].etat.dit.startswith("possible, ")


def test_les_mots_des_paliers_se_disent_listes_mesures_definitions_et_codes() -> None:
    noms = {
        "objectif_principal": {"E2.2": "Objectif E2.2 Emploi"},
        "fiches_visees": {"DROUOT": "Drouot (Mulhouse)"},
    }
    m2a, etat = (
        {lisible(terme.nom): terme for terme in une_ligne(une_note(ligne=code), noms).termes}
        for code in ("M2A", "BOP147")
    )
    assert "DROUOT" in m2a["liste « Fiches »"].codes
    assert "Drouot (Mulhouse)" in m2a["liste « Fiches »"].sens
    assert m2a["coût par bénéficiaire"].sens.startswith("(coût de l’action")
    assert "combien de faits vrais parmi" in m2a["faits d’égalité"].sens
    assert "petite structure, au plus 1 ETP et une action d’au plus 10 000 €" in m2a
    assert m2a["E2.2"].sens == "Objectif E2.2 Emploi"
    precise = etat["objectif du contrat précisé par un objectif opérationnel ou une piste"]
    assert precise.sens.startswith("objectif principal : dans la liste")


def test_les_priorites_de_l_appel_sont_les_paliers_montres() -> None:
    paliers = bareme(une_note(priorites={"M2A": (("E1.2",), ("E2.2",))}), "OBJ")
    assert paliers[0] == (100, "objectif principal : E1.2", "non_rempli")
    assert paliers[1] == (70, "objectif principal : E2.2", "rempli")


def test_l_explication_nomme_les_codes_et_le_json_les_garde() -> None:
    noms = {
        "objectif_principal": {"E2.2": "Objectif E2.2 Emploi"},
        "fiches_visees": {"DROUOT": "Drouot (Mulhouse)"},
    }
    note = une_note(des_faits(fiches_visees=["DROUOT", "BRUSTLEIN"], priorites_fiche=[], besoins_fiche=[]))
    dits = {c.code: lisible(c.explication) for c in une_ligne(note, noms).criteres}
    assert dits["OBJ"].startswith("« Objectif E2.2 Emploi », premier rang")
    assert "(BRUSTLEIN, « Drouot (Mulhouse) »)" in dits["QUA"], "un code inconnu reste tel quel"
    assert note.ligne_note("OBJ").motif.startswith("E2.2, premier rang"), "la note gardée ne change pas"
    exactes = {d["code"]: d.get("exacte") for d in donnees(note)["lignes"][0]["donnees"]}
    assert exactes["fiches_visees"] == {"codes": ["BRUSTLEIN", "DROUOT"]}
    assert exactes["objectif_principal"] == "E2.2"


# --- les données et leur source -------------------------------------------------------------------------------------


def test_chaque_donnee_dit_d_ou_elle_vient() -> None:
    faits = des_faits(Statut.DECLARE).avec(
        part_qpv=Fait(Fraction(1, 2), Statut.CORRIGE, "Trente sur soixante, d’après la liste."),
        beneficiaires=Fait(60, Statut.VERIFIE),
    )
    par_code = {donnee.code: donnee for donnee in une_ligne(une_note(faits.sans("communes_touchees"))).donnees}
    assert par_code["objectif_principal"].source == "votre demande : « Objectif principal du contrat »"
    assert par_code["beneficiaires"].source.endswith("; vérifié par une personne de l’instruction")
    assert par_code["part_qpv"].source.endswith("; corrigé par une personne de l’instruction")
    assert par_code["part_qpv"].correction == "Trente sur soixante, d’après la liste."
    assert par_code["communes_touchees"].source.startswith("attendu de : votre demande")
    assert (par_code["communes_touchees"].etat, par_code["communes_touchees"].valeur) == ("manquant", "(non renseigné)")
    assert par_code["etp_porteur"].source == "la fiche de votre organisation"
    assert par_code["competence_m2a_etablie"].source == "établi par une personne de l’instruction"
    assert par_code["bilan_precedent"].source == "votre bilan de l’année précédente"


def test_l_appel_et_les_noms_du_contrat_se_lisent() -> None:
    noms = {"objectif_principal": {"E2.2": "Objectif E2.2 Insertion et emploi"}}
    ligne = une_ligne(une_note(des_faits(appel_sans_orientation_nationale=True), "BOP147"), noms)
    par_code = {donnee.code: donnee for donnee in ligne.donnees}
    assert par_code["objectif_principal"].valeur == "Objectif E2.2 Insertion et emploi"
    assert par_code["appel_sans_orientation_nationale"].source == "l’appel à initiatives"


def test_chaque_donnee_de_la_grille_a_une_origine() -> None:
    lues = dict(donnees_lues(la_grille()))
    assert lues["nombre de dossiers comparables"].startswith("calculé sur les demandes recevables")
    assert lues["projets de quartier visés"] == "votre demande : « Projets de quartier visés »"
    par_l_instruction = "établi par une personne de l’instruction"
    assert lues["actions des feuilles de route"] == par_l_instruction
    asl = [code for code in CATALOGUE if code.startswith("asl_")]
    assert [origine(code) for code in asl] == [par_l_instruction] * 4, "aucun champ du formulaire ne les demande"
    assert origine("pistes_transversales") == "relevé dans votre demande par une personne de l’instruction"
    assert all(lues.values())


def test_le_cout_median_ne_se_dit_que_s_il_a_servi() -> None:
    trop_peu = donnees(une_note(des_faits(comparables=2, mediane_cout="12345")))
    assert "mediane_cout" not in {d["code"] for d in trop_peu["lignes"][0]["donnees"]}
    assert "123,45" not in str(trop_peu)
    assez = donnees(une_note(des_faits(comparables=9, mediane_cout="12345")))
    assert "mediane_cout" in {d["code"] for d in assez["lignes"][0]["donnees"]}


# --- ce qui s'ouvre, et rien d'autre --------------------------------------------------------------------------------


@pytest.mark.parametrize("etat", list(EtatDemande))
def test_une_ligne_s_ouvre_quand_sa_decision_est_dite(etat: EtatDemande) -> None:
    toujours = {EtatDemande.NOTIFIEE, EtatDemande.REFUS_NOTIFIE, EtatDemande.TRANCHE_RESERVEE}
    assert est_communicable(etat, est_dit=False) is (etat in toujours)
    dites = toujours | {EtatDemande.RENONCEE, EtatDemande.CADUQUE}
    assert est_communicable(etat, est_dit=True) is (etat in dites)


CLES = {
    "notice": {
        "dossier", "titre", "regles", "apercu", "finalite", "contribution", "operations", "lignes", "en_attente",
    },
    "contribution": {"degre", "mode"},
    "ligne": {
        "ligne", "libelle", "calculee_le", "grille", "priorites", "arrondi", "note", "intervalle", "note_ecrite",
        "criteres", "donnees", "termes", "calculs",
    },
    "grille": {"version", "empreinte"},
    "arrondi": {"decimales", "mode"},
    "critere": {
        "code", "libelle", "etat", "points_possibles", "poids_effectif", "part_pour_cent", "points", "calcul",
        "explication", "source", "donnees", "bareme", "peut_etre_sans_objet", "ajustement",
    },
    "ajustement": {"part_de_la_grille_pour_cent", "raison", "par"},
    "donnee": {"code", "libelle", "valeur", "exacte", "etat", "source", "correction"},
    "palier": {"part_pour_cent", "sans_objet", "condition", "etat"},
    "terme": {"nom", "sens", "codes"},
    "calcul": {"sans", "points", "points_possibles", "exact", "note", "phrases"},
    "attente": {"ligne", "libelle", "raison", "phrase"},
}  # fmt: skip
"""La liste fermée de ce qu'une notice peut dire. L'allonger est une décision : ADR 0021."""


def cles_vues(notice: dict[str, Any]) -> dict[str, set[str]]:
    """Les clés de chaque sorte d'objet d'une notice."""
    vues: dict[str, set[str]] = {nom: set() for nom in CLES}
    vues["notice"] |= set(notice)
    vues["contribution"] |= set(notice["contribution"])
    for ligne in notice["lignes"]:
        vues["ligne"] |= set(ligne)
        vues["grille"] |= set(ligne["grille"])
        vues["arrondi"] |= set(ligne["arrondi"])
        for sorte, liste in (
            ("critere", "criteres"),
            ("donnee", "donnees"),
            ("calcul", "calculs"),
            ("terme", "termes"),
        ):
            for objet in ligne[liste]:
                vues[sorte] |= set(objet)
        for critere in ligne["criteres"]:
            vues["ajustement"] |= set(critere.get("ajustement", ()))
            vues["palier"] |= {cle for palier in critere["bareme"] for cle in palier}
    for ligne in notice["en_attente"]:
        vues["attente"] |= set(ligne)
    return vues


def test_la_notice_ne_dit_que_sa_liste_fermee() -> None:
    note = appliquer_ajustements(
        une_note(
            des_faits()
            .sans("premiere_demande")
            .avec(part_qpv=Fait(Fraction(1, 2), Statut.CORRIGE, "D’après la liste.")),
            priorites={"M2A": (("E1.2",),)},
        ),
        [Ajustement("LAN", Fraction(3), "Un interprète vient.", AGENT)],
    )
    attente = LigneEnAttente("MULHOUSE", "Mulhouse", Raison.A_NOTIFIER, "Plus tard.")
    notice = donnees(note, attente=(attente,), apercu=True)
    assert cles_vues(notice) == CLES
    assert AGENT not in str(notice)


def test_la_mention_dit_la_finalite_le_droit_son_exercice_et_la_cada() -> None:
    for morceau in (
        "traitement algorithmique", "afin de comparer les demandes", "droit d’obtenir la communication des règles",
        "principales caractéristiques de sa mise en œuvre", "art. L. 311-3-1", "demandez-la", "CADA", "deux mois",
    ):  # fmt: skip
        assert morceau in mention("/appels/ess-2027/regles")
    assert "publiques (/appels/ess-2027/regles)." in mention(adresse_des_regles("ess-2027"))
    assert "fixés avant qu’il ouvre et publics dès qu’il ouvre" in FINALITE

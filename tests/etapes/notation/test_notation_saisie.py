"""La valeur d'un fait : tapée, gardée, relue ; une note rejouée ; l'effet d'une autre grille ; les règles publiées."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from app.etapes.notation.rules import (
    Ajustement,
    FaitsDossier,
    Note,
    NoteIrrejouable,
    ajuster_en_taux,
    appliquer_ajustements,
    bornes_vers_texte,
    criteres_a_garder,
    criteres_vers_json,
    decrire,
    dire_la_premiere,
    empreinte_de_note,
    empreinte_des_faits,
    est_etabli_par_agent,
    lire_saisie,
    note_vers_json,
    noter,
    priorites_vers_json,
    regles_publiques,
    rejouer,
    total_des_gardes,
    valeur_depuis_json,
    valeur_vers_json,
    valeurs_admises,
)
from app.etapes.notation.rules import garde as memoire_des_criteres
from app.noyau.euros import Euros
from app.referentiels.grilles.rules import (
    CATALOGUE,
    AuMoins,
    AuPlus,
    Condition,
    Est,
    MoinsDe,
    Parmi,
    Toujours,
    Tous,
    UnDe,
    Valeur,
    Vrai,
    lexique,
    nom_lisible,
    phrase_publique,
    texte_canonique,
)
from tests.etapes.notation.lecture_cas import des_faits, la_grille

# --- JSON -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "valeur"),
    [
        ("diagnostic_sexue", True),
        ("beneficiaires", 120),
        ("part_qpv", Fraction(17, 20)),
        ("charges_total", Euros(1_250_050)),
        ("type_action", "emploi"),
        ("fiches_visees", frozenset({"DROUOT", "COTEAUX"})),
        ("fiches_visees", frozenset()),
    ],
)
def test_une_valeur_se_garde_et_se_relit_a_l_identique(code: str, valeur: Valeur) -> None:
    assert valeur_depuis_json(code, valeur_vers_json(valeur)) == valeur


@pytest.mark.parametrize(
    ("code", "brute", "attendu"),
    [
        ("part_qpv", "85 %", Fraction(17, 20)),
        ("part_qpv", 1, Fraction(1)),
        ("charges_total", 1_200, Euros(1_200)),
        ("fiches_visees", ["DROUOT"], frozenset({"DROUOT"})),
    ],
)
def test_une_forme_courte_se_lit_aussi(code: str, brute: Any, attendu: Valeur) -> None:
    assert valeur_depuis_json(code, brute) == attendu


@pytest.mark.parametrize(
    ("code", "brute"),
    [
        ("inconnu", True),
        ("diagnostic_sexue", 1),
        ("diagnostic_sexue", None),
        ("beneficiaires", True),
        ("beneficiaires", -1),
        ("beneficiaires", "12"),
        ("part_qpv", True),
        ("part_qpv", "la moitié"),
        ("part_qpv", 0.5),
        ("charges_total", {"centimes": "12"}),
        ("charges_total", -5),
        ("fiches_visees", [["DROUOT"]]),
        ("fiches_visees", "DROUOT"),
        ("participation_degre", "beaucoup"),
        ("objectif_principal", ""),
    ],
)
def test_un_fait_illisible_manque_et_n_arrete_rien(code: str, brute: Any) -> None:
    assert valeur_depuis_json(code, brute) is None


# --- saisie ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "textes", "attendu"),
    [
        ("diagnostic_sexue", ["oui"], True),
        ("diagnostic_sexue", ["non"], False),
        ("beneficiaires", ["1 200"], 1200),
        ("part_qpv", ["85 %"], Fraction(17, 20)),
        ("charges_total", ["1 250,50"], Euros(125_050)),
        ("type_action", ["sport"], "sport"),
        ("fiches_visees", ["DROUOT", "", "COTEAUX"], frozenset({"DROUOT", "COTEAUX"})),
        ("fiches_visees", [], frozenset()),
        ("participation_phases", ["suivi"], frozenset({"suivi"})),
    ],
)
def test_ce_qu_un_agent_tape_devient_une_valeur(code: str, textes: list[str], attendu: Valeur) -> None:
    assert lire_saisie(code, textes) == attendu


@pytest.mark.parametrize(
    ("code", "textes", "phrase"),
    [
        ("beneficiaires", ["  "], "Donnez une réponse."),
        ("beneficiaires", [], "Donnez une réponse."),
        ("beneficiaires", ["douze"], "nombre entier"),
        ("beneficiaires", ["9" * 61], "trop longue"),
        ("beneficiaires", ["10 000 001"], "trop grand"),
        ("diagnostic_sexue", ["peut-être"], "oui ou par non"),
        ("part_qpv", ["beaucoup"], "Écrivez un nombre"),
        ("part_qpv", ["120 %"], "de 0 à 100 %"),
        ("charges_total", ["cher"], "montant en euros"),
        ("charges_total", ["-12"], "négatif"),
        ("type_action", ["jonglage"], "pas dans la liste"),
        ("participation_phases", ["suivi", "apres"], "pas dans la liste"),
    ],
)
def test_une_saisie_fautive_dit_comment_la_reparer(code: str, textes: list[str], phrase: str) -> None:
    with pytest.raises(ValueError, match=phrase):
        lire_saisie(code, textes)


def test_les_faits_figes_et_ceux_de_l_appel_ne_s_etablissent_pas() -> None:
    fermes = {code for code, definition in CATALOGUE.items() if not est_etabli_par_agent(definition)}
    assert fermes == {"comparables", "mediane_cout", "appel_sans_orientation_nationale"}
    assert dict(valeurs_admises(CATALOGUE["type_action"]))["emploi"].startswith("Emploi")
    assert valeurs_admises(CATALOGUE["beneficiaires"]) == ()


# --- rejouer --------------------------------------------------------------------------------------------------------


def une_note(ligne: str = "M2A", faits: FaitsDossier | None = None) -> Note:
    note = noter(la_grille(), ligne, faits or des_faits())
    assert isinstance(note, Note)
    return note


def test_une_note_gardee_sans_ses_faits_se_rejoue_avec_eux() -> None:
    note = appliquer_ajustements(une_note(), [Ajustement("LAN", Fraction(3), "interprète prévu", "agent-12")])
    rejouee = rejouer(la_grille(), "M2A", note.faits, criteres_a_garder(note))
    assert note_vers_json(rejouee) == note_vers_json(note)


def test_une_note_qui_ne_se_rejoue_plus_est_refusee() -> None:
    note = une_note()
    garde = criteres_a_garder(note)
    garde[0] = garde[0] | {"taux": [0, 0]}
    with pytest.raises(NoteIrrejouable, match="M2A ne se rejoue pas à l’identique"):
        rejouer(la_grille(), "M2A", note.faits, garde)
    with pytest.raises(NoteIrrejouable, match="hors champ"):
        rejouer(la_grille(), "ILLZACH", des_faits(fiches_visees=["COTEAUX"]), garde)


@pytest.mark.parametrize("manquants", [(), ("charges_total",), ("premiere_demande", "charges_total"), ("etp_porteur",)])
@pytest.mark.parametrize("ajustes", [(), ("LAN", "PLU")])
def test_les_criteres_gardes_refont_le_total_sans_grille_ni_faits(
    manquants: tuple[str, ...], ajustes: tuple[str, ...]
) -> None:
    note = une_note(faits=des_faits(premiere_demande=False).sans(*manquants))
    comptent = [code for code in ajustes if note.ligne_note(code).compte]
    note = appliquer_ajustements(note, [Ajustement(code, Fraction(5, 3), "vu", "agent-1") for code in comptent])
    garde = criteres_a_garder(note)
    assert texte_canonique(garde) == criteres_vers_json(note)
    assert total_des_gardes(garde) == (note.minimum, note.maximum)
    assert bornes_vers_texte(note) == tuple(map(str, note.intervalle))


def test_l_arrondi_a_zero_decimale_s_ecrit_sans_virgule() -> None:
    assert bornes_vers_texte(replace(une_note(), decimales=0, minimum=Fraction(17, 2), maximum=Fraction(9))) == (
        "9",
        "9",
    )


def test_l_empreinte_d_une_note_tient_a_chacune_de_ses_parties() -> None:
    criteres, faits = criteres_vers_json(une_note()), empreinte_des_faits("{}")
    parties = [
        (criteres, faits, "g", "[]"), ("[]", faits, "g", "[]"), (criteres, "f", "g", "[]"),
        (criteres, faits, "h", "[]"),
        (criteres, faits, "g", priorites_vers_json((("E1.2",), ("E2.2", "T.2")))),
    ]  # fmt: skip
    assert len({empreinte_de_note(*quatre) for quatre in parties}) == len(parties)
    assert priorites_vers_json((("E1.2",), ("E2.2", "T.2"))) == '[["E1.2"],["E2.2","T.2"]]'


def test_un_ajustement_en_part_du_poids_suit_le_poids_et_laisse_ce_qui_ne_compte_pas() -> None:
    ajustee = ajuster_en_taux(
        une_note(), [("LAN", 60, "interprète", "a"), ("COU", 50, "sans objet ici", "a"), ("XXX", 10, "retiré", "a")]
    )
    assert ajustee.ligne_note("LAN").points == 3
    assert [ligne.code for ligne in ajustee.lignes if ligne.ajustement is not None] == ["LAN"]


# --- règles publiques -----------------------------------------------------------------------------------------------


def test_les_poids_publies_font_cent_par_ligne_et_disent_ce_qui_est_lu() -> None:
    criteres = regles_publiques(la_grille())
    for rang in range(5):
        assert sum(critere.poids[rang][1] for critere in criteres) == 100
    qpv = next(c for c in criteres if c.code == "QPV")
    assert qpv.donnees == ("part de bénéficiaires habitant un QPV",)
    assert qpv.baremes[0].lignes == ("BOP 147", "m2A")
    assert [(p.taux, p.condition) for p in qpv.baremes[0].paliers[:2]] == [
        (100, "part de bénéficiaires habitant un QPV : au moins 60\u00a0%"),
        (70, "part de bénéficiaires habitant un QPV : au moins 40\u00a0%"),
    ]
    assert qpv.baremes[0].paliers[0].phrase.startswith("[part de bénéficiaires habitant un QPV] des [nombre")
    cou = next(c for c in criteres if c.code == "COU")
    assert cou.sans_objet == (
        "nombre de dossiers comparables : moins de 8",
        "coût de l’action, hors bénévolat : moins de 3\u202f000\u00a0€",
    )
    assert [c.code for c in criteres if c.est_transversal] == ["EGA", "LAN"]


@pytest.mark.parametrize(
    ("condition", "phrase"),
    [
        (Toujours(), "dans tous les autres cas"),
        (Vrai("diagnostic_sexue"), "diagnostic sexué"),
        (Est("petite_structure"), "petite structure, au plus 1 ETP et une action d’au plus 10 000 €"),
        (Parmi("objectif_principal", ("E1.1", "E1.2")), "objectif principal : E1.1 ou E1.2"),
        (Parmi("fiches_visees", ("DROUOT", "BRIAND")), "projets de quartier visés : l’un de DROUOT ou BRIAND"),
        (Parmi("participation_degre", ("consultation",)), "degré de participation des habitants : consultation"),
        (Parmi("fiches_visees", ensemble="FICHES"), "projets de quartier visés : dans la liste « Fiches »"),
        (Parmi("fiches_visees", ensemble="FICHES_ILLZACH"), "projets de quartier visés : JONQUILLES"),
        (
            AuPlus("rapport_mediane", Fraction(3, 2)),
            "coût par bénéficiaire rapporté à la médiane : au plus 1,5\u00a0fois",
        ),
        (AuMoins("cout_par_beneficiaire", Fraction(500)), "coût par bénéficiaire : au moins 5\u00a0€"),
        (MoinsDe("mediane_cout", Fraction(1250)), "coût médian par bénéficiaire : moins de 12,50\u00a0€"),
        (AuMoins("phases", Fraction(2)), "phases où les habitants prennent part : au moins 2"),
        (
            Tous((Vrai("calendrier"), UnDe((Vrai("mode_de_mesure"), Vrai("moyens_identifies"))))),
            "calendrier et (mode de mesure ou moyens identifiés)",
        ),
    ],
)
def test_une_condition_se_dit_en_francais(condition: Condition, phrase: str) -> None:
    assert decrire(condition, lexique(la_grille())) == phrase


def test_un_nom_de_liste_et_une_phrase_se_lisent() -> None:
    assert nom_lisible("FICHES_MULHOUSE") == "Fiches Mulhouse"
    assert nom_lisible("M2A_RANG_3") == "M2A Rang 3"
    noms = lexique(la_grille())
    assert phrase_publique("Degré : {participation_degre}", noms) == "Degré : [degré de participation des habitants]"


def test_une_grille_changee_change_les_regles_publiees() -> None:
    ligne, *reste = la_grille().lignes
    poids = tuple((code, valeur + 1 if code == "OBJ" else valeur) for code, valeur in ligne.poids)
    autre = replace(la_grille(), lignes=(replace(ligne, poids=poids), *reste))
    assert regles_publiques(autre)[0].poids[0] == ("BOP147", 21)


def test_la_memoire_des_criteres_ecrits_est_bornee(monkeypatch: pytest.MonkeyPatch) -> None:
    attendu = texte_canonique(criteres_a_garder(une_note()))
    monkeypatch.setattr(memoire_des_criteres, "_GARDES", 0)
    assert criteres_vers_json(une_note("BOP147")) == texte_canonique(criteres_a_garder(une_note("BOP147")))
    assert criteres_vers_json(une_note()) == attendu


@pytest.mark.parametrize(
    ("manquants", "phrase"),
    [((), "Première note m2A : 58,7 sur 100."), (("part_qpv",), "Première note m2A : entre ")],
)
def test_une_premiere_note_se_dit_en_une_phrase(manquants: tuple[str, ...], phrase: str) -> None:
    note = une_note(faits=des_faits(objectif_principal="E1.2").sans(*manquants))
    assert dire_la_premiere(note).startswith(phrase)

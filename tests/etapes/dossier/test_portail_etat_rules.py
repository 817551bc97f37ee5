"""Le tableau du portail de l'État : colonnes, lignes, rapprochements proposés. Titres tirés des données publiques."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.etapes.dossier.rules.numero_dauphin import lisible
from app.etapes.dossier.rules.portail import (
    Colonne,
    LigneEcartee,
    LigneLue,
    cle,
    est_multi_actions,
    lire,
    lire_exercice,
    lire_montant,
    lire_siret,
    reconnaitre,
)
from app.etapes.dossier.rules.rapprochement import (
    PROPOSITIONS_MAX,
    Degre,
    NotreDossier,
    Proposition,
    certains,
    coeur,
    conflit,
    est_coupe,
    indexer,
    juger,
    nom_normalise,
    porte_un_numero_connu,
    proposer,
    retrouver,
    titre_normalise,
)
from app.noyau.erreurs import SaisieInvalide
from app.noyau.euros import Euros

ENTETE = (
    "Référence action", "RÉFÉRENCE ADMINISTRATIVE", "Intitulé de la demande", "Libellé demandeur", "N° SIRET",
    "Thématique (dispositif)", "Statut", "Exercice demande", "Montant sollicité (€)", "Montant voté",
)  # fmt: skip
SIRET = "77556789000011"
COUPE = "Contrat de ville de Mulhouse - Apprentissage du Français en partenariat avec les étudiants"
ENTIER = COUPE + " de la faculté"


def rangee(numero: str = "DA00012345-1", intitule: str = "CAFE DES PARENTS", **change: str | Decimal) -> list[object]:
    valeurs: dict[str, str | Decimal] = {
        "action": numero, "reference": numero.split("-", maxsplit=1)[0], "intitule": intitule,
        "demandeur": "ASSOCIATION AFSCO", "siret": SIRET, "thematique": "Education", "statut": "Transmise",
        "exercice": "2027", "sollicite": "3 000,00 €", "vote": "",
    }  # fmt: skip
    return list((valeurs | change).values())


def tableau(*rangees: list[object]) -> list[list[object]]:
    return [list(ENTETE), *rangees]


def lignes(*rangees: list[object]) -> tuple[LigneLue, ...]:
    return lire([tableau(*rangees)]).lignes  # type: ignore[list-item]


def ecartees(*rangees: list[object]) -> tuple[LigneEcartee, ...]:
    return lire([tableau(*rangees)]).ecartees  # type: ignore[list-item]


def test_les_colonnes_se_reconnaissent_sans_accent_ni_casse_ni_ordre() -> None:
    assert list(reconnaitre(ENTETE)) == [
        Colonne.ACTION, Colonne.REFERENCE, Colonne.INTITULE, Colonne.DEMANDEUR, Colonne.SIRET, Colonne.THEMATIQUE,
        Colonne.STATUT, Colonne.EXERCICE, Colonne.SOLLICITE, Colonne.VOTE,
    ]  # fmt: skip
    autres = ("statut de la demande", "PORTEUR DE PROJET", "N° Dauphin", "Titre de l'action", "État - sollicité",
              "État - favorable", "Financeur", "Dispositif", "N°")  # fmt: skip
    assert reconnaitre(autres) == {
        Colonne.STATUT: 0, Colonne.DEMANDEUR: 1, Colonne.REFERENCE: 2, Colonne.INTITULE: 3, Colonne.SOLLICITE: 4,
        Colonne.VOTE: 5, Colonne.FINANCEUR: 6, Colonne.THEMATIQUE: 7,
    }  # fmt: skip
    assert reconnaitre(("Statut", "STATUT", "n'importe quoi")) == {Colonne.STATUT: 0}


def test_une_rangee_se_lit_avec_son_numero_ses_montants_et_son_rang_de_tableur() -> None:
    lue = lignes(rangee(vote=Decimal("2500.5"), siret=Decimal("77556789000011.0"), exercice=Decimal("2027.0")))[0]
    assert lue == LigneLue(
        rang=2, numero="DA00012345-1", intitule="CAFE DES PARENTS", demandeur="ASSOCIATION AFSCO", siret=SIRET,
        thematique="Education", statut="Transmise", exercice=2027, montant_sollicite=Euros.de(3000),
        montant_vote=Euros(250_050),
    )  # fmt: skip


def test_l_en_tete_se_trouve_sous_un_titre_et_sur_la_bonne_feuille() -> None:
    notice = [["Extraction du portail"], ["Statut", "Exercice"]]
    feuille = [["Export du 3 novembre"], [], list(ENTETE), rangee(), [""]]
    lu = lire([notice, feuille])  # type: ignore[list-item]
    assert [x.rang for x in lu.lignes] == [4]
    assert lu.ecartees == (), "les lignes vides de la fin ne comptent pas"


@pytest.mark.parametrize(
    ("entete", "dit"),
    [
        ((), "Aucune ligne d’intitulés"),
        (("Statut", "Exercice"), "« Référence action » ou « Référence administrative » et « Intitulé de la demande »"),
        (("Référence action", "Statut"), "Il manque une colonne au tableau : « Intitulé de la demande »."),
        (("Intitulé", "Statut"), "Colonnes reconnues : Intitulé de la demande, Statut."),
    ],
)
def test_ce_qui_manque_est_dit(entete: tuple[str, ...], dit: str) -> None:
    with pytest.raises(SaisieInvalide) as refus:
        lire([[entete, ("a", "b")]])
    assert dit in refus.value.fautes[0].message
    assert refus.value.fautes[0].champ == "tableau"
    with pytest.raises(SaisieInvalide):
        lire([])


@pytest.mark.parametrize(
    ("action", "reference", "numero"),
    [
        ("DA00012345-2", "DA00012345", "DA00012345-2"),
        ("2", "00012345", "DA00012345-2"),
        (Decimal("2.0"), "DA00012345", "DA00012345-2"),
        ("", "da 00012345 -", "DA00012345"),
        ("DA00012345-3", "", "DA00012345-3"),
        ("99000001", "DA00012345", "DA00012345"),
        ("DA00012345", "DA00012345-1", "DA00012345-1"),
    ],
)
def test_le_numero_vient_de_l_une_ou_l_autre_reference(action: str, reference: str, numero: str) -> None:
    assert lignes(rangee(action=action, reference=reference))[0].numero == numero


def test_chaque_rangee_ecartee_dit_pourquoi() -> None:
    entete = [*ENTETE, "Financeur"]
    rangees = [
        [*rangee(), "13-ETAT-POLITIQUE-VILLE"],
        [""] * 11,
        [*rangee("DA00012346", "Subventions Multi-actions du programme 147"), ""],
        [*rangee("DA00012347", "—"), ""],
        [*rangee("DA123"), ""],
        [*rangee("DA00012348", reference="DA00099999"), ""],
        [*rangee("DA00012349"), "Ville de Mulhouse"],
        [*rangee(), "Préfecture du Haut-Rhin"],
        [*rangee("DA00012350")],
    ]
    lu = lire([[entete, *rangees]])  # type: ignore[list-item]
    assert [x.numero for x in lu.lignes] == ["DA00012345-1", "DA00012350"]
    assert [(x.rang, x.raison) for x in lu.ecartees] == [
        (3, "Ligne vide"),
        (4, "Multi-actions : un paiement qui regroupe plusieurs actions, pas un dossier"),
        (5, "Sans intitulé"),
        (6, "Sans numéro de dossier lisible (DA suivi de huit chiffres)"),
        (7, "Sans numéro de dossier lisible (DA suivi de huit chiffres)"),
        (8, "Autre financeur que l’État (Ville de Mulhouse)"),
        (9, "Même numéro qu’à la ligne 2 (DA00012345-1)"),
    ]
    assert lu.ecartees[1].intitule == "Subventions Multi-actions du programme 147"


@pytest.mark.parametrize(
    ("titre", "est"),
    [
        ("Subventions Multi-actions du programme 147", True),
        ("SUBVENTION MULTI ACTIONS", True),
        ("Multi-actions", True),
        ("Multiactions 2025 - programme 147", True),
        ("Le Nouveau Contrat Social Multipartite", False),
        ("CV Mulhouse - Tournoi multi-activités de Nouvel An", False),
        ("Plateforme Linguistique et savoirs de base multisites Mulhouse/Colmar/Saint-Louis", False),
    ],
)
def test_multi_actions_n_est_pas_un_dossier(titre: str, *, est: bool) -> None:
    assert est_multi_actions(titre) is est


@pytest.mark.parametrize(
    ("cellule", "attendu"),
    [
        ("12 345,67 €", Euros(1_234_567)),
        ("12\u202f345,6", Euros(1_234_560)),
        ("3000 EUR", Euros.de(3000)),
        (Decimal("3000.0"), Euros.de(3000)),
        ("0", Euros(0)),
        ("", None),
        ("-5", None),
        ("à préciser", None),
        ("12.345", None),
        (Decimal("NaN"), None),
        (Decimal("1E+400"), None),
    ],
)
def test_un_montant_se_lit_ou_se_tait(cellule: str | Decimal, attendu: Euros | None) -> None:
    assert lire_montant(cellule) == attendu


def test_l_exercice_et_le_siret() -> None:
    assert [lire_exercice(c) for c in ("2027", "Exercice 2026", "2027-01-31", Decimal("2025.0"), "12", "1066", "")] == [
        2027, 2026, 2027, 2025, None, None, None
    ]  # fmt: skip
    assert [lire_siret(c) for c in ("775 567 890 00011", "775567890", Decimal(1234567890123), "x", "12")] == [
        "77556789000011", "775567890", "01234567890123", "", ""
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("leur", "notre"),
    [
        ("ATELIER CHANTIER D''INSERTION DE LA FONDATION DE L''ARMEE DU SALUT",
         "Atelier chantier d’insertion de la Fondation de l'Armée du Salut"),
        ("AIDE A L''ACCES A L''EMPLOI", "Aide à l’accès à l’emploi"),
        ("Elles s'activent à Bourzwiller", "ELLES S''ACTIVENT A BOURTZWILLER"),
        ("Cœur de quartier m²A", "COEUR DE QUARTIER M2A"),
        ("CSC PAX / ASL", "Csc Pax - ASL"),
    ],
)  # fmt: skip
def test_deux_graphies_du_meme_titre_sont_egales(leur: str, notre: str) -> None:
    assert titre_normalise(leur) == titre_normalise(notre)


@pytest.mark.parametrize(
    ("titre", "reste"),
    [
        ("ALEOS - Programmation 2016 du contrat de ville de M2A", "aleos"),
        ("OPPELIA - Contrat de Ville d'ILLZACH 2016", "oppelia"),
        ("CV Mulhouse - Tournoi de Nouvel An 2025", "tournoi de nouvel an"),
        ("CSC Porte du Miroir - 2ème phase de la programmation 2017 du contrat de ville de Mulhouse",
         "csc porte du miroir"),
        ("Café des parents", "cafe des parents"),
    ],
)  # fmt: skip
def test_le_coeur_d_un_titre_laisse_l_annee_et_les_formules(titre: str, reste: str) -> None:
    assert coeur(titre) == reste


def test_un_titre_coupe_se_reconnait_a_sa_longueur() -> None:
    assert len(COUPE) == 90
    assert est_coupe(COUPE)
    assert est_coupe(COUPE[:-1] + " ")
    assert est_coupe("x''" * 30), "90 avant d'avoir doublé les apostrophes"
    assert est_coupe("d''" + "x" * 88)
    assert not est_coupe(ENTIER)
    assert not est_coupe("Café des parents")
    assert nom_normalise("Association AFSCO (fictif)") == "afsco"


def une_ligne(**change: object) -> LigneLue:
    valeurs = {
        "rang": 2, "numero": "DA00012345-1", "intitule": "CAFE DES PARENTS", "demandeur": "AFSCO", "siret": SIRET,
        "exercice": 2027, "montant_sollicite": Euros.de(3000),
    }  # fmt: skip
    return LigneLue(**(valeurs | change))  # type: ignore[arg-type]


def le_notre(**change: object) -> NotreDossier:
    valeurs = {
        "numero": "ESS-2027-0001", "titre": "Café des parents", "porteur": "Association AFSCO", "sigle": "AFSCO",
        "siret": SIRET, "numero_portail": "", "montant_etat": Euros.de(3000), "annee": 2027,
    }  # fmt: skip
    return NotreDossier(**(valeurs | change))  # type: ignore[arg-type]


AUTRE_SIRET = "88888888800018"


@pytest.mark.parametrize(
    ("ligne", "notre", "degre"),
    [
        ({}, {"numero_portail": "DA00012345-1", "titre": "Tout autre"}, Degre.CERTAIN),
        ({}, {"numero_portail": "DA00012345-1", "siret": AUTRE_SIRET}, Degre.PROBABLE),
        ({}, {"numero_portail": "DA00012345"}, Degre.CERTAIN),
        ({}, {"numero_portail": "DA00012345", "titre": "Tout autre"}, Degre.PROBABLE),
        ({}, {"numero_portail": "DA00012345", "siret": AUTRE_SIRET}, Degre.POSSIBLE),
        ({"numero": "DA00012345"}, {"numero_portail": "DA00012345-1"}, Degre.CERTAIN),
        ({}, {"numero_portail": "DA00012345-2"}, Degre.POSSIBLE),
        ({}, {}, Degre.PROBABLE),
        ({"siret": ""}, {}, Degre.PROBABLE),
        ({"siret": SIRET[:9]}, {}, Degre.PROBABLE),
        ({"siret": SIRET[:9] + "00029"}, {}, Degre.PROBABLE),
        ({"siret": "", "demandeur": "Ville"}, {}, Degre.POSSIBLE),
        ({"siret": "", "demandeur": ""}, {}, Degre.POSSIBLE),
        ({"siret": AUTRE_SIRET}, {}, None),
        ({"intitule": COUPE}, {"titre": ENTIER}, Degre.PROBABLE),
        ({"intitule": COUPE[:60]}, {"titre": ENTIER, "montant_etat": Euros(1)}, None),
        ({"intitule": "Café des parents - CV Mulhouse 2027"}, {}, Degre.PROBABLE),
        ({"intitule": "Café des parents et des grands parents"}, {"montant_etat": Euros(1)}, Degre.POSSIBLE),
        ({"intitule": "Fête"}, {}, Degre.POSSIBLE),
        ({"intitule": "Fête", "montant_sollicite": None}, {}, None),
        ({"intitule": "Fête", "siret": "", "demandeur": ""}, {}, None),
        ({"intitule": "2027", "montant_sollicite": None}, {"titre": "2026"}, None),
    ],
)
def test_le_degre_de_chaque_rapprochement(
    ligne: dict[str, object], notre: dict[str, object], degre: Degre | None
) -> None:
    jugee = juger(une_ligne(**ligne), le_notre(**notre))
    assert (jugee.degre if jugee else None) == degre


def test_une_proposition_dit_ses_raisons_et_ses_reserves() -> None:
    jugee = juger(une_ligne(exercice=2026, montant_sollicite=Euros.de(5000)), le_notre(numero_portail="DA00012345-1"))
    assert jugee is not None
    assert jugee.raisons == ("Même numéro du portail : DA00012345-1.", "Même intitulé.", "Même SIRET.")
    assert jugee.reserves == (
        "Montant différent : 5\u202f000\u00a0€ sur le portail, 3\u202f000\u00a0€ ici.",
        "Exercice différent : 2026 sur le portail, 2027 ici.",
    )
    sans = juger(une_ligne(exercice=None, siret="", demandeur="Ville", montant_sollicite=None), le_notre())
    assert sans is not None
    assert sans.raisons == ("Même intitulé.",)
    assert sans.reserves == ("Demandeur écrit autrement sur le portail : Ville.",)
    assert [d.libelle for d in Degre] == ["Certain", "Probable", "Possible"]


def test_proposer_range_le_plus_sur_d_abord_et_n_en_montre_que_six() -> None:
    nos = [le_notre(numero=f"ESS-2027-{n:04d}", siret=SIRET, montant_etat=Euros.de(n)) for n in range(1, 9)]
    nos += [
        le_notre(numero="ESS-2027-0090", numero_portail="DA00012345-1"),
        le_notre(numero="ESS-2027-0091", titre="", siret="", porteur="", sigle=""),
        le_notre(numero="ESS-2027-0092", titre=ENTIER, siret=AUTRE_SIRET, porteur="Autre", sigle=""),
        le_notre(numero="ESS-2027-0093", titre="Zumba", siret=AUTRE_SIRET, porteur="Autre", sigle=""),
    ]
    trouvees = proposer(une_ligne(), indexer(nos))
    assert len(trouvees) == PROPOSITIONS_MAX
    assert (trouvees[0].dossier.numero, trouvees[0].degre) == ("ESS-2027-0090", Degre.CERTAIN)
    assert {p.degre for p in trouvees[1:]} == {Degre.PROBABLE}
    coupee = proposer(une_ligne(intitule=COUPE, siret="", demandeur="", numero="DA00000001"), indexer(nos))
    assert [p.dossier.numero for p in coupee] == ["ESS-2027-0092"]
    assert porte_un_numero_connu("DA00012345-7", indexer(nos))
    assert not porte_un_numero_connu("DA00000001", indexer(nos))
    assert proposer(une_ligne(intitule="Z" * 90, siret="", demandeur="", numero="DA00000001"), indexer(nos)) == ()


def test_deux_certains_d_un_cote_ou_de_l_autre_attendent_une_personne() -> None:
    def certain(numero: str) -> Proposition:
        return Proposition(le_notre(numero=numero), Degre.CERTAIN, ("",), ())

    probable = Proposition(le_notre(numero="D"), Degre.PROBABLE, ("",), ())
    proposees = {
        "1": (certain("A"), probable), "2": (certain("B"), certain("C")), "3": (certain("E"),), "4": (certain("E"),),
        "5": (probable,),
    }  # fmt: skip
    assert certains(proposees) == {"1": "A"}


def test_le_conflit_de_numeros() -> None:
    assert conflit("DA00012345-1", "DA00099999")
    assert conflit("DA00012345-1", "DA00012345-2")
    for porte in ("", "DA00012345-1", "DA00012345"):
        assert not conflit("DA00012345-1", porte)
    assert not conflit("DA00012345", "DA00012345-1")


def test_un_numero_porte_se_compare_une_fois_lu() -> None:
    assert [lisible(n) for n in (None, "", "da 00012345-01", "repris de 2025")] == [
        "", "", "DA00012345-1", "repris de 2025"
    ]  # fmt: skip


def test_une_action_dite_plus_tard_reste_la_meme_ligne() -> None:
    lus = ["DA00000001", "DA00000002-1", "DA00000003-1", "DA00000003-2", "DA00000004-2", "DA00000005", "DA00000006"]
    connus = ["DA00000001", "DA00000002", "DA00000003", "DA00000004-1", "DA00000005-1"]
    assert retrouver(lus, connus) == {
        "DA00000001": "DA00000001", "DA00000002-1": "DA00000002", "DA00000005": "DA00000005-1"
    }  # fmt: skip


cellules = st.one_of(st.text(max_size=120), st.decimals(), st.sampled_from(ENTETE), st.from_regex(r"DA\d{8}(-\d)?"))


@settings(max_examples=50)
@given(st.lists(st.lists(st.lists(cellules, max_size=12), max_size=8), max_size=3), st.text(max_size=100))
def test_propriete_aucune_cellule_ne_fait_autre_chose_qu_un_refus_francais(
    feuilles: list[list[list[str | Decimal]]], titre: str
) -> None:
    try:
        lu = lire([*feuilles, [list(ENTETE), *(r for f in feuilles for r in f)]])
    except SaisieInvalide:
        return
    assert len({x.numero for x in lu.lignes}) == len(lu.lignes)
    index = indexer([le_notre(titre=titre)])
    for ligne in lu.lignes:
        assert all(p.raisons for p in proposer(ligne, index))
    assert cle(cle(titre)) == cle(titre)

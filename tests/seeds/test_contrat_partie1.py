"""Le contrat m2A, délibération, introduction et Partie 1 : complet, dans l'ordre, fidèle, défauts déclarés."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from decimal import Decimal
from functools import cache

import pytest
from pydantic import ValidationError

from seeds.contrat import ContratLu, lire_contrat
from seeds.lecture import lire
from seeds.schemas.commun import Anomalie, NatureAnomalie
from seeds.schemas.contrat import EtatVersion, NatureTerritoire, Perimetre, ValeurIndicateur
from seeds.schemas.enjeux import NatureDispositif, PorteePublic, TypeEnjeu, TypeRepere
from tests.seeds.fidelite import (
    DOSSIER_M2A,
    TexteCite,
    ecarts,
    est_fidele,
    lire_document,
    normaliser,
    passages,
    textes_cites,
)

# code, objectifs opérationnels, sous-actions par objectif opérationnel
OBJECTIFS = [
    ("E1.1", [3, 3, 2, 2, 3, 2]),
    ("E1.2", [2, 4, 2]),
    ("E1.3", [0, 0, 0, 0]),
    ("E1.4", [0, 3, 0, 0]),
    ("E2.1", [5, 3, 2, 0, 0, 0]),
    ("E2.2", [1, 0, 2, 2]),
    ("E2.3", [3, 0, 0, 0, 5]),
    ("E2.4", [4, 2, 0, 3, 1]),
    ("T.1", []),
    ("T.2", []),
    ("C.1", [0] * 7),
    ("C.2", [0, 0, 0, 2, 0, 0, 0]),
]
QUARTIERS = [
    ("QN06803M", "Les Coteaux", ("68224",), 7800),
    ("QN06804M", "Bourtzwiller", ("68224",), 4300),
    ("QN06805M", "Péricentre", ("68224",), 24400),
    ("QN06806M", "Fonderie - Péricentre", ("68224",), 4300),
    ("QN06807M", "Drouot-Jonquilles", ("68224", "68154"), 4200),
    ("QN06808M", "Brustlein", ("68224",), 2500),
    ("QN06809M", "Markstein - La Forêt", ("68376",), 1500),
]
HORS_DOCUMENT_CONTRAT = {"prefixe_dossier", "code_anct", "insee", "siren"}
HORS_DOCUMENT_QUARTIERS = {"nom", "note", "communes", "theme", "libelle", "unite", "quartier", "commune", "ensemble"}
TITRES_IMPRIMES = {
    "E1.1": "Garantir des espaces publics et un cadre de vie agréable",
    "E1.2": "Favoriser les rencontres et les relations interpersonnelles",
    "E1.3": "Prévenir les nuisances, la délinquance et assurer la tranquillité",
    "E1.4": "Faciliter la mobilité et l'accès aux activités / à l'ensemble de la ville",
    "E2.1": "Permettre de bien manger, bien bouger (santé, bien-être...)",
    "E2.2": "Accompagner vers l'insertion / l'emploi et soutenir le développement économique",
    "E2.3": "Soutenir la parentalité et favoriser la réussite éducative en agissant dès la petite enfance",
    "E2.4": "Renforcer l'accès aux activités, aux loisirs et services, commerces...",
    "T.1": "L'égalité femmes-hommes",
    "T.2": "La maîtrise de la langue française",
    "C.1": "Faire avec et pour les habitants",
    "C.2": "Mobiliser les acteurs du territoire",
}


@cache
def contrat() -> ContratLu:
    return lire_contrat(DOSSIER_M2A)


@cache
def anomalies() -> tuple[Anomalie, ...]:
    return lire(DOSSIER_M2A / "anomalies" / "partie-1.yaml", tuple[Anomalie, ...]).contenu


@cache
def document() -> tuple[str, ...]:
    return lire_document()


def test_le_contrat_dit_qui_il_est() -> None:
    lu = contrat().contrat
    assert (lu.code, lu.prefixe_dossier, lu.code_anct) == ("m2a-2024-2030", "M2A", "CN06802I")
    assert (lu.debut, lu.fin) == (date(2024, 1, 1), date(2030, 12, 31))
    assert (lu.epci.siren, lu.epci.nombre_communes) == ("200066009", 39)
    assert [(c.insee, c.nom) for c in lu.communes] == [
        ("68154", "Illzach"),
        ("68224", "Mulhouse"),
        ("68376", "Wittenheim"),
    ]
    assert Counter(t.nature for t in lu.territoires_signataires) == {
        NatureTerritoire.EPCI: 1,
        NatureTerritoire.COMMUNE: 3,
    }
    assert lu.deliberation is not None
    assert (lu.deliberation.date, lu.deliberation.abstentions, len(lu.deliberation.decisions)) == (
        date(2024, 4, 15),
        6,
        3,
    )
    assert not lu.est_fictif


def test_une_version_est_en_vigueur_et_celle_de_2027_est_preparee() -> None:
    en_vigueur, preparee = contrat().contrat.versions
    assert (en_vigueur.code, en_vigueur.etat, en_vigueur.debut) == ("2024", EtatVersion.EN_VIGUEUR, date(2024, 1, 1))
    assert (preparee.code, preparee.etat, preparee.annee) == ("2027", EtatVersion.PREPAREE, 2027)
    assert (preparee.debut, preparee.precedente) == (None, "2024")
    assert contrat().version_en_vigueur is en_vigueur


def test_deux_enjeux_strategiques_un_transversal_et_les_conditions() -> None:
    assert [(enjeu.code, enjeu.type, len(enjeu.objectifs)) for enjeu in contrat().enjeux] == [
        ("E1", TypeEnjeu.STRATEGIQUE, 4),
        ("E2", TypeEnjeu.STRATEGIQUE, 4),
        ("T", TypeEnjeu.TRANSVERSAL, 2),
        ("C", TypeEnjeu.CONDITION, 2),
    ]


def test_les_douze_objectifs_ont_tous_leurs_objectifs_operationnels_et_les_61_sous_actions() -> None:
    lus = [(o.code, [len(op.sous_actions) for op in o.objectifs_operationnels]) for o in contrat().objectifs]
    assert lus == OBJECTIFS
    assert len(contrat().objectifs_operationnels) == 51
    assert len(contrat().sous_actions) == 61


def test_aucune_ligne_des_sections_d_objectifs_n_est_oubliee_sauf_leur_titre() -> None:
    """Chaque ligne est citée par un élément plus fin que l'objectif ; il ne reste que son titre imprimé."""
    intertitres = {
        "Objectifs opérationnels",
        "Objectif :",
        "Les objectifs opérationnels suivants ont été mis en avant :",
    }
    restes: dict[str, str] = {}
    for objectif in contrat().objectifs:
        fins = [objectif.enjeux, *objectif.objectifs_operationnels, *objectif.pistes, *objectif.definitions]
        citees = {n for fin in fins for premiere, derniere in fin.source.plages for n in range(premiere, derniere + 1)}
        premiere, derniere = max(objectif.source.plages, key=lambda plage: plage[1] - plage[0])
        lignes = [normaliser(document()[n - 1]) for n in range(premiere, derniere + 1) if n not in citees]
        restes[objectif.code] = " ".join(ligne for ligne in lignes if ligne and ligne not in intertitres)
    assert restes == TITRES_IMPRIMES


def test_les_sous_actions_suivent_l_ordre_du_texte() -> None:
    lignes = [action.source.plages[0][0] for action in contrat().sous_actions]
    assert lignes == sorted(lignes)
    operationnels = [op.source.plages[0][0] for op in contrat().objectifs_operationnels]
    assert operationnels == sorted(operationnels)
    assert len(set(lignes) | set(operationnels)) == 51 + 61


def test_une_sous_action_garde_ses_details_et_un_objectif_operationnel_ses_remarques() -> None:
    codes = {op.code: op for op in contrat().objectifs_operationnels}
    details = [len(action.details) for action in codes["C.2.4"].sous_actions]
    assert details == [0, 3]
    assert codes["E1.2.2"].notes[0].startswith("Une condition : « un chef d'orchestre »")
    assert {code for code, op in codes.items() if op.notes} == {
        "E1.1.6", "E1.2.2", "E2.2.1", "E2.2.3", "E2.3.2", "E2.4.3",
        "C.1.3", "C.1.7", "C.2.1", "C.2.2", "C.2.3", "C.2.4", "C.2.5",
    }  # fmt: skip


def test_la_sous_action_dechets_est_celle_que_la_ligne_m2a_vise() -> None:
    dechets = next(action for action in contrat().sous_actions if action.code == "E1.1.2.1")
    assert "déchets" in dechets.intitule


def test_chaque_enjeu_strategique_dit_ses_dispositifs_et_la_stspd_finit_en_2026() -> None:
    e1, e2, *_ = contrat().enjeux
    assert [d.code for d in e1.dispositifs] == ["E1.D1", "E1.D2", "E1.D3"]
    assert (e1.dispositifs[1].valide_du, e1.dispositifs[1].valide_au) == (date(2022, 1, 1), date(2026, 12, 31))
    assert Counter(d.nature for d in e2.dispositifs) == {
        NatureDispositif.DROIT_COMMUN: 4,
        NatureDispositif.POLITIQUE_DE_LA_VILLE: 2,
    }


def test_les_publics_designes_sont_separes_de_ceux_que_le_texte_nomme() -> None:
    cibles = {
        objectif.code: sum(public.portee is PorteePublic.CIBLE for public in objectif.publics)
        for objectif in contrat().objectifs
    }
    assert {code: nombre for code, nombre in cibles.items() if nombre} == {
        "E1.2": 4,
        "E2.2": 6,
        "E2.3": 4,
        "T.1": 1,
    }


def test_les_transversaux_ont_des_pistes_et_faire_avec_ses_degres_et_phases() -> None:
    objectifs = {objectif.code: objectif for objectif in contrat().objectifs}
    assert [len(objectifs[code].pistes) for code in ("T.1", "T.2")] == [2, 5]
    par_type = Counter(repere.type for repere in objectifs["C.1"].reperes)
    assert par_type == {TypeRepere.FORME: 4, TypeRepere.CONDITION: 3, TypeRepere.DEGRE: 3, TypeRepere.PHASE: 4}
    assert [d.terme for d in objectifs["C.2"].definitions] == ["aller vers", "coopérer"]


def test_les_sept_quartiers_ont_leur_code_officiel_et_font_49000_habitants() -> None:
    lus = [(q.code, q.nom, q.communes, q.population) for q in contrat().quartiers.quartiers]
    assert lus == QUARTIERS
    assert contrat().population == 49_000


def test_les_populations_gardent_leurs_trous_et_leur_perimetre() -> None:
    fonderie = contrat().quartiers.quartiers[3]
    assert [(p.annee, p.habitants, p.perimetre) for p in fonderie.populations] == [
        (2013, None, Perimetre.ANCIEN),
        (2018, None, Perimetre.ANCIEN),
        (2023, 4300, Perimetre.ACTUEL),
    ]
    assert all(p.note for p in fonderie.populations[:2])
    assert {t.annee: t.habitants for t in contrat().quartiers.totaux} == {2013: 54_403, 2018: 51_991, 2023: 49_000}


def test_chaque_nombre_du_tableau_est_sur_sa_ligne() -> None:
    for quartier in contrat().quartiers.quartiers:
        for population in quartier.populations:
            ligne = document()[population.source.plages[0][0] - 1]
            attendu = "" if population.habitants is None else f"{population.habitants:,}".replace(",", " ")
            assert attendu in ligne.split("\t")


def _nombres(valeur: ValeurIndicateur) -> list[Decimal]:
    return [nombre for nombre in (valeur.valeur, valeur.mini, valeur.maxi) if nombre is not None]


def test_chaque_valeur_d_indicateur_est_dans_les_lignes_citees() -> None:
    absents = []
    for indicateur in contrat().quartiers.indicateurs:
        texte = " ".join(passages(document(), indicateur.source))
        lus = {Decimal(n.replace(" ", "").replace(",", ".")) for n in re.findall(r"\d+(?: \d{3})*(?:[.,]\d+)?", texte)}
        if "un tiers" in texte:
            lus.add(Decimal(33))
        absents += [(indicateur.code, n) for v in indicateur.valeurs for n in _nombres(v) if n not in lus]
    assert absents == []


def test_aucun_quartier_n_a_deux_valeurs_d_un_indicateur_et_fonderie_n_en_a_aucune() -> None:
    indicateurs = contrat().quartiers.indicateurs
    assert len(indicateurs) == 31
    for indicateur in indicateurs:
        cibles = [(v.quartier, v.commune, v.ensemble) for v in indicateur.valeurs]
        assert len(set(cibles)) == len(cibles), indicateur.code
        assert "QN06806M" not in [v.quartier for v in indicateur.valeurs]


@pytest.mark.parametrize(
    ("nom", "sauf"), [("contrat", HORS_DOCUMENT_CONTRAT), ("enjeux", {"voir"}), ("quartiers", HORS_DOCUMENT_QUARTIERS)]
)
def test_chaque_texte_est_dans_ses_lignes_ou_une_anomalie_le_dit(nom: str, sauf: set[str]) -> None:
    modele = getattr(contrat(), nom)
    assert len(list(textes_cites(modele, sauf=sauf))) >= 20
    assert ecarts(modele, document(), anomalies(), sauf=sauf) == []


def test_le_controle_de_fidelite_voit_un_mot_change() -> None:
    action = contrat().sous_actions[0]
    juste = TexteCite("x", action.intitule, action.source)
    faux = TexteCite("x", action.intitule.replace("urbaine", "humaine"), action.source)
    assert est_fidele(juste, document(), anomalies())
    assert not est_fidele(faux, document(), anomalies())


def test_les_anomalies_sont_nombreuses_numerotees_et_dans_la_partie() -> None:
    lues = anomalies()
    assert [a.code for a in lues] == [f"A-P1-{rang:02d}" for rang in range(1, len(lues) + 1)]
    assert len(lues) >= 100
    assert all(a.source.plages[0][0] <= 790 for a in lues)
    assert {a.nature for a in lues} == set(NatureAnomalie)


def test_un_mot_corrige_est_dans_le_document_et_plus_dans_le_contrat() -> None:
    charges = normaliser(
        "\n".join(
            t.texte
            for modele in (contrat().contrat, contrat().enjeux, contrat().quartiers)
            for t in textes_cites(modele)
        )
    )
    corrigees = [
        a
        for a in anomalies()
        if any(normaliser(a.dit) in lieu for lieu in passages(document(), a.source))
        and not a.charge.startswith("tel quel")
    ]
    assert len(corrigees) >= 35
    for anomalie in corrigees:
        assert normaliser(anomalie.charge) in charges, anomalie.code
        if normaliser(anomalie.dit) not in normaliser(anomalie.charge):
            assert f" {normaliser(anomalie.dit)} " not in f" {charges} ", anomalie.code


def test_un_titre_a_plusieurs_versions_est_charge_une_fois() -> None:
    titres = {e.intitule for e in contrat().enjeux} | {o.intitule for o in contrat().objectifs}
    multiples = [a for a in anomalies() if a.nature is NatureAnomalie.TITRE_MULTIPLE]
    assert len(multiples) >= 10
    for anomalie in multiples:
        assert set(anomalie.charge.split(" ; ")) <= titres, anomalie.code


@pytest.mark.parametrize(
    ("champs", "raison"),
    [
        ({"valeur": "1"}, "un quartier, une commune ou un ensemble"),
        ({"quartier": "QN06803M", "commune": "68224", "valeur": "1"}, "et un seul"),
        ({"ensemble": "m2a"}, "un nombre, ou bien des bornes"),
        ({"ensemble": "m2a", "valeur": "1", "maxi": "2"}, "un nombre, ou bien des bornes"),
        ({"ensemble": "m2a", "mini": "3", "maxi": "2"}, "« maxi » est plus petit que « mini »"),
    ],
)
def test_une_valeur_d_indicateur_a_une_cible_et_un_nombre_ou_des_bornes(champs: dict[str, str], raison: str) -> None:
    with pytest.raises(ValidationError, match=raison):
        ValeurIndicateur.model_validate(champs)


def test_un_oui_non_deja_lu_se_garde() -> None:
    assert ValeurIndicateur(ensemble="m2a", valeur=Decimal(1), est_approchee=True).est_approchee

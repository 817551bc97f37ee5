"""La demande imprimée : Cerfa, ordre du portail de l'État, tableur, budget face à face, numéro du portail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.etapes.dossier.rules.champs import CHAMPS, champ
from app.etapes.dossier.rules.clair import centiemes, contenu_en_clair, textes_en_clair
from app.etapes.dossier.rules.fiche_ecrite import identite
from app.etapes.dossier.rules.formulaire_unique import DemandeEcrite, cerfa, frequence, portail
from app.etapes.dossier.rules.numero_dauphin import dossier_de, normaliser
from app.etapes.dossier.rules.rubriques import Rubrique, a_plat
from app.etapes.dossier.rules.tableau_budget import de_l_action, de_l_organisation
from tests.factories import contenu_complet

ORGANISATION: dict[str, Any] = {
    "identite": {
        "nom": "Association 017 (fictif)", "sigle": "A17", "forme": "association", "siret": "40751453800021",
        "rna": None, "site_web": "", "est_fictif": True,
        "registre": {"tribunal": "Mulhouse", "volume": "12", "folio": "3", "inscrit_le": "1998-05-04"},
    },
    "siege": {"adresse": "1 rue (fictif)", "code_postal": "68100", "commune": "Mulhouse", "courriel": ""},
    "correspondance": None,
    "representant": {"nom": "Fictif", "prenom": "", "fonction": "présidence", "telephone": "", "courriel": ""},
    "personne_chargee": None,
    "relations": {
        "agrements": [{"type": "Jeunesse", "par": "SDJES", "date": "2020-01-31"}], "est_reconnue_utilite": False,
        "utilite_jo_le": None, "est_assujettie": False, "a_aides_minimis": None, "aides_minimis": "",
    },
    "reseaux": ["Fédération des centres sociaux", {"nom": "Un réseau"}],
    "personnes_morales": [],
    "moyens_humains": {"annee": 2026, "benevoles": 12, "salaries": 3, "etpt_centiemes": 250, "adherents": 80},
    "compte_bancaire": {"titulaire": "Association 017", "banque": "Banque", "iban": "FR14X", "bic": "BIC"},
}  # fmt: skip


@dataclass(frozen=True)
class Nom:
    code: str
    intitule: str
    precision: str = ""


class Noms:
    def liste(self, domaine: str) -> Sequence[Nom]:
        return {
            "objectifs": [Nom("E1.2", "Des rencontres")],
            "fiches": [Nom("COTEAUX", "Coteaux", "Mulhouse")],
            "quartiers": [Nom("QN06804M", "Bourtzwiller")],
            "lignes": [Nom("M2A", "m2A — crédits", "epci"), Nom("BOP147", "État — BOP 147", "etat")],
        }.get(domaine, [])


def demande(**change: Any) -> DemandeEcrite:
    base = DemandeEcrite(
        numero="M2A-2027-0093", appel="Appel 2027", contrat="Contrat de ville", annee=2027,
        contenu=contenu_complet(2027, aller_vers=True), organisation=ORGANISATION, noms=Noms(),
        financeurs={"BOP147": "État — BOP 147", "M2A": "m2A — crédits"},
        signe_le=datetime(2026, 11, 6, 13, 12, tzinfo=UTC), qualite="representant", signataire="Présidence (fictif)",
    )  # fmt: skip
    return replace(base, **change)


def tout(rubriques: Sequence[Rubrique]) -> str:
    lignes = (" / ".join(str(case) for case in ligne if case not in ("", None)) for ligne in a_plat(rubriques))
    return "\n".join(lignes).replace("\u202f", " ").replace("\xa0", " ")


def test_le_cerfa_suit_ses_rubriques_dans_l_ordre() -> None:
    titres = [r.titre for r in cerfa(demande())]
    assert [t.split(".")[0] for t in titres if t[0].isdigit()] == [
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "6",
        "6",
        "6",
        "7",
        "8",
    ]


def test_chaque_champ_rempli_s_imprime() -> None:
    contenu = contenu_complet(2027) | {
        "objectifs_secondaires": ["E1.2"], "public_enfants_jeunes": True, "aller_vers": False,
        "moyens_humains": [{"categorie": "cdi", "nombre": 2, "etpt": 150}], "informations": "Encore un mot.",
        "salaries": [{"poste": "Animation", "contrat": "cdi", "etpt": 50, "montant": 1_000_000}],
        "prestataires": [{"prestation": "Atelier", "heures": 12, "montant": 90_000}],
    }  # fmt: skip
    imprime = tout(cerfa(demande(contenu=contenu)))
    ailleurs = {"budget_charges", "budget_produits", "emplois_volontaires", "ressources_volontaires", "demandes",
                "duree", "exercice_debut", "exercice_fin", "asso_charges", "asso_produits", "frequence",
                "objet_demande", "nature_aide"}  # fmt: skip
    for c in CHAMPS:
        if c.code in contenu and c.code not in ailleurs:
            assert c.libelle.replace("\xa0", " ") in imprime, c.code
    for texte in ("1,5", "CDI", "12", "900 €", "Encore un mot."):
        assert texte in imprime, texte


def test_le_registre_local_tient_la_place_du_rna() -> None:
    imprime = tout([identite(ORGANISATION)])
    assert "Registre des associations : tribunal / Mulhouse" in imprime
    assert "Inscrite le / lundi 4 mai 1998" in imprime
    assert "RNA" not in imprime
    assert "Représentant légal : fonction / présidence" in imprime


def test_une_fiche_vide_s_imprime_sans_rien_inventer() -> None:
    imprime = tout(cerfa(demande(organisation={}, signe_le=None, signataire="", qualite="")))
    assert "Moyens humains / Non renseigné" in imprime
    assert "Signé le / Non renseigné" in imprime
    assert "IBAN" not in imprime


def test_la_phrase_de_la_part_demandee_est_celle_du_formulaire() -> None:
    assert "La subvention sollicitée de 8 000 €, objet de la présente demande, représente 67 % du total" in tout(
        cerfa(demande())
    )
    assert "représente 0 %" in tout(cerfa(demande(contenu={})))


@pytest.mark.parametrize(
    ("contenu", "renouvelle", "attendu"),
    [
        ({}, "", "Première"),
        ({"frequence": "renouvellement"}, "", "Renouvellement"),
        ({}, "M2A-1", "Renouvellement"),
        ({"renouvelle": "M2A-2026-0001"}, "", "Renouvellement"),
        ({"precedents": [{"ligne": "M2A", "demande": 100}]}, "", "Non renseigné"),
        ({"precedents": [{"ligne": "M2A", "demande": 100}], "frequence": "premiere"}, "", "Première"),
    ],
)
def test_la_frequence_suit_le_dossier_renouvele(contenu: dict[str, Any], renouvelle: str, attendu: str) -> None:
    assert frequence(contenu, renouvelle).startswith(attendu)


def test_l_entete_dit_objet_nature_et_periode() -> None:
    contenu = contenu_complet(2027, objet_demande="fonctionnement", nature_aide="nature", duree="3")
    imprime = tout(cerfa(demande(contenu=contenu, renouvelle="M2A-2026-0001")))
    for texte in ("Fonctionnement", "En nature", "Pluriannuelle (3 ans)", "M2A-2026-0001", "2029"):
        assert texte in imprime, texte


def test_le_budget_met_face_a_face_charges_et_produits() -> None:
    contenu = contenu_complet(
        2027,
        budget_charges=[
            {"compte": "601", "libelle": "Livres", "montant": 200_000}, {"compte": "64", "montant": 1_000_000},
        ],
        emplois_volontaires=[{"compte": "864", "montant": 50_000}],
        ressources_volontaires=[{"compte": "870", "montant": 50_000}],
    )  # fmt: skip
    lignes = [
        tuple(t.replace("\u202f", " ").replace("\xa0", " ") for t in x)
        for x in de_l_action(contenu, 2027, {"M2A": "m2A"}, {"M2A": "74epci", "BOP147": "74etat"}).lignes
    ]
    assert lignes[0] == ("60 Achats", "2 000 €", "74 Subventions d’exploitation", "12 000 €")
    assert lignes[1] == (
        "— 601 Achats matières et fournitures : Livres",
        "2 000 €",
        "— État : ministère(s), directions ou services déconcentrés sollicités : BOP147 (sollicité)",
        "3 000 €",
    )
    assert ("64 Charges de personnel", "10 000 €", "— Communautés de communes ou d’agglomérations : m2A (sollicité)",
            "5 000 €") in lignes  # fmt: skip
    assert ("Total des charges", "12 000 €", "Total des produits", "12 000 €") in lignes
    assert lignes[-1] == ("Total général", "12 500 €", "Total général", "12 500 €")


def test_le_budget_de_l_organisation_separe_les_contributions_volontaires() -> None:
    contenu = {
        "asso_charges": [{"compte": "64", "montant": 100}, {"compte": "864", "montant": 50}],
        "asso_produits": [{"compte": "70", "montant": 100}, {"compte": "870", "montant": 50}],
    }
    lignes = de_l_organisation(contenu).lignes
    assert lignes[1][0] == "Total des charges"
    assert lignes[-1][1] == "1,50\xa0€"
    assert de_l_organisation({}).lignes == ()


def test_le_portail_garde_tout_dans_son_ordre() -> None:
    d = demande()
    titres = [r.titre for r in portail(d)]
    assert titres[0] == "Préambule et critères"
    assert titres[1].startswith("Votre tiers")
    assert titres[-1] == "Récapitulatif et attestation"
    reponses = {ligne[1:] for ligne in a_plat(portail(d))}
    manquent = {ligne[1:] for ligne in a_plat(cerfa(d))} - reponses
    assert manquent == set(), "le portail dit tout ce que dit le Cerfa"


@pytest.mark.parametrize(
    ("texte", "lu"),
    [
        ("DA00012345", "DA00012345"), ("00012345", "DA00012345"), (" da0001 2345 ", "DA00012345"),
        ("DA00012345-2", "DA00012345-2"), ("DA00012345-0", "DA00012345"), ("DA00012345-", "DA00012345"),
        ("DA123", None), ("", None), ("XX00012345", None), ("DA000123456", None),
    ],
)  # fmt: skip
def test_le_numero_du_portail_se_reconnait(texte: str, lu: str | None) -> None:
    assert normaliser(texte) == lu


def test_plusieurs_actions_ont_le_meme_dossier_du_portail() -> None:
    assert dossier_de("DA00012345-2") == dossier_de("DA00012345") == "DA00012345"


def test_en_clair_un_code_inconnu_reste_lisible() -> None:
    principal = champ("objectif_principal")
    assert principal is not None
    assert textes_en_clair(principal, "E9.9", Noms()) == ("E9.9",)
    assert textes_en_clair(principal, None, Noms()) == ("—",)
    assert [centiemes(n) for n in (0, 50, 100, 125, 150)] == ["0", "0,5", "1", "1,25", "1,5"]
    lues = contenu_en_clair({"demandes": [{"ligne": "M2A", "annee": 2027, "montant": 100}]}, Noms())
    table = next(c.table for s in lues for c in s.champs)
    assert table is not None
    assert table.lignes == (("m2A — crédits", "2027", "1\xa0€"),)
    demandes = champ("demandes")
    assert demandes is not None
    deux = [{"ligne": "M2A", "annee": 2027, "montant": 100}, {"ligne": "M2A", "annee": 2028, "montant": 200}]
    assert textes_en_clair(demandes, deux, Noms()) == ("m2A — crédits · 2027 · 1\xa0€", "m2A — crédits · 2028 · 2\xa0€")
    (titre,) = (c for s in contenu_en_clair({"titre": "Café"}, Noms()) for c in s.champs)
    assert (titre.textes, titre.table) == (("Café",), None)

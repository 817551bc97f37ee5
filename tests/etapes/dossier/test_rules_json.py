"""Lire du JSON natif : mêmes règles que les formulaires, fautes désignées par leur chemin."""

from __future__ import annotations

from typing import Any

import pytest

from app.etapes.dossier.rules.champs import champ
from app.etapes.dossier.rules.lecture import Domaines, lire_json, lire_montant, lire_simple

DOMAINES = Domaines({"objectifs": frozenset({"E1.1", "E2.2"}), "lignes": frozenset({"M2A"})})


def lire(code: str, brut: Any) -> object:
    trouve = champ(code)
    assert trouve is not None
    valeur, fautes = lire_json(trouve, brut, DOMAINES)
    return [(f.champ, f.message) for f in fautes] if fautes else valeur


@pytest.mark.parametrize(
    ("code", "brut", "valeur"),
    [
        ("titre", " Café ", "Café"),
        ("titre", "   ", None),
        ("titre", None, None),
        ("titre", "", None),
        ("besoin", "Un besoin\nsur deux lignes", "Un besoin\nsur deux lignes"),
        ("beneficiaires", 1200, 1200),
        ("beneficiaires", 0, 0),
        ("debut", "2027-03-15", "2027-03-15"),
        ("a_jour", True, True),
        ("a_jour", False, False),
        ("objectif_principal", "E2.2", "E2.2"),
        ("objectifs_secondaires", ["E1.1", "E1.1"], ["E1.1"]),
        ("objectifs_secondaires", [], None),
        ("participation_degre", "concertation", "concertation"),
        ("demandes", [], None),
        ("demandes", [{"ligne": "M2A", "annee": 2027, "montant": 500_000}],
         [{"ligne": "M2A", "annee": 2027, "montant": 500_000}]),
        ("partenaires", [{"nom": "CSC (fictif)", "apport": " ", "confirme": True}],
         [{"nom": "CSC (fictif)", "confirme": True}]),
        ("precedents", [{"ligne": "M2A", "accorde": 0}], [{"ligne": "M2A", "accorde": 0}]),
    ],
)  # fmt: skip
def test_une_valeur_native_se_lit(code: str, brut: Any, valeur: object) -> None:
    assert lire(code, brut) == valeur


@pytest.mark.parametrize(
    ("code", "brut", "chemin", "morceau"),
    [
        ("titre", 12, "titre", "Donnez un texte"),
        ("titre", "x" * 121, "titre", "au plus 120"),
        ("beneficiaires", "12", "beneficiaires", "nombre entier"),
        ("beneficiaires", True, "beneficiaires", "nombre entier"),
        ("beneficiaires", 1.5, "beneficiaires", "nombre entier"),
        ("beneficiaires", -1, "beneficiaires", "négatif"),
        ("beneficiaires", 10**30, "beneficiaires", "trop grand"),
        ("debut", "hier", "debut", "Écrivez une date"),
        ("a_jour", "oui", "a_jour", "true ou false"),
        ("objectif_principal", "E9.9", "objectif_principal", "pas dans la liste"),
        ("objectifs_secondaires", "E1.1", "objectifs_secondaires", "liste de codes"),
        ("objectifs_secondaires", [1], "objectifs_secondaires", "Donnez un texte"),
        ("demandes", {"ligne": "M2A"}, "demandes", "liste d’objets"),
        ("demandes", ["M2A"], "demandes", "liste d’objets"),
        ("demandes", [{"ligne": "M2A", "annee": 2027}], "demandes.0.montant", "Remplissez"),
        ("demandes", [{"ligne": "M2A", "annee": 2027, "montant": 0}], "demandes.0.montant", "dépasser zéro"),
        ("demandes", [{"ligne": "M2A", "annee": 2027, "montant": -5}], "demandes.0.montant", "négatif"),
        ("demandes", [{"ligne": "M2A", "annee": 2027, "montant": 10**12}], "demandes.0.montant", "dix millions"),
        ("demandes", [{"ligne": "M2A", "annee": 2027, "montant": 12.5}], "demandes.0.montant", "centimes entiers"),
        ("demandes", [{"ligne": "AUTRE", "annee": 2027, "montant": 5}], "demandes.0.ligne", "pas dans la liste"),
        ("demandes", [{"ligne": "M2A", "annee": 2027, "montant": 5, "x": 1}], "demandes.0.x", "n’existe pas"),
        ("partenaires", [{"nom": "A", "confirme": "oui"}], "partenaires.0.confirme", "true ou false"),
        ("partenaires", [{"nom": "A"}] * 61, "partenaires", "Au plus 60"),
        ("budget_produits", [{"compte": "70", "montant": 5, "statut": "promis"}], "budget_produits.0.statut", "liste"),
    ],
)
def test_une_valeur_fausse_dit_ou_et_pourquoi(code: str, brut: Any, chemin: str, morceau: str) -> None:
    fautes = lire(code, brut)
    assert isinstance(fautes, list)
    assert fautes[0][0] == chemin
    assert morceau in fautes[0][1]


def test_un_nombre_demesure_se_refuse_en_francais() -> None:
    with pytest.raises(ValueError, match="dix millions"):
        lire_montant("9" * 5000)
    beneficiaires = champ("beneficiaires")
    assert beneficiaires is not None
    _, fautes = lire_simple(beneficiaires, ["9" * 5000], DOMAINES)
    assert "trop grand" in fautes[0].message

"""Une grille en texte : relue à l'identique, et chaque faute dite à sa ligne, avec l'endroit et la raison."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.noyau.sources import Source
from app.referentiels.grilles import schemas
from app.referentiels.grilles.rules import empreinte, grille_depuis_donnees
from app.referentiels.grilles.schemas import texte as module
from seeds.grilles import lire_grille
from tests.referentiels.grilles.decor import FICHIER, des_donnees, la_grille

GRILLES = sorted(Path("seeds/contrats").glob("*/grilles/*.yaml"))


@pytest.mark.parametrize("fichier", GRILLES, ids=lambda f: f.parts[2])
def test_une_grille_ecrite_se_relit_a_l_identique(fichier: Path) -> None:
    grille = lire_grille(fichier)
    assert empreinte(schemas.lire_grille(schemas.ecrire_grille(grille))) == empreinte(grille)


def test_le_texte_se_lit_comme_un_fichier_de_grille() -> None:
    texte = schemas.ecrire_grille(la_grille())
    assert "version: '2027.0'" in texte
    assert "poids: {OBJ: 20, QUA: 12, QPV: 16" in texte
    assert "valeur: 60 %" in texte
    assert "valeur: 10000 €" in texte
    assert "si: {toujours: oui}" in texte
    assert "source: {texte: contrat, endroit: Partie 2}" in texte


def test_deux_textes_cites_qui_commencent_pareil_ont_deux_noms() -> None:
    grille = la_grille()
    autre = replace(grille.ensembles[0], source=Source("Contrat modifié en 2027", "p. 1"))
    sans_mot = replace(grille.ensembles[1], source=Source("…", "p. 1"))
    changee = replace(grille, ensembles=(autre, sans_mot, *grille.ensembles[2:]))
    texte = schemas.ecrire_grille(changee)
    assert "contrat-2: " in texte
    assert "texte: " in texte
    assert empreinte(schemas.lire_grille(texte)) == empreinte(changee)


def test_un_seuil_inexact_en_decimales_reste_un_quotient() -> None:
    donnees = des_donnees()
    donnees["criteres"][2]["baremes"][0]["paliers"][0]["si"]["au_moins"]["valeur"] = "2/3"
    grille = grille_depuis_donnees(donnees)
    texte = schemas.ecrire_grille(grille)
    assert "valeur: 2/3" in texte
    assert empreinte(schemas.lire_grille(texte)) == empreinte(grille)


def refus(avant: str, apres: str) -> schemas.GrilleRefusee:
    texte = FICHIER.read_text(encoding="utf-8")
    assert avant in texte
    with pytest.raises(schemas.GrilleRefusee) as leve:
        schemas.lire_grille(texte.replace(avant, apres, 1))
    return leve.value


def ligne_de(extrait: str) -> int:
    lignes = FICHIER.read_text(encoding="utf-8").splitlines()
    return next(rang for rang, ligne in enumerate(lignes, 1) if extrait in ligne)


def test_une_faute_dit_sa_ligne_l_endroit_et_la_raison() -> None:
    leve = refus("{OBJ: 20, QUA: 12", "{OBJ: 21, QUA: 12")
    (faute,) = leve.lignes
    assert faute.ligne == ligne_de("{OBJ: 20, QUA: 12")
    assert str(faute) == "ligne « BOP 147 », poids : la somme des poids de BOP147 est 101, pas 100"
    assert leve.fautes[0].champ == "texte"
    assert leve.fautes[0].message == (
        f"Ligne {faute.ligne}, « poids: {{OBJ: 21, QUA: 12, QPV: 16, EGA: 7, LAN: 5, HAB: 8, C… » : {faute}"
    )


@pytest.mark.parametrize(
    ("avant", "apres", "raison"),
    [
        ("textes:", "textes: [", "YAML illisible"),
        ("  contrat: Contrat", "  accord: Contrat", "texte inconnu : contrat"),
        ("unite: nombre", "unite: kilo", "n’est pas permis pour « unite »"),
        ("taux: 100", "taux: cent", "attend un nombre entier"),
        ("{toujours: oui}", "{toujours: non}", "attend « true »"),
        ("{toujours: oui}", "{toujours: peut-être}", "n’est ni « oui » ni « non »"),
    ],
)
def test_un_texte_mal_forme_dit_pourquoi(avant: str, apres: str, raison: str) -> None:
    assert any(raison in faute.raison for faute in refus(avant, apres).lignes)


def test_une_ligne_inconnue_du_contrat_est_refusee() -> None:
    with pytest.raises(schemas.GrilleRefusee, match="refusée") as leve:
        schemas.lire_grille(FICHIER.read_text(encoding="utf-8"), lignes={"BOP147", "M2A", "MULHOUSE", "ILLZACH"})
    assert [faute.raison for faute in leve.value.lignes] == ["la ligne « WITTENHEIM » n’est pas dans le contrat"]


def test_un_texte_demesure_ou_trop_imbrique_est_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(schemas.GrilleRefusee) as leve:
        schemas.lire_grille("a: " + "[" * 100 + "]" * 100)
    assert "trop imbriqué" in leve.value.lignes[0].raison
    monkeypatch.setattr(module, "TAILLE_MAXIMALE", 10)
    with pytest.raises(schemas.GrilleRefusee) as leve:
        schemas.lire_grille(FICHIER.read_text(encoding="utf-8"))
    assert "dépasse 10 caractères" in leve.value.lignes[0].raison


def test_un_texte_vide_est_refuse() -> None:
    with pytest.raises(schemas.GrilleRefusee) as leve:
        schemas.lire_grille("")
    assert leve.value.lignes[0].raison == "le fichier est vide"

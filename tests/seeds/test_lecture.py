"""La lecture d'un fichier de données : lignes gardées, rien d'implicite, chaque faute dit fichier, ligne, raison."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

from seeds.lecture import ErreurDeDonnees, Lecture, lire
from seeds.schemas.commun import Anomalie, Code, ElementSource, Jour, LignesSource, OuiNon, Texte


class Couleur(StrEnum):
    ROUGE = "rouge"
    VERT = "vert"


class Exemple(ElementSource):
    nom: Texte
    code: Code = "X"
    nombre: Annotated[int, Field(ge=1)] = 1
    taux: Decimal | None = None
    jour: Jour | None = None
    ouvert: OuiNon = False
    couleur: Couleur | None = None
    textes: Annotated[tuple[Texte, ...], Field(max_length=3)] = ()
    enfants: tuple[Exemple, ...] = ()


def _lire(dossier: Path, texte: str) -> Lecture[Exemple]:
    chemin = dossier / "exemple.yaml"
    chemin.write_text(texte, encoding="utf-8")
    return lire(chemin, Exemple)


def _faute(dossier: Path, texte: str) -> ErreurDeDonnees:
    with pytest.raises(ErreurDeDonnees) as leve:
        _lire(dossier, texte)
    return leve.value


def test_un_fichier_juste_se_lit_et_garde_ses_lignes(tmp_path: Path) -> None:
    lecture = _lire(
        tmp_path,
        "# tête\nnom: Un nom\nsource: 12-15, 20\nvalide_du: 2024-01-01\nouvert: oui\n"
        "enfants:\n  - nom: A\n    source: 3\n",
    )
    assert lecture.contenu.nom == "Un nom"
    assert lecture.contenu.valide_du == date(2024, 1, 1)
    assert lecture.contenu.ouvert is True
    assert lecture.contenu.source.plages == ((12, 15), (20, 20))
    assert lecture.ligne("source") == 3
    assert lecture.ligne("enfants", 0, "nom") == 7
    assert lecture.ligne("enfants", 0, "absent") == 7
    assert lecture.ligne() == 2
    assert str(lecture.faute(("ouvert",), "non")) == "exemple.yaml, ligne 5 : non"


def test_rien_n_est_devine_un_scalaire_reste_un_texte(tmp_path: Path) -> None:
    lecture = _lire(tmp_path, "nom: no\nsource: 7\ntextes: [2024-01-02, 012, on]\ntaux: ~\njour: null\n")
    assert lecture.contenu.nom == "no"
    assert lecture.contenu.textes == ("2024-01-02", "012", "on")
    assert lecture.contenu.taux is None
    assert lecture.contenu.jour is None


@pytest.mark.parametrize(
    ("texte", "message"),
    [
        ("source: 1\n", "exemple.yaml, ligne 1 : le champ « nom » manque"),
        ("nom: A\nsource: 1\nnon: B\n", "exemple.yaml, ligne 3 : le champ « non » n’est pas prévu"),
        ("nom: A\nsource: 1\nnom: B\n", "exemple.yaml, ligne 3 : le champ « nom » est écrit deux fois"),
        ("nom: A\nsource: 1\n? [a]\n: B\n", "exemple.yaml, ligne 3 : un nom de champ est un texte simple"),
        ("nom:\nsource: 1\n", "exemple.yaml, ligne 1 : « nom » attend un texte"),
        ("nom: '  '\nsource: 1\n", "exemple.yaml, ligne 1 : « nom » est vide"),
        ("nom: A\nsource: 1\ncode: a b\n", "exemple.yaml, ligne 3 : « a b » n’a pas la forme attendue pour « code »"),
        (
            "nom: A\nsource: 1\nnombre: deux\n",
            "exemple.yaml, ligne 3 : « nombre » attend un nombre entier, pas « deux »",
        ),
        ("nom: A\nsource: 1\nnombre: 0\n", "exemple.yaml, ligne 3 : « nombre » ne respecte pas sa borne (1)"),
        ("nom: A\nsource: 1\ntaux: haut\n", "exemple.yaml, ligne 3 : « taux » attend un nombre, pas « haut »"),
        ("nom: A\nsource: 1\njour: 2024\n", "exemple.yaml, ligne 3 : « 2024 » n’est pas une date (AAAA-MM-JJ)"),
        (
            "nom: A\nsource: 1\njour: 2024-02-30\n",
            "exemple.yaml, ligne 3 : « 2024-02-30 » n’est pas une date (AAAA-MM-JJ)",
        ),
        ("nom: A\nsource: 1\nouvert: yes\n", "exemple.yaml, ligne 3 : « yes » n’est ni « oui » ni « non »"),
        (
            "nom: A\nsource: 1\ncouleur: bleu\n",
            "exemple.yaml, ligne 3 : « bleu » n’est pas permis pour « couleur » (attendu : rouge ou vert)",
        ),
        ("nom: A\nsource: 1\ntextes: a\n", "exemple.yaml, ligne 3 : « textes » attend une liste"),
        (
            "nom: A\nsource: 1\ntextes: [a, b, c, d]\n",
            "exemple.yaml, ligne 3 : « textes » est refusé (too_long)",
        ),
        ("nom: A\nsource: 1\nenfants:\n  - B\n", "exemple.yaml, ligne 4 : « enfants » attend un ensemble de champs"),
        ("- A\n", "exemple.yaml, ligne 1 : « le fichier » attend un ensemble de champs"),
        (
            "nom: A\nsource: douze\n",
            "exemple.yaml, ligne 2 : « douze » n’est pas un numéro de ligne ni une plage (« 12-15, 20 »)",
        ),
        ("nom: A\nsource: 15-12\n", "exemple.yaml, ligne 2 : « 15-12 » contient une plage à l’envers ou nulle"),
        (
            "nom: A\nsource: 1\nvalide_du: 2025-01-01\nvalide_au: 2024-12-31\n",
            "exemple.yaml, ligne 1 : « valide_au » précède « valide_du »",
        ),
        (
            "nom: &n A\nsource: 1\ncode: *n\n",
            "exemple.yaml, ligne 3 : YAML illisible : un renvoi (*nom) n’est pas permis",
        ),
        ("", "exemple.yaml, ligne 1 : le fichier est vide"),
        ("nom: A\nsource: \a\n", "exemple.yaml, ligne 2 : le fichier contient un caractère interdit"),
    ],
)
def test_une_faute_dit_fichier_ligne_et_raison(tmp_path: Path, texte: str, message: str) -> None:
    assert str(_faute(tmp_path, texte)) == message


def test_toutes_les_fautes_d_un_fichier_sont_dites_dans_l_ordre(tmp_path: Path) -> None:
    faute = _faute(tmp_path, "nom: A\nsource: 1\nnombre: x\nenfants:\n  - nom: B\n    source: y\n    z: 1\n")
    assert [(f.ligne, f.fichier) for f in (faute, *faute.autres)] == [(line, "exemple.yaml") for line in (3, 6, 7)]
    assert str(faute).endswith("(et 2 autres)")


def test_un_yaml_casse_dit_sa_ligne(tmp_path: Path) -> None:
    faute = _faute(tmp_path, "nom: A\ntextes: [a,\nsource: 1\n")
    assert faute.ligne >= 2
    assert faute.raison.startswith("YAML illisible : ")


def test_un_fichier_absent_ou_mal_encode_se_dit(tmp_path: Path) -> None:
    with pytest.raises(ErreurDeDonnees, match=r"^absent\.yaml, ligne 1 : le fichier manque$"):
        lire(tmp_path / "absent.yaml", Exemple)
    (tmp_path / "latin.yaml").write_bytes("nom: A\nsource: é\n".encode("latin-1"))
    with pytest.raises(ErreurDeDonnees, match=r"^latin\.yaml, ligne 2 : le fichier n’est pas en UTF-8$"):
        lire(tmp_path / "latin.yaml", Exemple)


def test_le_nom_montre_part_de_la_racine(tmp_path: Path) -> None:
    (tmp_path / "anomalies").mkdir()
    (tmp_path / "anomalies" / "a.yaml").write_text("- code: 1\n", encoding="utf-8")
    with pytest.raises(ErreurDeDonnees, match=r"^anomalies/a\.yaml, ligne 1 : "):
        lire(tmp_path / "anomalies" / "a.yaml", tuple[Anomalie, ...], racine=tmp_path)


def test_les_plages_gardent_l_ordre_ecrit() -> None:
    assert LignesSource("20, 3-4").plages == ((20, 20), (3, 4))

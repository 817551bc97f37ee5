"""Les textes montrés s'écrivent avec l'apostrophe typographique (’) : gabarits, messages Python, courriels, PDF."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

RACINE = Path(__file__).resolve().parents[2]
APOSTROPHE_DROITE = re.compile(r"[a-zàâçéèêëîïôûù]'[a-zàâçéèêëîïôûùœh]", re.IGNORECASE)
_COMMENTAIRE_JINJA = re.compile(r"\{#.*?#\}", re.DOTALL)
_COMMENTAIRE_TYPST = re.compile(r"^\s*//.*$", re.MULTILINE)
GABARITS = sorted(p for p in (RACINE / "templates").rglob("*") if p.suffix in {".html", ".txt", ".typ"})
SANS_LECTEUR = frozenset(
    {
        "app/commandes/copie_base.py",  # des commentaires SQL
        "app/commandes/parcours.py",  # la page docs/parcours.md, comparée à l'octet
        "app/etapes/commission/rules/regles.py",  # des erreurs de programmation
        "app/etapes/commission/rules/scrutin.py",
    }
)
MODULES = sorted(p for p in (RACINE / "app").rglob("*.py") if str(p.relative_to(RACINE)) not in SANS_LECTEUR)


def _fautes(texte: str) -> list[str]:
    return [texte[max(0, m.start() - 30) : m.end() + 30] for m in APOSTROPHE_DROITE.finditer(texte)]


def textes_montres(source: str) -> list[tuple[int, str]]:
    """(ligne, texte) de chaque chaîne d'un module, hors docstrings et textes nus (les commentaires de constante)."""
    arbre = ast.parse(source)
    nus = {id(n.value) for n in ast.walk(arbre) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)}
    return [
        (n.lineno, n.value)
        for n in ast.walk(arbre)
        if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in nus
    ]


@pytest.mark.parametrize("gabarit", GABARITS, ids=lambda p: str(p.relative_to(RACINE)))
def test_un_gabarit_n_a_pas_d_apostrophe_droite(gabarit: Path) -> None:
    texte = gabarit.read_text()
    retire = _COMMENTAIRE_TYPST if gabarit.suffix == ".typ" else _COMMENTAIRE_JINJA
    assert _fautes(retire.sub("", texte)) == []


def test_un_message_n_a_pas_d_apostrophe_droite() -> None:
    fautes = [
        f"{module.relative_to(RACINE)}:{ligne} {extrait}"
        for module in MODULES
        for ligne, texte in textes_montres(module.read_text())
        for extrait in _fautes(texte)
    ]
    assert fautes == []


def test_l_essai_voit_un_message_et_tait_une_docstring() -> None:
    source = '"""L\'essai."""\nDIT = "Choisissez l\'année."\n"""L\'explication."""\nVU = f"{1} de l\'an"\n'
    assert [ligne for ligne, texte in textes_montres(source) for _ in _fautes(texte)] == [2, 4]
    assert len(GABARITS) > 100
    assert len(MODULES) > 150

"""Un nom de tâche inconnu serait accepté par la file sans rien dire : tout nom différé est enregistré."""

from __future__ import annotations

import ast
from pathlib import Path

import app.taches  # noqa: F401 -- déclare toutes les tâches
from app.infra.jobs import noms_enregistres

APP = Path(__file__).resolve().parents[2] / "app"


def noms_differes() -> dict[str, str]:
    """Nom de tâche écrit dans un appel à `differer` → fichier qui l'écrit."""
    rendu = {}
    for fichier in sorted(APP.rglob("*.py")):
        for noeud in ast.walk(ast.parse(fichier.read_text(encoding="utf-8"))):
            if (
                isinstance(noeud, ast.Call)
                and getattr(noeud.func, "id", getattr(noeud.func, "attr", "")) == "differer"
                and len(noeud.args) > 1
                and isinstance(noeud.args[1], ast.Constant)
            ):
                rendu[str(noeud.args[1].value)] = str(fichier.relative_to(APP))
    return rendu


def test_tout_nom_differe_est_enregistre() -> None:
    differes = noms_differes()
    assert {"notation.noter_dossier", "notation.noter_appel"} <= differes.keys()
    assert {nom: ou for nom, ou in differes.items() if nom not in noms_enregistres()} == {}

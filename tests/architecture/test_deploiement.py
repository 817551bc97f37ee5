"""Ce qu'on peut vérifier du déploiement sans moteur de conteneurs : compose, image, variables."""

from __future__ import annotations

import re
from typing import Any

import yaml

from app.infra.config import RACINE, Config

COMPOSE: dict[str, Any] = yaml.safe_load((RACINE / "docker-compose.yml").read_text(encoding="utf-8"))
EXEMPLE = (RACINE / ".env.example").read_text(encoding="utf-8")
DECLAREES = set(re.findall(r"^([A-Z_0-9]+)=", EXEMPLE, re.MULTILINE))


def test_toute_variable_exigee_par_compose_est_dans_l_exemple() -> None:
    texte = (RACINE / "docker-compose.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{([A-Z_0-9]+)", texte)) <= DECLAREES


def test_ce_qu_on_remplit_dans_env_arrive_aux_conteneurs() -> None:
    """Sauf ce que compose compose lui-même : l'adresse de la base, le dossier des données."""
    recues = COMPOSE["services"]["app"]["environment"]
    a_remplir = {nom for nom in DECLAREES if nom.startswith("IQ_") and not nom.startswith("IQ_MDP_")}
    assert {nom for nom in a_remplir - {"IQ_DONNEES"} if f"${{{nom}" not in str(recues.get(nom))} == set()
    assert recues == COMPOSE["services"]["worker"]["environment"]


def test_l_exemple_ne_declare_que_ce_qui_se_lit() -> None:
    lues = {"DATABASE_URL", "DATABASE_URL_PROPRIETAIRE"} | {f"IQ_{nom.upper()}" for nom in Config.model_fields}
    de_compose = {nom for nom in DECLAREES if nom.startswith("IQ_MDP_")}
    assert lues >= DECLAREES - de_compose


def test_compose_a_deux_ouvriers_un_worker_une_base_un_stockage_et_un_relais() -> None:
    services = COMPOSE["services"]
    commandes = {nom: " ".join(map(str, s.get("command", []))) for nom, s in services.items()}
    assert "--workers 2" in commandes["app"] or "--ouvriers 2" in commandes["app"]
    assert "worker" in commandes["worker"]
    assert {"postgres", "migrations"} <= services.keys()
    images = " ".join(str(s.get("image", "")) for s in services.values())
    assert "minio" in images
    assert "mailpit" in images
    assert "clamav" in images
    for nom in ("app", "worker"):
        assert "DATABASE_URL_PROPRIETAIRE" not in services[nom]["environment"], "seules les migrations ont ce droit"


def test_chaque_fichier_copie_dans_l_image_existe() -> None:
    dockerfile = (RACINE / "Dockerfile").read_text(encoding="utf-8")
    sources = [
        source
        for ligne in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
        for source in ligne.split()[:-1]
        if not source.startswith("--")
    ]
    assert sources
    assert [s for s in sources if not (RACINE / s).exists()] == []
    assert "USER" in dockerfile

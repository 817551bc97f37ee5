"""Tâches d'essai et vrai worker à part : `python -m tests.infra.taches_essai URL DONNEES [mourir_avant_de_ranger]`."""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from procrastinate import jobs as en_file
from pydantic import SecretStr
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from app.commandes.base import Base
from app.commandes.worker import Reglages, executer
from app.infra import jobs, traces
from app.infra.config import Config, Mode
from app.infra.jobs import Atelier, Essais, tache, tache_longue
from app.infra.journal.ecriture import consigner
from app.noyau.erreurs import ActeImpossible

PREFIXE = "essai."
VIFS = Reglages(battement=0.2, mort_apres=1.0, scrutation=0.2, delai_arret=1.5)
SANS_ATTENTE = Essais(premiere_attente=timedelta(0))


def preparer(base: Base) -> None:
    """La table où les tâches laissent leur effet."""
    moteur = create_engine(base.url_proprietaire, poolclass=NullPool)
    with moteur.begin() as connexion:
        connexion.execute(text("CREATE TABLE essai_effet (mot text NOT NULL, a timestamptz NOT NULL)"))


def _laisser(session: Session, mot: str, maintenant: datetime) -> None:
    session.execute(text("INSERT INTO essai_effet VALUES (:mot, :a)"), {"mot": mot, "a": maintenant})


@tache("essai.ecrire")
def ecrire(session: Session, *, maintenant: datetime, mot: str) -> None:
    """Laisse un effet, et un acte au journal."""
    _laisser(session, mot, maintenant)
    consigner(session, contrat_id=None, acte="essai.ecrit", objet=mot, acteur="c-essai", maintenant=maintenant)


@tache("essai.durer")
def durer(session: Session, *, maintenant: datetime, mot: str, dossier: str, au_plus: float = 20.0) -> None:
    """Écrit, dit qu'elle a commencé, attend la permission de finir."""
    _laisser(session, mot, maintenant)
    (Path(dossier) / "commence").touch()
    limite = time.monotonic() + au_plus
    while time.monotonic() < limite and not (Path(dossier) / "finir").exists():
        time.sleep(0.02)


@tache("essai.manquer", essais=SANS_ATTENTE)
def manquer(session: Session, *, maintenant: datetime, dossier: str) -> None:
    """Échoue deux fois après avoir écrit, réussit la troisième."""
    _laisser(session, "manque", maintenant)
    trace = Path(dossier) / "essais"
    trace.write_text((trace.read_text() if trace.exists() else "") + "x")
    if len(trace.read_text()) < 3:
        raise RuntimeError("pas encore")


@tache("essai.echouer")
def echouer(session: Session, *, maintenant: datetime) -> None:
    """Échoue toujours, pour une raison qui peut passer."""
    _laisser(session, "echec", maintenant)
    raise RuntimeError("jamais")


@tache("essai.refuser")
def refuser(session: Session, *, maintenant: datetime) -> None:
    """Refusée par le métier."""
    _laisser(session, "refus", maintenant)
    raise ActeImpossible("Non.")


@tache("essai.enchainer")
def enchainer(session: Session, *, maintenant: datetime, reste: int) -> None:
    """Met la suivante en file."""
    _laisser(session, f"maillon {reste}", maintenant)
    if reste:
        jobs.differer(session, "essai.enchainer", reste=reste - 1, maintenant=maintenant)


@tache_longue("essai.par_etapes")
def par_etapes(atelier: Atelier, *, maintenant: datetime) -> None:
    """Deux transactions."""
    for mot in ("avant", "après"):
        with atelier.transaction() as session:
            _laisser(session, mot, maintenant)


_ranger = jobs._Gestion.finish_job


async def _mourir(gestion: jobs._Gestion, job: en_file.Job, *arguments: Any, **options: Any) -> None:
    """Meurt à l'instant où la tâche d'essai, validée, allait être rangée."""
    if job.task_name.startswith(PREFIXE):
        os.kill(os.getpid(), signal.SIGKILL)
    await _ranger(gestion, job, *arguments, **options)


def main() -> None:
    """Un worker réel, aux durées courtes."""
    url, donnees, *options = sys.argv[1:]
    traces.configurer()
    if "mourir_avant_de_ranger" in options:
        jobs._Gestion.finish_job = _mourir  # type: ignore[method-assign]
    secret = SecretStr("secret-d-essai-de-plus-de-32-octets!")
    executer(Config(mode=Mode.ESSAI, donnees=Path(donnees), secret=secret, _env_file=None), url, VIFS)


if __name__ == "__main__":
    main()

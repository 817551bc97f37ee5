"""Les tâches de fond : mises en file dans la transaction du métier, exécutées par le worker (décision 6).

Deux `App` procrastinate partagent les tâches : `FILE`, synchrone, jamais ouverte, qui écrit sur la connexion du métier,
et celle du worker, asynchrone. Rien n'est ouvert à l'import. Une tâche peut être exécutée deux fois (worker tué, base
coupée) : toute tâche est rejouable. Ses arguments sont des identifiants, jamais un nom ni une adresse : ils vont au
journal technique.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any, TypeVar

import psycopg
from procrastinate import App, JobContext, PsycopgConnector, RetryDecision, SyncPsycopgConnector
from procrastinate import jobs as en_file
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.manager import JobManager
from procrastinate.retry import BaseRetryStrategy
from sqlalchemy import BigInteger, make_url, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker

from app.infra.config import Config
from app.infra.db import Base
from app.infra.heure import heure_machine
from app.infra.traces import tracer
from app.noyau.erreurs import ErreurMetier
from app.noyau.periodes import PARIS, a_paris

ESPACE_VERROU = 7_204_116
RELANCES_ADMISES = 20
ATTENTES_BASE = (0.5, 1.0, 2.0, 4.0, 8.0)
_FORME_NOM = re.compile(r"[a-z_]+\.[a-z_]+")
_ATELIER = "atelier"
trace = tracer("iq.taches")

FILE = App(connector=SyncPsycopgConnector())
Tache = TypeVar("Tache", bound=Callable[..., None])
Cadence = Callable[[datetime], datetime]
"""Rend la dernière échéance passée ou présente à un instant."""


class TacheInconnue(LookupError):
    """Aucun module de `app.taches` ne déclare ce nom : la tâche resterait en file pour toujours."""


class TacheFaite(Base):
    """Les tâches dont la transaction est validée : rejouées, elles ne refont rien."""

    __tablename__ = "tache_faite"

    tache_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    a: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Essais(BaseRetryStrategy):
    """Nouvel essai à attente doublée, jusqu'à `nombre` exécutions ; un refus du métier ne se rejoue pas."""

    nombre: int = 8
    premiere_attente: timedelta = timedelta(seconds=10)
    attente_maximale: timedelta = timedelta(hours=1)

    def get_retry_decision(self, *, exception: BaseException, job: en_file.Job) -> RetryDecision | None:
        """Ce que procrastinate demande après un échec. `job.attempts` compte les exécutions d'avant celle-ci."""
        if isinstance(exception, ErreurMetier) or job.attempts + 1 >= self.nombre:
            return None
        attente = min(self.premiere_attente * 2**job.attempts, self.attente_maximale)
        return RetryDecision(retry_at=heure_machine() + attente)


ESSAIS = Essais()


@dataclass(slots=True)
class Bilan:
    """Ce qu'un worker a fait depuis son démarrage : exécutions réussies, et une phrase par échec."""

    faites: int = 0
    erreurs: list[str] = field(default_factory=list)
    _verrou: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def echecs(self) -> int:
        """Exécutions manquées, y compris celles qui seront rejouées."""
        return len(self.erreurs)

    def compter(self, nom: str, erreur: BaseException | None = None) -> None:
        """Ajoute une exécution ; plusieurs fils comptent à la fois."""
        with self._verrou:
            if erreur is None:
                self.faites += 1
            else:
                self.erreurs.append(f"{nom} : {type(erreur).__name__} : {erreur}")


@dataclass(frozen=True, slots=True)
class Atelier:
    """Ce qu'une tâche trouve dans le worker. `mort_apres` : secondes sans battement qui font un worker mort."""

    config: Config
    fabrique: sessionmaker[Session]
    mort_apres: float = 30.0
    bilan: Bilan = field(default_factory=Bilan)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Une transaction, validée à la sortie du bloc, annulée si le bloc lève."""
        with self.fabrique.begin() as session:
            yield session


@dataclass(frozen=True, slots=True)
class Periodique:
    """Une tâche que le worker met lui-même en file, une fois par échéance, quel que soit le nombre de workers."""

    nom: str
    cadence: Cadence


_NOMS: set[str] = set()
_PERIODIQUES: dict[str, Periodique] = {}


def toutes_les(duree: timedelta) -> Cadence:
    """Échéances espacées de `duree`, comptées depuis le 1er janvier 1970."""
    pas = int(duree.total_seconds())
    return lambda instant: datetime.fromtimestamp(instant.timestamp() // pas * pas, instant.tzinfo)


def chaque_jour(heure: int, minute: int = 0) -> Cadence:
    """Une échéance par jour, à l'heure de Paris. Manquée (service arrêté), elle se rattrape au démarrage."""

    def derniere(instant: datetime) -> datetime:
        local = a_paris(instant)
        echeance = datetime.combine(local.date(), time(heure, minute), PARIS)
        if echeance > local:
            echeance = datetime.combine(local.date() - timedelta(days=1), time(heure, minute), PARIS)
        return echeance

    return derniere


def noms_enregistres() -> frozenset[str]:
    """Les noms que `differer` accepte."""
    return frozenset(_NOMS)


def periodiques() -> tuple[Periodique, ...]:
    """Les tâches périodiques, dans l'ordre de leur nom."""
    return tuple(_PERIODIQUES[nom] for nom in sorted(_PERIODIQUES))


def inscrire(
    nom: str, executer: Callable[..., Any], essais: BaseRetryStrategy | None, cadence: Cadence | None = None
) -> None:
    """Déclare une exécution (contexte, **arguments) sous un nom « étape.acte ». Lève ValueError s'il est mal formé."""
    if not _FORME_NOM.fullmatch(nom):
        raise ValueError(f"Un nom de tâche s’écrit « étape.acte » : {nom!r}.")
    FILE.task(name=nom, pass_context=True, retry=essais or False)(executer)
    _NOMS.add(nom)
    if cadence is not None:
        _PERIODIQUES[nom] = Periodique(nom, cadence)


def atelier_de(contexte: JobContext) -> Atelier:
    """L'atelier du worker qui exécute cette tâche."""
    atelier: Atelier = contexte.additional_context[_ATELIER]
    return atelier


def contexte_du_worker(atelier: Atelier) -> dict[str, Any]:
    """Ce que le worker passe à chaque tâche."""
    return {_ATELIER: atelier}


def _instant(arguments: dict[str, Any]) -> datetime:
    """L'instant du métier donné par l'acte, sinon l'heure de la machine."""
    dit = arguments.pop("maintenant", None)
    return heure_machine() if dit is None else datetime.fromisoformat(dit)


def _liberer_la_cle(atelier: Atelier, tache: en_file.Job) -> None:
    """Une tâche commencée ne tient plus sa clé : son nouvel essai pourrait heurter celle mise en file entre-temps."""
    if tache.queueing_lock is not None:
        with atelier.transaction() as session:
            requete = text("UPDATE procrastinate_jobs SET queueing_lock = NULL WHERE id = :id")
            session.execute(requete, {"id": tache.id})


def _marquer_faite(session: Session, tache: en_file.Job) -> bool:
    """Faux si cette tâche est déjà faite. Une seconde exécution simultanée attend ici la fin de la première."""
    requete = insert(TacheFaite).values(tache_id=tache.id, a=heure_machine()).on_conflict_do_nothing()
    return session.scalar(requete.returning(TacheFaite.tache_id)) is not None


def _enveloppe(agir: Callable[[Atelier, en_file.Job, datetime, dict[str, Any]], None]) -> Callable[..., None]:
    def executer(contexte: JobContext, **arguments: Any) -> None:
        atelier, tache = atelier_de(contexte), contexte.job
        arguments.pop("timestamp", None)  # l'échéance d'une tâche périodique
        try:
            _liberer_la_cle(atelier, tache)
            agir(atelier, tache, _instant(arguments), arguments)
        except BaseException as erreur:
            atelier.bilan.compter(tache.task_name, erreur)
            raise
        atelier.bilan.compter(tache.task_name)

    return executer


def tache(nom: str, *, essais: Essais = ESSAIS, cadence: Cadence | None = None) -> Callable[[Tache], Tache]:
    """Déclare `f(session, *, maintenant, **arguments)`, exécutée dans UNE transaction validée ici, journal compris.

    Son effet en base n'a lieu qu'une fois, même si le worker meurt juste après le COMMIT. Rien de lent ni de distant :
    voir `tache_longue`. `cadence` : le worker la met lui-même en file.
    """

    def decorer(fonction: Tache) -> Tache:
        def agir(atelier: Atelier, tache: en_file.Job, maintenant: datetime, arguments: dict[str, Any]) -> None:
            with atelier.transaction() as session:
                if _marquer_faite(session, tache):
                    fonction(session, maintenant=maintenant, **arguments)

        inscrire(nom, _enveloppe(agir), essais, cadence)
        return fonction

    return decorer


def tache_longue(nom: str, *, essais: Essais = ESSAIS, cadence: Cadence | None = None) -> Callable[[Tache], Tache]:
    """Déclare `f(atelier, *, maintenant, **arguments)`, qui ouvre ses transactions elle-même (`atelier.transaction()`).

    Pour ce qui est lent ou distant (courriel, PDF lourd, optimisation) : lire, travailler hors transaction, écrire. La
    rejouer doit être sans dommage à chaque pas : c'est à elle d'y veiller.
    """

    def decorer(fonction: Tache) -> Tache:
        def agir(atelier: Atelier, _tache: en_file.Job, maintenant: datetime, arguments: dict[str, Any]) -> None:
            fonction(atelier, maintenant=maintenant, **arguments)

        inscrire(nom, _enveloppe(agir), essais, cadence)
        return fonction

    return decorer


def differer(
    session: Session,
    nom: str,
    *,
    pour: datetime | None = None,
    cle_unique: str | None = None,
    maintenant: datetime | None = None,
    **arguments: Any,
) -> int:
    """Met la tâche en file dans la transaction de `session` : un ROLLBACK ne laisse rien. Rend son numéro.

    `pour` : pas avant cet instant, à l'heure de la machine. `maintenant` : l'instant du métier, quand il compte
    (X-Horloge). `cle_unique` : la tâche qui attend déjà sous cette clé suffit ; elle ne commencera qu'après la fin de
    cette transaction, donc en verra les écritures. Lève TacheInconnue.
    """
    if nom not in _NOMS:
        raise TacheInconnue(f"La tâche « {nom} » n’est déclarée par aucun module de app.taches.")
    if maintenant is not None:
        arguments["maintenant"] = maintenant.isoformat()
    if cle_unique is not None:
        en_attente = _retenir(session, cle_unique)
        if en_attente is None:
            requete = text("SELECT pg_advisory_xact_lock(:e, hashtext(:c))")
            session.execute(requete, {"e": ESPACE_VERROU, "c": cle_unique})
            en_attente = _retenir(session, cle_unique)
        if en_attente is not None:
            return en_attente
    connexion = session.connection().connection.driver_connection
    tache = FILE.configure_task(nom, schedule_at=pour, queueing_lock=cle_unique, connection=connexion)
    return tache.defer(**arguments)


def _retenir(session: Session, cle: str) -> int | None:
    """Le numéro de la tâche qui attend sous cette clé ; verrouillée, aucun worker ne la prend avant notre COMMIT."""
    requete = text("SELECT id FROM procrastinate_jobs WHERE queueing_lock = :cle AND status = 'todo' FOR SHARE")
    numero: int | None = session.scalar(requete, {"cle": cle})
    return numero


class _Gestion(JobManager):
    """Range l'issue d'une tâche même si la base redémarre à cet instant : sinon elle resterait « doing »."""

    async def finish_job(self, job: en_file.Job, status: en_file.Status, delete_job: bool) -> None:
        """Comme procrastinate, en insistant."""
        await _insister(lambda: super(_Gestion, self).finish_job(job, status, delete_job))

    async def retry_job(self, job: en_file.Job, *arguments: Any, **options: Any) -> None:
        """Comme procrastinate, en insistant."""
        await _insister(lambda: super(_Gestion, self).retry_job(job, *arguments, **options))


async def _insister(ecrire: Callable[[], Awaitable[None]]) -> None:
    for rang, attente in enumerate(ATTENTES_BASE):
        try:
            return await ecrire()
        except ConnectorException as erreur:
            # La fonction SQL refuse de ranger deux fois : après une réponse perdue, ce refus dit que c'est fait.
            if isinstance(erreur.__cause__, psycopg.errors.RaiseException) and rang > 0:
                return None
            if isinstance(erreur, UniqueViolation) or isinstance(erreur.__cause__, psycopg.errors.RaiseException):
                raise
            trace.warning("issue de tâche à ranger de nouveau", erreur=str(erreur.__cause__))
            await asyncio.sleep(attente)
    return await ecrire()


def app_du_worker(url: str) -> App:
    """L'App du worker sur une base (adresse SQLAlchemy ou PostgreSQL), à ouvrir par `open_async`."""
    conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connecteur = PsycopgConnector(
        conninfo=conninfo, min_size=1, max_size=5, timeout=5.0, kwargs={"options": "-c lock_timeout=5000"}
    )
    app = FILE.with_connector(connecteur)
    app.job_manager = _Gestion(connecteur)
    return app


async def mettre_en_file_les_echeances(gestion: JobManager, maintenant: datetime) -> int:
    """Met en file chaque tâche périodique à sa dernière échéance, si aucun worker ne l'a déjà fait ; rend combien.

    (Le `periodic` de procrastinate passe par l'App synchrone, qui n'est jamais ouverte.)
    """
    compte = 0
    for periodique in periodiques():
        echeance = int(periodique.cadence(maintenant).timestamp())
        job = en_file.Job(
            queue=en_file.DEFAULT_QUEUE,
            lock=None,
            queueing_lock=None,
            task_name=periodique.nom,
            task_kwargs={"timestamp": echeance},
        )
        identifiant = await gestion.defer_periodic_job(job=job, periodic_id="", defer_timestamp=echeance)
        compte += identifiant is not None
    return compte


async def relancer_les_abandonnees(gestion: JobManager, mort_apres: float) -> int:
    """Remet en file les tâches d'un worker mort (sans battement depuis `mort_apres` secondes) ; rend combien.

    Une tâche qui tue son worker à chaque fois finit en échec après RELANCES_ADMISES exécutions.
    """
    compte = 0
    for job in await gestion.get_stalled_jobs(seconds_since_heartbeat=mort_apres):
        try:
            if job.attempts >= RELANCES_ADMISES:
                trace.error("tâche abandonnée trop souvent", tache=job.task_name, numero=job.id)
                await gestion.finish_job(job, en_file.Status.FAILED, delete_job=False)
                continue
            await gestion.retry_job(job)
        except UniqueViolation:
            await gestion.finish_job(job, en_file.Status.ABORTED, delete_job=False)
        except ConnectorException as erreur:
            trace.info("tâche déjà relancée", tache=job.task_name, numero=job.id, raison=str(erreur.__cause__))
            continue
        compte += 1
        trace.warning("tâche d’un worker mort relancée", tache=job.task_name, numero=job.id, essais=job.attempts + 1)
    return compte

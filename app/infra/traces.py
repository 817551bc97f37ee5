"""Le journal technique : une ligne JSON par événement, sur la sortie d'erreur. (Le journal des actes est ailleurs.)"""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor

_COMMUNS: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="instant"),
)
_FRANCAIS = {"event": "evenement", "level": "niveau", "logger": "source", "exception": "exception"}
_SERVEUR_WEB = ("uvicorn", "uvicorn.error", "uvicorn.access")
_BAVARDS = ("procrastinate.blueprints", "procrastinate.periodic")

# Dès l'import : tout passe par `logging`, muet tant que `configurer` n'a pas été appelé.
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_COMMUNS,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
)


class _Sortie(logging.StreamHandler):  # type: ignore[type-arg]
    """La nôtre : se reconnaît, pour ne pas être posée deux fois."""


def tracer(nom: str) -> structlog.stdlib.BoundLogger:
    """Le traceur d'un module : `tracer("iq.taches").info("fait", tache=…)`. Jamais de nom ni d'adresse."""
    traceur: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(nom)
    return traceur


def _nommer(_traceur: object, _methode: str, evenement: EventDict) -> EventDict:
    return {_FRANCAIS.get(cle, cle): valeur for cle, valeur in evenement.items()}


def _formateur() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_COMMUNS,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _nommer,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
    )


def configurer(niveau: str = "INFO") -> None:
    """Écrit les événements de `niveau` et plus en JSON sur la sortie d'erreur, ceux d'uvicorn compris. Idempotente."""
    racine = logging.getLogger()
    racine.setLevel(niveau)
    if not any(isinstance(sortie, _Sortie) for sortie in racine.handlers):
        sortie = _Sortie(sys.stderr)
        sortie.setFormatter(_formateur())
        racine.addHandler(sortie)
    for nom in _BAVARDS:
        logging.getLogger(nom).setLevel(logging.WARNING)
    for nom in _SERVEUR_WEB:
        logging.getLogger(nom).handlers.clear()
        logging.getLogger(nom).propagate = True

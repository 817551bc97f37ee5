"""Actes : prolonger une session qui sert, en fermer une, fermer les autres (leur rangée reste un jour)."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.noyau.erreurs import Introuvable
from app.referentiels.acteurs.models import SessionWeb
from app.referentiels.acteurs.repository import comptes as lectures
from app.referentiels.acteurs.rules.comptes import PAS_DE_RENOUVELLEMENT


def code_public(empreinte: bytes) -> str:
    """Ce qui nomme une session dans une page sans rien dire de son témoin."""
    return hashlib.sha256(b"session\x1f" + empreinte).hexdigest()[:16]


def prolonger(session: Session, empreinte: bytes, *, machine: datetime, duree: timedelta) -> None:
    """Recule l'expiration d'une session qui sert, jamais au-delà de sa limite ; au plus une écriture par heure.

    N'attend personne : si une autre page de la même session l'écrit déjà, rien n'est à faire.
    """
    libre = (
        select(SessionWeb.empreinte)
        .where(SessionWeb.empreinte == empreinte, SessionWeb.vue_at <= machine - PAS_DE_RENOUVELLEMENT)
        .where(SessionWeb.expire_at > machine)
        .with_for_update(skip_locked=True)
    )
    session.execute(
        update(SessionWeb)
        .where(SessionWeb.empreinte.in_(libre.scalar_subquery()))
        .values(vue_at=machine, expire_at=func.least(SessionWeb.limite_at, machine + duree))
        .execution_options(synchronize_session=False)
    )


def fermer(session: Session, compte_id: int, code: str, *, machine: datetime) -> bytes:
    """Ferme une session de ce compte et rend son empreinte. Lève Introuvable."""
    ouverte = next((s for s in lectures.list_sessions(session, compte_id, machine) if code_public(s.empreinte) == code),
                   None)  # fmt: skip
    if ouverte is None:
        raise Introuvable("Cette session est déjà fermée.")
    ouverte.expire_at = machine
    return ouverte.empreinte


def fermer_toutes(session: Session, compte_id: int, machine: datetime, *, sauf: bytes = b"") -> None:
    """Ferme les sessions ouvertes de ce compte, sauf celle-ci."""
    ouvertes = update(SessionWeb).where(
        SessionWeb.compte_id == compte_id, SessionWeb.expire_at > machine, SessionWeb.empreinte != sauf
    )
    session.execute(ouvertes.values(expire_at=machine))

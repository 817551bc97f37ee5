"""Ouvrir ou fermer une vue sur un dossier : un service convoqué, un membre qui se déporte."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.dossier.models import AccesDossier, Dossier


def ouvrir_au_service(
    session: Session, dossiers: Iterable[Dossier], service_id: int, *, motif: str, maintenant: datetime
) -> None:
    """Les référents de ce service peuvent lire ces dossiers."""
    session.add_all(
        AccesDossier(
            contrat_id=d.contrat_id, dossier_id=d.id, service_id=service_id, sens="ouvre", motif=motif,
            depuis=maintenant,
        )
        for d in dossiers
    )  # fmt: skip


def fermer_au_compte(session: Session, dossier: Dossier, compte_id: int, *, motif: str, maintenant: datetime) -> None:
    """Cette personne ne lit plus ce dossier (déport étendu aux travaux préparatoires : CGCT, art. L.2131-11)."""
    session.add(
        AccesDossier(
            contrat_id=dossier.contrat_id, dossier_id=dossier.id, compte_id=compte_id, sens="ferme", motif=motif,
            depuis=maintenant,
        )
    )  # fmt: skip

"""Écrire à plusieurs sans s'écraser : tenir une étape, la lâcher, garder ce qui ne s'enregistre pas encore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from app.etapes.dossier.models import Dossier, EditionSection
from app.etapes.dossier.repository import edition
from app.etapes.dossier.rules.edition import est_tenue
from app.etapes.dossier.rules.formes import Section
from app.infra.identite import Identite


def tenir(
    session: Session, dossier: Dossier, section: Section, *, acteur: Identite, machine: datetime, de_force: bool = False
) -> EditionSection | None:
    """Tient l'étape pour cette personne ; rend celle qui la tient déjà, ou None si elle est à nous."""
    tenue = edition.prendre(session, dossier, section.value, acteur.acteur, acteur.nom, machine, de_force=de_force)
    return tenue if est_tenue(tenue.acteur, tenue.vue_at, acteur.acteur, machine) else None


def lacher(session: Session, dossier: Dossier, section: Section, *, acteur: Identite) -> None:
    """La personne quitte l'étape."""
    edition.lacher(session, dossier.id, section.value, acteur.acteur)


def oublier(session: Session, dossier: Dossier, codes: Iterable[str], acteur: Identite) -> None:
    """La personne renonce à ce qu'elle avait tapé."""
    edition.oublier(session, dossier.id, acteur.acteur, codes)


def garder(
    session: Session,
    dossier: Dossier,
    saisies: Mapping[str, tuple[object, int]],
    *,
    acteur: Identite,
    machine: datetime,
) -> None:
    """Garde ce qui est tapé et refusé (ou en retard), pour le remontrer à son auteur."""
    edition.garder(session, dossier, acteur.acteur, dict(saisies), machine)

"""Lectures : les versions de grille d'un contrat, ses brouillons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer

from app.referentiels.contrats.models import Contrat
from app.referentiels.grilles.models import GrilleBrouillon, GrilleEnregistree
from app.referentiels.grilles.rules.brouillon import EtatBrouillon


@dataclass(frozen=True, slots=True)
class VersionGrille:
    """Une version enregistrée, sans son contenu."""

    id: int
    version: str
    intitule: str
    empreinte: str
    cree_at: datetime

    @property
    def nom(self) -> str:
        """« 2027.0, Grille de départ »."""
        return f"{self.version}, {self.intitule}" if self.intitule else self.version


def get_grille(session: Session, grille_id: int) -> GrilleEnregistree:
    """Une grille par sa clé."""
    return session.get_one(GrilleEnregistree, grille_id)


def get_grille_par_version(session: Session, contrat_id: int, version: str) -> GrilleEnregistree | None:
    """La grille de cette version, dans ce contrat."""
    requete = select(GrilleEnregistree).where(
        GrilleEnregistree.contrat_id == contrat_id, GrilleEnregistree.version == version
    )
    return session.scalar(requete)


def list_grilles(session: Session, contrat_id: int) -> Sequence[GrilleEnregistree]:
    """Les grilles d'un contrat, de la plus récente à la plus ancienne."""
    requete = select(GrilleEnregistree).where(GrilleEnregistree.contrat_id == contrat_id)
    return session.scalars(requete.order_by(GrilleEnregistree.id.desc())).all()


def list_versions(session: Session, contrat_id: int) -> Sequence[VersionGrille]:
    """Les versions d'un contrat sans leur contenu, de la plus récente à la plus ancienne."""
    intitule = GrilleEnregistree.contenu["intitule"].astext
    requete = (
        select(
            GrilleEnregistree.id, GrilleEnregistree.version, func.coalesce(intitule, ""), GrilleEnregistree.empreinte,
            GrilleEnregistree.cree_at,
        )
        .where(GrilleEnregistree.contrat_id == contrat_id)
        .order_by(GrilleEnregistree.id.desc())
    )  # fmt: skip
    return [VersionGrille(*rangee) for rangee in session.execute(requete)]


def list_brouillons(session: Session, contrat_id: int) -> Sequence[GrilleBrouillon]:
    """Les brouillons d'un contrat sans leur contenu, finis compris, du plus récent au plus ancien."""
    requete = (
        select(GrilleBrouillon)
        .options(defer(GrilleBrouillon.contenu, raiseload=True))
        .where(GrilleBrouillon.contrat_id == contrat_id)
        .order_by(GrilleBrouillon.id.desc())
    )
    return session.scalars(requete).all()


def get_brouillon(session: Session, contrat_id: int, version: str, *, verrou: bool = False) -> GrilleBrouillon | None:
    """Le brouillon de ce numéro ; un numéro abandonné peut resservir : le plus récent l'emporte."""
    requete = (
        select(GrilleBrouillon)
        .where(GrilleBrouillon.contrat_id == contrat_id, GrilleBrouillon.version == version)
        .order_by(GrilleBrouillon.id.desc())
        .limit(1)
    )
    return session.scalar(requete.with_for_update(key_share=True) if verrou else requete)


def get_brouillon_par_cle(session: Session, brouillon_id: int) -> GrilleBrouillon:
    """Un brouillon par sa clé."""
    return session.get_one(GrilleBrouillon, brouillon_id)


def verrouiller_les_versions(session: Session, contrat_id: int) -> None:
    """Une seule personne à la fois donne un numéro de grille dans un contrat."""
    session.execute(select(Contrat.id).where(Contrat.id == contrat_id).with_for_update(key_share=True))


def versions_prises(session: Session, contrat_id: int) -> frozenset[str]:
    """Les numéros des grilles du contrat et de ses brouillons en préparation."""
    grilles = select(GrilleEnregistree.version).where(GrilleEnregistree.contrat_id == contrat_id)
    brouillons = select(GrilleBrouillon.version).where(
        GrilleBrouillon.contrat_id == contrat_id, GrilleBrouillon.etat == EtatBrouillon.EN_PREPARATION
    )
    return frozenset(session.scalars(grilles.union(brouillons)))

"""Tables : grille, grille_brouillon."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.infra.db import Base, DansContrat, cle, lien, parmi, unique_du_contrat
from app.referentiels.grilles.rules.brouillon import EtatBrouillon


class GrilleEnregistree(DansContrat, Base):
    """Une version d'une grille : son contenu et son empreinte. Épinglée à un appel, elle ne change plus."""

    __tablename__ = "grille"
    __table_args__ = (unique_du_contrat("grille"), UniqueConstraint("contrat_id", "version", name="uq_grille_version"))

    id: Mapped[int] = cle()
    version: Mapped[str]
    contenu: Mapped[dict[str, Any]]
    empreinte: Mapped[str]
    cree_at: Mapped[datetime]


class GrilleBrouillon(DansContrat, Base):
    """Une grille que le chargé de mission prépare, partie d’une autre. Adoptée, elle devient une version figée.

    `version` : le numéro qu’elle prendra ; `revision` : compteur de compare-et-échange.
    """

    __tablename__ = "grille_brouillon"
    __table_args__ = (
        unique_du_contrat("grille_brouillon"),
        lien("origine_id", "grille"),
        lien("grille_id", "grille"),
        parmi("etat", EtatBrouillon),
        CheckConstraint("(etat = 'adopte') = (grille_id IS NOT NULL)", name="adopte"),
        Index("ix_grille_brouillon_contrat", "contrat_id", "etat", "id"),
        Index(
            "uq_grille_brouillon_version",
            "contrat_id",
            "version",
            unique=True,
            postgresql_where=text("etat = 'en_preparation'"),
        ),
    )

    id: Mapped[int] = cle()
    origine_id: Mapped[int]
    version: Mapped[str]
    contenu: Mapped[dict[str, Any]]
    empreinte: Mapped[str]
    revision: Mapped[int] = mapped_column(default=1)
    etat: Mapped[EtatBrouillon]
    grille_id: Mapped[int | None]
    acteur: Mapped[str]
    cree_at: Mapped[datetime]
    modifie_at: Mapped[datetime]

"""Tables : proposition, scenario."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.infra.db import Base, DansContrat, cle, lien, parmi, unique_du_contrat
from app.noyau.euros import Euros


class NatureProposition(StrEnum):
    """Proposé par l'instructeur, puis arbitré par l'autorité de la ligne."""

    PROPOSE = "propose"
    ARBITRE = "arbitre"


class EtatScenario(StrEnum):
    """Vie d'un calcul de simulation."""

    DEMANDE = "demande"
    CALCULE = "calcule"
    IMPOSSIBLE = "impossible"
    ECHOUE = "echoue"


class Proposition(DansContrat, Base):
    """Un montant proposé ou arbitré sur une demande, avec motif. Ajoutée ; le plus grand rang est la courante."""

    __tablename__ = "proposition"
    __table_args__ = (
        lien("demande_id", "demande"),
        parmi("nature", NatureProposition),
        CheckConstraint("montant_centimes >= 0", name="montant"),
        CheckConstraint("motif <> ''", name="motif"),
        UniqueConstraint("demande_id", "rang", name="uq_proposition_rang"),
        Index("ix_proposition_courante", "demande_id", text("rang DESC")),
    )

    id: Mapped[int] = cle()
    demande_id: Mapped[int]
    rang: Mapped[int]
    nature: Mapped[NatureProposition]
    montant: Mapped[Euros] = mapped_column("montant_centimes")
    motif: Mapped[str]
    acteur: Mapped[str]
    a: Mapped[datetime]


class ScenarioEnregistre(DansContrat, Base):
    """Une simulation figée : ses paramètres, son résultat, son auteur, la version du solveur."""

    __tablename__ = "scenario"
    __table_args__ = (unique_du_contrat("scenario"), lien("appel_id", "appel"), parmi("etat", EtatScenario))

    id: Mapped[int] = cle()
    appel_id: Mapped[int]
    code: Mapped[str] = mapped_column(unique=True)
    intitule: Mapped[str]
    motif: Mapped[str]
    etat: Mapped[EtatScenario]
    parametres: Mapped[dict[str, Any]]
    resultat: Mapped[dict[str, Any] | None]
    version_solveur: Mapped[str] = mapped_column(default="")
    acteur: Mapped[str]
    a: Mapped[datetime]
    calcule_at: Mapped[datetime | None]

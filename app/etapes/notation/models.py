"""Tables : releve_faits, note, ajustement, seconde_lecture, travail_notation, demande_notice."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, Index, Numeric, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.etapes.notation.rules.travaux import EtatTravail, NatureTravail, Voie
from app.infra.db import Base, DansContrat, cle, lien, parmi, unique_du_contrat


class ReleveFaits(DansContrat, Base):
    """Les faits d’un dossier à l’instant où il est noté, figés. Ajouté quand ils changent, jamais réécrit."""

    __tablename__ = "releve_faits"
    __table_args__ = (
        unique_du_contrat("releve_faits"),
        lien("dossier_id", "dossier"),
        UniqueConstraint("dossier_id", "rang", name="uq_releve_faits_rang"),
    )

    id: Mapped[int] = cle()
    dossier_id: Mapped[int]
    rang: Mapped[int]
    faits: Mapped[dict[str, Any]]
    empreinte: Mapped[str]
    a: Mapped[datetime]


class NoteEnregistree(DansContrat, Base):
    """Une note : la grille, le relevé de faits, le taux de chaque critère. Ajoutée ; le plus grand rang est courant.

    `criteres` : de quoi refaire le total (code, poids, taux, ajustement) ; les phrases sont celles de la grille.
    `empreinte` : celle de tout ce qui précède, faits et grille compris.
    """

    __tablename__ = "note"
    __table_args__ = (
        unique_du_contrat("note"),
        lien("demande_id", "demande"),
        lien("grille_id", "grille"),
        lien("releve_id", "releve_faits"),
        UniqueConstraint("demande_id", "rang", name="uq_note_rang"),
        CheckConstraint("minimum <= maximum AND minimum >= 0 AND maximum <= 100", name="bornes"),
        Index("ix_note_courante", "demande_id", text("rang DESC")),
    )

    id: Mapped[int] = cle()
    demande_id: Mapped[int]
    grille_id: Mapped[int]
    releve_id: Mapped[int]
    rang: Mapped[int]
    criteres: Mapped[list[Any]]
    priorites: Mapped[list[Any]]
    minimum: Mapped[Decimal] = mapped_column(Numeric(4, 1))
    maximum: Mapped[Decimal] = mapped_column(Numeric(4, 1))
    est_provisoire: Mapped[bool]
    empreinte: Mapped[str]
    acteur: Mapped[str]
    a: Mapped[datetime]


class Ajustement(DansContrat, Base):
    """Un critère ajusté par une personne, à côté de la valeur calculée. Ajouté, le dernier par critère compte."""

    __tablename__ = "ajustement"
    __table_args__ = (
        lien("demande_id", "demande"),
        CheckConstraint("btrim(motif) <> '' AND acteur <> ''", name="motif"),
        CheckConstraint("taux_pour_cent BETWEEN 0 AND 100", name="taux"),
    )

    id: Mapped[int] = cle()
    demande_id: Mapped[int] = mapped_column(index=True)
    critere: Mapped[str]
    taux_pour_cent: Mapped[int | None]
    motif: Mapped[str]
    acteur: Mapped[str]
    a: Mapped[datetime]


class SecondeLecture(DansContrat, Base):
    """La lecture indépendante d’une demande par une seconde personne, critère par critère. Rendue, elle ne change plus.

    `criteres` : code → {"taux": 0..100, "motif": texte}. Elle ne change pas la note : elle montre un désaccord.
    """

    __tablename__ = "seconde_lecture"
    __table_args__ = (
        lien("demande_id", "demande"),
        UniqueConstraint("demande_id", "acteur", name="uq_seconde_lecture_acteur"),
        CheckConstraint("num_nonnulls(criteres, rendue_le) IN (0, 2)", name="rendue"),
    )

    id: Mapped[int] = cle()
    demande_id: Mapped[int]
    acteur: Mapped[str]
    demandee_par: Mapped[str]
    demandee_le: Mapped[datetime]
    criteres: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    rendue_le: Mapped[datetime | None]


class TravailNotation(DansContrat, Base):
    """Un calcul en tâche de fond sur tout un appel : renoter, ou essayer une grille. Dit où il en est.

    `resultat` : l’effet de la grille essayée (voir rules.effet) ; absent quand on renote.
    """

    __tablename__ = "travail_notation"
    __table_args__ = (
        lien("appel_id", "appel"),
        lien("brouillon_id", "grille_brouillon"),
        parmi("nature", NatureTravail),
        parmi("etat", EtatTravail),
        CheckConstraint("(nature = 'essayer') = (empreinte_grille IS NOT NULL)", name="grille"),
        CheckConstraint("faits >= 0 AND faits <= total", name="avancee"),
        Index("ix_travail_notation_appel", "appel_id", "id"),
        Index("ix_travail_notation_brouillon", "brouillon_id", "id"),
        Index(
            "uq_travail_notation_renoter",
            "appel_id",
            unique=True,
            postgresql_where=text("nature = 'renoter' AND etat <> 'fini'"),
        ),
    )

    id: Mapped[int] = cle()
    appel_id: Mapped[int]
    nature: Mapped[NatureTravail]
    brouillon_id: Mapped[int | None]
    empreinte_grille: Mapped[str | None]
    etat: Mapped[EtatTravail]
    total: Mapped[int] = mapped_column(default=0)
    faits: Mapped[int] = mapped_column(default=0)
    resultat: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    demande_par: Mapped[str]
    demande_le: Mapped[datetime]
    fini_le: Mapped[datetime | None]


class DemandeNotice(DansContrat, Base):
    """Une demande de notice explicative (CRPA, art. R.311-3-1-2) : par qui, comment, et quand elle a été remise."""

    __tablename__ = "demande_notice"
    __table_args__ = (
        lien("dossier_id", "dossier"),
        parmi("voie", Voie),
        CheckConstraint("num_nonnulls(remise_le, remise_par) IN (0, 2)", name="remise"),
        CheckConstraint("remise_le >= demandee_le", name="ordre"),
        Index("ix_demande_notice_dossier", "dossier_id", "id"),
        Index("uq_demande_notice_en_ligne", "dossier_id", unique=True, postgresql_where=text("voie = 'en_ligne'")),
    )

    id: Mapped[int] = cle()
    dossier_id: Mapped[int]
    voie: Mapped[Voie]
    demandee_par: Mapped[str]
    demandee_le: Mapped[datetime]
    remise_par: Mapped[str | None]
    remise_le: Mapped[datetime | None]

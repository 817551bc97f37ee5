"""Tables : rencontre, rencontre_dossier, rencontre_service, avis."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.etapes.consultation.rules import Degre, EtatRencontre
from app.infra.db import Base, DansContrat, cle, lien, parmi, unique_du_contrat
from app.noyau.euros import Euros


class Rencontre(DansContrat, Base):
    """Une rencontre des services, convoquée par le sous-préfet : une date, un lieu, un lot de dossiers."""

    __tablename__ = "rencontre"
    __table_args__ = (unique_du_contrat("rencontre"), lien("appel_id", "appel"), parmi("etat", EtatRencontre))

    id: Mapped[int] = cle()
    appel_id: Mapped[int]
    code: Mapped[str] = mapped_column(unique=True)
    intitule: Mapped[str]
    prevue_le: Mapped[datetime]
    lieu: Mapped[str]
    autorite: Mapped[str]
    etat: Mapped[EtatRencontre]
    cree_par: Mapped[str]
    cree_at: Mapped[datetime]


class RencontreDossier(DansContrat, Base):
    """Un dossier inscrit au lot d'une rencontre."""

    __tablename__ = "rencontre_dossier"
    __table_args__ = (lien("rencontre_id", "rencontre"), lien("dossier_id", "dossier"))

    rencontre_id: Mapped[int] = mapped_column(primary_key=True)
    dossier_id: Mapped[int] = mapped_column(primary_key=True)
    rang: Mapped[int]


class RencontreService(DansContrat, Base):
    """Un service convoqué à une rencontre."""

    __tablename__ = "rencontre_service"
    __table_args__ = (lien("rencontre_id", "rencontre"), lien("service_id", "service_consulte"))

    rencontre_id: Mapped[int] = mapped_column(primary_key=True)
    service_id: Mapped[int] = mapped_column(primary_key=True)


class Avis(DansContrat, Base):
    """Un avis gradué et motivé d'un service sur un dossier. Un avis qui en remplace un autre est ajouté."""

    __tablename__ = "avis"
    __table_args__ = (
        unique_du_contrat("avis"),
        lien("dossier_id", "dossier"),
        lien("service_id", "service_consulte"),
        lien("rencontre_id", "rencontre"),
        parmi("degre", Degre),
        CheckConstraint("degre IN ('favorable', 'hors_champ') OR motif <> ''", name="motif"),
        UniqueConstraint("dossier_id", "service_id", "rang", name="uq_avis_rang"),
        Index("ix_avis_courant", "dossier_id", "service_id", text("rang DESC")),
    )

    id: Mapped[int] = cle()
    dossier_id: Mapped[int]
    service_id: Mapped[int]
    rencontre_id: Mapped[int | None]
    rang: Mapped[int]
    degre: Mapped[Degre]
    motif: Mapped[str] = mapped_column(default="")
    droit_commun_dispositif: Mapped[str] = mapped_column(default="")
    droit_commun_montant: Mapped[Euros | None] = mapped_column("droit_commun_montant_centimes")
    acteur: Mapped[str]
    a: Mapped[datetime]

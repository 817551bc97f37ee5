"""Table : ligne_financement."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped

from app.infra.db import Base, DansContrat, cle, lien, parmi, unique_du_contrat
from app.referentiels.lignes.rules import ActeCommission, NatureAutorite, NomEnPhrase, ServiceAJoindre, en_phrase


class LigneFinancement(DansContrat, Base):
    """Une ligne : un financeur et ses crédits. Une ligne communale n'est ouverte qu'aux fiches de sa commune."""

    __tablename__ = "ligne_financement"
    __table_args__ = (
        unique_du_contrat("ligne_financement"),
        lien("commune_id", "commune"),
        UniqueConstraint("contrat_id", "code", name="uq_ligne_financement_code"),
        parmi("nature_autorite", NatureAutorite),
        parmi("acte_commission", ActeCommission),
        CheckConstraint("(nature_autorite = 'commune') = (commune_id IS NOT NULL)", name="commune"),
        CheckConstraint(
            "num_nonnulls(service_nom, service_adresse, service_telephone) IN (0, 3)"
            " AND (service_courriel IS NULL OR service_nom IS NOT NULL)",
            name="service_entier",
        ),
    )

    id: Mapped[int] = cle()
    code: Mapped[str]
    rang: Mapped[int]
    financeur: Mapped[str]
    intitule: Mapped[str]
    nature_autorite: Mapped[NatureAutorite]
    acte_commission: Mapped[ActeCommission]
    acte_decision: Mapped[str]
    attribuant_nom: Mapped[str]
    attribuant_siret: Mapped[str | None]
    commune_id: Mapped[int | None]
    contenu: Mapped[dict[str, Any]]
    service_nom: Mapped[str | None]
    service_adresse: Mapped[str | None]
    service_telephone: Mapped[str | None]
    service_courriel: Mapped[str | None]

    @property
    def attribuant(self) -> NomEnPhrase:
        """Son autorité, accordée dans une phrase : « l’État », « de la Ville de Mulhouse »."""
        return en_phrase(self.attribuant_nom)

    @property
    def service(self) -> ServiceAJoindre | None:
        """Son service chargé des dossiers, s'il est renseigné."""
        if self.service_nom is None:
            return None
        return ServiceAJoindre(
            self.service_nom, self.service_adresse or "", self.service_telephone or "", self.service_courriel or ""
        )

"""Tables du rapprochement avec le portail de l'État : ses tableaux importés, leurs lignes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.etapes.dossier.rules.rapprochement import Suite
from app.infra.db import Base, DansContrat, cle, lien, parmi, unique_du_contrat
from app.noyau.euros import Euros


class ImportPortail(DansContrat, Base):
    """Un tableau du portail de l'État, importé pour un appel. Ajouté, jamais réécrit.

    `ecartees` : [rang de la rangée, intitulé, raison] de chaque rangée qui n'est pas un dossier.
    """

    __tablename__ = "import_portail"
    __table_args__ = (unique_du_contrat("import_portail"), lien("appel_id", "appel"))

    id: Mapped[int] = cle()
    appel_id: Mapped[int] = mapped_column(index=True)
    nom: Mapped[str]
    sha256: Mapped[str]
    lues: Mapped[int]
    nouvelles: Mapped[int]
    changees: Mapped[int]
    ecartees: Mapped[list[Any]]
    par: Mapped[str]
    a: Mapped[datetime]


class LignePortail(DansContrat, Base):
    """Un dossier du portail de l'État (numéro × action), et celui de nos dossiers qui est la même demande.

    Les deux contraintes d'unicité jugent en dernier : une ligne, un dossier, et réciproquement, dans un appel.
    `numero_avant` : le numéro que portait notre dossier, rendu si le rapprochement est défait.
    """

    __tablename__ = "ligne_portail"
    __table_args__ = (
        lien("appel_id", "appel"),
        lien("import_id", "import_portail"),
        lien("dossier_id", "dossier"),
        parmi("suite", Suite),
        CheckConstraint("(suite = 'rapprochee') = (dossier_id IS NOT NULL)", name="rapprochee"),
        UniqueConstraint("appel_id", "numero", name="uq_ligne_portail_numero"),
        UniqueConstraint("appel_id", "dossier_id", name="uq_ligne_portail_dossier"),
    )

    id: Mapped[int] = cle()
    appel_id: Mapped[int]
    import_id: Mapped[int]
    rang: Mapped[int]
    numero: Mapped[str]
    intitule: Mapped[str]
    demandeur: Mapped[str]
    siret: Mapped[str]
    thematique: Mapped[str]
    statut: Mapped[str]
    exercice: Mapped[int | None]
    montant_sollicite: Mapped[Euros | None] = mapped_column("montant_sollicite_centimes")
    montant_vote: Mapped[Euros | None] = mapped_column("montant_vote_centimes")
    suite: Mapped[Suite]
    dossier_id: Mapped[int | None]
    numero_avant: Mapped[str | None]
    tranchee_par: Mapped[str | None]
    tranchee_at: Mapped[datetime | None]

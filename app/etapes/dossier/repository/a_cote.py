"""Ce qui sert un dossier sans en faire partie : la fiche de l'organisation, les pièces que l'appel demande."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from app.etapes.appel.models import PieceExigee
from app.etapes.appel.rules import TOUS
from app.noyau.roles import Role
from app.referentiels.acteurs.models import (
    Compte,
    CompteBancaire,
    EngagementRepublicain,
    FicheOrganisation,
    HabilitationCompte,
    MoyensHumains,
    Organisation,
    RepresentantLegal,
)
from app.referentiels.acteurs.repository.fiche import FicheLue
from app.referentiels.acteurs.rules.fiche import annee_des_moyens
from app.referentiels.pieces.models import Fichier, Piece
from app.referentiels.pieces.rules import ECARTES, Nature

# Le PDF scellé, l'export et la relecture lisent la fiche en six requêtes (`acteurs.repository.fiche.lire`) ; la page
# d'un dossier en a huit en tout. Un essai vérifie que les deux lectures disent les mêmes manques.


@dataclass(frozen=True, slots=True)
class ACoteLu:
    """La fiche, les pièces exigées (code, libellé), celles que l'organisation a (nature, intitulé)."""

    fiche: FicheLue
    exigees: Sequence[tuple[str, str]]
    presentes: Sequence[tuple[Nature, str]]


def lire_a_cote(
    session: Session, organisation: Organisation, appel_id: int, le: date, maintenant: datetime
) -> ACoteLu:  # fmt: skip
    """La fiche et les pièces, ce jour-là. Une requête. Une pièce en cours d'analyse compte : elle est déposée."""
    o, r, m, c, e = Organisation.id, RepresentantLegal, MoyensHumains, CompteBancaire, EngagementRepublicain
    depuis = select(func.max(r.depuis)).where(r.organisation_id == o, r.depuis <= le).correlate(Organisation)
    compte = select(func.max(c.id)).where(c.organisation_id == o, c.retire_at.is_(None)).correlate(Organisation)
    engagement = select(func.max(e.id)).where(e.organisation_id == o).correlate(Organisation)
    h = HabilitationCompte
    signataire = (
        exists()
        .where(h.organisation_id == o, h.role == Role.SIGNATAIRE, h.debut <= maintenant)
        .where(or_(h.fin.is_(None), h.fin > maintenant), h.compte_id == Compte.id, Compte.est_actif)
        .correlate(Organisation)
    )
    exigees = (
        select(
            func.jsonb_agg(
                aggregate_order_by(func.jsonb_build_array(PieceExigee.code, PieceExigee.libelle), PieceExigee.id)
            )
        )
        .where(PieceExigee.appel_id == appel_id, PieceExigee.est_obligatoire)
        .where(PieceExigee.forme.in_((TOUS, organisation.forme)))
    )
    presentes = (
        select(func.jsonb_agg(func.jsonb_build_array(Piece.nature, Piece.intitule)))
        .join(Fichier, Fichier.id == Piece.fichier_id)
        .where(Piece.organisation_id == o, Fichier.etat.not_in(ECARTES))
        .where(or_(Piece.valable_au.is_(None), Piece.valable_au >= le))
        .correlate(Organisation)
    )
    requete = (
        select(FicheOrganisation, r, m, c, e, signataire)
        .add_columns(exigees.scalar_subquery(), presentes.scalar_subquery())
        .select_from(Organisation)
        .outerjoin(FicheOrganisation, FicheOrganisation.organisation_id == o)
        .outerjoin(r, and_(r.organisation_id == o, r.depuis == depuis.scalar_subquery()))
        .outerjoin(m, and_(m.organisation_id == o, m.annee == annee_des_moyens(le)))
        .outerjoin(c, c.id == compte.scalar_subquery())
        .outerjoin(e, e.id == engagement.scalar_subquery())
        .where(o == organisation.id)
    )
    fiche, representant, moyens, bancaire, atteste, signe, demandees, deposees = session.execute(requete).one()
    lue = FicheLue(
        organisation=organisation, fiche=fiche, representant=representant, prochain=None,
        moyens=[moyens] if moyens is not None else [], comptes=[bancaire] if bancaire is not None else [],
        engagement=atteste, a_un_signataire=signe,
    )  # fmt: skip
    return ACoteLu(
        lue,
        [(code, libelle) for code, libelle in demandees or ()],
        [(Nature(nature), intitule) for nature, intitule in deposees or ()],
    )

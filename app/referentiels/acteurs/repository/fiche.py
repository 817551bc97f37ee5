"""Lectures : la fiche d'une organisation, ses représentants, ses moyens, ses comptes, ses signataires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

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


@dataclass(frozen=True, slots=True)
class FicheLue:
    """Tout ce qui est écrit d'une organisation. `moyens` et `comptes` : les derniers d'abord."""

    organisation: Organisation
    fiche: FicheOrganisation | None
    representant: RepresentantLegal | None
    prochain: RepresentantLegal | None
    moyens: Sequence[MoyensHumains]
    comptes: Sequence[CompteBancaire]
    engagement: EngagementRepublicain | None
    a_un_signataire: bool

    @property
    def compte(self) -> CompteBancaire | None:
        """Le compte où l'on verse : le dernier ajouté."""
        return self.comptes[0] if self.comptes else None


def get_fiche(session: Session, organisation_id: int) -> FicheOrganisation | None:
    """Les champs simples de la fiche, s'il y en a."""
    return session.get(FicheOrganisation, organisation_id)


def list_representants(session: Session, organisation_id: int) -> Sequence[RepresentantLegal]:
    """Les représentants gardés, le plus ancien d'abord."""
    requete = select(RepresentantLegal).where(RepresentantLegal.organisation_id == organisation_id)
    return session.scalars(requete.order_by(RepresentantLegal.depuis)).all()


def get_moyens(session: Session, organisation_id: int, annee: int) -> MoyensHumains | None:
    """Les moyens humains au 31 décembre de cette année."""
    return session.get(MoyensHumains, (organisation_id, annee))


def list_comptes_bancaires(session: Session, organisation_id: int) -> Sequence[CompteBancaire]:
    """Les comptes en usage, le dernier ajouté d'abord."""
    requete = select(CompteBancaire).where(
        CompteBancaire.organisation_id == organisation_id, CompteBancaire.retire_at.is_(None)
    )
    return session.scalars(requete.order_by(CompteBancaire.id.desc())).all()


def get_engagement(session: Session, organisation_id: int) -> EngagementRepublicain | None:
    """La dernière attestation du contrat d'engagement républicain."""
    requete = select(EngagementRepublicain).where(EngagementRepublicain.organisation_id == organisation_id)
    return session.scalar(requete.order_by(EngagementRepublicain.id.desc()).limit(1))


def lire(session: Session, organisation: Organisation, aujourd_hui: date, maintenant: datetime) -> FicheLue:
    """La fiche entière. Une requête, quel que soit ce qu'elle contient : chaque liste y est de quelques rangées."""
    recents = select(MoyensHumains).where(MoyensHumains.organisation_id == organisation.id)
    moyens = aliased(MoyensHumains, recents.order_by(MoyensHumains.annee.desc()).limit(5).subquery())
    dernier = select(func.max(EngagementRepublicain.id)).where(EngagementRepublicain.organisation_id == organisation.id)
    en_usage = and_(CompteBancaire.organisation_id == Organisation.id, CompteBancaire.retire_at.is_(None))
    requete = (
        select(
            FicheOrganisation, RepresentantLegal, moyens, CompteBancaire, EngagementRepublicain,
            _tenants(organisation.id, Role.SIGNATAIRE, maintenant).scalar_subquery(),
        )
        .select_from(Organisation)
        .outerjoin(FicheOrganisation, FicheOrganisation.organisation_id == Organisation.id)
        .outerjoin(RepresentantLegal, RepresentantLegal.organisation_id == Organisation.id)
        .outerjoin(moyens, moyens.organisation_id == Organisation.id)
        .outerjoin(CompteBancaire, en_usage)
        .outerjoin(EngagementRepublicain, EngagementRepublicain.id == dernier.scalar_subquery())
        .where(Organisation.id == organisation.id)
        .order_by(RepresentantLegal.depuis, moyens.annee.desc(), CompteBancaire.id.desc())
    )  # fmt: skip
    rangees = session.execute(requete).all()
    representants = list(dict.fromkeys(r[1] for r in rangees if r[1] is not None))
    passes = [r for r in representants if r.depuis <= aujourd_hui]
    return FicheLue(
        organisation=organisation,
        fiche=rangees[0][0],
        representant=passes[-1] if passes else None,
        prochain=next((r for r in representants if r.depuis > aujourd_hui), None),
        moyens=list(dict.fromkeys(r[2] for r in rangees if r[2] is not None)),
        comptes=list(dict.fromkeys(r[3] for r in rangees if r[3] is not None)),
        engagement=rangees[0][4],
        a_un_signataire=rangees[0][5] > 0,
    )


def _tenants(organisation_id: int, role: Role, maintenant: datetime) -> Select[int]:
    h = HabilitationCompte
    return (
        select(func.count(h.compte_id.distinct()))
        .join(Compte, Compte.id == h.compte_id)
        .where(h.organisation_id == organisation_id, h.role == role, h.debut <= maintenant, Compte.est_actif)
        .where(or_(h.fin.is_(None), h.fin > maintenant))
    )


def compter_tenants(session: Session, organisation_id: int, role: Role, maintenant: datetime) -> int:
    """Combien de personnes tiennent ce rôle dans l'organisation à cet instant."""
    return session.scalar(_tenants(organisation_id, role, maintenant)) or 0


def list_signataires_sans_fin(
    session: Session, organisation_id: int, maintenant: datetime
) -> Sequence[tuple[HabilitationCompte, Compte]]:
    """Les signatures en cours dont la fin n'est pas dite, par personne : celles qu'on peut transmettre."""
    h = HabilitationCompte
    requete = (
        select(h, Compte)
        .join(Compte, Compte.id == h.compte_id)
        .where(h.organisation_id == organisation_id, h.role == Role.SIGNATAIRE, h.debut <= maintenant)
        .where(h.fin.is_(None), Compte.est_actif)
        .order_by(Compte.nom_affiche, Compte.id, h.id)
    )
    return [(tenue, compte) for tenue, compte in session.execute(requete)]


def fins_de_signature(session: Session, organisation_id: int, acteur: str) -> Sequence[datetime | None]:
    """La fin de chaque mandat de signataire de cette personne dans l'organisation, close ou non."""
    h = HabilitationCompte
    requete = (
        select(h.fin)
        .join(Compte, Compte.id == h.compte_id)
        .where(h.organisation_id == organisation_id, h.role == Role.SIGNATAIRE, Compte.acteur == acteur)
    )
    return session.scalars(requete).all()


def verrouiller(session: Session, organisation_id: int) -> Organisation:
    """L'organisation, verrouillée : deux actes qui changent qui signe ou administre s'attendent."""
    requete = select(Organisation).where(Organisation.id == organisation_id).with_for_update(key_share=True)
    return session.scalars(requete.execution_options(populate_existing=True)).one()

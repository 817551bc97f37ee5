"""Lectures : les organisations à confirmer, qui en tient plusieurs, ce qu'en dit l'annuaire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.infra.sirene import AnnuaireCache
from app.noyau.roles import ROLES_PORTEUR
from app.referentiels.acteurs.models import Compte, HabilitationCompte, Organisation
from app.referentiels.acteurs.repository import Tenue

A_CONFIRMER_MAX = 50

AConfirmer = tuple[Organisation, str, str]
"""Une organisation, le nom et la catégorie juridique que l'annuaire lui donne (vides s'il n'a rien dit)."""


def list_a_confirmer(session: Session) -> Sequence[AConfirmer]:
    """Les organisations à confirmer, la plus ancienne d'abord ; une de plus que A_CONFIRMER_MAX s'il en reste."""
    annuaire = AnnuaireCache.reponse
    requete = (
        select(Organisation, annuaire["nom"].astext, annuaire["nature_juridique"].astext)
        .outerjoin(AnnuaireCache, AnnuaireCache.siret == Organisation.siret)
        .where(Organisation.confirmee_at.is_(None))
        .order_by(Organisation.cree_at, Organisation.id)
        .limit(A_CONFIRMER_MAX + 1)
    )
    return [(o, nom or "", nature or "") for o, nom, nature in session.execute(requete)]


def get_pour_confirmer(session: Session, code: str) -> Organisation | None:
    """L'organisation de ce code : commune aux contrats, tout chargé de mission la voit."""
    return session.scalar(select(Organisation).where(Organisation.code == code))


def tenues_de(session: Session, organisations: Iterable[int], maintenant: datetime) -> Mapping[int, Sequence[Tenue]]:
    """Organisation → qui la tient, et depuis quand. Une requête pour toutes."""
    h = HabilitationCompte
    requete = (
        select(h, Compte)
        .join(Compte, Compte.id == h.compte_id)
        .where(h.organisation_id.in_(list(organisations)), h.role.in_(ROLES_PORTEUR), Compte.est_actif)
        .where(or_(h.fin.is_(None), h.fin > maintenant))
        .order_by(h.debut, Compte.id, h.id)
    )
    rendu: dict[int, list[Tenue]] = {}
    for tenue, compte in session.execute(requete):
        rendu.setdefault(tenue.organisation_id or 0, []).append((tenue, compte))
    return rendu

"""Lectures du contenu d'un contrat : enjeux, objectifs, objectifs opérationnels, rubriques."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.etapes.contrat.models import Enjeu, Objectif, ObjectifOperationnel, RubriqueContrat

_CODES_SOUS_ACTIONS = "$.sous_actions[*].code"


def codes_d_objectifs(session: Session, version_id: int) -> tuple[frozenset[str], frozenset[str]]:
    """Codes des objectifs ; codes des objectifs opérationnels et de leurs sous-actions (E1.1.2, E1.1.2.1). 2 requêtes."""
    objectifs = session.scalars(select(Objectif.code).where(Objectif.version_id == version_id))
    sous_actions = func.jsonb_path_query_array(ObjectifOperationnel.contenu, _CODES_SOUS_ACTIONS)
    requete = select(ObjectifOperationnel.code, sous_actions).where(ObjectifOperationnel.version_id == version_id)
    fins: set[str] = set()
    for code, actions in session.execute(requete):
        fins.update((code, *actions))
    return frozenset(objectifs), frozenset(fins)


def list_enjeux(session: Session, version_id: int) -> Sequence[Enjeu]:
    """Les enjeux d'une version, dans l'ordre du document."""
    return session.scalars(select(Enjeu).where(Enjeu.version_id == version_id).order_by(Enjeu.rang, Enjeu.id)).all()


def list_objectifs(session: Session, version_id: int) -> Sequence[Objectif]:
    """Les objectifs d'une version, dans l'ordre du document."""
    requete = select(Objectif).where(Objectif.version_id == version_id)
    return session.scalars(requete.order_by(Objectif.rang, Objectif.id)).all()


def list_operationnels(session: Session, version_id: int) -> Sequence[ObjectifOperationnel]:
    """Les objectifs opérationnels d'une version, dans l'ordre du document."""
    requete = select(ObjectifOperationnel).where(ObjectifOperationnel.version_id == version_id)
    return session.scalars(requete.order_by(ObjectifOperationnel.rang, ObjectifOperationnel.id)).all()


def list_rubriques(session: Session, version_id: int) -> Sequence[RubriqueContrat]:
    """Les rubriques d'une version, par code."""
    requete = select(RubriqueContrat).where(RubriqueContrat.version_id == version_id)
    return session.scalars(requete.order_by(RubriqueContrat.code)).all()

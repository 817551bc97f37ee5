"""Les actions d'une même organisation dans un appel, dans l'ordre qu'elle leur donne."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.etapes.dossier.models import Dossier
from app.etapes.dossier.rules.etats import EtatDossier


def list_de_l_appel(
    session: Session, appel_id: int, organisation_id: int, *, verrou: bool = False
) -> Sequence[Dossier]:
    """Les dossiers pas retirés de cette organisation dans cet appel : rang donné d'abord, puis date."""
    requete = (
        select(Dossier)
        .where(Dossier.appel_id == appel_id, Dossier.organisation_id == organisation_id)
        .where(Dossier.etat != EtatDossier.RETIRE)
        .order_by(Dossier.rang_porteur.nulls_last(), Dossier.cree_at, Dossier.id)
    )
    if verrou:
        requete = requete.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalars(requete).all()


def compter_deposes(session: Session, appel_id: int, organisation_id: int) -> int:
    """Combien d'actions cette organisation a déposées dans cet appel."""
    requete = select(func.count()).where(
        Dossier.appel_id == appel_id, Dossier.organisation_id == organisation_id, Dossier.numero.is_not(None)
    )
    return session.scalar(requete) or 0

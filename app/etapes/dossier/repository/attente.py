"""Les demandes de la première année d'un appel que personne n'a encore proposées."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.attente import NUMEROS_MAX, RIEN, EnAttente
from app.etapes.dossier.rules.etats import JAMAIS_PROPOSEES


def get_attente(session: Session, appel: Appel, ligne_id: int | None = None) -> EnAttente:
    """Combien attendent dans un appel (sur cette ligne), et leurs premiers numéros. Une requête."""
    requete = (
        select(Dossier.numero, func.sum(func.count()).over())
        .join(Demande, Demande.dossier_id == Dossier.id)
        .where(Dossier.appel_id == appel.id, Demande.annee == appel.annee, Demande.etat.in_(JAMAIS_PROPOSEES))
        .group_by(Dossier.numero)
        .order_by(Dossier.numero)
        .limit(NUMEROS_MAX)
    )
    if ligne_id is not None:
        requete = requete.where(Demande.ligne_id == ligne_id)
    rangees = session.execute(requete).all()
    return EnAttente(int(rangees[0][1]), tuple(numero or "" for numero, _ in rangees)) if rangees else RIEN

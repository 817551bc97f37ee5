"""L'an dernier d'un dossier qui en renouvelle un autre : ce que le service en sait déjà."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.etapes.dossier import repository
from app.etapes.dossier.models import FaitExterne
from app.etapes.dossier.rules.reprise import ACCORDE, DemandePassee, code_accorde
from app.noyau.euros import Euros


def list_passees(session: Session, dossier_id: int) -> Sequence[DemandePassee]:
    """Les demandes d'un dossier, avec l'accordé notifié au porteur quand il l'est."""
    requete = (
        select(FaitExterne.code, FaitExterne.valeur)
        .where(FaitExterne.dossier_id == dossier_id, FaitExterne.code.startswith(ACCORDE))
        .order_by(FaitExterne.id)
    )
    accordes = {code: Euros(int(valeur)) for code, valeur in session.execute(requete)}
    return [
        DemandePassee(
            ligne.code, demande.annee, demande.montant_demande, accordes.get(code_accorde(ligne.code, demande.annee))
        )
        for demande, ligne in repository.list_demandes(session, [dossier_id])
    ]

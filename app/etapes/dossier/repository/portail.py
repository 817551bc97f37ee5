"""Les demandes à l'État et leur numéro sur son portail."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Text, cast, func, or_, select
from sqlalchemy.orm import Session

from app.etapes.dossier.models import Champ, Demande, Dossier
from app.etapes.dossier.rules.etats import EtatDossier
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.lignes.rules import NatureAutorite


def list_demandes_d_etat(session: Session, dossier_id: int, *, verrou: bool = False) -> Sequence[Demande]:
    """Les demandes d'un dossier aux lignes de l'État, par année."""
    requete = (
        select(Demande)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .where(Demande.dossier_id == dossier_id, LigneFinancement.nature_autorite == NatureAutorite.ETAT)
        .order_by(Demande.annee, Demande.id)
    )
    if verrou:
        requete = requete.with_for_update(key_share=True, of=Demande).execution_options(populate_existing=True)
    return session.scalars(requete).all()


def numero_deja_pris(session: Session, dossier: Dossier, numero: str) -> str | None:
    """Le numéro d'un autre dossier de la même organisation, pas retiré, qui porte déjà ce numéro ; None sinon."""
    portes = select(Demande.dossier_id).where(Demande.numero_dauphin == numero)
    tapes = select(Champ.dossier_id).where(
        Champ.code == "numero_dauphin", Champ.valeur == func.to_jsonb(cast(numero, Text))
    )
    requete = (
        select(Dossier)
        .where(Dossier.organisation_id == dossier.organisation_id, Dossier.id != dossier.id)
        .where(Dossier.etat != EtatDossier.RETIRE, or_(Dossier.id.in_(portes), Dossier.id.in_(tapes)))
        .order_by(Dossier.id)
        .limit(1)
    )
    autre = session.scalar(requete)
    return None if autre is None else autre.numero or autre.reference

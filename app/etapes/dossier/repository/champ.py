"""Le champ des lignes : leur commune, celles des fiches visées, les demandes qu'on peut encore rejuger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.etapes.dossier.models import Demande
from app.etapes.dossier.rules.depot import LigneOuverte
from app.etapes.dossier.rules.etats import JAMAIS_PROPOSEES
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.territoires.models import Commune, Fiche


def list_lignes_ouvertes(session: Session, contrat_id: int) -> Sequence[LigneOuverte]:
    """Les lignes d'un contrat, leur financeur et la commune (INSEE) de celles d'une commune."""
    requete = (
        select(LigneFinancement.code, LigneFinancement.financeur, Commune.insee)
        .outerjoin(Commune, Commune.id == LigneFinancement.commune_id)
        .where(LigneFinancement.contrat_id == contrat_id)
        .order_by(LigneFinancement.rang, LigneFinancement.id)
    )
    return [LigneOuverte(*rangee) for rangee in session.execute(requete)]


def communes_des_fiches(session: Session, version_id: int, codes: Iterable[str]) -> frozenset[str]:
    """Les communes (INSEE) de ces fiches d'une version du contrat."""
    requete = select(Commune.insee).join(Fiche, Fiche.commune_id == Commune.id)
    requete = requete.where(Fiche.version_id == version_id, Fiche.code.in_(list(codes)))
    return frozenset(session.scalars(requete.order_by(Commune.insee)))


def verrouiller_jamais_proposees(session: Session, dossier_id: int) -> Sequence[tuple[Demande, str]]:
    """Les demandes d'un dossier que personne n'a encore proposées et le code de leur ligne, verrouillées."""
    requete = (
        select(Demande, LigneFinancement.code)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .where(Demande.dossier_id == dossier_id, Demande.etat.in_(JAMAIS_PROPOSEES))
        .order_by(Demande.id)
        .with_for_update(key_share=True, of=Demande)
        .execution_options(populate_existing=True)
    )
    return [(demande, code) for demande, code in session.execute(requete)]

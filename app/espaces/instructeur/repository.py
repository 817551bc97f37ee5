"""Lectures jointes : demandes, notes et propositions courantes d'une page de dossiers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session, aliased

from app.etapes.appel.models import Appel
from app.etapes.contrat.models import Objectif
from app.etapes.dossier.models import Demande, DemandeComplement, Dossier
from app.etapes.dossier.repository import visibles
from app.etapes.dossier.rules.etats import EtatDemande, EtatDossier
from app.etapes.notation.models import NoteEnregistree
from app.etapes.programmation.models import Proposition
from app.infra.identite import Identite
from app.noyau.euros import Euros
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.territoires.models import Quartier


@dataclass(frozen=True, slots=True)
class DemandeLue:
    """Une demande, sa ligne, sa note courante (bornes), son dernier montant proposé ou arbitré."""

    demande: Demande
    ligne: LigneFinancement
    minimum: Decimal | None
    maximum: Decimal | None
    est_provisoire: bool
    montant: Euros | None


@dataclass(frozen=True, slots=True)
class Choix:
    """Les listes des filtres."""

    quartiers: Sequence[tuple[str, str]]
    objectifs: Sequence[tuple[str, str]]
    noms_quartiers: Mapping[str, str]
    noms_objectifs: Mapping[str, str]


def _demandes(dossier_ids: Iterable[int]) -> Select[Demande, LigneFinancement, NoteEnregistree, Proposition]:
    note, proposition = aliased(NoteEnregistree), aliased(Proposition)
    derniere_note = (
        select(func.max(NoteEnregistree.rang)).where(NoteEnregistree.demande_id == Demande.id).scalar_subquery()
    )
    derniere_proposition = (
        select(func.max(Proposition.rang)).where(Proposition.demande_id == Demande.id).scalar_subquery()
    )
    return (
        select(Demande, LigneFinancement, note, proposition)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .outerjoin(note, and_(note.demande_id == Demande.id, note.rang == derniere_note))
        .outerjoin(proposition, and_(proposition.demande_id == Demande.id, proposition.rang == derniere_proposition))
        .where(Demande.dossier_id.in_(list(dossier_ids)))
        .order_by(Demande.dossier_id, Demande.annee, LigneFinancement.rang, Demande.id)
    )


def demandes_lues(session: Session, dossier_ids: Iterable[int]) -> Mapping[int, Sequence[DemandeLue]]:
    """Dossier → ses demandes, avec note et montant courants. Une requête."""
    rendu: dict[int, list[DemandeLue]] = {}
    for demande, ligne, note, proposition in session.execute(_demandes(dossier_ids)):
        lue = DemandeLue(
            demande=demande,
            ligne=ligne,
            minimum=note.minimum if note is not None else None,
            maximum=note.maximum if note is not None else None,
            est_provisoire=note.est_provisoire if note is not None else False,
            montant=proposition.montant if proposition is not None else None,
        )
        rendu.setdefault(demande.dossier_id, []).append(lue)
    return rendu


def choix(session: Session, appel: Appel) -> Choix:
    """Quartiers et objectifs de la version du contrat de cet appel. Deux requêtes."""
    quartiers = [
        (code, nom)
        for code, nom in session.execute(
            select(Quartier.code, Quartier.nom).where(Quartier.contrat_id == appel.contrat_id).order_by(Quartier.rang)
        )
    ]
    objectifs = [
        (code, intitule)
        for code, intitule in session.execute(
            select(Objectif.code, Objectif.intitule)
            .where(Objectif.version_id == appel.version_id)
            .order_by(Objectif.rang, Objectif.id)
        )
    ]
    return Choix(quartiers, [(code, f"{code} {nom}") for code, nom in objectifs], dict(quartiers), dict(objectifs))


@dataclass(frozen=True, slots=True)
class Corbeille:
    """Ce qui attend l'instructeur, tous appels en vue."""

    a_verifier: int
    complements_recus: int
    complements_en_retard: int
    a_proposer: int


def corbeille(session: Session, acteur: Identite, lignes: Iterable[str], appel_id: int) -> Corbeille:
    """Combien de demandes attendent, sur les lignes de la personne. Deux requêtes."""
    codes = list(lignes)
    requete = (
        select(Demande.etat, func.count())
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .where(Dossier.appel_id == appel_id, LigneFinancement.code.in_(codes), visibles(acteur))
        .group_by(Demande.etat)
    )
    comptes = dict(session.execute(requete).all())
    recus, retards = session.execute(
        select(
            func.count().filter(DemandeComplement.recue_le.is_not(None), Dossier.etat == EtatDossier.DEPOSE),
            func.count().filter(DemandeComplement.recue_le.is_(None), Dossier.etat == EtatDossier.A_COMPLETER),
        )
        .select_from(DemandeComplement)
        .join(Dossier, Dossier.id == DemandeComplement.dossier_id)
        .where(Dossier.appel_id == appel_id, visibles(acteur))
    ).one()
    return Corbeille(
        a_verifier=comptes.get(EtatDemande.OUVERTE, 0),
        complements_recus=recus,
        complements_en_retard=retards,
        a_proposer=comptes.get(EtatDemande.EN_INSTRUCTION, 0),
    )

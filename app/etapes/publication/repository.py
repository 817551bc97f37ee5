"""Lectures de la publication : les décisions attribuées et notifiées, telles que tout le monde peut les lire."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session, sessionmaker

from app.etapes.convention.models import Decision, Notification
from app.etapes.convention.rules import DELAI_VERSEMENT_JOURS, SensDecision
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.publication.rules import Subvention, est_publiable, ligne_scdl
from app.noyau.euros import Euros
from app.noyau.periodes import a_paris
from app.referentiels.acteurs.models import Organisation
from app.referentiels.lignes.models import LigneFinancement

PAR_LOT = 500


@dataclass(frozen=True, slots=True)
class TotalPublie:
    """Ce qu'une autorité a attribué et notifié une année, et s'il est dans le fichier."""

    attribuant: str
    annee: int
    nombre: int
    montant: Euros
    est_publie: bool


def _joindre(requete: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Les décisions attribuées, notifiées, et toujours valables (une renonciation les retire)."""
    lettre = and_(Notification.dossier_id == Demande.dossier_id, Notification.ligne_id == Demande.ligne_id)
    return (
        requete.select_from(Decision)
        .join(Demande, Demande.id == Decision.demande_id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .join(Notification, lettre)
        .where(Decision.sens == SensDecision.ATTRIBUEE, Demande.etat == EtatDemande.NOTIFIEE)
    )


def _subvention(
    decision: Decision, dossier: Dossier, porteur: Organisation, ligne: LigneFinancement, notifiee_at: datetime
) -> Subvention:
    notifiee_le = a_paris(notifiee_at).date()
    return Subvention(
        attribuant=ligne.attribuant_nom,
        attribuant_siret=ligne.attribuant_siret,
        decidee_le=decision.acte_le,
        reference=decision.reference_acte,
        beneficiaire=porteur.nom,
        beneficiaire_siret=porteur.siret,
        beneficiaire_rna=porteur.rna,
        objet=dossier.titre,
        montant=decision.montant,
        notifiee_le=notifiee_le,
        versement_jours=DELAI_VERSEMENT_JOURS.au(notifiee_le),
    )


def lire_lignes(fabrique: sessionmaker[Session], appel_id: int | None = None) -> Iterator[tuple[str, ...]]:
    """Les lignes publiables (d'un appel, ou toutes), par date d'acte, au fil de l'eau.

    Ouvre SA session, sur une seule photo de la base.

    Un flux s'écrit après la fin de la requête : il ne peut pas se servir de la session de celle-ci.
    """
    requete = _joindre(select(Decision, Dossier, Organisation, LigneFinancement, Notification.a))
    requete = requete.order_by(Decision.acte_le, Dossier.numero, LigneFinancement.rang, Decision.id)
    if appel_id is not None:
        requete = requete.where(Dossier.appel_id == appel_id)
    with fabrique() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
        for rangee in session.execute(requete.execution_options(yield_per=PAR_LOT)):
            subvention = _subvention(*rangee)
            if est_publiable(subvention):
                yield ligne_scdl(subvention)


def list_totaux(session: Session) -> Sequence[TotalPublie]:
    """Par autorité et par année : ce qui est attribué et notifié. Une requête."""
    requete = _joindre(
        select(
            LigneFinancement.attribuant_nom, Demande.annee, func.count(Decision.id), func.sum(Decision.montant),
            LigneFinancement.attribuant_siret.is_not(None),
        )
    )  # fmt: skip
    groupes = (LigneFinancement.attribuant_nom, Demande.annee, LigneFinancement.attribuant_siret.is_not(None))
    return [
        TotalPublie(*rangee)
        for rangee in session.execute(requete.group_by(*groupes).order_by(Demande.annee.desc(), groupes[0]))
    ]

"""L'export de la programmation décidée : une rangée par demande de l'année, ligne après ligne."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from sqlalchemy.orm import Session, sessionmaker

from app.etapes.commission.rules import TypeIssue
from app.etapes.convention.repository.demandes import DemandeLue, parcourir
from app.etapes.convention.rules import SensDecision
from app.etapes.dossier.rules.etats import LIBELLES_DEMANDE
from app.infra.identite import Identite
from app.infra.tableur import Colonne, Genre, Valeur
from app.noyau.periodes import a_paris

COLONNES: tuple[Colonne, ...] = (
    Colonne("Numéro"),
    Colonne("Titre de l’action", Genre.LONG),
    Colonne("Porteur", Genre.LONG),
    Colonne("SIRET"),
    Colonne("Objectif principal"),
    Colonne("Ligne"),
    Colonne("Autorité", Genre.LONG),
    Colonne("Année"),
    Colonne("État"),
    Colonne("Demandé", Genre.MONTANT),
    Colonne("Vote de la commission"),
    Colonne("Voté", Genre.MONTANT),
    Colonne("Rang de réserve", Genre.NOMBRE),
    Colonne("Engagé", Genre.MONTANT),
    Colonne("Décision"),
    Colonne("Décidé", Genre.MONTANT),
    Colonne("Référence de l’acte"),
    Colonne("Date de l’acte"),
    Colonne("Motif", Genre.LONG),
    Colonne("Notifié le"),
    Colonne("Lu le"),
    Colonne("Thème P147"),
    Colonne("Numéro Dauphin"),
    Colonne("Engagement juridique"),
    Colonne("Fictif"),
)
_ISSUES = {
    TypeIssue.RETENU.value: "retenu",
    TypeIssue.AMENDE.value: "amendé",
    TypeIssue.REFUSE.value: "non retenu",
    TypeIssue.AJOURNE.value: "ajourné",
    TypeIssue.RESERVE.value: "réserve",
}
_SENS = {SensDecision.ATTRIBUEE: "attribuée", SensDecision.REFUSEE: "refusée"}


def lire_rangees(
    fabrique: sessionmaker[Session], acteur: Identite, appel_id: int, annee: int
) -> Iterator[tuple[Valeur, ...]]:
    """Les rangées, au fil de l'eau. Ouvre SA session, en lecture seule, sur une seule photo de la base.

    Un flux s'écrit après la fin de la requête : il ne peut pas se servir de la session de celle-ci.
    """
    with fabrique() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
        for lue in parcourir(session, appel_id, annee, acteur):
            yield _rangee(lue)


def _iso(valeur: date | datetime | None) -> str | None:
    if isinstance(valeur, datetime):
        valeur = a_paris(valeur).date()
    return valeur.isoformat() if valeur is not None else None


def _rangee(lue: DemandeLue) -> tuple[Valeur, ...]:
    demande, dossier, vote, acte, lettre = lue.demande, lue.dossier, lue.resultat, lue.decision, lue.notification
    return (
        dossier.numero,
        dossier.titre,
        lue.organisation.nom,
        lue.organisation.siret,
        dossier.objectif,
        lue.ligne.code,
        lue.ligne.attribuant_nom,
        demande.annee,
        LIBELLES_DEMANDE[demande.etat].agent,
        demande.montant_demande,
        _ISSUES[vote.issue] if vote is not None else None,
        lue.vote,
        vote.rang_reserve if vote is not None else None,
        lue.engage,
        _SENS[acte.sens] if acte is not None else None,
        acte.montant if acte is not None else None,
        acte.reference_acte if acte is not None else None,
        _iso(acte.acte_le) if acte is not None else None,
        acte.motif if acte is not None else None,
        _iso(lettre.a) if lettre is not None else None,
        _iso(lettre.lue_at) if lettre is not None else None,
        demande.theme_p147,
        demande.numero_dauphin,
        demande.engagement_juridique,
        "oui" if dossier.est_fictif or lue.organisation.est_fictif else "non",
    )

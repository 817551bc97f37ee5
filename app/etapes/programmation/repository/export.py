"""L'export de la programmation : une rangée par demande, dans l'ordre des numéros et des lignes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import BigInteger, Row, cast, func, select, true
from sqlalchemy.orm import Session, aliased, sessionmaker

from app.etapes.appel.models import Engagement
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.repository import visibles
from app.etapes.dossier.rules.etats import LIBELLES_DEMANDE
from app.etapes.programmation.models import NatureProposition, Proposition
from app.etapes.programmation.repository.montants import (
    dernier_propose,
    derniere_proposition,
    en_jeu,
    note_courante,
    rang_du_numero,
)
from app.infra.identite import Identite
from app.infra.tableur import Colonne, Genre, Valeur
from app.noyau.euros import Euros
from app.referentiels.acteurs.models import Organisation
from app.referentiels.lignes.models import LigneFinancement

PAR_LOT = 500
COLONNES: tuple[Colonne, ...] = (
    Colonne("Numéro"),
    Colonne("Titre de l’action", Genre.LONG),
    Colonne("Porteur", Genre.LONG),
    Colonne("SIRET"),
    Colonne("Objectif principal"),
    Colonne("Quartiers des bénéficiaires", Genre.LONG),
    Colonne("Ligne"),
    Colonne("Année"),
    Colonne("État"),
    Colonne("Note, borne basse", Genre.NOMBRE),
    Colonne("Note, borne haute", Genre.NOMBRE),
    Colonne("Demandé", Genre.MONTANT),
    Colonne("Demandé l’an dernier", Genre.MONTANT),
    Colonne("Accordé l’an dernier", Genre.MONTANT),
    Colonne("Dépensé l’an dernier", Genre.MONTANT),
    Colonne("Proposé", Genre.MONTANT),
    Colonne("Arbitré", Genre.MONTANT),
    Colonne("Motif du dernier montant", Genre.LONG),
    Colonne("Engagé", Genre.MONTANT),
    Colonne("Demandé aux autres lignes", Genre.MONTANT),
    Colonne("Proposé ou arbitré par les autres lignes", Genre.MONTANT),
    Colonne("Thème P147"),
    Colonne("Numéro Dauphin"),
    Colonne("Engagement juridique"),
    Colonne("Fictif"),
)


def lire_rangees(fabrique: sessionmaker[Session], acteur: Identite, appel_id: int) -> Iterator[tuple[Valeur, ...]]:
    """Les rangées, au fil de l'eau. Ouvre SA session, en lecture seule, sur une seule photo de la base.

    Un flux s'écrit après la fin de la requête : il ne peut pas se servir de la session de celle-ci.
    """
    with fabrique() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
        requete = _requete(acteur, appel_id).execution_options(yield_per=PAR_LOT)
        for rangee in session.execute(requete):
            yield _valeurs(rangee)


def _requete(acteur: Identite, appel_id: int) -> Any:
    courante, proposee, note = derniere_proposition(), dernier_propose(), note_courante()
    autre = aliased(Demande)
    autres = (
        select(
            func.sum(cast(autre.montant_demande, BigInteger)).label("demande"),
            func.sum(_montant_de(autre)).label("retenu"),
        )
        .where(
            autre.dossier_id == Demande.dossier_id, autre.annee == Demande.annee, autre.id != Demande.id, en_jeu(autre)
        )
        .lateral("autres")
    )
    return (
        select(
            Demande, Dossier.numero, Dossier.titre, Dossier.objectif, Dossier.quartiers, Dossier.est_fictif,
            Organisation.nom, Organisation.siret, LigneFinancement.code.label("ligne"),
            courante.c.nature, courante.c.montant, courante.c.motif, proposee.c.montant.label("propose"),
            note.c.minimum, note.c.maximum, Engagement.montant.label("engage"),
            autres.c.demande.label("autres_demande"), autres.c.retenu.label("autres_retenu"),
        )
        .select_from(Demande)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .outerjoin(
            Engagement, (Engagement.demande_id == Demande.id) & (Engagement.annee == Demande.annee)
        )
        .outerjoin(courante, true())
        .outerjoin(proposee, true())
        .outerjoin(note, true())
        .outerjoin(autres, true())
        .where(Dossier.appel_id == appel_id, visibles(acteur), en_jeu())
        .order_by(rang_du_numero(), Dossier.id, LigneFinancement.rang, Demande.annee, Demande.id)
        .params(lecteur=acteur.acteur)
    )  # fmt: skip


def _montant_de(demande: Any) -> Any:
    requete = select(cast(Proposition.montant, BigInteger)).where(Proposition.demande_id == demande.id)
    return requete.order_by(Proposition.rang.desc()).limit(1).correlate(demande).scalar_subquery()


def _valeurs(r: Row[*tuple[Any, ...]]) -> tuple[Valeur, ...]:
    d: Demande = r.Demande
    est_arbitree = r.nature is not None and NatureProposition(r.nature) is NatureProposition.ARBITRE
    return (
        r.numero, r.titre, r.nom, r.siret, r.objectif, ", ".join(r.quartiers), r.ligne, d.annee,
        LIBELLES_DEMANDE[d.etat].agent, r.minimum, r.maximum, d.montant_demande, d.montant_demande_n1,
        d.montant_accorde_n1, d.montant_depense_n1, _euros(r.propose), _euros(r.montant) if est_arbitree else None,
        r.motif, r.engage, _euros(r.autres_demande), _euros(r.autres_retenu), d.theme_p147, d.numero_dauphin,
        d.engagement_juridique, "oui" if r.est_fictif else "non",
    )  # fmt: skip


def _euros(centimes: int | None) -> Euros | None:
    return None if centimes is None else Euros(int(centimes))

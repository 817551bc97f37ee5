"""L'export des dossiers d'un appel : une rangée par dossier déposé, dans l'ordre des numéros."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row, String, cast, func, select
from sqlalchemy.orm import Session, sessionmaker

from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.repository import visibles
from app.etapes.dossier.rules.etats import LIBELLES_DOSSIER
from app.infra.identite import Identite
from app.infra.tableur import Colonne, Genre, Valeur
from app.noyau.periodes import a_paris
from app.referentiels.acteurs.models import Organisation
from app.referentiels.lignes.models import LigneFinancement

PAR_LOT = 500
COLONNES: tuple[Colonne, ...] = (
    Colonne("Numéro"),
    Colonne("Déposé le"),
    Colonne("État"),
    Colonne("Titre de l’action", Genre.LONG),
    Colonne("Porteur", Genre.LONG),
    Colonne("SIRET"),
    Colonne("Objectif principal"),
    Colonne("Quartiers des bénéficiaires", Genre.LONG),
    Colonne("Durée en années", Genre.NOMBRE),
    Colonne("Demandé, toutes lignes et années", Genre.MONTANT),
    Colonne("Lignes et années demandées", Genre.LONG),
    Colonne("Fictif"),
)


def lire_rangees(fabrique: sessionmaker[Session], acteur: Identite, appel_id: int) -> Iterator[tuple[Valeur, ...]]:
    """Les rangées, au fil de l'eau, dans une session à part, sur une seule photo de la base."""
    vue = func.concat_ws(" ", LigneFinancement.code, cast(Demande.annee, String))
    lignes = (
        select(func.string_agg(vue, ", ").label("lignes"))
        .select_from(Demande)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .where(Demande.dossier_id == Dossier.id)
        .scalar_subquery()
    )
    requete = (
        select(Dossier, Organisation.nom, Organisation.siret, lignes.label("lignes"))
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .where(Dossier.appel_id == appel_id, Dossier.numero.is_not(None), visibles(acteur))
        .order_by(func.length(Dossier.numero), Dossier.numero)
    )
    with fabrique() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
        for rangee in session.execute(requete.execution_options(yield_per=PAR_LOT)):
            yield _valeurs(rangee)


def _valeurs(r: Row[*tuple[Any, ...]]) -> tuple[Valeur, ...]:
    d: Dossier = r.Dossier
    depose = "" if d.depose_le is None else a_paris(d.depose_le).date().isoformat()
    return (
        d.numero, depose, LIBELLES_DOSSIER[d.etat].agent, d.titre, r.nom, r.siret, d.objectif, ", ".join(d.quartiers),
        d.duree_annees, d.montant_demande, ", ".join(sorted((r.lignes or "").split(", "))),
        "oui" if d.est_fictif else "non",
    )  # fmt: skip

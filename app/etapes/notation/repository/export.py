"""L'export du classement d'une ligne : une rangée par demande notée, ce que les filtres retiennent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session, sessionmaker

from app.etapes.appel.models import Appel
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.etats import LIBELLES_DEMANDE
from app.etapes.notation.repository.classement import Filtres, classees, filtrer, lisibles
from app.etapes.notation.rules.note import EtatLigne
from app.infra.identite import Identite
from app.infra.tableur import Colonne, Genre, Valeur
from app.noyau.euros import arrondir
from app.referentiels.acteurs.models import Organisation

PAR_LOT = 500
COLONNES: tuple[Colonne, ...] = (
    Colonne("Rang", Genre.NOMBRE),
    Colonne("Numéro"),
    Colonne("Titre de l’action", Genre.LONG),
    Colonne("Porteur", Genre.LONG),
    Colonne("SIRET"),
    Colonne("Objectif principal"),
    Colonne("Quartiers des bénéficiaires", Genre.LONG),
    Colonne("Durée en années", Genre.NOMBRE),
    Colonne("État"),
    Colonne("Demandé", Genre.MONTANT),
    Colonne("Note, au moins", Genre.NOMBRE),
    Colonne("Note, au plus", Genre.NOMBRE),
    Colonne("Provisoire (faits déclarés)"),
    Colonne("Incomplète (fait manquant)"),
    Colonne("Fictif"),
)


def colonnes(criteres: Sequence[tuple[str, str]]) -> tuple[Colonne, ...]:
    """Les colonnes, puis les points de chaque critère (code, libellé), au moins ; vide : sans objet."""
    return (*COLONNES, *(Colonne(f"{code} : {libelle}, points", Genre.NOMBRE) for code, libelle in criteres))


def lire_rangees(
    fabrique: sessionmaker[Session],
    acteur: Identite,
    appel: Appel,
    ligne_id: int,
    filtres: Filtres,
    criteres: Sequence[tuple[str, str]],
) -> Iterator[tuple[Valeur, ...]]:
    """Les rangées, au fil de l'eau, dans une session à part, sur une seule photo de la base."""
    notes = classees(appel, ligne_id)
    requete = (
        select(notes.c.place, Demande, Organisation.nom, Organisation.siret, notes.c.minimum, notes.c.maximum)
        .add_columns(notes.c.est_provisoire, notes.c.criteres, Dossier.numero, Dossier.titre, Dossier.objectif)
        .add_columns(Dossier.quartiers, Dossier.duree_annees, Dossier.est_fictif)
        .join(Demande, Demande.id == notes.c.demande_id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .where(lisibles(acteur))
        .order_by(notes.c.cle.desc(), Demande.id.desc())
    )
    codes = [code for code, _ in criteres]
    with fabrique() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
        for rangee in session.execute(filtrer(requete, filtres, notes).execution_options(yield_per=PAR_LOT)):
            yield _valeurs(rangee, codes)


def _valeurs(r: Row[*tuple[Any, ...]], codes: Sequence[str]) -> tuple[Valeur, ...]:
    demande: Demande = r.Demande
    points = {critere["code"]: _points(critere) for critere in r.criteres}
    return (
        r.place, r.numero, r.titre, r.nom, r.siret, r.objectif, ", ".join(r.quartiers), r.duree_annees,
        LIBELLES_DEMANDE[demande.etat].agent, demande.montant_demande, r.minimum, r.maximum,
        "oui" if r.est_provisoire else "non", "oui" if r.minimum != r.maximum else "non",
        "oui" if r.est_fictif else "non", *(points.get(code) for code in codes),
    )  # fmt: skip


def _points(critere: Mapping[str, Any]) -> Decimal | None:
    """Les points qui comptent, au moins ; None si le critère est sans objet."""
    if critere.get("etat") == EtatLigne.SANS_OBJET:
        return None
    if "ajustement" in critere:
        return arrondir(Fraction(critere["ajustement"]["points"]), 2)
    return Decimal(critere["taux"][0] * critere["poids"]) / 100

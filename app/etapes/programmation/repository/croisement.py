"""Le croisement : un dossier par rangée, une ligne de financement par colonne."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, cast, exists, func, select, true
from sqlalchemy.orm import Session, aliased

from app.etapes.appel.models import Appel
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.repository import visibles
from app.etapes.programmation.models import Proposition
from app.etapes.programmation.repository.montants import (
    cherche,
    derniere_proposition,
    en_jeu,
    rang_du_numero,
)
from app.etapes.programmation.repository.tableau import Avancement, Cellule, Filtre, cellules
from app.infra.curseur import TAILLE, Ordre, Page, paginer
from app.infra.identite import Identite
from app.noyau.euros import Euros
from app.referentiels.acteurs.models import Organisation
from app.referentiels.lignes.models import LigneFinancement


@dataclass(frozen=True, slots=True)
class DossierCroise:
    """Un dossier et ce que chaque ligne en fait cette année-là."""

    numero: str
    titre: str
    porteur: str
    objectif: str
    quartiers: tuple[str, ...]
    est_fictif: bool
    cellules: Mapping[str, Cellule]

    @property
    def demande(self) -> Euros:
        """Demandé à toutes les lignes."""
        return Euros.somme(c.demande for c in self.cellules.values())

    @property
    def retenu(self) -> Euros | None:
        """Proposé ou arbitré, toutes lignes ; None si aucune n'a encore de montant."""
        montants = [c.montant for c in self.cellules.values() if c.montant is not None]
        return Euros.somme(montants) if montants else None


@dataclass(frozen=True, slots=True)
class TotauxCroises:
    """Le pied du croisement : combien de dossiers, et par ligne ce qui est demandé et retenu."""

    dossiers: int
    demandes: Mapping[str, Euros]
    retenus: Mapping[str, Euros]

    @property
    def demande(self) -> Euros:
        """Demandé, toutes lignes."""
        return Euros.somme(self.demandes.values())

    @property
    def retenu(self) -> Euros:
        """Proposé ou arbitré, toutes lignes."""
        return Euros.somme(self.retenus.values())


def _conditions(acteur: Identite, appel: Appel, annee: int, filtre: Filtre) -> list[ColumnElement[bool]]:
    """Les dossiers en vue qui ont au moins une demande en jeu cette année."""
    une = aliased(Demande)
    du_dossier = (une.dossier_id == Dossier.id, une.annee == annee, en_jeu(une))
    a_un_montant = exists().where(*du_dossier, Proposition.demande_id == une.id)
    conditions = [Dossier.appel_id == appel.id, visibles(acteur), exists().where(*du_dossier)]
    if filtre.q.strip():
        conditions.append(cherche(filtre.q))
    if filtre.avancement is Avancement.SANS_MONTANT:
        conditions.append(~a_un_montant)
    elif filtre.avancement is not None:
        conditions.append(a_un_montant)
    return conditions


def list_dossiers(
    session: Session,
    acteur: Identite,
    appel: Appel,
    annee: int,
    filtre: Filtre,
    *,
    jeton: str = "",
    taille: int = TAILLE,
) -> Page[DossierCroise]:
    """Une page du croisement, dans l'ordre des numéros. Deux requêtes."""
    requete: Any = (
        select(
            Dossier.id, Dossier.numero, Dossier.titre, Organisation.nom, Dossier.objectif, Dossier.quartiers,
            Dossier.est_fictif,
        )
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .where(*_conditions(acteur, appel, annee, filtre))
    )  # fmt: skip
    page = paginer(session, requete, Ordre("numero", rang_du_numero(), Dossier.id), jeton, taille)
    par_dossier = cellules(session, (r.id for r in page.elements), annee)
    rangees = tuple(
        DossierCroise(r.numero, r.titre, r.nom, r.objectif, tuple(r.quartiers), r.est_fictif, par_dossier.get(r.id, {}))
        for r in page.elements
    )
    return Page(rangees, page.precedent, page.suivant)


def totaux(session: Session, acteur: Identite, appel: Appel, annee: int, filtre: Filtre) -> TotauxCroises:
    """Le pied du croisement, sur tout ce que le filtre garde. Une requête : par ligne, et le tout (ligne absente)."""
    courante = derniere_proposition()
    requete = (
        select(
            LigneFinancement.code,
            func.count(Dossier.id.distinct()),
            func.sum(cast(Demande.montant_demande, BigInteger)),
            func.sum(courante.c.montant),
        )
        .select_from(Demande)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .outerjoin(courante, true())
        .where(*_conditions(acteur, appel, annee, filtre), Demande.annee == annee, en_jeu())
        .group_by(func.rollup(LigneFinancement.code))
    )
    rangees = session.execute(requete).all()
    return TotauxCroises(
        dossiers=next((nombre for code, nombre, _, _ in rangees if code is None), 0),
        demandes={code: Euros(int(demande)) for code, _, demande, _ in rangees if code is not None},
        retenus={code: Euros(int(retenu or 0)) for code, _, _, retenu in rangees if code is not None},
    )

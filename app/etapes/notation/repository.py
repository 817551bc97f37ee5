"""Lectures de la notation : les faits des dossiers, ce qu'il y a à noter, les notes, le classement d'une ligne."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Integer, Subquery, cast, exists, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from app.etapes.appel.models import Appel
from app.etapes.appel.rules import Orientations
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Demande, Dossier, DossierVersion, FaitConstate, FaitExterne
from app.etapes.dossier.rules.etats import AVANT_DECISION, EtatDemande, EtatDossier
from app.etapes.notation.models import Ajustement, NoteEnregistree
from app.etapes.notation.rules import (
    Cadre,
    Constat,
    FaitsDossier,
    Priorites,
    avec_constats,
    avec_externes,
    faits_du_contenu,
    figer,
    medianes_depuis_donnees,
)
from app.infra import curseur
from app.infra.identite import Identite
from app.referentiels.acteurs.models import Compte, Organisation
from app.referentiels.grilles.rules import Statut
from app.referentiels.lignes.models import LigneFinancement

SORTIES = frozenset({EtatDemande.HORS_CHAMP, EtatDemande.IRRECEVABLE, EtatDemande.ORIENTEE, EtatDemande.RETIREE})
# Une note a une décimale : le minimum puis le maximum tiennent dans un entier, qui se compare et se pagine.
_BASE = 10_000


@dataclass(frozen=True, slots=True)
class ConstatAgent:
    """Le dernier constat d'un agent sur un fait."""

    statut: Statut
    motif: str
    par: str
    a: datetime


@dataclass(frozen=True, slots=True)
class Releve:
    """Les faits d'un dossier : avant les agents, après eux (médianes figées comprises), et qui a établi quoi."""

    declares: FaitsDossier
    faits: FaitsDossier
    constats: Mapping[str, ConstatAgent]


@dataclass(frozen=True, slots=True)
class ANoter:
    """Une demande ouverte, pour l'année de l'appel, et ce qu'il faut pour la noter."""

    demande: Demande
    ligne: str
    grille_id: int
    priorites: Priorites


@dataclass(frozen=True, slots=True)
class AjustementCourant:
    """Le dernier ajustement d'un critère ; `taux` absent : la valeur calculée a été rétablie."""

    critere: str
    taux: int | None
    motif: str
    acteur: str
    par: str
    a: datetime


@dataclass(frozen=True, slots=True)
class RangNote:
    """Une note de l'historique d'une demande, sans son contenu."""

    rang: int
    minimum: Decimal
    maximum: Decimal
    est_provisoire: bool
    motif: str
    par: str
    a: datetime


@dataclass(frozen=True, slots=True)
class Classe:
    """Une rangée du classement d'une ligne. `rang` : sur toute la ligne, quels que soient les filtres."""

    rang: int
    dossier: Dossier
    organisation: str
    demande: Demande
    minimum: Decimal
    maximum: Decimal
    est_provisoire: bool


# --- faits ----------------------------------------------------------------------------------------------------------


def faits_du_dossier(session: Session, dossier_ids: Iterable[int]) -> dict[int, FaitsDossier]:
    """Les faits à noter de ces dossiers déposés. Trois requêtes, quel que soit leur nombre."""
    return {cle: releve.faits for cle, releve in releves(session, dossier_ids).items()}


def releves(session: Session, dossier_ids: Iterable[int]) -> dict[int, Releve]:
    """Les faits de ces dossiers déposés, avant et après les agents. Trois requêtes."""
    ids = list(dossier_ids)
    externes = _externes(session, ids)
    constats, auteurs = _constats(session, ids)
    figees: dict[int, Any] = {}
    rendu = {}
    for dossier, contenu, salaries, appel in session.execute(_contenus(ids)):
        if appel.id not in figees:
            figees[appel.id] = None if appel.medianes is None else medianes_depuis_donnees(appel.medianes)
        cadre = Cadre(
            annee=appel.annee,
            est_chemin_court=dossier.est_chemin_court,
            renouvelle=dossier.renouvelle_id is not None,
            salaries_etp_centiemes=salaries,
            orientations_nationales=bool(Orientations.depuis(appel.orientations).nationales),
        )
        declares = avec_externes(faits_du_contenu(contenu, cadre), externes[dossier.id])
        faits = figer(avec_constats(declares, constats[dossier.id]), figees[appel.id])
        rendu[dossier.id] = Releve(declares, faits, auteurs[dossier.id])
    return rendu


def _contenus(ids: Sequence[int]) -> Any:
    derniere = (
        select(DossierVersion.dossier_id, DossierVersion.contenu)
        .where(DossierVersion.dossier_id.in_(ids))
        .ext(distinct_on(DossierVersion.dossier_id))
        .order_by(DossierVersion.dossier_id, DossierVersion.rang.desc())
        .subquery()
    )
    return (
        select(Dossier, derniere.c.contenu, Organisation.salaries_etp_centiemes, Appel)
        .join(derniere, derniere.c.dossier_id == Dossier.id)
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .join(Appel, Appel.id == Dossier.appel_id)
        .order_by(Dossier.id)
    )


def _externes(session: Session, ids: Sequence[int]) -> dict[int, list[Constat]]:
    requete = (
        select(FaitExterne.dossier_id, FaitExterne.code, FaitExterne.valeur)
        .where(FaitExterne.dossier_id.in_(ids))
        .ext(distinct_on(FaitExterne.dossier_id, FaitExterne.code))
        .order_by(FaitExterne.dossier_id, FaitExterne.code, FaitExterne.id.desc())
    )
    rendu: defaultdict[int, list[Constat]] = defaultdict(list)
    for dossier_id, code, valeur in session.execute(requete):
        rendu[dossier_id].append(Constat(code, valeur))
    return rendu


def _constats(
    session: Session, ids: Sequence[int]
) -> tuple[dict[int, list[Constat]], dict[int, dict[str, ConstatAgent]]]:
    requete = (
        select(FaitConstate, func.coalesce(Compte.nom_affiche, FaitConstate.acteur))
        .outerjoin(Compte, Compte.acteur == FaitConstate.acteur)
        .where(FaitConstate.dossier_id.in_(ids))
        .ext(distinct_on(FaitConstate.dossier_id, FaitConstate.code))
        .order_by(FaitConstate.dossier_id, FaitConstate.code, FaitConstate.id.desc())
    )
    constats: defaultdict[int, list[Constat]] = defaultdict(list)
    auteurs: defaultdict[int, dict[str, ConstatAgent]] = defaultdict(dict)
    for constat, nom in session.execute(requete):
        statut = Statut(constat.statut)
        constats[constat.dossier_id].append(Constat(constat.code, constat.valeur, statut, constat.motif))
        auteurs[constat.dossier_id][constat.code] = ConstatAgent(statut, constat.motif, nom, constat.a)
    return constats, auteurs


# --- ce qu'il y a à noter -------------------------------------------------------------------------------------------


def list_lot(
    session: Session, appel_id: int, *, apres: int = 0, taille: int, recevables: bool = False
) -> Sequence[int]:
    """Les dossiers déposés d'un appel après cette clé ; avec `recevables`, ceux qu'une ligne au moins instruit."""
    requete = select(Dossier.id).where(
        Dossier.appel_id == appel_id,
        Dossier.id > apres,
        Dossier.numero.is_not(None),
        Dossier.etat != EtatDossier.RETIRE,
    )
    if recevables:
        exclus = [*SORTIES, EtatDemande.OUVERTE]
        requete = requete.where(exists().where(Demande.dossier_id == Dossier.id, Demande.etat.not_in(exclus)))
    return session.scalars(requete.order_by(Dossier.id).limit(taille)).all()


def numeros(session: Session, dossier_ids: Iterable[int]) -> dict[int, str]:
    """Numéro public de chacun de ces dossiers déposés."""
    requete = select(Dossier.id, Dossier.numero).where(Dossier.id.in_(list(dossier_ids))).order_by(Dossier.id)
    return {cle: numero for cle, numero in session.execute(requete) if numero is not None}


def verrouiller(session: Session, dossier_ids: Iterable[int]) -> None:
    """Verrouille ces dossiers, triés : une seule notation d'un dossier à la fois."""
    requete = select(Dossier.id).where(Dossier.id.in_(list(dossier_ids))).order_by(Dossier.id)
    session.execute(requete.with_for_update(key_share=True))


def list_a_noter(session: Session, dossier_ids: Iterable[int]) -> Sequence[ANoter]:
    """Les demandes ouvertes de ces dossiers, pour l'année de l'appel, dans l'ordre des lignes."""
    requete = (
        select(Demande, LigneFinancement.code, Appel.grille_id, Appel.orientations)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(Appel, Appel.id == Dossier.appel_id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .where(
            Demande.dossier_id.in_(list(dossier_ids)),
            Demande.annee == Appel.annee,
            Demande.etat.in_(AVANT_DECISION),
            Dossier.etat != EtatDossier.RETIRE,
        )
        .order_by(Demande.dossier_id, LigneFinancement.rang, Demande.id)
    )
    return [
        ANoter(demande, ligne, grille_id, Orientations.depuis(orientations).priorites)
        for demande, ligne, grille_id, orientations in session.execute(requete)
    ]


# --- notes ----------------------------------------------------------------------------------------------------------


def notes_courantes(session: Session, demande_ids: Iterable[int]) -> dict[int, NoteEnregistree]:
    """La note de plus grand rang de chaque demande."""
    requete = (
        select(NoteEnregistree)
        .where(NoteEnregistree.demande_id.in_(list(demande_ids)))
        .ext(distinct_on(NoteEnregistree.demande_id))
        .order_by(NoteEnregistree.demande_id, NoteEnregistree.rang.desc())
    )
    return {note.demande_id: note for note in session.scalars(requete)}


def list_rangs(session: Session, demande_id: int) -> Sequence[RangNote]:
    """L'histoire d'une note, de la plus récente à la première."""
    requete = (
        select(
            NoteEnregistree.rang,
            NoteEnregistree.minimum,
            NoteEnregistree.maximum,
            NoteEnregistree.est_provisoire,
            NoteEnregistree.motif,
            func.coalesce(Compte.nom_affiche, NoteEnregistree.acteur),
            NoteEnregistree.a,
        )
        .outerjoin(Compte, Compte.acteur == NoteEnregistree.acteur)
        .where(NoteEnregistree.demande_id == demande_id)
        .order_by(NoteEnregistree.rang.desc())
    )
    return [RangNote(*rangee) for rangee in session.execute(requete)]


def ajustements_courants(session: Session, demande_ids: Iterable[int]) -> dict[int, list[AjustementCourant]]:
    """Le dernier ajustement de chaque critère, par demande, dans l'ordre des critères."""
    requete = (
        select(Ajustement, func.coalesce(Compte.nom_affiche, Ajustement.acteur))
        .outerjoin(Compte, Compte.acteur == Ajustement.acteur)
        .where(Ajustement.demande_id.in_(list(demande_ids)))
        .ext(distinct_on(Ajustement.demande_id, Ajustement.critere))
        .order_by(Ajustement.demande_id, Ajustement.critere, Ajustement.id.desc())
    )
    rendu: defaultdict[int, list[AjustementCourant]] = defaultdict(list)
    for ajustement, nom in session.execute(requete):
        rendu[ajustement.demande_id].append(
            AjustementCourant(
                ajustement.critere, ajustement.taux_pour_cent, ajustement.motif, ajustement.acteur, nom, ajustement.a
            )
        )
    return rendu


# --- classement -----------------------------------------------------------------------------------------------------


def _classement(appel_id: int, ligne_id: int, annee: int) -> Subquery:
    """Les demandes notées d'une ligne, leur note courante et leur rang parmi toutes."""
    courante = (
        select(
            NoteEnregistree.demande_id,
            NoteEnregistree.minimum,
            NoteEnregistree.maximum,
            NoteEnregistree.est_provisoire,
        )
        .join(Demande, Demande.id == NoteEnregistree.demande_id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .where(
            Dossier.appel_id == appel_id,
            Demande.ligne_id == ligne_id,
            Demande.annee == annee,
            Demande.etat.not_in(SORTIES),
        )
        .ext(distinct_on(NoteEnregistree.demande_id))
        .order_by(NoteEnregistree.demande_id, NoteEnregistree.rang.desc())
        .subquery("courante")
    )
    cle = (cast(courante.c.minimum * 10, Integer) * _BASE + cast(courante.c.maximum * 10, Integer)).label("cle")
    return select(courante, cle, func.rank().over(order_by=cle.desc()).label("place")).subquery("classement")


def page_classement(
    session: Session,
    appel: Appel,
    ligne: LigneFinancement,
    acteur: Identite,
    *,
    quartier: str = "",
    objectif: str = "",
    jeton: str = "",
    taille: int = curseur.TAILLE,
) -> curseur.Page[Classe]:
    """Une page du classement, note la plus basse possible décroissante. Une requête. Lève SaisieInvalide (jeton)."""
    notes = _classement(appel.id, ligne.id, appel.annee)
    requete = (
        select(notes.c.place, Dossier, Organisation.nom, Demande, notes.c.minimum, notes.c.maximum)
        .add_columns(notes.c.est_provisoire)
        .join(Demande, Demande.id == notes.c.demande_id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .where(dossiers.visibles(acteur))
    )
    if quartier:
        requete = requete.where(Dossier.quartiers.contains([quartier]))
    if objectif:
        requete = requete.where(Dossier.objectif == objectif)
    ordre = curseur.Ordre("note", notes.c.cle, Demande.id, descendant=True)
    page = curseur.paginer(session, requete, ordre, jeton, taille)
    elements = tuple(Classe(*rangee[:7]) for rangee in page.elements)
    return curseur.Page(elements, page.precedent, page.suivant)


def compter_a_noter(session: Session, appel: Appel, ligne_id: int, acteur: Identite) -> tuple[int, int]:
    """(demandes en jeu sur la ligne, dont sans note), parmi les dossiers en vue."""
    note = aliased(NoteEnregistree)
    notee = exists().where(note.demande_id == Demande.id)
    requete = (
        select(func.count(), func.count().filter(~notee))
        .select_from(Demande)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .where(
            Dossier.appel_id == appel.id,
            Demande.ligne_id == ligne_id,
            Demande.annee == appel.annee,
            Demande.etat.not_in(SORTIES),
            dossiers.visibles(acteur),
        )
    )
    total, sans_note = session.execute(requete).one()
    return total, sans_note

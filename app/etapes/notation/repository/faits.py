"""Les faits des dossiers : ce que dit le contenu figé, ce que l'administration a appris ou établi."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.appel.rules import Orientations
from app.etapes.dossier.models import Dossier, DossierVersion, FaitConstate, FaitExterne
from app.etapes.notation.rules import (
    Cadre,
    Constat,
    FaitsDossier,
    Medianes,
    avec_externes,
    faits_a_noter,
    faits_du_contenu,
    medianes_depuis_donnees,
)
from app.infra.db import parmi_cles
from app.referentiels.acteurs.models import Compte, Organisation
from app.referentiels.grilles.rules import Statut


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
class _Lu:
    """Un contenu figé, de quoi le lire, et les médianes de son appel (absentes avant la clôture)."""

    contenu: dict[str, Any]
    cadre: Cadre
    medianes: Medianes | None


def faits_du_dossier(session: Session, dossier_ids: Iterable[int]) -> dict[int, FaitsDossier]:
    """Les faits à noter de ces dossiers déposés. Quatre requêtes, quel que soit leur nombre."""
    return dict(lire_faits(session, dossier_ids))


def lire_faits(session: Session, dossier_ids: Iterable[int]) -> Iterator[tuple[int, FaitsDossier]]:
    """Les mêmes, un dossier après l'autre : tout est lu à l'appel, chaque relevé se calcule quand on le demande."""
    ids = list(dossier_ids)
    externes, constats, contenus = _externes(session, ids), _constats(session, ids), _contenus(session, ids)
    return (
        (cle, faits_a_noter(lu.contenu, lu.cadre, externes.get(cle, ()), constats.get(cle, ()), lu.medianes))
        for cle, lu in contenus.items()
    )


def releves(session: Session, dossier_ids: Iterable[int]) -> dict[int, Releve]:
    """Les faits de ces dossiers déposés, avant et après les agents, et qui les a établis. Quatre requêtes."""
    ids = list(dossier_ids)
    externes, auteurs = _externes(session, ids), _auteurs(session, ids)
    rendu = {}
    for cle, lu in _contenus(session, ids).items():
        siens = [constat for constat, _ in auteurs.get(cle, ())]
        rendu[cle] = Releve(
            declares=avec_externes(faits_du_contenu(lu.contenu, lu.cadre), externes.get(cle, ())),
            faits=faits_a_noter(lu.contenu, lu.cadre, externes.get(cle, ()), siens, lu.medianes),
            constats={constat.code: agent for constat, agent in auteurs.get(cle, ())},
        )
    return rendu


def _contenus(session: Session, ids: Sequence[int]) -> dict[int, _Lu]:
    """Le dernier contenu figé de chaque dossier. Le nombre de salariés est celui de la fiche figée avec lui."""
    derniere = (
        select(DossierVersion.dossier_id, DossierVersion.contenu, DossierVersion.organisation)
        .where(parmi_cles(DossierVersion.dossier_id, ids))
        .ext(distinct_on(DossierVersion.dossier_id))
        .order_by(DossierVersion.dossier_id, DossierVersion.rang.desc())
        .subquery()
    )
    fige = derniere.c.organisation["moyens_humains"]["etpt_centiemes"].astext.cast(Integer)
    requete = (
        select(Dossier.id, Dossier.appel_id, Dossier.est_chemin_court, Dossier.renouvelle_id, derniere.c.contenu)
        .add_columns(func.coalesce(fige, Organisation.salaries_etp_centiemes))
        .join(derniere, derniere.c.dossier_id == Dossier.id)
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .order_by(Dossier.id)
    )
    rangees = session.execute(requete).all()
    appels = _appels(session, {appel_id for _, appel_id, *_ in rangees})
    rendu = {}
    for cle, appel_id, est_court, renouvelle, contenu, salaries in rangees:
        annee, nationales, medianes = appels[appel_id]
        cadre = Cadre(annee, est_court, renouvelle is not None, salaries, nationales)
        rendu[cle] = _Lu(contenu, cadre, medianes)
    return rendu


def _appels(session: Session, ids: Iterable[int]) -> dict[int, tuple[int, bool, Medianes | None]]:
    requete = select(Appel.id, Appel.annee, Appel.orientations, Appel.medianes).where(Appel.id.in_(list(ids)))
    return {
        cle: (
            annee,
            bool(Orientations.depuis(orientations).nationales),
            None if medianes is None else medianes_depuis_donnees(medianes),
        )
        for cle, annee, orientations, medianes in session.execute(requete.order_by(Appel.id))
    }


def _externes(session: Session, ids: Sequence[int]) -> dict[int, list[Constat]]:
    requete = (
        select(FaitExterne.dossier_id, FaitExterne.code, FaitExterne.valeur)
        .where(parmi_cles(FaitExterne.dossier_id, ids))
        .ext(distinct_on(FaitExterne.dossier_id, FaitExterne.code))
        .order_by(FaitExterne.dossier_id, FaitExterne.code, FaitExterne.id.desc())
    )
    rendu: defaultdict[int, list[Constat]] = defaultdict(list)
    for dossier_id, code, valeur in session.execute(requete):
        rendu[dossier_id].append(Constat(code, valeur))
    return rendu


def _constats(session: Session, ids: Sequence[int]) -> dict[int, list[Constat]]:
    requete = (
        select(FaitConstate.dossier_id, FaitConstate.code, FaitConstate.valeur)
        .add_columns(FaitConstate.statut, FaitConstate.motif)
        .where(parmi_cles(FaitConstate.dossier_id, ids))
        .ext(distinct_on(FaitConstate.dossier_id, FaitConstate.code))
        .order_by(FaitConstate.dossier_id, FaitConstate.code, FaitConstate.id.desc())
    )
    rendu: defaultdict[int, list[Constat]] = defaultdict(list)
    for dossier_id, code, valeur, statut, motif in session.execute(requete):
        rendu[dossier_id].append(Constat(code, valeur, Statut(statut), motif))
    return rendu


def _auteurs(session: Session, ids: Sequence[int]) -> dict[int, list[tuple[Constat, ConstatAgent]]]:
    requete = (
        select(FaitConstate, func.coalesce(Compte.nom_affiche, FaitConstate.acteur))
        .outerjoin(Compte, Compte.acteur == FaitConstate.acteur)
        .where(parmi_cles(FaitConstate.dossier_id, ids))
        .ext(distinct_on(FaitConstate.dossier_id, FaitConstate.code))
        .order_by(FaitConstate.dossier_id, FaitConstate.code, FaitConstate.id.desc())
    )
    rendu: defaultdict[int, list[tuple[Constat, ConstatAgent]]] = defaultdict(list)
    for constat, nom in session.execute(requete):
        statut = Statut(constat.statut)
        rendu[constat.dossier_id].append(
            (
                Constat(constat.code, constat.valeur, statut, constat.motif),
                ConstatAgent(statut, constat.motif, nom, constat.a),
            )
        )
    return rendu

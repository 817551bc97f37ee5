"""Les travaux de fond d'un appel (renoter, essayer une grille) : où ils en sont, et l'effet qu'un essai a gardé."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal_column, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, defer

from app.etapes.appel.models import Appel
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Dossier
from app.etapes.notation.models import TravailNotation
from app.etapes.notation.rules.effet import Placement, placement_depuis
from app.etapes.notation.rules.travaux import EtatTravail, NatureTravail
from app.infra.identite import Identite
from app.referentiels.acteurs.models import Organisation


@dataclass(frozen=True, slots=True)
class EssaiVu:
    """Le dernier essai d'un brouillon sur un appel, sans les rangées de son effet.

    `resume` : une entrée par ligne (voir rules.effet) ; `raison` : pourquoi l'essai n'a rien comparé.
    `lignes_absentes`, `lignes_ajoutees` : les lignes de l'appel que la grille n'a pas, et les siennes en plus (codes).
    """

    id: int
    appel: str
    intitule: str
    empreinte: str
    etat: EtatTravail
    total: int
    faits: int
    demande_le: datetime
    fini_le: datetime | None
    contre: str
    resume: Sequence[Mapping[str, Any]]
    raison: str
    lignes_absentes: Sequence[str]
    lignes_ajoutees: Sequence[str]

    @property
    def est_fini(self) -> bool:
        """Vrai si l'effet peut se lire."""
        return self.etat is EtatTravail.FINI and not self.raison


def get_travail(session: Session, travail_id: int) -> TravailNotation:
    """Un travail, verrouillé."""
    requete = select(TravailNotation).where(TravailNotation.id == travail_id)
    return session.scalars(requete.with_for_update(key_share=True)).one()


def get_ouvert(session: Session, appel_id: int, nature: NatureTravail) -> TravailNotation | None:
    """Le travail de cette nature qui n'est pas fini, verrouillé : un seul à la fois par appel quand on renote."""
    requete = (
        select(TravailNotation)
        .where(
            TravailNotation.appel_id == appel_id,
            TravailNotation.nature == nature,
            TravailNotation.etat != EtatTravail.FINI,
        )
        .order_by(TravailNotation.id.desc())
        .limit(1)
    )
    return session.scalar(requete.with_for_update(key_share=True))


def get_derniere_renotation(session: Session, appel_id: int) -> TravailNotation | None:
    """La dernière notation de tout l'appel demandée, finie ou non."""
    requete = (
        select(TravailNotation)
        .where(TravailNotation.appel_id == appel_id, TravailNotation.nature == NatureTravail.RENOTER)
        .order_by(TravailNotation.id.desc())
        .limit(1)
    )
    return session.scalar(requete)


def get_essai_ouvert(session: Session, brouillon_id: int, appel_id: int, empreinte: str) -> TravailNotation | None:
    """L'essai de ce contenu exact sur cet appel qui n'est pas fini, verrouillé."""
    requete = (
        select(TravailNotation)
        .options(defer(TravailNotation.resultat, raiseload=True))
        .where(
            TravailNotation.brouillon_id == brouillon_id,
            TravailNotation.appel_id == appel_id,
            TravailNotation.empreinte_grille == empreinte,
            TravailNotation.etat != EtatTravail.FINI,
        )
        .order_by(TravailNotation.id.desc())
        .limit(1)
    )
    return session.scalar(requete.with_for_update(key_share=True))


def list_essais(session: Session, brouillon_id: int, appel: str | None = None) -> Sequence[EssaiVu]:
    """Le dernier essai d'un brouillon sur chaque appel (ou sur celui-là), le plus récent d'abord."""
    resultat = TravailNotation.resultat
    derniers = (
        select(
            TravailNotation.id, Appel.code, Appel.intitule, TravailNotation.empreinte_grille, TravailNotation.etat,
            TravailNotation.total, TravailNotation.faits, TravailNotation.demande_le, TravailNotation.fini_le,
            func.coalesce(resultat["contre"].astext, "").label("contre"),
            func.coalesce(resultat["resume"], text("'[]'::jsonb")).label("resume"),
            func.coalesce(resultat["raison"].astext, "").label("raison"),
            func.coalesce(resultat["lignes_absentes"], text("'[]'::jsonb")).label("lignes_absentes"),
            func.coalesce(resultat["lignes_ajoutees"], text("'[]'::jsonb")).label("lignes_ajoutees"),
        )
        .join(Appel, Appel.id == TravailNotation.appel_id)
        .where(TravailNotation.brouillon_id == brouillon_id)
        .ext(distinct_on(TravailNotation.appel_id))
        .order_by(TravailNotation.appel_id, TravailNotation.id.desc())
    )  # fmt: skip
    if appel is not None:
        derniers = derniers.where(Appel.code == appel)
    essais = derniers.subquery()
    requete = select(essais).order_by(essais.c.id.desc())
    return [EssaiVu(*r) for r in session.execute(requete)]


def a_un_essai(session: Session, brouillon_id: int, empreinte: str) -> bool:
    """Vrai si un essai fini de ce brouillon porte sur ce contenu exact."""
    requete = select(
        select(TravailNotation.id)
        .where(
            TravailNotation.brouillon_id == brouillon_id,
            TravailNotation.empreinte_grille == empreinte,
            TravailNotation.etat == EtatTravail.FINI,
            TravailNotation.resultat.has_key("resume"),
        )
        .exists()
    )
    return bool(session.scalar(requete))


def page_effet(session: Session, essai_id: int, ligne: str, *, debut: int, taille: int) -> Sequence[Placement]:
    """Les dossiers touchés sur une ligne, le plus gros écart d'abord, à partir du rang `debut` (0 : le premier)."""
    touches = TravailNotation.resultat["touches"][ligne]
    bornes = func.jsonb_build_object("a", debut, "b", debut + taille - 1)
    requete = select(func.jsonb_path_query_array(touches, literal_column("'$[$a to $b]'::jsonpath"), bornes)).where(
        TravailNotation.id == essai_id
    )
    return [placement_depuis(rangee) for rangee in session.scalar(requete) or ()]


def noms_des_dossiers(session: Session, acteur: Identite, numeros: Collection[str]) -> dict[str, tuple[str, str]]:
    """Numéro → (titre, organisation), parmi les dossiers en vue. Une requête, aucune sans numéro."""
    if not numeros:
        return {}
    requete = (
        select(Dossier.numero, Dossier.titre, Organisation.nom)
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .where(Dossier.numero.in_(numeros), dossiers.visibles(acteur))
        .order_by(Dossier.id)
    )
    return {numero: (titre, nom) for numero, titre, nom in session.execute(requete) if numero is not None}

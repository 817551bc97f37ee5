"""Lectures : fichiers en attente, pièces d'une organisation, qui tient un fichier. Écrit les seuls verrous."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from app.referentiels.acteurs.models import Compte, Organisation
from app.referentiels.pieces.models import Fichier, Piece
from app.referentiels.pieces.rules import ECARTES, EtatFichier, Nature

ESPACE_VERROU = 7_204_117
PieceEtFichier = tuple[Piece, Fichier]


@dataclass(frozen=True, slots=True)
class Attente:
    """Ce qui attend l'antivirus : combien, depuis quand, et ce qu'a donné le dernier essai."""

    nombre: int
    plus_ancien: datetime | None
    dernier_essai: datetime | None
    derniere_erreur: str | None


def verrouiller_contenu(session: Session, sha256: str) -> None:
    """Tient ce contenu jusqu'à la fin de la transaction : on ne le range pas pendant qu'un autre le retire."""
    cle = int(sha256[:8], 16) - 2**31
    session.execute(text("SELECT pg_advisory_xact_lock(:espace, :cle)"), {"espace": ESPACE_VERROU, "cle": cle})


def verrouiller_organisation(session: Session, organisation_id: int) -> None:
    """Deux dépôts de la même organisation s'attendent : le second voit ce que le premier a remplacé."""
    requete = select(Organisation.id).where(Organisation.id == organisation_id)
    session.execute(requete.with_for_update(key_share=True))


def get_fichier(session: Session, code: str) -> Fichier | None:
    """Un fichier par son code, quel que soit son état."""
    return session.scalar(select(Fichier).where(Fichier.code == code))


def get_en_attente(session: Session, fichier_id: int) -> Fichier | None:
    """Ce fichier s'il attend encore son analyse, verrouillé."""
    requete = select(Fichier).where(Fichier.id == fichier_id, Fichier.etat == EtatFichier.RECU)
    return session.scalar(requete.with_for_update(key_share=True).execution_options(populate_existing=True))


def get_contenu(session: Session, fichier_id: int) -> str | None:
    """Le SHA-256 d'un fichier en attente, sans verrou."""
    return session.scalar(select(Fichier.sha256).where(Fichier.id == fichier_id, Fichier.etat == EtatFichier.RECU))


def list_meme_contenu(session: Session, sha256: str) -> Sequence[Fichier]:
    """Les fichiers lisibles ou en attente qui ont ces octets, verrouillés dans l'ordre."""
    requete = select(Fichier).where(Fichier.sha256 == sha256, Fichier.etat.not_in(ECARTES)).order_by(Fichier.id)
    return session.scalars(requete.with_for_update(key_share=True).execution_options(populate_existing=True)).all()


def noter_essai_general(session: Session, erreur: str, a: datetime) -> None:
    """Un essai de plus pour tous ceux qui attendent, sauf ceux qu'une analyse tient."""
    libres = (
        select(Fichier.id).where(Fichier.etat == EtatFichier.RECU).with_for_update(skip_locked=True, key_share=True)
    )
    session.execute(
        update(Fichier)
        .where(Fichier.id.in_(libres))
        .values(essais=Fichier.essais + 1, essaye_at=a, derniere_erreur=erreur)
        .execution_options(synchronize_session=False)
    )


def list_en_attente(session: Session, maximum: int) -> Sequence[int]:
    """Les clés des fichiers en attente, les plus anciens d'abord."""
    requete = select(Fichier.id).where(Fichier.etat == EtatFichier.RECU).order_by(Fichier.id).limit(maximum)
    return session.scalars(requete).all()


def get_attente(session: Session) -> Attente:
    """Ce qui attend l'antivirus, en une requête."""
    derniere = (
        select(Fichier.derniere_erreur)
        .where(Fichier.etat == EtatFichier.RECU, Fichier.essaye_at.is_not(None))
        .order_by(Fichier.essaye_at.desc(), Fichier.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    requete = select(func.count(), func.min(Fichier.a), func.max(Fichier.essaye_at), derniere)
    return Attente(*session.execute(requete.where(Fichier.etat == EtatFichier.RECU)).one())


def list_tenus(session: Session, sha256: Iterable[str]) -> frozenset[str]:
    """Parmi ces contenus, ceux qu'une rangée en attente ou saine tient encore."""
    requete = select(Fichier.sha256).where(Fichier.sha256.in_(list(sha256)), Fichier.etat.not_in(ECARTES))
    return frozenset(session.scalars(requete))


def get_auteur(session: Session, fichier: Fichier) -> Compte | None:
    """Le compte de qui a envoyé ce fichier, s'il est encore actif."""
    return session.scalar(select(Compte).where(Compte.acteur == fichier.par, Compte.est_actif))


def list_organisations_du_fichier(session: Session, fichier_id: int) -> frozenset[int]:
    """Les organisations dont ce fichier est une pièce."""
    return frozenset(session.scalars(select(Piece.organisation_id).where(Piece.fichier_id == fichier_id)))


def list_pieces(session: Session, organisation_id: int) -> Sequence[PieceEtFichier]:
    """Toutes les pièces d'une organisation, remplacées comprises, la plus récente d'abord."""
    requete = select(Piece, Fichier).join(Fichier, Fichier.id == Piece.fichier_id)
    rangees = session.execute(requete.where(Piece.organisation_id == organisation_id).order_by(Piece.id.desc()))
    return [(piece, fichier) for piece, fichier in rangees]


def list_pieces_valables(
    session: Session, organisation_id: int, le: date, *, en_analyse: bool = False
) -> Sequence[PieceEtFichier]:
    """Ce qu'un dossier peut reprendre ce jour-là : par nature et intitulé, la plus récente saine et pas périmée.

    Une pièce datée d'avance (le budget de l'année qui vient) se reprend. `en_analyse` : la plus récente que
    l'antivirus n'a pas encore vue aussi ; déposée, elle n'est plus à fournir.
    """
    etats = [EtatFichier.SAIN, EtatFichier.RECU] if en_analyse else [EtatFichier.SAIN]
    requete = (
        select(Piece, Fichier)
        .join(Fichier, Fichier.id == Piece.fichier_id)
        .where(Piece.organisation_id == organisation_id, Fichier.etat.in_(etats))
        .where(or_(Piece.valable_au.is_(None), Piece.valable_au >= le))
        .ext(distinct_on(Piece.nature, Piece.intitule, Fichier.etat))
        .order_by(Piece.nature, Piece.intitule, Fichier.etat, Piece.id.desc())
    )
    return [(piece, fichier) for piece, fichier in session.execute(requete)]


def compter_pieces(session: Session, organisation_id: int) -> int:
    """Combien de pièces une organisation a déposées, remplacées comprises, sans celles qu'on a écartées."""
    requete = select(func.count()).select_from(Piece).join(Fichier, Fichier.id == Piece.fichier_id)
    requete = requete.where(Piece.organisation_id == organisation_id, Fichier.etat.not_in(ECARTES))
    return session.scalar(requete) or 0


def get_derniere(session: Session, organisation_id: int, nature: Nature, intitule: str) -> PieceEtFichier | None:
    """La dernière pièce déposée de cette nature et de cet intitulé, quel que soit son état."""
    requete = (
        select(Piece, Fichier)
        .join(Fichier, Fichier.id == Piece.fichier_id)
        .where(Piece.organisation_id == organisation_id, Piece.nature == nature, Piece.intitule == intitule)
        .order_by(Piece.id.desc())
        .limit(1)
    )
    rangee = session.execute(requete).first()
    return None if rangee is None else (rangee[0], rangee[1])

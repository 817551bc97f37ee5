"""Le montant courant d'une demande, en SQL : la proposition de plus grand rang. Partagé par toutes les lectures."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    SQLColumnExpression,
    Text,
    and_,
    cast,
    exists,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from app.etapes.appel.models import Engagement
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.notation.models import NoteEnregistree
from app.etapes.notation.repository import note_cachee
from app.etapes.programmation.models import NatureProposition, Proposition

HORS_PROGRAMMATION = frozenset(
    {EtatDemande.HORS_CHAMP, EtatDemande.IRRECEVABLE, EtatDemande.ORIENTEE, EtatDemande.RETIREE}
)
# Le dernier montant de ces demandes compte dans ce qu'une ligne propose, tant qu'il n'est pas engagé.
COMPTENT = frozenset(
    {
        EtatDemande.PROPOSEE,
        EtatDemande.ARBITREE,
        EtatDemande.VALIDEE,
        EtatDemande.AVIS_RENDU,
        EtatDemande.DECIDEE,
        EtatDemande.NOTIFIEE,
    }
)


def derniere_proposition() -> FromClause:
    """La proposition courante de la demande (rang, nature, montant, motif)."""
    return (
        select(
            Proposition.rang,
            Proposition.nature,
            cast(Proposition.montant, BigInteger).label("montant"),
            Proposition.motif,
        )
        .where(Proposition.demande_id == Demande.id)
        .order_by(Proposition.rang.desc())
        .limit(1)
        .lateral("courante")
    )


def dernier_propose() -> FromClause:
    """Le dernier montant proposé (jamais l'arbitré)."""
    proposee = aliased(Proposition)
    return (
        select(cast(proposee.montant, BigInteger).label("montant"))
        .where(proposee.demande_id == Demande.id, proposee.nature == NatureProposition.PROPOSE)
        .order_by(proposee.rang.desc())
        .limit(1)
        .lateral("proposee")
    )


def note_courante() -> FromClause:
    """La note de plus grand rang de la demande ; rien si `lecteur` (à lier) en doit une seconde lecture."""
    return (
        select(NoteEnregistree.minimum, NoteEnregistree.maximum, NoteEnregistree.est_provisoire)
        .where(NoteEnregistree.demande_id == Demande.id, ~note_cachee())
        .order_by(NoteEnregistree.rang.desc())
        .limit(1)
        .lateral("note_courante")
    )


def est_engagee() -> ColumnElement[bool]:
    """Vrai si la demande a déjà un engagement pour son année."""
    return exists().where(Engagement.demande_id == Demande.id, Engagement.annee == Demande.annee)


def en_jeu(demande: Any = Demande) -> ColumnElement[bool]:
    """Les demandes qui se programment : ni hors champ, ni irrecevables, ni orientées, ni retirées."""
    garde: ColumnElement[bool] = demande.etat.not_in(HORS_PROGRAMMATION)
    return garde


def cherche(q: str) -> ColumnElement[bool]:
    """Les dossiers dont le numéro, le titre ou le porteur répondent à ces mots (chacun peut être un début de mot)."""
    texte = q.strip()
    mots = re.findall(r"\w+", texte)
    if not mots:
        return false()
    debuts = func.to_tsquery("simple", " & ".join(f"'{mot}':*" for mot in mots))
    pistes = [Dossier.recherche_vecteur.op("@@")(debuts), Dossier.numero == texte.upper()]
    if texte.isascii() and texte.isdigit():
        pistes.append(Dossier.numero.endswith(f"-{texte.zfill(4)}"))
    return or_(*pistes)


def rang_du_numero() -> ColumnElement[int]:
    """Le rang de dépôt, lu dans le numéro : « M2A-2027-10000 » vient après « M2A-2027-9999 »."""
    return cast(func.split_part(Dossier.numero, "-", 3), BigInteger)


_ACCENTS = "ÀÂÄÇÉÈÊËÎÏÔÖÙÛÜàâäçéèêëîïôöùûü"
_SANS = "AAACEEEEIIOOUUUaaaceeeeiioouuu"


def cle_de_nom(colonne: SQLColumnExpression[str]) -> ColumnElement[str]:
    """Une clé de tri sans accent ni casse : la base classe par octets."""
    return cast(func.lower(func.translate(colonne, _ACCENTS, _SANS)), Text)


def de_l_appel(appel_id: int, annee: int) -> ColumnElement[bool]:
    """Les demandes d'un appel pour une année."""
    return and_(Dossier.appel_id == appel_id, Demande.annee == annee)


def get_courante(session: Session, demande_id: int) -> Proposition | None:
    """La proposition de plus grand rang d'une demande ; l'appelant tient le verrou de la demande."""
    requete = select(Proposition).where(Proposition.demande_id == demande_id)
    return session.scalar(requete.order_by(Proposition.rang.desc()).limit(1))

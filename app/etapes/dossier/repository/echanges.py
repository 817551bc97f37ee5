"""Messages et fichiers joints d'un dossier ; ce qui reste à lire ; ce qui approche de son échéance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel, Phase
from app.etapes.appel.rules import EtatAppel
from app.etapes.dossier.models import DemandeComplement, Dossier, FichierDossier, LectureMessages, Message
from app.etapes.dossier.rules.echanges import Cote
from app.etapes.dossier.rules.etats import EtatDossier
from app.referentiels.pieces.models import Fichier

MESSAGES_MONTRES = 200


def list_messages(session: Session, dossier_id: int) -> Sequence[Message]:
    """Les derniers messages d'un dossier, du plus ancien au plus récent."""
    requete = (
        select(Message).where(Message.dossier_id == dossier_id).order_by(Message.id.desc()).limit(MESSAGES_MONTRES)
    )
    return list(reversed(session.scalars(requete).all()))


def get_message(session: Session, message_id: int) -> Message:
    """Un message par sa clé."""
    return session.get_one(Message, message_id)


def list_fichiers(session: Session, dossier_id: int) -> Sequence[tuple[FichierDossier, Fichier]]:
    """Les fichiers joints à un dossier, du plus ancien au plus récent."""
    requete = (
        select(FichierDossier, Fichier)
        .join(Fichier, Fichier.id == FichierDossier.fichier_id)
        .where(FichierDossier.dossier_id == dossier_id)
        .order_by(FichierDossier.a, FichierDossier.fichier_id)
    )
    return [(joint, fichier) for joint, fichier in session.execute(requete)]


def list_dossiers_du_fichier(session: Session, fichier_id: int) -> frozenset[int]:
    """Les dossiers auxquels un fichier est joint."""
    return frozenset(session.scalars(select(FichierDossier.dossier_id).where(FichierDossier.fichier_id == fichier_id)))


def compter_non_lus(session: Session, dossier_ids: Iterable[int], acteur: str, venus_de: Cote) -> dict[int, int]:
    """Dossier → messages de l'autre côté que cette personne n'a pas lus. Une requête."""
    requete = (
        select(Message.dossier_id, func.count())
        .select_from(Message)
        .outerjoin(
            LectureMessages,
            and_(LectureMessages.dossier_id == Message.dossier_id, LectureMessages.acteur == acteur),
        )
        .where(Message.dossier_id.in_(list(dossier_ids)), Message.cote == venus_de)
        .where(or_(LectureMessages.dernier_id.is_(None), Message.id > LectureMessages.dernier_id))
        .group_by(Message.dossier_id)
    )
    return dict(session.execute(requete).all())


def marquer_lus(session: Session, dossier: Dossier, acteur: str, dernier_id: int) -> None:
    """Cette personne a lu les messages jusqu'à celui-là."""
    requete = insert(LectureMessages).values(
        contrat_id=dossier.contrat_id, dossier_id=dossier.id, acteur=acteur, dernier_id=dernier_id
    )
    session.execute(
        requete.on_conflict_do_update(
            index_elements=["dossier_id", "acteur"],
            set_={"dernier_id": requete.excluded.dernier_id},
            where=LectureMessages.dernier_id < requete.excluded.dernier_id,
        )
    )


def list_non_deposes(session: Session, avant: datetime, maintenant: datetime) -> Sequence[tuple[Dossier, Phase]]:
    """Les dossiers commencés dont la phase ouverte se clôt avant cet instant."""
    requete = (
        select(Dossier, Phase)
        .join(Phase, Phase.id == Dossier.phase_id)
        .join(Appel, Appel.id == Dossier.appel_id)
        .where(Dossier.etat.in_([EtatDossier.BROUILLON, EtatDossier.A_SIGNER]), Appel.etat == EtatAppel.OUVERT)
        .where(Phase.cloture_le > maintenant, Phase.cloture_le <= avant)
        .order_by(Dossier.id)
    )
    return [(dossier, phase) for dossier, phase in session.execute(requete)]


def list_complements_a_rappeler(
    session: Session, avant: datetime, maintenant: datetime
) -> Sequence[tuple[DemandeComplement, Dossier]]:
    """Les compléments attendus dont l'échéance tombe avant cet instant."""
    requete = (
        select(DemandeComplement, Dossier)
        .join(Dossier, Dossier.id == DemandeComplement.dossier_id)
        .where(DemandeComplement.recue_le.is_(None), Dossier.etat == EtatDossier.A_COMPLETER)
        .where(DemandeComplement.echeance_le > maintenant, DemandeComplement.echeance_le <= avant)
        .order_by(DemandeComplement.id)
    )
    return [(complement, dossier) for complement, dossier in session.execute(requete)]

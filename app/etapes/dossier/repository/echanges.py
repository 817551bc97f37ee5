"""Messages et fichiers joints d'un dossier ; ce qui reste à lire ; ce qui approche de son échéance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from app.etapes.appel.models import Appel, Phase
from app.etapes.appel.rules import EtatAppel
from app.etapes.dossier.models import DemandeComplement, Dossier, FichierDossier, LectureMessages, Message
from app.etapes.dossier.rules.echanges import Cote
from app.etapes.dossier.rules.etats import EtatDossier
from app.infra.curseur import Ordre, Page, paginer
from app.referentiels.pieces.models import Fichier

MESSAGES_MONTRES = 100


def list_messages(session: Session, dossier_id: int, jeton: str = "") -> Page[Message]:
    """Une page de messages, la dernière sans jeton ; du plus ancien au plus récent. Une requête.

    `suivant` : les plus anciens ; `precedent` : les plus récents. Lève SaisieInvalide si le jeton ne va pas.
    """
    requete = select(Message).where(Message.dossier_id == dossier_id)
    ordre = Ordre("messages", Message.id, Message.id, descendant=True)
    page = paginer(session, requete, ordre, jeton, MESSAGES_MONTRES)
    return Page(tuple(rangee[0] for rangee in reversed(page.elements)), page.precedent, page.suivant)


def lire_messages(session: Session, dossier_id: int) -> Iterator[Message]:
    """Tous les messages d'un dossier, du plus ancien au plus récent, lus par lots."""
    requete = select(Message).where(Message.dossier_id == dossier_id).order_by(Message.id)
    yield from session.scalars(requete.execution_options(yield_per=MESSAGES_MONTRES))


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


def compter_fichiers(session: Session, dossier_id: int, cote: Cote) -> int:
    """Combien de fichiers ce côté a joints ; seul le porteur en joint sans message."""
    requete = (
        select(func.count())
        .select_from(FichierDossier)
        .outerjoin(Message, Message.id == FichierDossier.message_id)
        .where(FichierDossier.dossier_id == dossier_id, func.coalesce(Message.cote, Cote.PORTEUR.value) == cote.value)
    )
    return session.scalar(requete) or 0


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
    """Les dossiers commencés dont la phase (finie, la suivante) se clôt avant cet instant."""
    sienne = aliased(Phase)
    requete = (
        select(Dossier, Phase)
        .join(sienne, sienne.id == Dossier.phase_id)
        .join(Phase, Phase.appel_id == Dossier.appel_id)
        .join(Appel, Appel.id == Dossier.appel_id)
        .where(or_(Phase.id == sienne.id, sienne.cloture_le <= maintenant), Phase.ouverture_le <= maintenant)
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

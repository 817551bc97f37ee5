"""Noter par lots : ce qu'il y a à noter, ce qui vaut aujourd'hui, et l'écriture en flux. Requêtes en nombre borné."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, and_, exists, func, literal, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.etapes.appel.models import Appel
from app.etapes.appel.rules import Orientations
from app.etapes.dossier.models import Demande, Dossier, FaitConstate
from app.etapes.dossier.rules.etats import AVANT_DECISION, EtatDemande, EtatDossier
from app.etapes.notation.models import NoteEnregistree, ReleveFaits
from app.etapes.notation.rules import Priorites
from app.infra.copie import copier, texte
from app.infra.db import connexion_du_pilote, parmi_cles
from app.referentiels.lignes.models import LigneFinancement

SORTIES = frozenset({EtatDemande.HORS_CHAMP, EtatDemande.IRRECEVABLE, EtatDemande.ORIENTEE, EtatDemande.RETIREE})
COLONNES_RELEVE = ("id", "contrat_id", "dossier_id", "rang", "faits", "empreinte", "a")
COLONNES_NOTE = (
    "contrat_id", "demande_id", "grille_id", "releve_id", "rang", "criteres", "priorites", "minimum", "maximum",
    "est_provisoire", "empreinte", "acteur", "a",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ANoter:
    """Une demande ouverte, pour l'année de l'appel, et ce qu'il faut pour la noter."""

    demande_id: int
    dossier_id: int
    contrat_id: int
    ligne: str
    grille_id: int
    priorites: Priorites


@dataclass(frozen=True, slots=True)
class EnVigueur:
    """Le dernier relevé d'un dossier, ou la dernière note d'une demande : sa clé, son rang, son empreinte."""

    id: int
    rang: int
    empreinte: str


@dataclass(frozen=True, slots=True)
class ReleveNeuf:
    """Un relevé à écrire. `faits` : JSON canonique."""

    id: int
    contrat_id: int
    dossier_id: int
    rang: int
    faits: str
    empreinte: str


@dataclass(frozen=True, slots=True)
class NoteNeuve:
    """Une note à écrire. Critères et priorités : JSON canonique."""

    a_noter: ANoter
    releve_id: int
    rang: int
    criteres: str
    priorites: str
    minimum: str
    maximum: str
    est_provisoire: bool
    empreinte: str


def list_lot(
    session: Session, appel_id: int, *, apres: int = 0, taille: int, recevables: bool = False
) -> Sequence[int]:
    """Les dossiers déposés d'un appel après cette clé ; avec `recevables`, ceux qu'une ligne au moins instruit."""
    requete = select(Dossier.id).where(_deposes(appel_id), Dossier.id > apres)
    if recevables:
        exclus = [*SORTIES, EtatDemande.OUVERTE]
        requete = requete.where(exists().where(Demande.dossier_id == Dossier.id, Demande.etat.not_in(exclus)))
    return session.scalars(requete.order_by(Dossier.id).limit(taille)).all()


def compter_deposes(session: Session, appel_id: int) -> int:
    """Combien de dossiers déposés un appel a à noter."""
    return session.execute(select(func.count()).select_from(Dossier).where(_deposes(appel_id))).scalar_one()


def _deposes(appel_id: int) -> ColumnElement[bool]:
    return and_(Dossier.appel_id == appel_id, Dossier.numero.is_not(None), Dossier.etat != EtatDossier.RETIRE)


@dataclass(frozen=True, slots=True)
class AvantCloture:
    """Ce que la clôture de la recevabilité figerait : dossiers recevables, sans type d'action, demandes à vérifier."""

    recevables: int
    sans_type: int
    a_verifier: int


def etat_avant_cloture(session: Session, appel_id: int) -> AvantCloture:
    """Où en est la recevabilité d'un appel. Deux requêtes."""
    exclus = [*SORTIES, EtatDemande.OUVERTE]
    recevable = exists().where(Demande.dossier_id == Dossier.id, Demande.etat.not_in(exclus))
    type_etabli = exists().where(FaitConstate.dossier_id == Dossier.id, FaitConstate.code == "type_action")
    comptes = select(func.count(), func.count().filter(~type_etabli)).select_from(Dossier)
    recevables, sans_type = session.execute(comptes.where(_deposes(appel_id), recevable)).one()
    ouvertes = select(func.count()).select_from(Demande).join(Dossier, Dossier.id == Demande.dossier_id)
    a_verifier = session.execute(ouvertes.where(_deposes(appel_id), Demande.etat == EtatDemande.OUVERTE)).scalar_one()
    return AvantCloture(recevables, sans_type, a_verifier)


def numeros(session: Session, dossier_ids: Iterable[int]) -> dict[int, str]:
    """Numéro public de chacun de ces dossiers déposés."""
    requete = select(Dossier.id, Dossier.numero).where(parmi_cles(Dossier.id, dossier_ids)).order_by(Dossier.id)
    return {cle: numero for cle, numero in session.execute(requete) if numero is not None}


def verrouiller(session: Session, dossier_ids: Iterable[int]) -> None:
    """Verrouille ces dossiers, triés : une seule notation d'un dossier à la fois."""
    requete = select(Dossier.id).where(parmi_cles(Dossier.id, dossier_ids)).order_by(Dossier.id)
    session.execute(requete.with_for_update(key_share=True))


def list_a_noter(session: Session, dossier_ids: Iterable[int], *, decidees: bool = False) -> Sequence[ANoter]:
    """Les demandes ouvertes de ces dossiers, pour l'année de l'appel, dans l'ordre des dossiers puis des lignes.

    Avec `decidees`, celles qui ont eu leur décision aussi : pour comparer une grille, jamais pour renoter.
    """
    etudiee = Demande.etat.not_in(SORTIES) if decidees else Demande.etat.in_(AVANT_DECISION)
    requete = (
        select(Demande.id, Demande.dossier_id, Demande.contrat_id, LigneFinancement.code, Appel.id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(Appel, Appel.id == Dossier.appel_id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .where(
            parmi_cles(Demande.dossier_id, dossier_ids),
            Demande.annee == Appel.annee,
            etudiee,
            Dossier.etat != EtatDossier.RETIRE,
        )
        .order_by(Demande.dossier_id, LigneFinancement.rang, Demande.id)
    )
    rangees = session.execute(requete).all()
    lus = select(Appel.id, Appel.grille_id, Appel.orientations).where(Appel.id.in_({r[-1] for r in rangees}))
    appels = {
        cle: (grille_id, Orientations.depuis(orientations).priorites)
        for cle, grille_id, orientations in session.execute(lus.order_by(Appel.id))
    }
    return [ANoter(demande, dossier, contrat, ligne, *appels[a]) for demande, dossier, contrat, ligne, a in rangees]


def notes_en_vigueur(session: Session, demande_ids: Sequence[int]) -> dict[int, EnVigueur]:
    """La dernière note de chaque demande, sans son contenu. Une requête."""
    return _en_vigueur(session, NoteEnregistree, NoteEnregistree.demande_id, demande_ids)


def releves_en_vigueur(session: Session, dossier_ids: Sequence[int]) -> dict[int, EnVigueur]:
    """Le dernier relevé de faits de chaque dossier, sans son contenu. Une requête."""
    return _en_vigueur(session, ReleveFaits, ReleveFaits.dossier_id, dossier_ids)


def _en_vigueur(
    session: Session,
    modele: type[NoteEnregistree | ReleveFaits],
    de: InstrumentedAttribute[int],
    cles: Sequence[int],
) -> dict[int, EnVigueur]:
    """La rangée de plus grand rang de chaque clé : un accès à l'index par clé, si longue que soit son histoire."""
    voulues = func.unnest(literal(list(cles), ARRAY(BigInteger))).table_valued("cle").render_derived()
    derniere = (
        select(modele.id, modele.rang, modele.empreinte)
        .where(de == voulues.c.cle)
        .order_by(modele.rang.desc())
        .limit(1)
        .lateral()
    )
    requete = select(voulues.c.cle, derniere).join(derniere, true()).order_by(voulues.c.cle)
    return {cle: EnVigueur(identifiant, rang, marque) for cle, identifiant, rang, marque in session.execute(requete)}


def reserver_releves(session: Session, nombre: int) -> Iterator[int]:
    """Des clés de relevés à écrire, autant qu'il peut en falloir. Une requête, aucune si le nombre est nul."""
    if not nombre:
        return iter(())
    tirage = func.nextval(func.pg_get_serial_sequence(ReleveFaits.__tablename__, "id"))
    return iter(session.scalars(select(tirage).select_from(func.generate_series(1, nombre).alias())).all())


def ecrire_releves(session: Session, releves: Iterable[ReleveNeuf], *, maintenant: datetime) -> None:
    """Ajoute ces relevés en flux (COPY) : la base les range pendant que les suivants se calculent.

    `releves` ne lit rien en base. Déclencheurs et contraintes jugent comme pour un INSERT.
    """
    a = maintenant.isoformat()
    rangees = (
        f"{r.id}\t{r.contrat_id}\t{r.dossier_id}\t{r.rang}\t{texte(r.faits)}\t{r.empreinte}\t{a}\n" for r in releves
    )
    copier(connexion_du_pilote(session), ReleveFaits.__tablename__, COLONNES_RELEVE, rangees)


def ecrire_notes(session: Session, notes: Iterable[NoteNeuve], *, acteur: str, maintenant: datetime) -> None:
    """Ajoute ces notes en flux, leurs relevés écrits."""
    fin = f"{texte(acteur)}\t{maintenant.isoformat()}\n"
    rangees = (
        f"{n.a_noter.contrat_id}\t{n.a_noter.demande_id}\t{n.a_noter.grille_id}\t{n.releve_id}\t{n.rang}\t"
        f"{texte(n.criteres)}\t{texte(n.priorites)}\t{n.minimum}\t{n.maximum}\t{'t' if n.est_provisoire else 'f'}\t"
        f"{n.empreinte}\t{fin}"
        for n in notes
    )
    copier(connexion_du_pilote(session), NoteEnregistree.__tablename__, COLONNES_NOTE, rangees)

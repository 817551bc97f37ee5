"""Le classement d'une ligne : chaque demande notée, sa note courante, son rang ; ses filtres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Integer, Select, Subquery, and_, cast, exists, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.elements import ColumnElement

from app.etapes.appel.models import Appel
from app.etapes.dossier import repository as dossiers
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.rules.etats import AVANT_DECISION
from app.etapes.dossier.rules.recherche import requete_de_recherche
from app.etapes.notation.models import NoteEnregistree, ReleveFaits, SecondeLecture
from app.etapes.notation.repository.lot import SORTIES
from app.infra import curseur
from app.infra.identite import Identite
from app.referentiels.acteurs.models import Organisation
from app.referentiels.lignes.models import LigneFinancement

# Une note a une décimale : le minimum puis le maximum tiennent dans un entier, qui se compare et se pagine.
_BASE = 10_000
_ACCENTS = "ÀÂÄÇÉÈÊËÎÏÔÖÙÛÜàâäçéèêëîïôöùûü"
_SANS = "AAACEEEEIIOOUUUaaaceeeeiioouuu"


class EtatNote(StrEnum):
    """Ce qu'on peut chercher de l'état d'une note."""

    SURE = "sure"
    PROVISOIRE = "provisoire"
    INCOMPLETE = "incomplete"


class Duree(StrEnum):
    """Une demande d'un an, ou une candidature à une convention pluriannuelle (CPO)."""

    UN_AN = "un_an"
    CPO = "cpo"


@dataclass(frozen=True, slots=True)
class Filtres:
    """Ce qu'on cherche dans un classement ; vide : tout. `commune` : code INSEE ; `porteur` : mots de son nom."""

    quartier: str = ""
    objectif: str = ""
    commune: str = ""
    duree: Duree | None = None
    porteur: str = ""
    etat: EtatNote | None = None

    @property
    def parametres(self) -> dict[str, str]:
        """Les filtres posés, comme dans l'adresse."""
        return {champ.name: str(valeur) for champ in fields(self) if (valeur := getattr(self, champ.name))}


SANS_FILTRE = Filtres()


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


@dataclass(frozen=True, slots=True)
class Comptes:
    """Les demandes en jeu sur une ligne, celles sans note, celles que cette personne doit d'abord lire en second."""

    total: int
    sans_note: int
    a_lire: int


@dataclass(frozen=True, slots=True)
class DossierCompare:
    """Un dossier à comparer. `a_lire` : les demandes dont cette personne doit une seconde lecture."""

    dossier: Dossier
    organisation: str
    a_lire: Sequence[int]


def doit_lire(acteur: Identite) -> ColumnElement[bool]:
    """Vrai si cette personne doit encore une seconde lecture de la demande : sa note ne se montre pas à elle."""
    return exists().where(
        SecondeLecture.demande_id == Demande.id,
        SecondeLecture.acteur == acteur.acteur,
        SecondeLecture.rendue_le.is_(None),
        Demande.etat.in_(AVANT_DECISION),
    )


def lisibles(acteur: Identite) -> ColumnElement[bool]:
    """Les demandes (Demande et Dossier joints) dont cette personne peut lire la note."""
    return and_(dossiers.visibles(acteur), ~doit_lire(acteur))


def notes_de_la_ligne(appel: Appel, ligne_id: int) -> Subquery:
    """La note courante de chaque demande en jeu sur une ligne, pour l'année de l'appel."""
    return (
        select(
            NoteEnregistree.demande_id,
            NoteEnregistree.releve_id,
            NoteEnregistree.minimum,
            NoteEnregistree.maximum,
            NoteEnregistree.est_provisoire,
            NoteEnregistree.criteres,
        )
        .join(Demande, Demande.id == NoteEnregistree.demande_id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .where(
            Dossier.appel_id == appel.id,
            Demande.ligne_id == ligne_id,
            Demande.annee == appel.annee,
            Demande.etat.not_in(SORTIES),
        )
        .ext(distinct_on(NoteEnregistree.demande_id))
        .order_by(NoteEnregistree.demande_id, NoteEnregistree.rang.desc())
        .subquery("courante")
    )


def cle_de_note(notes: Subquery) -> ColumnElement[int]:
    """La note la plus basse possible, puis la plus haute, en un entier qui se trie."""
    return cast(notes.c.minimum * 10, Integer) * _BASE + cast(notes.c.maximum * 10, Integer)


def classees(appel: Appel, ligne_id: int) -> Subquery:
    """Les notes courantes d'une ligne, leur clé de tri (`cle`) et leur rang parmi toutes (`place`)."""
    courante = notes_de_la_ligne(appel, ligne_id)
    cle = cle_de_note(courante).label("cle")
    return select(courante, cle, func.rank().over(order_by=cle.desc()).label("place")).subquery("classement")


def filtrer(requete: Any, filtres: Filtres, notes: Subquery) -> Any:
    """La requête, où Dossier et Organisation sont joints, réduite à ces filtres."""
    if filtres.quartier:
        requete = requete.where(Dossier.quartiers.contains([filtres.quartier]))
    if filtres.objectif:
        requete = requete.where(Dossier.objectif == filtres.objectif)
    if filtres.duree is not None:
        requete = requete.where(Dossier.duree_annees > 1 if filtres.duree is Duree.CPO else Dossier.duree_annees == 1)
    if filtres.commune:
        codes = ReleveFaits.faits["communes_touchees"]["valeur"]["codes"]
        requete = requete.where(exists().where(ReleveFaits.id == notes.c.releve_id, codes.has_key(filtres.commune)))
    if filtres.etat is not None:
        requete = requete.where(_dans_l_etat(filtres.etat, notes))
    if mots := requete_de_recherche(filtres.porteur):
        requete = requete.where(_du_porteur(mots))
    return requete


def _dans_l_etat(etat: EtatNote, notes: Subquery) -> ColumnElement[bool]:
    incomplete: ColumnElement[bool] = notes.c.minimum != notes.c.maximum
    if etat is EtatNote.INCOMPLETE:
        return incomplete
    provisoire: ColumnElement[bool] = notes.c.est_provisoire
    return provisoire if etat is EtatNote.PROVISOIRE else ~provisoire & ~incomplete


def _du_porteur(mots: str) -> ColumnElement[bool]:
    """Le résumé indexé du dossier d'abord (il contient aussi le titre), puis le nom du porteur seul."""
    cherche = func.to_tsquery("simple", mots)
    nom = func.translate(Organisation.nom + " " + Organisation.sigle, _ACCENTS, _SANS)
    dans_le_nom = func.to_tsvector("simple", nom).op("@@")(cherche)
    return and_(Dossier.recherche_vecteur.op("@@")(cherche), dans_le_nom)


def page_classement(
    session: Session,
    appel: Appel,
    ligne: LigneFinancement,
    acteur: Identite,
    filtres: Filtres = SANS_FILTRE,
    *,
    jeton: str = "",
    taille: int = curseur.TAILLE,
) -> curseur.Page[Classe]:
    """Une page du classement, note la plus basse possible décroissante. Une requête. Lève SaisieInvalide (jeton)."""
    notes = classees(appel, ligne.id)
    requete = _classes(
        select(notes.c.place, Dossier, Organisation.nom, Demande, notes.c.minimum, notes.c.maximum).add_columns(
            notes.c.est_provisoire
        ),
        notes,
        acteur,
    )
    ordre = curseur.Ordre("note", notes.c.cle, Demande.id, descendant=True)
    page = curseur.paginer(session, filtrer(requete, filtres, notes), ordre, jeton, taille)
    elements = tuple(Classe(*rangee[:7]) for rangee in page.elements)
    return curseur.Page(elements, page.precedent, page.suivant)


def _classes(requete: Select[*tuple[Any, ...]], notes: Subquery, acteur: Identite) -> Select[*tuple[Any, ...]]:
    return (
        requete.join(Demande, Demande.id == notes.c.demande_id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .where(lisibles(acteur))
    )


def compter_a_noter(session: Session, appel: Appel, ligne_id: int, acteur: Identite) -> Comptes:
    """Les demandes en jeu sur la ligne, parmi les dossiers en vue. Une requête."""
    note = aliased(NoteEnregistree)
    notee = exists().where(note.demande_id == Demande.id)
    requete = (
        select(func.count(), func.count().filter(~notee), func.count().filter(notee & doit_lire(acteur)))
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
    return Comptes(*session.execute(requete).one())


def dossiers_par_numero(
    session: Session, appel_id: int, numeros: Sequence[str], acteur: Identite
) -> Mapping[str, DossierCompare]:
    """Numéro → dossier, pour ceux de cet appel que cette personne voit. Une requête."""
    a_lire = select(Demande.id).where(Demande.dossier_id == Dossier.id, doit_lire(acteur)).correlate(Dossier)
    requete = (
        select(Dossier, Organisation.nom, func.array(a_lire.scalar_subquery(), type_=ARRAY(BigInteger)))
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .where(Dossier.appel_id == appel_id, Dossier.numero.in_(numeros), dossiers.visibles(acteur))
        .order_by(Dossier.id)
    )
    rangees = session.execute(requete)
    return {str(dossier.numero): DossierCompare(dossier, nom, a_lire) for dossier, nom, a_lire in rangees}

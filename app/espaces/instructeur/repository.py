"""Lectures jointes : demandes, notes et propositions courantes d'une page de dossiers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Engine,
    ScalarSelect,
    Select,
    Text,
    any_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.contrat.models import Objectif
from app.etapes.dossier.models import ControleRecevabilite, Demande, DemandeComplement, Dossier, DossierVersion
from app.etapes.dossier.repository import visibles
from app.etapes.dossier.repository.recherche import LIGNES, DossierTrouve, Trouves
from app.etapes.dossier.rules.etats import EtatDemande, EtatDossier
from app.etapes.notation.models import NoteEnregistree
from app.etapes.notation.repository import note_cachee
from app.etapes.programmation.models import Proposition
from app.infra.db import compter
from app.infra.identite import Identite
from app.noyau.euros import Euros
from app.referentiels.acteurs.models import Organisation
from app.referentiels.contrats.models import VersionContrat
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.lignes.rules import NatureAutorite
from app.referentiels.territoires.models import Quartier

CHOIX_GARDES = 32
CORBEILLE_MAX = 300


@dataclass(frozen=True, slots=True)
class DemandeLue:
    """Une demande, sa ligne, sa note courante (bornes), son dernier montant proposé ou arbitré."""

    dossier_id: int
    id: int
    annee: int
    etat: EtatDemande
    montant_demande: Euros
    montant_accorde_n1: Euros | None
    code: str
    financeur: str
    intitule: str
    minimum: Decimal | None
    maximum: Decimal | None
    est_provisoire: bool | None
    montant: Euros | None


@dataclass(frozen=True, slots=True)
class Choix:
    """Les listes des filtres."""

    quartiers: Sequence[tuple[str, str]]
    objectifs: Sequence[tuple[str, str]]
    noms_quartiers: Mapping[str, str]
    noms_objectifs: Mapping[str, str]
    financeurs: Mapping[str, str]


def _demandes() -> Select[*tuple[Any, ...]]:
    """Les colonnes montrées seulement ; la note que cette personne (`lecteur`) doit lire en second ne l'est pas."""
    note = (
        select(NoteEnregistree.minimum, NoteEnregistree.maximum, NoteEnregistree.est_provisoire)
        .where(NoteEnregistree.demande_id == Demande.id, ~note_cachee())
        .order_by(NoteEnregistree.rang.desc())
        .limit(1)
        .lateral("note_courante")
    )
    proposition = (
        select(Proposition.montant.label("montant"))
        .where(Proposition.demande_id == Demande.id)
        .order_by(Proposition.rang.desc())
        .limit(1)
        .lateral("proposition_courante")
    )
    return (
        select(Demande.dossier_id, Demande.id, Demande.annee, Demande.etat)
        .add_columns(Demande.montant_demande, Demande.montant_accorde_n1)
        .add_columns(LigneFinancement.code, LigneFinancement.financeur, LigneFinancement.intitule)
        .add_columns(note.c.minimum, note.c.maximum, note.c.est_provisoire, proposition.c.montant)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .outerjoin(note, true())
        .outerjoin(proposition, true())
        .where(Demande.dossier_id == any_(bindparam("dossiers", type_=ARRAY(BigInteger))))
        .order_by(Demande.dossier_id, Demande.annee, LigneFinancement.rang, Demande.id)
    )


_DEMANDES = _demandes()
_DEMANDES_DE_L_ANNEE = _DEMANDES.where(Demande.annee == bindparam("annee"))


def demandes_lues(
    session: Session, dossier_ids: Iterable[int], annee: int | None = None, *, lecteur: str
) -> Mapping[int, Sequence[DemandeLue]]:
    """Dossier → ses demandes (de cette année), avec note et montant courants, pour qui lit. Une requête."""
    requete = _DEMANDES if annee is None else _DEMANDES_DE_L_ANNEE
    lies: dict[str, Any] = {"dossiers": list(dossier_ids), "annee": annee, "lecteur": lecteur}
    rendu: dict[int, list[DemandeLue]] = {}
    for rangee in session.execute(requete, lies):
        lue = DemandeLue(*rangee)
        rendu.setdefault(lue.dossier_id, []).append(lue)
    return rendu


@dataclass(frozen=True, slots=True)
class SuiviDemande:
    """Le dernier examen d'une demande, et ses références d'État (`est_etat` : sa ligne en porte)."""

    points: Mapping[str, bool] | None
    conclusion: str | None
    motif: str | None
    oriente_vers: str | None
    theme_p147: str | None
    numero_dauphin: str | None
    engagement_juridique: str | None
    est_etat: bool


def _suivies() -> Select[*tuple[Any, ...]]:
    examen = (
        select(ControleRecevabilite)
        .where(ControleRecevabilite.demande_id == Demande.id)
        .order_by(ControleRecevabilite.id.desc())
        .limit(1)
        .lateral("dernier_examen")
    )
    est_etat = LigneFinancement.nature_autorite == NatureAutorite.ETAT
    return (
        _DEMANDES.outerjoin(examen, true())
        .add_columns(examen.c.points, examen.c.conclusion, examen.c.motif, examen.c.oriente_vers)
        .add_columns(Demande.theme_p147, Demande.numero_dauphin, Demande.engagement_juridique, est_etat)
    )


_SUIVIES = _suivies()
_LUES = len(fields(DemandeLue))


def demandes_suivies(session: Session, dossier_id: int, lecteur: str) -> Sequence[tuple[DemandeLue, SuiviDemande]]:
    """Les demandes d'un dossier, chacune avec son dernier examen et ses références. Une requête."""
    rangees = session.execute(_SUIVIES, {"dossiers": [dossier_id], "lecteur": lecteur})
    return [(DemandeLue(*r[:_LUES]), SuiviDemande(*r[_LUES:])) for r in rangees]


@dataclass(frozen=True, slots=True)
class CadreLu:
    """Ce qui entoure un dossier à sa lecture : appel, porteur, dernier contenu figé et son rang (0 sans dépôt).

    `a_confirmer` : personne n'a encore vérifié qui représente l'organisation.
    """

    appel: str
    annee: int
    porteur: str
    empreinte: str
    contenu: Mapping[str, Any]
    rang: int
    a_confirmer: bool


_CADRE = (
    select(Appel.code, Appel.annee, Organisation.nom, VersionContrat.empreinte)
    .add_columns(
        select(DossierVersion.contenu)
        .where(DossierVersion.dossier_id == Dossier.id)
        .order_by(DossierVersion.rang.desc())
        .limit(1)
        .scalar_subquery(),
        select(func.max(DossierVersion.rang)).where(DossierVersion.dossier_id == Dossier.id).scalar_subquery(),
        Organisation.confirmee_at.is_(None),
    )
    .select_from(Dossier)
    .join(Appel, Appel.id == Dossier.appel_id)
    .join(Organisation, Organisation.id == Dossier.organisation_id)
    .join(VersionContrat, VersionContrat.id == Dossier.version_id)
    .where(Dossier.id == bindparam("dossier"))
)


def cadre_lu(session: Session, dossier: Dossier) -> CadreLu:
    """Le cadre d'un dossier. Une requête."""
    lu = session.execute(_CADRE, {"dossier": dossier.id}).one()
    appel, annee, porteur, empreinte, contenu, rang, a_confirmer = lu
    return CadreLu(appel, annee, porteur, empreinte or "", contenu or {}, rang or 0, a_confirmer)


_CHOIX: WeakKeyDictionary[Engine, dict[tuple[int, str | None], Choix]] = WeakKeyDictionary()


def choix(session: Session, appel: Appel) -> Choix:
    """Quartiers, objectifs et financeurs du contrat de cet appel, gardés tant qu'aucun chargement ne les change.

    Une requête, deux la première fois.
    """
    empreintes = session.scalar(
        select(func.string_agg(VersionContrat.empreinte, aggregate_order_by(literal(","), VersionContrat.id))).where(
            VersionContrat.contrat_id == appel.contrat_id
        )
    )
    gardes = _CHOIX.setdefault(session.get_bind().engine, {})
    cle = (appel.version_id, empreintes)
    if cle not in gardes:
        if len(gardes) >= CHOIX_GARDES:
            gardes.clear()
        gardes[cle] = _lire_choix(session, appel)
    return gardes[cle]


def _lire_choix(session: Session, appel: Appel) -> Choix:
    """Les trois listes, d'une seule requête."""
    quartiers = select(literal("quartier"), Quartier.code, Quartier.nom, Quartier.rang, Quartier.id).where(
        Quartier.contrat_id == appel.contrat_id
    )
    objectifs = select(literal("objectif"), Objectif.code, Objectif.intitule, Objectif.rang, Objectif.id).where(
        Objectif.version_id == appel.version_id
    )
    lignes = select(
        literal("ligne"), LigneFinancement.code, LigneFinancement.financeur, LigneFinancement.rang, LigneFinancement.id
    ).where(LigneFinancement.contrat_id == appel.contrat_id)
    lus: dict[str, dict[str, str]] = {"quartier": {}, "objectif": {}, "ligne": {}}
    for sorte, code, nom, *_ in session.execute(union_all(quartiers, objectifs, lignes).order_by(text("4, 5"))):
        lus[sorte][code] = nom
    nommes = [(code, f"{code} {nom}") for code, nom in lus["objectif"].items()]
    return Choix(list(lus["quartier"].items()), nommes, lus["quartier"], lus["objectif"], lus["ligne"])


class Complement(StrEnum):
    """Les deux tas de compléments d'une corbeille : ceux qui sont arrivés, ceux qu'on attend encore."""

    RECUS = "recus"
    ATTENDUS = "attendus"


@dataclass(frozen=True, slots=True)
class Corbeille:
    """Ce qui attend l'instructeur dans un appel. Chaque compte s'arrête à CORBEILLE_MAX + 1.

    Les deux premiers comptent des demandes, les deux autres des dossiers : ceux de `rechercher_complements`.
    """

    a_verifier: int
    a_proposer: int
    complements_recus: int
    complements_attendus: int


def annee_de(appel_id: int) -> ScalarSelect[int]:
    """L'année que finance cet appel."""
    return select(Appel.annee).where(Appel.id == appel_id).scalar_subquery()


def corbeille(session: Session, acteur: Identite, lignes: Iterable[str], appel_id: int) -> Corbeille:
    """Combien de demandes de l'année de l'appel attendent sur ses lignes, et de dossiers à complément encore à l'étude.

    Une requête. Les années suivantes d'une CPO n'attendent personne (ADR 0008).
    """
    codes = sorted(lignes)
    miennes = (
        select(Demande.id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .where(LigneFinancement.code == any_(literal(codes, ARRAY(Text))))
        .where(Dossier.appel_id == appel_id, Demande.annee == annee_de(appel_id), visibles(acteur))
    )
    comptes = session.execute(
        select(
            compter(miennes.where(Demande.etat == EtatDemande.OUVERTE), CORBEILLE_MAX),
            compter(miennes.where(Demande.etat == EtatDemande.EN_INSTRUCTION), CORBEILLE_MAX),
            compter(_a_complement(acteur, codes, appel_id, Complement.RECUS), CORBEILLE_MAX),
            compter(_a_complement(acteur, codes, appel_id, Complement.ATTENDUS), CORBEILLE_MAX),
        )
    ).one()
    return Corbeille(*comptes)


def _a_complement(acteur: Identite, codes: list[str], appel_id: int, tas: Complement) -> Select[int]:
    """Les dossiers, une fois chacun, dont un complément de ce tas concerne une de ces lignes encore à l'étude."""
    sur_ces_lignes = exists().where(
        Demande.dossier_id == Dossier.id,
        Demande.annee == annee_de(appel_id),
        Demande.etat.in_((EtatDemande.OUVERTE, EtatDemande.EN_INSTRUCTION)),
        Demande.ligne_id == LigneFinancement.id,
        LigneFinancement.code == any_(literal(codes, ARRAY(Text))),
        or_(DemandeComplement.ligne_id.is_(None), DemandeComplement.ligne_id == Demande.ligne_id),
    )
    du_tas = (
        (DemandeComplement.recue_le.is_not(None), Dossier.etat == EtatDossier.DEPOSE)
        if tas is Complement.RECUS
        else (DemandeComplement.recue_le.is_(None), Dossier.etat == EtatDossier.A_COMPLETER)
    )
    return (
        select(DemandeComplement.dossier_id)
        .join(Dossier, Dossier.id == DemandeComplement.dossier_id)
        .where(Dossier.appel_id == appel_id, visibles(acteur), sur_ces_lignes, *du_tas)
        .distinct()
    )


def rechercher_complements(
    session: Session, acteur: Identite, lignes: Iterable[str], appel_id: int, tas: Complement
) -> tuple[Trouves, bool]:
    """Exactement les dossiers que la corbeille compte pour ce tas, dernier déposé d'abord. Une requête.

    Une seule page, arrêtée comme le compte à CORBEILLE_MAX ; le booléen dit s'il y en a plus.
    """
    du_tas = Dossier.id.in_(_a_complement(acteur, sorted(lignes), appel_id, tas))
    lus = [DossierTrouve(*rangee) for rangee in session.execute(LIGNES.where(du_tas).limit(CORBEILLE_MAX + 1))]
    return Trouves(lus[:CORBEILLE_MAX], None), len(lus) > CORBEILLE_MAX

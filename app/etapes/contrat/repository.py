"""Lectures du contenu d'un contrat, élément par élément ou tout en un bloc gardé en mémoire."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from threading import Lock

from sqlalchemy import Row, Select, cast, func, literal, select, text
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH, aggregate_order_by
from sqlalchemy.orm import Session, aliased

from app.etapes.contrat.models import Enjeu, Objectif, ObjectifOperationnel, RubriqueContrat
from app.etapes.contrat.rules import contenu as faits
from app.etapes.contrat.rules.fige import FIGE, Etat, relire
from app.etapes.contrat.rules.recherche import Document, documents
from app.etapes.contrat.rules.textes import typographier
from app.referentiels.contrats.models import Contrat, VersionContrat
from app.referentiels.instances.models import Instance, MembreInstance, ServiceConsulte
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.territoires.models import Commune, Fiche, PrioriteFiche, Quartier, QuartierCommune

_CODES_SOUS_ACTIONS = "$.sous_actions[*].code"
_VERROU_CHARGEMENT = 7_204_116
EDITIONS_GARDEES = 16


def codes_d_objectifs(session: Session, version_id: int) -> tuple[frozenset[str], frozenset[str]]:
    """Codes des objectifs ; codes des objectifs opérationnels et de leurs sous-actions (E1.1.2, E1.1.2.1)."""
    objectifs = session.scalars(select(Objectif.code).where(Objectif.version_id == version_id))
    chemin = cast(_CODES_SOUS_ACTIONS, JSONPATH)
    sous_actions = func.jsonb_path_query_array(ObjectifOperationnel.contenu, chemin, type_=JSONB)
    requete = select(ObjectifOperationnel.code, sous_actions).where(ObjectifOperationnel.version_id == version_id)
    fins: set[str] = set()
    for code, actions in session.execute(requete):
        fins.update((code, *actions))
    return frozenset(objectifs), frozenset(fins)


def list_enjeux(session: Session, version_id: int) -> Sequence[Enjeu]:
    """Les enjeux d'une version, dans l'ordre du document."""
    return session.scalars(select(Enjeu).where(Enjeu.version_id == version_id).order_by(Enjeu.rang, Enjeu.id)).all()


def list_objectifs(session: Session, version_id: int) -> Sequence[Objectif]:
    """Les objectifs d'une version, dans l'ordre du document."""
    requete = select(Objectif).where(Objectif.version_id == version_id)
    return session.scalars(requete.order_by(Objectif.rang, Objectif.id)).all()


def list_operationnels(session: Session, version_id: int) -> Sequence[ObjectifOperationnel]:
    """Les objectifs opérationnels d'une version, dans l'ordre du document."""
    requete = select(ObjectifOperationnel).where(ObjectifOperationnel.version_id == version_id)
    return session.scalars(requete.order_by(ObjectifOperationnel.rang, ObjectifOperationnel.id)).all()


def list_rubriques(session: Session, version_id: int) -> Sequence[RubriqueContrat]:
    """Les rubriques du document dans une version, par code."""
    requete = select(RubriqueContrat).where(RubriqueContrat.version_id == version_id, RubriqueContrat.code != FIGE)
    return session.scalars(requete.order_by(RubriqueContrat.code)).all()


def get_rubrique(session: Session, version_id: int, code: str) -> RubriqueContrat | None:
    """Une rubrique d'une version (`FIGE` : ce qu'elle dit des quartiers et des lignes)."""
    requete = select(RubriqueContrat).where(RubriqueContrat.version_id == version_id, RubriqueContrat.code == code)
    return session.scalar(requete)


def list_sieges(session: Session, contrat_code: str, jour: date) -> Sequence[tuple[str, MembreInstance]]:
    """Les sièges pourvus ce jour (code de l'instance, siège), par instance et dans l'ordre."""
    requete = (
        select(Instance.code, MembreInstance)
        .join(MembreInstance, MembreInstance.instance_id == Instance.id)
        .join(Contrat, Contrat.id == Instance.contrat_id)
        .where(Contrat.code == contrat_code, (MembreInstance.fin.is_(None)) | (MembreInstance.fin >= jour))
        .order_by(Instance.rang, MembreInstance.rang, MembreInstance.id)
    )
    return [(code, membre) for code, membre in session.execute(requete)]


# --- ce que le chargement compare -----------------------------------------------------------------------------------


def verrouiller_chargement(session: Session) -> None:
    """Un seul chargement à la fois dans l'instance, jusqu'à la fin de la transaction."""
    session.execute(text("SELECT pg_advisory_xact_lock(:cle)"), {"cle": _VERROU_CHARGEMENT})


def communes_par_code(session: Session, contrat_id: int) -> dict[str, Commune]:
    """Les communes d'un contrat, par code INSEE."""
    requete = select(Commune).where(Commune.contrat_id == contrat_id).order_by(Commune.insee)
    return {commune.insee: commune for commune in session.scalars(requete)}


def quartiers_par_code(session: Session, contrat_id: int) -> dict[str, Quartier]:
    """Les quartiers prioritaires d'un contrat, par code."""
    requete = select(Quartier).where(Quartier.contrat_id == contrat_id).order_by(Quartier.rang, Quartier.id)
    return {quartier.code: quartier for quartier in session.scalars(requete)}


def liens_quartier_commune(session: Session, contrat_id: int) -> dict[tuple[int, int], QuartierCommune]:
    """Les liens entre quartiers et communes, par (quartier, commune)."""
    requete = (
        select(QuartierCommune)
        .where(QuartierCommune.contrat_id == contrat_id)
        .order_by(QuartierCommune.quartier_id, QuartierCommune.commune_id)
    )
    return {(lien.quartier_id, lien.commune_id): lien for lien in session.scalars(requete)}


def fiches_par_code(session: Session, version_id: int) -> dict[str, Fiche]:
    """Les projets de quartier d'une version, par code."""
    requete = select(Fiche).where(Fiche.version_id == version_id).order_by(Fiche.rang, Fiche.id)
    return {fiche.code: fiche for fiche in session.scalars(requete)}


def priorites_par_code(session: Session, version_id: int) -> dict[str, PrioriteFiche]:
    """Les priorités d'une version, par « FICHE n° rang »."""
    requete = (
        select(Fiche.code, PrioriteFiche)
        .join(PrioriteFiche, PrioriteFiche.fiche_id == Fiche.id)
        .where(Fiche.version_id == version_id)
        .order_by(Fiche.rang, PrioriteFiche.rang)
    )
    return {f"{code} n° {priorite.rang}": priorite for code, priorite in session.execute(requete)}


def lignes_par_code(session: Session, contrat_id: int) -> dict[str, LigneFinancement]:
    """Les lignes de financement d'un contrat, par code."""
    requete = select(LigneFinancement).where(LigneFinancement.contrat_id == contrat_id)
    ordonnee = requete.order_by(LigneFinancement.rang, LigneFinancement.id)
    return {ligne.code: ligne for ligne in session.scalars(ordonnee)}


def instances_par_code(session: Session, contrat_id: int) -> dict[str, Instance]:
    """Les instances d'un contrat, par code."""
    requete = select(Instance).where(Instance.contrat_id == contrat_id).order_by(Instance.rang, Instance.id)
    return {instance.code: instance for instance in session.scalars(requete)}


def membres_par_qualite(session: Session, contrat_id: int) -> dict[tuple[int, str], MembreInstance]:
    """Les sièges d'un contrat, par (instance, qualité)."""
    requete = select(MembreInstance).where(MembreInstance.contrat_id == contrat_id).order_by(MembreInstance.id)
    return {(membre.instance_id, membre.qualite): membre for membre in session.scalars(requete)}


def services_par_code(session: Session, contrat_id: int) -> dict[str, ServiceConsulte]:
    """Les services consultés d'un contrat, par code."""
    requete = select(ServiceConsulte).where(ServiceConsulte.contrat_id == contrat_id).order_by(ServiceConsulte.code)
    return {service.code: service for service in session.scalars(requete)}


# --- le contenu entier d'une version --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Edition:
    """Une version chargée, prête à lire. `empreinte` change dès que le contrat change."""

    empreinte: str
    contenu: faits.ContenuContrat

    @cached_property
    def affichage(self) -> faits.ContenuContrat:
        """Le contenu tel qu'une page le montre, préparé une fois."""
        return typographier(self.contenu)

    @cached_property
    def documents(self) -> tuple[Document, ...]:
        """Ce qui se cherche, préparé une fois."""
        return documents(self.affichage)


_editions: OrderedDict[tuple[int, str], Edition] = OrderedDict()
_verrou = Lock()


def get_edition(session: Session, code: str, jour: date, version: str | None = None) -> Edition | None:
    """Le contrat de ce code dans cette version, sinon celle en vigueur ce jour. None s'il n'y a rien à lire.

    Une requête ; six la première fois que le processus lit cette empreinte.
    """
    trouve = session.execute(_version_demandee(code, jour, version)).first()
    if trouve is None:
        return None
    contrat, demandee, empreinte = trouve
    cle = (demandee.id, empreinte)
    with _verrou:
        if cle in _editions:
            _editions.move_to_end(cle)
            return _editions[cle]
    edition = Edition(empreinte, lire_contenu(session, contrat, demandee))
    with _verrou:
        _editions[cle] = edition
        while len(_editions) > EDITIONS_GARDEES:
            _editions.popitem(last=False)
    return edition


def _version_demandee(code: str, jour: date, version: str | None) -> Select[Contrat, VersionContrat, str]:
    # Charger une version dit quand la précédente finit : l'empreinte lue réunit celles de toutes les versions.
    soeur = aliased(VersionContrat)
    versions = (
        select(func.string_agg(soeur.empreinte, aggregate_order_by(literal(" "), soeur.id)))
        .where(soeur.contrat_id == Contrat.id)
        .scalar_subquery()
    )
    # Le SIRET d'une autorité se saisit aussi par une page, sans recharger : il compte dans l'empreinte.
    siret = func.coalesce(LigneFinancement.attribuant_siret, "")
    sirets = (
        select(func.string_agg(siret, aggregate_order_by(literal(" "), LigneFinancement.id)))
        .where(LigneFinancement.contrat_id == Contrat.id)
        .scalar_subquery()
    )
    requete = (
        select(Contrat, VersionContrat, func.md5(func.concat(versions, "/", sirets)))
        .join(VersionContrat, VersionContrat.contrat_id == Contrat.id)
        .where(Contrat.code == code, VersionContrat.chargee_at.is_not(None))
    )
    if version is not None:
        return requete.where(VersionContrat.code == version)
    # Celle en vigueur d'abord ; avant le premier jour, la première à venir.
    en_vigueur = VersionContrat.en_vigueur_le <= jour
    return requete.order_by(
        en_vigueur.desc().nulls_last(), func.abs(VersionContrat.en_vigueur_le - jour), VersionContrat.id.desc()
    ).limit(1)


def lire_contenu(session: Session, contrat: Contrat, version: VersionContrat) -> faits.ContenuContrat:
    """Tout le contenu d'une version, tel qu'il a été chargé. Cinq requêtes."""
    tout = select(RubriqueContrat).where(RubriqueContrat.version_id == version.id).order_by(RubriqueContrat.code)
    rubriques = {rubrique.code: rubrique.contenu for rubrique in session.scalars(tout)}
    fige = rubriques.pop(FIGE, None)
    # Une version chargée avant que l'état ne se fige : les tables disent encore le sien.
    etat = etat_courant(session, contrat) if fige is None else relire(fige, _sirets(session, contrat.id))
    communes = {commune.insee: commune for commune in etat.communes}
    return faits.ContenuContrat(
        code=contrat.code,
        intitule=etat.intitule,
        epci_nom=etat.epci_nom,
        epci_siren=etat.epci_siren,
        debut=etat.debut,
        fin=etat.fin,
        version=faits.Version(version.code, version.intitule, version.en_vigueur_le, version.fin_le),
        enjeux=_enjeux(session, version.id),
        quartiers=etat.quartiers,
        fiches=_fiches(session, version.id, communes),
        lignes=etat.lignes,
        rubriques=rubriques,
    )


def etat_courant(session: Session, contrat: Contrat) -> Etat:
    """Ce que les tables du contrat disent aujourd'hui : l'état de la dernière version chargée. Trois requêtes."""
    return Etat(
        intitule=contrat.intitule,
        epci_nom=contrat.epci_nom,
        epci_siren=contrat.epci_siren,
        debut=contrat.debut,
        fin=contrat.fin,
        communes=tuple(faits.Commune(c.insee, c.nom) for c in communes_par_code(session, contrat.id).values()),
        quartiers=_quartiers(session, contrat.id),
        lignes=_lignes(session, contrat.id),
    )


def _sirets(session: Session, contrat_id: int) -> dict[str, str | None]:
    """Le SIRET de chaque ligne : il se saisit, et vaut pour toutes les versions."""
    requete = select(LigneFinancement.code, LigneFinancement.attribuant_siret)
    lues = session.execute(requete.where(LigneFinancement.contrat_id == contrat_id))
    return {ligne.code: ligne.attribuant_siret for ligne in lues}


def _enjeux(session: Session, version_id: int) -> tuple[faits.Enjeu, ...]:
    operationnels: dict[int, list[faits.Operationnel]] = {}
    for o in list_operationnels(session, version_id):
        fait = faits.Operationnel(o.code, o.intitule, o.source, o.contenu)
        operationnels.setdefault(o.objectif_id, []).append(fait)
    requete = (
        select(Enjeu, Objectif)
        .join(Objectif, Objectif.enjeu_id == Enjeu.id)
        .where(Enjeu.version_id == version_id)
        .order_by(Enjeu.rang, Enjeu.id, Objectif.rang, Objectif.id)
    )
    enjeux: dict[int, Enjeu] = {}
    objectifs: dict[int, list[faits.Objectif]] = {}
    for enjeu, objectif in session.execute(requete):
        enjeux[enjeu.id] = enjeu
        siens = tuple(operationnels.get(objectif.id, ()))
        fait_objectif = faits.Objectif(objectif.code, objectif.intitule, objectif.contenu, siens)
        objectifs.setdefault(enjeu.id, []).append(fait_objectif)
    return tuple(faits.Enjeu(e.code, e.nature, e.intitule, e.contenu, tuple(objectifs[e.id])) for e in enjeux.values())


def _quartiers(session: Session, contrat_id: int) -> tuple[faits.Quartier, ...]:
    requete = (
        select(Quartier, Commune)
        .join(QuartierCommune, QuartierCommune.quartier_id == Quartier.id)
        .join(Commune, Commune.id == QuartierCommune.commune_id)
        .where(Quartier.contrat_id == contrat_id)
        .order_by(Quartier.rang, Quartier.id, Commune.id)
    )
    groupes: dict[int, list[Row[Quartier, Commune]]] = {}
    for ligne in session.execute(requete):
        groupes.setdefault(ligne[0].id, []).append(ligne)
    return tuple(
        faits.Quartier(
            code=paires[0][0].code,
            nom=paires[0][0].nom,
            population=paires[0][0].population,
            communes=faits.par_nom(faits.Commune(commune.insee, commune.nom) for _, commune in paires),
            contenu=paires[0][0].contenu,
        )
        for paires in groupes.values()
    )


def _fiches(session: Session, version_id: int, communes: dict[str, faits.Commune]) -> tuple[faits.Fiche, ...]:
    requete = (
        select(Fiche, Commune.insee, Quartier.code)
        .join(Commune, Commune.id == Fiche.commune_id)
        .join(Quartier, Quartier.id == Fiche.quartier_id)
        .where(Fiche.version_id == version_id)
        .order_by(Fiche.rang, Fiche.id)
    )
    return tuple(
        faits.Fiche(fiche.code, fiche.nom, communes[insee], quartier, fiche.contenu)
        for fiche, insee, quartier in session.execute(requete)
    )


def _lignes(session: Session, contrat_id: int) -> tuple[faits.Ligne, ...]:
    requete = (
        select(LigneFinancement, Commune.insee)
        .outerjoin(Commune, Commune.id == LigneFinancement.commune_id)
        .where(LigneFinancement.contrat_id == contrat_id)
        .order_by(LigneFinancement.rang, LigneFinancement.id)
    )
    return tuple(
        faits.Ligne(
            code=ligne.code,
            financeur=ligne.financeur,
            intitule=ligne.intitule,
            nature_autorite=ligne.nature_autorite.value,
            acte_commission=ligne.acte_commission.value,
            acte_decision=ligne.acte_decision,
            siret=ligne.attribuant_siret,
            commune=insee,
            contenu=ligne.contenu,
        )
        for ligne, insee in session.execute(requete)
    )

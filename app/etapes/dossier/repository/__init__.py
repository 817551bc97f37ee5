"""Lectures du dossier : un seul prédicat (`visibles`) décide ce que chacun voit, partout."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Text,
    all_,
    and_,
    any_,
    bindparam,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Session

from app.etapes.dossier.models import (
    AccesDossier,
    Champ,
    ControleRecevabilite,
    Demande,
    DemandeComplement,
    DepotIdempotent,
    DocumentDossier,
    Dossier,
    DossierVersion,
    Passage,
)
from app.etapes.dossier.rules.etats import EtatDossier
from app.infra.identite import Habilitation, Identite
from app.noyau.erreurs import Introuvable
from app.noyau.roles import ROLES_PORTEUR, Portee, Role
from app.referentiels.instances.models import Instance, MembreInstance, ServiceConsulte
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.territoires.models import Commune, Fiche, PrioriteFiche, Quartier, QuartierCommune

LIT_TOUT_LE_CONTRAT = frozenset(
    {
        Role.INSTRUCTEUR,
        Role.SOUS_PREFECTURE,
        Role.ELU_LIGNE,
        Role.EQUIPE_PROJET,
        Role.CHARGE_MISSION,
        Role.MEMBRE_COMMISSION,
        Role.PRESIDENT_COMMISSION,
    }
)
LIT_SON_QUARTIER = frozenset({Role.BINOME_QUARTIER, Role.DELEGUE_PREFET, Role.CONSEIL_HABITANTS})
_IDENTIFIANT = re.compile(r"[A-Z0-9-]{1,40}\Z")
ESPACE_VERROU_DEPOT = 7_204_119
INTROUVABLE = "Ce dossier n’existe pas, ou vous n’y avez pas accès."


def visibles(acteur: Identite) -> ColumnElement[bool]:
    """Les dossiers que cette personne peut lire. Un brouillon n'est vu que par son organisation."""
    # À la minute : la même expression sert aux pages de cette minute, et un accès daté finit au plus une minute tard.
    minute = acteur.instant.replace(second=0, microsecond=0) if acteur.instant is not None else None
    return _visibles(acteur.compte_id, acteur.habilitations, minute)


@lru_cache(maxsize=128)  # la même personne lit plusieurs pages : une expression ne se réécrit pas à chaque requête
def _visibles(compte_id: int, habilitations: tuple[Habilitation, ...], minute: datetime | None) -> ColumnElement[bool]:
    acteur = Identite(compte_id, "", "", "", habilitations)
    deposes = Dossier.numero.is_not(None)
    regles: list[ColumnElement[bool]] = []
    organisations = acteur.organisations(ROLES_PORTEUR)
    if organisations:
        regles.append(Dossier.organisation_id == any_(_tableau(organisations)))
    larges = [h for h in habilitations if h.role in LIT_TOUT_LE_CONTRAT and h.contrat_id is not None]
    contrats = {h.contrat_id for h in larges if h.portee is not Portee.INSTANCE and h.contrat_id is not None}
    if contrats:
        regles.append(and_(deposes, Dossier.contrat_id == any_(_tableau(contrats))))
    regles.extend(and_(deposes, _de_l_instance(h, minute)) for h in larges if h.portee is Portee.INSTANCE)
    regles.extend(and_(deposes, _du_quartier(h)) for h in habilitations if h.role in LIT_SON_QUARTIER)
    regles.extend(_ouvert_au_service(h, minute) for h in habilitations if h.role is Role.REFERENT_SERVICE)
    if not regles:
        return false()
    # Un tableau lu une fois, pas une jointure par dossier : compter cinquante mille dossiers coûte deux fois moins.
    fermes = select(AccesDossier.dossier_id).where(
        AccesDossier.compte_id == compte_id,
        AccesDossier.sens == "ferme",
        _court_encore(minute),
    )
    return and_(or_(*regles), Dossier.id != all_(func.array(fermes.scalar_subquery(), type_=ARRAY(BigInteger))))


def _tableau(cles: Iterable[int]) -> ColumnElement[list[int]]:
    """Un seul paramètre, quel que soit le nombre de clés : l'ordre SQL reste le même, déjà compilé et préparé."""
    return literal(sorted(cles), ARRAY(BigInteger))


def _du_quartier(h: Habilitation) -> ColumnElement[bool]:
    du_contrat = Dossier.contrat_id == h.contrat_id
    if h.portee is Portee.QUARTIER:
        return and_(du_contrat, Dossier.quartiers.contains([h.cible]))
    if h.portee is Portee.COMMUNE:
        codes = (
            select(Quartier.code)
            .join(QuartierCommune, QuartierCommune.quartier_id == Quartier.id)
            .join(Commune, Commune.id == QuartierCommune.commune_id)
            .where(Commune.contrat_id == h.contrat_id, Commune.insee == h.cible)
        )
        return and_(du_contrat, Dossier.quartiers.overlap(func.array(codes.scalar_subquery(), type_=ARRAY(Text))))
    return false()


def _de_l_instance(h: Habilitation, minute: datetime | None) -> ColumnElement[bool]:
    """Tout le contrat pour l'instance qui vote (elle a un siège de président) ; sinon ce qui lui est ouvert."""
    siennes = select(Instance.id).where(Instance.contrat_id == h.contrat_id, Instance.code == h.cible)
    preside = exists().where(MembreInstance.instance_id.in_(siennes), MembreInstance.est_president)
    ouvert = exists().where(
        AccesDossier.dossier_id == Dossier.id,
        AccesDossier.sens == "ouvre",
        _court_encore(minute),
        AccesDossier.instance_id.in_(siennes),
    )
    return and_(Dossier.contrat_id == h.contrat_id, or_(preside, ouvert))


def _court_encore(minute: datetime | None) -> ColumnElement[bool]:
    """Un accès sans terme, ou dont le terme n'est pas passé ; qui ouvre et qui ferme suivent la même règle."""
    return or_(AccesDossier.jusqu_a.is_(None), AccesDossier.jusqu_a > (func.now() if minute is None else minute))


def _ouvert_au_service(h: Habilitation, minute: datetime | None) -> ColumnElement[bool]:
    return and_(
        Dossier.contrat_id == h.contrat_id,
        exists().where(
            AccesDossier.dossier_id == Dossier.id,
            AccesDossier.sens == "ouvre",
            _court_encore(minute),
            AccesDossier.service_id == ServiceConsulte.id,
            ServiceConsulte.contrat_id == h.contrat_id,
            ServiceConsulte.code == h.cible,
        ),
    )


_IDENTIFIE = select(Dossier).where(
    or_(Dossier.numero == bindparam("identifiant"), Dossier.reference == bindparam("identifiant"))
)


def get_dossier(session: Session, identifiant: str, acteur: Identite, *, verrou: bool = False) -> Dossier:
    """Le dossier de ce numéro (ou de cette référence de brouillon). Lève Introuvable s'il n'est pas en vue."""
    if _IDENTIFIANT.match(identifiant) is None:
        raise Introuvable(INTROUVABLE)
    requete = _IDENTIFIE.where(visibles(acteur))
    if verrou:
        requete = requete.with_for_update(key_share=True, of=Dossier).execution_options(populate_existing=True)
    dossier = session.scalar(requete, {"identifiant": identifiant})
    if dossier is None:
        raise Introuvable(INTROUVABLE)
    return dossier


def get_demande(session: Session, dossier: Dossier, ligne: str, annee: int, *, verrou: bool = False) -> Demande:
    """La demande d'un dossier à une ligne pour une année. Lève Introuvable."""
    requete = (
        select(Demande)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .where(Demande.dossier_id == dossier.id, LigneFinancement.code == ligne, Demande.annee == annee)
    )
    if verrou:
        requete = requete.with_for_update(key_share=True, of=Demande).execution_options(populate_existing=True)
    demande = session.scalar(requete)
    if demande is None:
        raise Introuvable("Ce dossier ne demande rien à cette ligne pour cette année.")
    return demande


def list_annees_suivantes(session: Session, premiere: Demande) -> Sequence[Demande]:
    """Les demandes d'une CPO à la même ligne, verrouillées, pour les années d'après sa première ; rien sinon."""
    requete = (
        select(Demande)
        .where(Demande.dossier_id == premiere.dossier_id, Demande.ligne_id == premiere.ligne_id)
        .order_by(Demande.annee)
        .with_for_update(key_share=True, of=Demande)
        .execution_options(populate_existing=True)
    )
    annees = session.scalars(requete).all()
    return annees[1:] if annees and annees[0].id == premiere.id else ()


def list_demandes(
    session: Session, dossier_ids: Iterable[int], *, verrou: bool = False
) -> Sequence[tuple[Demande, LigneFinancement]]:
    """Les demandes de ces dossiers et leur ligne, par dossier, année, rang de ligne ; avec `verrou`, relues."""
    requete = (
        select(Demande, LigneFinancement)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .where(Demande.dossier_id.in_(list(dossier_ids)))
        .order_by(Demande.dossier_id, Demande.annee, LigneFinancement.rang, Demande.id)
    )
    if verrou:
        requete = requete.with_for_update(key_share=True, of=Demande).execution_options(populate_existing=True)
    return [(d, ligne) for d, ligne in session.execute(requete)]


def list_enveloppes_visees(session: Session, dossier_id: int) -> Sequence[tuple[int, int]]:
    """Les enveloppes (ligne, année) auxquelles un dossier demande : les verrouiller avant lui (décision 11)."""
    requete = select(Demande.ligne_id, Demande.annee).where(Demande.dossier_id == dossier_id)
    return [(ligne_id, annee) for ligne_id, annee in session.execute(requete.order_by(Demande.id))]


def contenu(session: Session, dossier_id: int) -> dict[str, Any]:
    """Le brouillon : code de champ → valeur."""
    requete = select(Champ.code, Champ.valeur).where(Champ.dossier_id == dossier_id).order_by(Champ.code)
    return {code: valeur for code, valeur in session.execute(requete) if valeur is not None}


def contenus(session: Session, dossier_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Les brouillons de ces dossiers : clé du dossier → contenu."""
    rendu: dict[int, dict[str, Any]] = {cle: {} for cle in dossier_ids}
    requete = select(Champ.dossier_id, Champ.code, Champ.valeur).where(Champ.dossier_id.in_(list(rendu)))
    for cle, code, valeur in session.execute(requete.order_by(Champ.dossier_id, Champ.code)):
        if valeur is not None:
            rendu[cle][code] = valeur
    return rendu


def list_champs(session: Session, dossier_id: int, *, verrou: bool = False) -> dict[str, Champ]:
    """Les champs enregistrés, par code, avec leur version."""
    requete = select(Champ).where(Champ.dossier_id == dossier_id).order_by(Champ.code)
    if verrou:
        requete = requete.with_for_update().execution_options(populate_existing=True)
    return {c.code: c for c in session.scalars(requete)}


def get_version(session: Session, dossier_id: int, rang: int | None = None) -> DossierVersion | None:
    """Le contenu figé d'un dossier : celui de ce rang, sinon le dernier."""
    requete = select(DossierVersion).where(DossierVersion.dossier_id == dossier_id)
    if rang is not None:
        requete = requete.where(DossierVersion.rang == rang)
    return session.scalar(requete.order_by(DossierVersion.rang.desc()).limit(1))


def dernier_rang(session: Session, dossier_id: int) -> int:
    """Rang du dernier contenu figé, 0 s'il n'y en a pas."""
    requete = select(func.max(DossierVersion.rang)).where(DossierVersion.dossier_id == dossier_id)
    return session.scalar(requete) or 0


def get_depot_idempotent(session: Session, cle: str, acteur: str) -> DepotIdempotent | None:
    """Le dépôt déjà fait sous cette clé par cet acteur ; un autre, en cours sous la même clé, est attendu."""
    verrou = text("SELECT pg_advisory_xact_lock(:espace, hashtext(:cle))")
    session.execute(verrou, {"espace": ESPACE_VERROU_DEPOT, "cle": f"{acteur}/{cle}"})
    return session.get(DepotIdempotent, (cle, acteur))


_PASSAGES = select(Passage).where(Passage.dossier_id == bindparam("dossier")).order_by(Passage.id)


def list_passages(session: Session, dossier_id: int) -> Sequence[Passage]:
    """L'histoire d'un dossier et de ses demandes, dans l'ordre."""
    return session.scalars(_PASSAGES, {"dossier": dossier_id}).all()


def a_ete_signe(session: Session, dossier_id: int) -> bool:
    """Vrai si quelqu'un a déjà signé ce dossier, même s'il a été repris depuis."""
    return session.scalar(select(exists().where(Passage.dossier_id == dossier_id, Passage.acte == "signer"))) or False


_COMPLEMENTS = (
    select(DemandeComplement).where(DemandeComplement.dossier_id == bindparam("dossier")).order_by(DemandeComplement.id)
)


def list_complements(session: Session, dossier_id: int, *, verrou: bool = False) -> Sequence[DemandeComplement]:
    """Les compléments demandés, du plus ancien au plus récent."""
    requete = _COMPLEMENTS.with_for_update() if verrou else _COMPLEMENTS
    return session.scalars(requete, {"dossier": dossier_id}).all()


def list_complements_attendus(session: Session, dossier_ids: Iterable[int]) -> Sequence[DemandeComplement]:
    """Les compléments de ces dossiers auxquels le porteur n'a pas répondu, par échéance."""
    requete = select(DemandeComplement).where(
        DemandeComplement.dossier_id.in_(list(dossier_ids)), DemandeComplement.recue_le.is_(None)
    )
    return session.scalars(requete.order_by(DemandeComplement.echeance_le, DemandeComplement.id)).all()


def list_documents(session: Session, dossier_id: int) -> Sequence[DocumentDossier]:
    """Les documents scellés d'un dossier, dans l'ordre."""
    requete = select(DocumentDossier).where(DocumentDossier.dossier_id == dossier_id)
    return session.scalars(requete.order_by(DocumentDossier.id)).all()


def get_document(session: Session, dossier_id: int, nature: str) -> DocumentDossier | None:
    """Le dernier document scellé de cette nature."""
    requete = select(DocumentDossier).where(DocumentDossier.dossier_id == dossier_id, DocumentDossier.nature == nature)
    return session.scalar(requete.order_by(DocumentDossier.id.desc()).limit(1))


def list_controles(session: Session, demande_ids: Iterable[int]) -> Sequence[ControleRecevabilite]:
    """Les examens de recevabilité de ces demandes, dans l'ordre."""
    requete = select(ControleRecevabilite).where(ControleRecevabilite.demande_id.in_(list(demande_ids)))
    return session.scalars(requete.order_by(ControleRecevabilite.id)).all()


def compter_a_completer(session: Session, contrat_id: int) -> int:
    """Dossiers dont un complément est attendu."""
    requete = select(func.count()).where(Dossier.contrat_id == contrat_id, Dossier.etat == EtatDossier.A_COMPLETER)
    return session.scalar(requete) or 0


def list_fiches(session: Session, version_id: int) -> Sequence[tuple[Fiche, Commune, Quartier]]:
    """Les fiches d'une version du contrat, leur commune et leur quartier, dans l'ordre du document."""
    requete = (
        select(Fiche, Commune, Quartier)
        .join(Commune, Commune.id == Fiche.commune_id)
        .join(Quartier, Quartier.id == Fiche.quartier_id)
        .where(Fiche.version_id == version_id)
        .order_by(Fiche.rang, Fiche.id)
    )
    return [(f, c, q) for f, c, q in session.execute(requete)]


def list_priorites(session: Session, version_id: int) -> Sequence[tuple[PrioriteFiche, str]]:
    """Les priorités des fiches d'une version et le code de leur fiche, dans l'ordre du document."""
    requete = (
        select(PrioriteFiche, Fiche.code)
        .join(Fiche, Fiche.id == PrioriteFiche.fiche_id)
        .where(Fiche.version_id == version_id)
        .order_by(Fiche.rang, PrioriteFiche.rang)
    )
    return [(p, code) for p, code in session.execute(requete)]

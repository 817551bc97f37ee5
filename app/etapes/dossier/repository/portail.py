"""Les demandes à l'État, leur numéro sur son portail, les tableaux de ce portail et leurs lignes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Text, cast, func, or_, select
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.dossier.models import Champ, Demande, Dossier
from app.etapes.dossier.models.portail import ImportPortail, LignePortail
from app.etapes.dossier.repository import visibles
from app.etapes.dossier.rules.etats import EtatDossier
from app.etapes.dossier.rules.numero_dauphin import lisible
from app.etapes.dossier.rules.rapprochement import NotreDossier
from app.infra.identite import Identite
from app.noyau.erreurs import Introuvable
from app.noyau.euros import Euros
from app.referentiels.acteurs.models import Organisation
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.lignes.rules import NatureAutorite


def list_demandes_d_etat(session: Session, dossier_id: int, *, verrou: bool = False) -> Sequence[Demande]:
    """Les demandes d'un dossier aux lignes de l'État, par année."""
    requete = (
        select(Demande)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .where(Demande.dossier_id == dossier_id, LigneFinancement.nature_autorite == NatureAutorite.ETAT)
        .order_by(Demande.annee, Demande.id)
    )
    if verrou:
        requete = requete.with_for_update(key_share=True, of=Demande).execution_options(populate_existing=True)
    return session.scalars(requete).all()


def numero_deja_pris(session: Session, dossier: Dossier, numero: str) -> str | None:
    """Le numéro d'un autre dossier de la même organisation, pas retiré, qui porte déjà ce numéro ; None sinon."""
    portes = select(Demande.dossier_id).where(Demande.numero_dauphin == numero)
    tapes = select(Champ.dossier_id).where(
        Champ.code == "numero_dauphin", Champ.valeur == func.to_jsonb(cast(numero, Text))
    )
    requete = (
        select(Dossier)
        .where(Dossier.organisation_id == dossier.organisation_id, Dossier.id != dossier.id)
        .where(Dossier.etat != EtatDossier.RETIRE, or_(Dossier.id.in_(portes), Dossier.id.in_(tapes)))
        .order_by(Dossier.id)
        .limit(1)
    )
    autre = session.scalar(requete)
    return None if autre is None else autre.numero or autre.reference


def list_nos_dossiers(session: Session, acteur: Identite, appel: Appel) -> dict[int, NotreDossier]:
    """Clé → nos dossiers de cet appel, déposés, pas retirés, qui demandent à l'État ; dans l'ordre des numéros."""
    montant = func.sum(Demande.montant_demande).filter(Demande.annee == appel.annee)
    requete = (
        select(
            Dossier.id, Dossier.numero, Dossier.titre, Organisation.nom, Organisation.sigle, Organisation.siret,
            func.max(Demande.numero_dauphin).label("numero_portail"), montant.label("montant"),
        )
        .join(Demande, Demande.dossier_id == Dossier.id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .where(Dossier.appel_id == appel.id, Dossier.numero.is_not(None), Dossier.etat != EtatDossier.RETIRE)
        .where(LigneFinancement.nature_autorite == NatureAutorite.ETAT, visibles(acteur))
        .group_by(Dossier.id, Organisation.id)
        .order_by(Dossier.numero)
    )  # fmt: skip
    return {
        r.id: NotreDossier(
            numero=r.numero, titre=r.titre, porteur=r.nom, sigle=r.sigle, siret=r.siret,
            numero_portail=lisible(r.numero_portail), montant_etat=r.montant or Euros(0), annee=appel.annee,
        )
        for r in session.execute(requete)
    }  # fmt: skip


def list_lignes_portail(session: Session, appel_id: int, *, verrou: bool = False) -> Sequence[LignePortail]:
    """Les dossiers du portail connus pour cet appel, par numéro ; avec `verrou`, dans l'ordre des clés."""
    requete = select(LignePortail).where(LignePortail.appel_id == appel_id)
    if verrou:
        requete = requete.order_by(LignePortail.id).with_for_update(key_share=True)
        return session.scalars(requete.execution_options(populate_existing=True)).all()
    return session.scalars(requete.order_by(LignePortail.numero)).all()


def get_ligne_portail(session: Session, appel_id: int, numero: str, *, verrou: bool = False) -> LignePortail:
    """Le dossier du portail de ce numéro. Lève Introuvable."""
    requete = select(LignePortail).where(LignePortail.appel_id == appel_id, LignePortail.numero == numero)
    if verrou:
        requete = requete.with_for_update(key_share=True).execution_options(populate_existing=True)
    ligne = session.scalar(requete)
    if ligne is None:
        raise Introuvable("Ce dossier du portail n’est dans aucun tableau importé pour cet appel.")
    return ligne


def get_ligne_du_dossier(session: Session, dossier_id: int) -> LignePortail | None:
    """Le dossier du portail déjà rapproché de ce dossier."""
    return session.scalar(select(LignePortail).where(LignePortail.dossier_id == dossier_id))


def noms_des_dossiers(session: Session, cles: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Clé → (numéro, titre) de ces dossiers, retirés compris."""
    requete = select(Dossier.id, Dossier.numero, Dossier.titre).where(Dossier.id.in_(list(cles)))
    return {cle: (numero or "", titre) for cle, numero, titre in session.execute(requete.order_by(Dossier.id))}


def get_dernier_import(session: Session, appel_id: int) -> ImportPortail | None:
    """Le dernier tableau importé pour cet appel."""
    requete = select(ImportPortail).where(ImportPortail.appel_id == appel_id)
    return session.scalar(requete.order_by(ImportPortail.id.desc()).limit(1))


def verrouiller_dossiers(session: Session, cles: Iterable[int]) -> dict[int, Dossier]:
    """Ces dossiers, verrouillés dans l'ordre de leurs clés, relus."""
    requete = select(Dossier).where(Dossier.id.in_(list(cles))).order_by(Dossier.id)
    requete = requete.with_for_update(key_share=True).execution_options(populate_existing=True)
    return {d.id: d for d in session.scalars(requete)}


def dossier_portant(session: Session, dossier: Dossier, numero: str) -> str | None:
    """Le numéro d'un autre dossier du même appel, pas retiré, dont une demande porte ce numéro du portail."""
    requete = (
        select(Dossier.numero)
        .join(Demande, Demande.dossier_id == Dossier.id)
        .where(Dossier.appel_id == dossier.appel_id, Dossier.id != dossier.id, Dossier.etat != EtatDossier.RETIRE)
        .where(Demande.numero_dauphin == numero)
        .order_by(Dossier.numero)
        .limit(1)
    )
    return session.scalar(requete)

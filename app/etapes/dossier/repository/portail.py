"""Les demandes à l'État, leur numéro sur son portail, les tableaux de ce portail et leurs lignes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.dossier.models import Champ, Demande, Dossier
from app.etapes.dossier.models.portail import ImportPortail, LignePortail
from app.etapes.dossier.repository import visibles
from app.etapes.dossier.rules.etats import EtatDossier
from app.etapes.dossier.rules.numero_dauphin import dossier_de, lisible
from app.etapes.dossier.rules.rapprochement import NotreDossier
from app.infra.identite import Identite
from app.noyau.erreurs import Introuvable
from app.noyau.euros import Euros
from app.referentiels.acteurs.models import Organisation
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.lignes.rules import NatureAutorite

ESPACE_VERROU = 7_204_118


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


def verrouiller_numero(session: Session, contrat_id: int, numero: str) -> None:
    """Tient ce dossier du portail jusqu'à la fin de la transaction : deux personnes qui le donnent s'attendent."""
    cle = f"{contrat_id}/{dossier_de(numero)}"
    session.execute(
        text("SELECT pg_advisory_xact_lock(:espace, hashtext(:cle))"), {"espace": ESPACE_VERROU, "cle": cle}
    )


def get_porteur_du_numero(session: Session, dossier: Dossier, numero: str, *, deposes: bool = False) -> Dossier | None:
    """Un autre dossier, pas retiré, qui porte déjà ce numéro : de la même organisation, ou déposé, de tout appel.

    Le brouillon d'une autre organisation n'en prive personne : il sera jugé à son dépôt. `deposes` : aucun brouillon ne
    compte, seulement les demandes déposées. Un numéro gardé sous une autre forme (repris d'ailleurs) est le même.
    """
    chiffres = dossier_de(numero).removeprefix("DA")
    portes = (
        select(Dossier, Demande.numero_dauphin)
        .join(Demande, Demande.dossier_id == Dossier.id)
        .where(func.replace(Demande.numero_dauphin, " ", "").contains(chiffres))
    )
    for requete in (portes,) if deposes else (portes, _tapes(dossier, chiffres)):
        du_contrat = requete.where(Dossier.contrat_id == dossier.contrat_id, Dossier.id != dossier.id)
        for autre, porte in session.execute(du_contrat.where(Dossier.etat != EtatDossier.RETIRE).order_by(Dossier.id)):
            if lisible(porte) == numero:
                trouve: Dossier = autre
                return trouve
    return None


def _tapes(dossier: Dossier, chiffres: str) -> Select[Dossier, str]:
    """Les dossiers de la même organisation dont le formulaire dit un numéro qui contient ces chiffres."""
    tape = Champ.valeur[()].astext
    return (
        select(Dossier, tape)
        .join(Champ, Champ.dossier_id == Dossier.id)
        .where(Champ.code == "numero_dauphin", func.replace(tape, " ", "").contains(chiffres))
        .where(Dossier.organisation_id == dossier.organisation_id)
    )


def list_brouillons_portant(session: Session, dossier: Dossier, numero: str) -> Sequence[Dossier]:
    """Les dossiers pas encore déposés de la même organisation qui disent ce numéro, verrouillés.

    Celui que quelqu'un écrit en ce moment est passé, sans l'attendre : son dépôt le jugera.
    """
    requete = _tapes(dossier, dossier_de(numero).removeprefix("DA"))
    requete = requete.where(Dossier.contrat_id == dossier.contrat_id, Dossier.id != dossier.id)
    requete = requete.where(Dossier.numero.is_(None), Dossier.etat != EtatDossier.RETIRE).order_by(Dossier.id)
    requete = requete.with_for_update(key_share=True, skip_locked=True, of=Dossier)
    return [autre for autre, porte in session.execute(requete) if lisible(porte) == numero]


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

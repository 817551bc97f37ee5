"""La liste des dossiers : filtres, recherche, pagination par clé (dépôt, identifiant), comptes par état."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ARRAY, ColumnElement, Text, and_, exists, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.repository import get_dossier, visibles
from app.etapes.dossier.rules.etats import EtatDemande, EtatDossier
from app.etapes.dossier.rules.recherche import requete_de_recherche
from app.infra.db import COMPTE_MAX, compter
from app.infra.identite import Identite
from app.noyau.erreurs import Faute, Introuvable, SaisieInvalide
from app.noyau.euros import Euros
from app.referentiels.acteurs.models import Organisation
from app.referentiels.lignes.models import LigneFinancement

TAILLE = 50
TAILLE_MAX = 200


@dataclass(frozen=True, slots=True)
class Filtres:
    """Ce qu'on cherche ; vide : tout. `etat_demande` s'entend sur `ligne` si elle est donnée."""

    appel: str = ""
    etat: EtatDossier | None = None
    ligne: str = ""
    etat_demande: EtatDemande | None = None
    quartier: str = ""
    objectif: str = ""
    q: str = ""


@dataclass(frozen=True, slots=True)
class DossierTrouve:
    """Une ligne de la liste : ce qui se montre, rien de plus (une entité entière coûte deux fois plus à lire)."""

    id: int
    organisation_id: int
    reference: str
    numero: str | None
    titre: str
    etat: EtatDossier
    objectif: str
    quartiers: list[str]
    montant_demande: Euros
    duree_annees: int
    depose_le: datetime | None
    est_fictif: bool
    appel: str
    organisation: str
    organisation_nom: str
    siret: str

    @property
    def identifiant(self) -> str:
        """Le numéro public, ou la référence d'un brouillon."""
        return self.numero or self.reference


@dataclass(frozen=True, slots=True)
class Trouves:
    """Une page de la liste ; `suivant` : le jeton de la page d'après, absent à la dernière."""

    elements: Sequence[DossierTrouve]
    suivant: str | None


LIGNES = (
    select(Dossier.id, Dossier.organisation_id, Dossier.reference, Dossier.numero, Dossier.titre, Dossier.etat)
    .add_columns(Dossier.objectif, Dossier.quartiers, Dossier.montant_demande, Dossier.duree_annees)
    .add_columns(Dossier.depose_le, Dossier.est_fictif)
    .add_columns(Appel.code, Organisation.code, Organisation.nom, Organisation.siret)
    .join(Organisation, Organisation.id == Dossier.organisation_id)
    .join(Appel, Appel.id == Dossier.appel_id)
    .order_by(Dossier.depose_le.desc().nulls_first(), Dossier.id.desc())
)
"""Ce que lit `DossierTrouve`, dernier déposé d'abord (brouillons en tête)."""


def rechercher(session: Session, acteur: Identite, filtres: Filtres, apres: str = "", taille: int = TAILLE) -> Trouves:
    """Les dossiers visibles, dernier déposé d'abord (brouillons en tête). `apres` : identifiant du dernier vu.

    Une requête, deux avec `apres`. Lève SaisieInvalide si `apres` ne désigne pas un dossier en vue.
    """
    requete = LIGNES.where(*_conditions(acteur, filtres)).limit(taille + 1)
    if apres:
        requete = requete.where(_apres(session, acteur, apres))
    lus = [DossierTrouve(*rangee) for rangee in session.execute(requete)]
    gardes = lus[:taille]
    return Trouves(gardes, gardes[-1].identifiant if len(lus) > taille else None)


def compter_par_etat(session: Session, acteur: Identite, filtres: Filtres) -> Mapping[EtatDossier, int]:
    """Combien de dossiers par état, sous les autres filtres, au plus COMPTE_MAX + 1 par état. Une requête.

    Sans autre filtre que l'appel, chaque état se compte dans son index et s'arrête à sa borne.
    """
    tous = replace(filtres, etat=None)
    conditions = _conditions(acteur, tous)
    if tous == Filtres(appel=filtres.appel):
        etats = func.unnest(literal([e.value for e in EtatDossier], ARRAY(Text))).table_valued("etat").render_derived()
        de_l_etat = select(Dossier.id).where(*conditions, Dossier.etat == etats.c.etat).correlate(etats)
        requete = select(etats.c.etat, compter(de_l_etat, COMPTE_MAX))
        return {EtatDossier(e): n for e, n in session.execute(requete) if n}
    requete = select(Dossier.etat, func.count()).where(*conditions).group_by(Dossier.etat)
    return {e: min(n, COMPTE_MAX + 1) for e, n in session.execute(requete)}


def _conditions(acteur: Identite, filtres: Filtres) -> list[ColumnElement[bool]]:
    conditions = [visibles(acteur)]
    if filtres.appel:
        # Une valeur, pas une jointure : l'index (appel, état, dépôt) sert alors de bout en bout.
        conditions.append(Dossier.appel_id == select(Appel.id).where(Appel.code == filtres.appel).scalar_subquery())
    if filtres.etat is not None:
        conditions.append(Dossier.etat == filtres.etat)
    if filtres.quartier:
        conditions.append(Dossier.quartiers.contains([filtres.quartier]))
    if filtres.objectif:
        conditions.append(Dossier.objectif == filtres.objectif)
    if filtres.ligne or filtres.etat_demande is not None:
        conditions.append(_a_une_demande(filtres))
    if requete := requete_de_recherche(filtres.q):
        conditions.append(Dossier.recherche_vecteur.op("@@")(func.to_tsquery("simple", requete)))
    return conditions


def _a_une_demande(filtres: Filtres) -> ColumnElement[bool]:
    """Une demande de l'année de l'appel : les suivantes d'une CPO se réservent avec elle, elles n'attendent personne.

    Choix du projet : docs/adr/0008-les-annees-suivantes-d-une-cpo.md.
    """
    annee = select(Appel.annee).where(Appel.code == filtres.appel if filtres.appel else Appel.id == Dossier.appel_id)
    cherchee = [Demande.dossier_id == Dossier.id, Demande.annee == annee.correlate(Dossier).scalar_subquery()]
    if filtres.etat_demande is not None:
        cherchee.append(Demande.etat == filtres.etat_demande)
    if filtres.ligne:
        du_code = exists().where(LigneFinancement.id == Demande.ligne_id, LigneFinancement.code == filtres.ligne)
        cherchee.append(du_code)
    return exists().where(*cherchee)


def _apres(session: Session, acteur: Identite, identifiant: str) -> ColumnElement[bool]:
    try:
        trouve = get_dossier(session, identifiant, acteur)
    except Introuvable:
        phrase = "Ce jeton de page n’est plus valable : repartez de la première page."
        raise SaisieInvalide([Faute("apres", phrase, "jeton_illisible")]) from None
    if trouve.depose_le is None:
        encore = and_(Dossier.depose_le.is_(None), Dossier.id < trouve.id)
        return or_(encore, Dossier.depose_le.is_not(None))
    return tuple_(Dossier.depose_le, Dossier.id) < tuple_(trouve.depose_le, trouve.id)

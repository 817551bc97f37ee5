"""Le tableau d'une ligne : chaque demande, ses montants, sa note, ce que font les autres financeurs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Row, Select, SQLColumnExpression, case, cast, func, select, true
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.repository import visibles
from app.etapes.dossier.repository.complement import derniere_echeance
from app.etapes.dossier.rules.complement import EtatComplement, complement_en_suspens
from app.etapes.dossier.rules.etats import EtatDemande
from app.etapes.programmation.models import NatureProposition
from app.etapes.programmation.repository.montants import (
    cherche,
    cle_de_nom,
    de_l_appel,
    dernier_propose,
    derniere_proposition,
    en_jeu,
    note_courante,
    rang_du_numero,
)
from app.infra.curseur import TAILLE, Ordre, Page, paginer
from app.infra.identite import Identite
from app.noyau.euros import Euros
from app.referentiels.acteurs.models import Organisation
from app.referentiels.lignes.models import LigneFinancement


class Avancement(StrEnum):
    """Le filtre qui compte pour l'agent : ce qui a déjà un montant, ce qui n'en a pas."""

    SANS_MONTANT = "sans_montant"
    AVEC_MONTANT = "avec_montant"
    ARBITRE = "arbitre"


@dataclass(frozen=True, slots=True)
class Filtre:
    """Ce qu'on cherche dans une liste ; vide, tout ce qui se programme."""

    q: str = ""
    etat: EtatDemande | None = None
    avancement: Avancement | None = None


@dataclass(frozen=True, slots=True)
class Cellule:
    """Une demande vue de loin : son état, son demandé, son montant courant et ce qu'il vaut."""

    ligne: str
    financeur: str
    etat: EtatDemande
    demande: Euros
    montant: Euros | None
    nature: NatureProposition | None


@dataclass(frozen=True, slots=True)
class DemandeVue:
    """Une rangée du tableau. `propose` : dernier montant proposé ; `arbitre` : l'arbitrage, s'il est le dernier mot."""

    demande_id: int
    dossier_id: int
    numero: str
    titre: str
    porteur: str
    est_fictif: bool
    ligne: str
    annee: int
    etat: EtatDemande
    echeance: datetime | None
    demande: Euros
    demande_n1: Euros | None
    accorde_n1: Euros | None
    depense_n1: Euros | None
    rang: int
    propose: Euros | None
    arbitre: Euros | None
    motif: str
    note_basse: Decimal | None
    note_haute: Decimal | None
    note_provisoire: bool
    autres: tuple[Cellule, ...] = ()

    @property
    def retenu(self) -> Euros | None:
        """Le montant courant : l'arbitré, sinon le proposé."""
        return self.arbitre if self.arbitre is not None else self.propose

    def complement(self, maintenant: datetime) -> EtatComplement | None:
        """Le complément resté sans réponse : attendu (on peut proposer, pas décider), non reçu, ou None."""
        return complement_en_suspens(self.echeance, maintenant)


@dataclass(frozen=True, slots=True)
class Totaux:
    """Le pied du tableau, sur tout ce que le filtre garde."""

    nombre: int
    demande: Euros
    accorde_n1: Euros
    propose: Euros
    arbitre: Euros


_COURANTE, _PROPOSEE, _NOTE = derniere_proposition(), dernier_propose(), note_courante()
_EST_ARBITREE = _COURANTE.c.nature == NatureProposition.ARBITRE


def _entier(colonne: SQLColumnExpression[Any]) -> ColumnElement[int]:
    return func.coalesce(cast(colonne, BigInteger), -1)


_TRIS: dict[str, Callable[[], ColumnElement[Any]]] = {
    "numero": rang_du_numero,
    "porteur": lambda: cle_de_nom(Organisation.nom),
    "note": lambda: _entier(_NOTE.c.minimum * 10),
    "demande": lambda: _entier(Demande.montant_demande),
    "n1": lambda: _entier(Demande.montant_accorde_n1),
    "propose": lambda: _entier(_PROPOSEE.c.montant),
    "arbitre": lambda: case((_EST_ARBITREE, _COURANTE.c.montant), else_=-1),
}
TRIS = tuple(_TRIS)
TRI_PAR_DEFAUT = "numero"


def ordre(tri: str) -> Ordre:
    """L'ordre d'un tri (« note », « -note ») ; un nom inconnu rend l'ordre des numéros."""
    nom = tri.removeprefix("-")
    if nom not in _TRIS:
        tri = nom = TRI_PAR_DEFAUT
    return Ordre(tri, _TRIS[nom](), Demande.id, descendant=tri.startswith("-"), est_texte=nom == "porteur")


def _jointures(requete: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return (
        requete.select_from(Demande)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .join(Organisation, Organisation.id == Dossier.organisation_id)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .outerjoin(_COURANTE, true())
        .outerjoin(_PROPOSEE, true())
        .outerjoin(_NOTE, true())
    )


def _lignes() -> Select[*tuple[Any, ...]]:
    return _jointures(
        select(
            Demande, Dossier.numero, Dossier.titre, Dossier.est_fictif, derniere_echeance().label("echeance"),
            Organisation.nom.label("porteur"), Organisation.siret, Dossier.objectif, Dossier.quartiers,
            LigneFinancement.code.label("ligne"),
            _COURANTE.c.rang, _COURANTE.c.nature, _COURANTE.c.montant.label("courant"), _COURANTE.c.motif,
            _PROPOSEE.c.montant.label("propose"),
            _NOTE.c.minimum, _NOTE.c.maximum, _NOTE.c.est_provisoire,
        )
    )  # fmt: skip


def _portee(acteur: Identite, appel: Appel, annee: int, ligne_id: int | None) -> tuple[ColumnElement[bool], ...]:
    conditions = (visibles(acteur), de_l_appel(appel.id, annee))
    return conditions if ligne_id is None else (*conditions, Demande.ligne_id == ligne_id)


def _filtres(filtre: Filtre) -> tuple[ColumnElement[bool], ...]:
    gardes: list[ColumnElement[bool]] = [en_jeu() if filtre.etat is None else Demande.etat == filtre.etat]
    if filtre.q.strip():
        gardes.append(cherche(filtre.q))
    if filtre.avancement is Avancement.SANS_MONTANT:
        gardes.append(_COURANTE.c.rang.is_(None))
    elif filtre.avancement is Avancement.AVEC_MONTANT:
        gardes.append(_COURANTE.c.rang.is_not(None))
    elif filtre.avancement is Avancement.ARBITRE:
        gardes.append(_EST_ARBITREE)
    return tuple(gardes)


def _vue(r: Row[*tuple[Any, ...]]) -> DemandeVue:
    demande: Demande = r.Demande
    est_arbitree = r.nature is not None and NatureProposition(r.nature) is NatureProposition.ARBITRE
    return DemandeVue(
        demande_id=demande.id, dossier_id=demande.dossier_id, numero=r.numero, titre=r.titre, porteur=r.porteur,
        est_fictif=r.est_fictif, ligne=r.ligne, annee=demande.annee, etat=demande.etat, echeance=r.echeance,
        demande=demande.montant_demande, demande_n1=demande.montant_demande_n1,
        accorde_n1=demande.montant_accorde_n1, depense_n1=demande.montant_depense_n1, rang=r.rang or 0,
        propose=_euros(r.propose), arbitre=Euros(r.courant) if est_arbitree else None, motif=r.motif or "",
        note_basse=r.minimum, note_haute=r.maximum, note_provisoire=bool(r.est_provisoire),
    )  # fmt: skip


def _euros(centimes: int | None) -> Euros | None:
    return None if centimes is None else Euros(centimes)


def list_demandes(
    session: Session,
    acteur: Identite,
    appel: Appel,
    annee: int,
    *,
    ligne_id: int | None = None,
    filtre: Filtre = Filtre(),
    tri: str = TRI_PAR_DEFAUT,
    jeton: str = "",
    taille: int = TAILLE,
) -> Page[DemandeVue]:
    """Une page du tableau d'une ligne (ou de toutes), autres financeurs compris. Deux requêtes."""
    requete = _lignes().where(*_portee(acteur, appel, annee, ligne_id), *_filtres(filtre))
    requete = requete.params(lecteur=acteur.acteur)
    page = paginer(session, requete, ordre(tri), jeton, taille)
    vues = avec_les_autres(session, [_vue(r) for r in page.elements])
    return Page(vues, page.precedent, page.suivant)


def get_demande_vue(session: Session, acteur: Identite, demande_id: int) -> DemandeVue | None:
    """Une seule rangée, si elle est en vue."""
    requete = _lignes().where(visibles(acteur), Demande.id == demande_id).params(lecteur=acteur.acteur)
    rangee = session.execute(requete).first()
    return None if rangee is None else avec_les_autres(session, [_vue(rangee)])[0]


def avec_les_autres(session: Session, vues: Sequence[DemandeVue]) -> tuple[DemandeVue, ...]:
    """Les mêmes rangées, avec ce que demandent et reçoivent les autres lignes du même dossier."""
    annees = {v.annee for v in vues}
    par_annee = {a: cellules(session, {v.dossier_id for v in vues if v.annee == a}, a) for a in sorted(annees)}
    complets = []
    for vue in vues:
        du_dossier = par_annee[vue.annee].get(vue.dossier_id, {})
        autres = tuple(c for code, c in du_dossier.items() if code != vue.ligne)
        champs = {nom: getattr(vue, nom) for nom in DemandeVue.__slots__}
        complets.append(DemandeVue(**{**champs, "autres": autres}))
    return tuple(complets)


def cellules(session: Session, dossier_ids: Iterable[int], annee: int) -> Mapping[int, Mapping[str, Cellule]]:
    """Dossier → ligne → sa demande de l'année. Une requête ; l'appelant a déjà filtré les dossiers en vue."""
    requete = (
        select(Demande, LigneFinancement.code, LigneFinancement.financeur, _COURANTE.c.montant, _COURANTE.c.nature)
        .join(LigneFinancement, LigneFinancement.id == Demande.ligne_id)
        .outerjoin(_COURANTE, true())
        .where(Demande.dossier_id.in_(sorted(dossier_ids)), Demande.annee == annee)
        .order_by(Demande.dossier_id, LigneFinancement.rang, Demande.id)
    )
    rendu: dict[int, dict[str, Cellule]] = {}
    for demande, code, financeur, montant, nature in session.execute(requete):
        rendu.setdefault(demande.dossier_id, {})[code] = Cellule(
            code, financeur, demande.etat, demande.montant_demande, _euros(montant), nature
        )
    return rendu


def totaux(
    session: Session,
    acteur: Identite,
    appel: Appel,
    annee: int,
    *,
    ligne_id: int | None = None,
    filtre: Filtre = Filtre(),
) -> Totaux:
    """Le pied du tableau : tout ce que le filtre garde, pas seulement la page. Une requête."""
    requete = _jointures(
        select(
            func.count(),
            func.coalesce(func.sum(cast(Demande.montant_demande, BigInteger)), 0),
            func.coalesce(func.sum(cast(Demande.montant_accorde_n1, BigInteger)), 0),
            func.coalesce(func.sum(_PROPOSEE.c.montant), 0),
            func.coalesce(func.sum(_COURANTE.c.montant).filter(_EST_ARBITREE), 0),
        )
    ).where(*_portee(acteur, appel, annee, ligne_id), *_filtres(filtre))
    nombre, *sommes = session.execute(requete).one()
    return Totaux(nombre, *(Euros(int(s)) for s in sommes))


def list_annees(session: Session, acteur: Identite, appel: Appel, ligne_id: int | None = None) -> Sequence[int]:
    """Les années où cet appel a des demandes en vue : la sienne, et celles des conventions pluriannuelles."""
    requete = (
        select(Demande.annee)
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .where(Dossier.appel_id == appel.id, visibles(acteur), en_jeu())
        .distinct()
        .order_by(Demande.annee)
    )
    if ligne_id is not None:
        requete = requete.where(Demande.ligne_id == ligne_id)
    return session.scalars(requete).all()

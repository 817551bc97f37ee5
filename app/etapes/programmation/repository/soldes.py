"""Ce qui reste sur chaque ligne : enveloppe, engagé, proposé, reste."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, and_, cast, func, select, true
from sqlalchemy.orm import Session

from app.etapes.appel.models import Appel, Enveloppe
from app.etapes.dossier.models import Demande, Dossier
from app.etapes.dossier.repository import visibles
from app.etapes.programmation.repository.montants import COMPTENT, derniere_proposition, en_jeu, est_engagee
from app.etapes.programmation.rules import Solde, solde
from app.infra.identite import Identite
from app.noyau.euros import ZERO, Euros
from app.referentiels.lignes.models import LigneFinancement


@dataclass(frozen=True, slots=True)
class SoldeDeLigne:
    """Une ligne, une année : son enveloppe (absente si rien n'est ouvert), son solde, ses demandes en jeu."""

    ligne: LigneFinancement
    enveloppe: Enveloppe | None
    solde: Solde
    nombre: int
    demande: Euros
    sans_montant: int


def list_soldes(session: Session, acteur: Identite, appel: Appel, annee: int) -> Sequence[SoldeDeLigne]:
    """Les soldes de toutes les lignes du contrat d'un appel, pour une année, dans l'ordre des lignes. Une requête.

    L'enveloppe et l'engagé sont ceux de la ligne, tous appels ; les demandes, celles de cet appel seul (une année
    suivante de CPO se compte chez le sien). Le proposé, de tous les appels, ne compte que les dossiers en vue.
    """
    courante = derniere_proposition()
    d_ici = Dossier.appel_id == appel.id
    compte = and_(Demande.etat.in_(COMPTENT), ~est_engagee())
    par_ligne = (
        select(
            Demande.ligne_id,
            func.count().filter(d_ici).label("nombre"),
            func.sum(cast(Demande.montant_demande, BigInteger)).filter(d_ici).label("demande"),
            func.count().filter(d_ici, courante.c.montant.is_(None)).label("sans_montant"),
            func.sum(courante.c.montant).filter(compte).label("propose"),
        )
        .join(Dossier, Dossier.id == Demande.dossier_id)
        .outerjoin(courante, true())
        .where(Demande.contrat_id == appel.contrat_id, Demande.annee == annee, en_jeu(), visibles(acteur))
        .group_by(Demande.ligne_id)
        .subquery("par_ligne")
    )
    requete = (
        select(
            LigneFinancement, Enveloppe, par_ligne.c.nombre, par_ligne.c.demande, par_ligne.c.sans_montant,
            par_ligne.c.propose,
        )
        .outerjoin(Enveloppe, and_(Enveloppe.ligne_id == LigneFinancement.id, Enveloppe.annee == annee))
        .outerjoin(par_ligne, par_ligne.c.ligne_id == LigneFinancement.id)
        .where(LigneFinancement.contrat_id == appel.contrat_id)
        .order_by(LigneFinancement.rang, LigneFinancement.id)
    )  # fmt: skip
    return [
        SoldeDeLigne(
            ligne=ligne,
            enveloppe=enveloppe,
            solde=solde(*_montants(enveloppe), Euros(int(propose or 0))),
            nombre=nombre or 0,
            demande=Euros(int(demande or 0)),
            sans_montant=sans_montant or 0,
        )
        for ligne, enveloppe, nombre, demande, sans_montant, propose in session.execute(requete)
    ]


def _montants(enveloppe: Enveloppe | None) -> tuple[Euros, Euros]:
    return (ZERO, ZERO) if enveloppe is None else (enveloppe.montant, enveloppe.engage)

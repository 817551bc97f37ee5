"""Qui tient la séance, et dans quel état elle doit être : les refus communs à tous les actes."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.etapes.commission import repository
from app.etapes.commission.models import EtatSeance, Seance
from app.infra.identite import Identite
from app.noyau.erreurs import ActeImpossible, ActeInterdit, Introuvable
from app.noyau.roles import Role

ETATS = {
    EtatSeance.PREPAREE: "en préparation",
    EtatSeance.OUVERTE: "ouverte",
    EtatSeance.CLOSE: "close",
}


def exiger_secretaire(acteur: Identite, contrat_id: int) -> None:
    """Le secrétariat de la commission revient au chargé de mission. Lève ActeInterdit.

    Source : contrat, l. 1702 (le chargé de mission prépare les commissions et en fait les comptes rendus).
    """
    if not acteur.tient(Role.CHARGE_MISSION, contrat_id=contrat_id):
        raise ActeInterdit("Le secrétariat de la commission revient au chargé de mission du contrat.")


def exiger_etat(seance: Seance, *etats: EtatSeance) -> None:
    """Lève ActeImpossible si la séance n'est dans aucun de ces états."""
    if seance.etat not in etats:
        voulu = " ou ".join(ETATS[e] for e in etats)
        phrase = f"La séance est {ETATS[seance.etat]} ; il faut qu’elle soit {voulu}."
        raise ActeImpossible(phrase, code="etat_contraire")


def seance_tenue(session: Session, code: str, acteur: Identite, *etats: EtatSeance) -> Seance:
    """La séance verrouillée, tenue par son secrétariat, dans l'un de ces états."""
    seance = repository.get_seance(session, code, acteur, verrou=True)
    exiger_secretaire(acteur, seance.contrat_id)
    exiger_etat(seance, *etats)
    return seance


def point_lu(session: Session, seance: Seance, rang: int) -> repository.PointLu:
    """Le point de ce rang. Lève Introuvable."""
    points = repository.list_points(session, seance.id, rangs=[rang])
    if not points:
        raise Introuvable("Ce point n’est pas à l’ordre du jour.")
    return points[0]


def exiger_non_proclame(point: repository.PointLu) -> None:
    """Lève ActeImpossible si le résultat du point est déjà proclamé : il ne se reprend pas."""
    if point.resultat is not None:
        raise ActeImpossible(f"Le résultat du point {point.point.rang} est proclamé.", code="point_proclame")
    if point.est_retiree:
        phrase = f"La demande du point {point.point.rang} n’est plus à voter : elle a changé d’état depuis."
        raise ActeImpossible(phrase, code="demande_plus_votable")

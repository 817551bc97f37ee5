"""Ce que toutes les pages d'une séance partagent : accès, onglets, déports de la personne qui lit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from app.etapes.commission import repository
from app.etapes.commission.models import EtatSeance, Seance
from app.etapes.commission.repository import PointLu, Salle
from app.etapes.commission.rules import POUVOIRS_MAX, Deport, MajoriteExigee, QuorumExige, Reglages, TypeIssue
from app.infra.acces import exiger
from app.infra.forms import Formulaire
from app.infra.identite import Identite
from app.noyau.periodes import a_paris, date_longue
from app.noyau.roles import Role
from app.referentiels.lignes.models import LigneFinancement
from app.referentiels.lignes.rules import ActeCommission

LIT = exiger(*repository.LISENT)
TIENT = exiger(Role.CHARGE_MISSION)
ETATS = {
    EtatSeance.PREPAREE: ("En préparation", "neutre"),
    EtatSeance.OUVERTE: ("Ouverte", "info"),
    EtatSeance.CLOSE: ("Close", "oui"),
}
ISSUES = {
    TypeIssue.RETENU.value: ("Retenu", "oui"),
    TypeIssue.AMENDE.value: ("Retenu, montant amendé", "oui"),
    TypeIssue.REFUSE.value: ("Non retenu", "non"),
    TypeIssue.AJOURNE.value: ("Ajourné", "attente"),
    TypeIssue.RESERVE.value: ("Liste de réserve", "attente"),
}
AVIS = ISSUES | {
    TypeIssue.RETENU.value: ("Avis favorable", "oui"),
    TypeIssue.AMENDE.value: ("Avis favorable, montant amendé", "oui"),
    TypeIssue.REFUSE.value: ("Avis défavorable", "non"),
}
JEUX = [
    (
        "commission_des_elus",
        "Règlement de la commission des élus",
        "Celui du projet : les valeurs du droit commun, à régler plus bas.",
    ),
    ("droit_commun", "Droit commun des assemblées", "CGCT, art. L.2121-17 à L.2121-21."),
    ("droit_local", "Droit local d’Alsace-Moselle", "CGCT, art. L.2541-1 à L.2541-17 : communes du Haut-Rhin."),
]
OUI_NON = [("true", "Oui"), ("false", "Non")]
REGLAGES = {
    "quorums": [
        (QuorumExige.PLUS_DE_LA_MOITIE.value, "Plus de la moitié"),
        (QuorumExige.TIERS.value, "Le tiers au moins"),
        (QuorumExige.AUCUN.value, "Aucun quorum"),
    ],
    "pouvoirs": [(str(n), ("Aucun", "Un", "Deux", "Trois")[n]) for n in range(POUVOIRS_MAX + 1)],
    "majorites": [
        (MajoriteExigee.PLUS_DE_LA_MOITIE.value, "Plus de la moitié"),
        (MajoriteExigee.MOITIE.value, "La moitié suffit"),
    ],
    "oui_non": OUI_NON,
    "champs": [c.name for c in fields(Reglages)],
    "depart": {c.name: str(c.default).lower() for c in fields(Reglages)},
}


def issue_dite(issue: str, ligne: LigneFinancement) -> tuple[str, str]:
    """Ce que la commission a dit, et son ton : elle valide la programmation de m2A, elle rend un avis aux autres.

    Source : contrat, l. 1691-1694.
    """
    return (ISSUES if ligne.acte_commission is ActeCommission.VALIDE else AVIS)[issue]


def titre_de(seance: Seance) -> str:
    """« Séance du mardi 9 mars 2027 »."""
    return f"Séance du {date_longue(a_paris(seance.prevue_le).date())}"


def cadre(seance: Seance, onglet: str, acteur: Identite, page: str | None = None) -> dict[str, Any]:
    """Le contexte commun : séance, onglets, fil d'Ariane, ce que la personne peut faire."""
    base = f"/seances/{seance.code}"
    onglets = (
        ("ordre", "Ordre du jour", base),
        ("presences", "Présences", f"{base}/presences"),
        ("votes", "Votes", f"{base}/votes"),
        ("proces_verbal", "Procès-verbal", f"{base}/proces-verbal"),
    )
    fil: tuple[tuple[str, str | None], ...] = (("Commission", "/seances"), (titre_de(seance), base))
    return {
        "seance": seance,
        "titre_seance": titre_de(seance),
        "etat_seance": ETATS[seance.etat],
        "onglets": [(libelle, url, code == onglet) for code, libelle, url in onglets],
        "tient": acteur.tient(Role.CHARGE_MISSION, contrat_id=seance.contrat_id),
        "issue": issue_dite,
        "fil": (*fil, (page, None)) if page else fil,
        "base": base,
    }


def points_deportes(salle: Salle, deports: Iterable[Deport], acteur: Identite) -> frozenset[int]:
    """Les rangs des points dont la personne qui lit s'est déportée : elle n'en voit plus le contenu."""
    siens = {str(s.rang) for s in salle.sieges.values() if s.compte_id == acteur.compte_id}
    return frozenset(int(d.point) for d in deports if d.membre in siens)


def lire_bulletins(formulaire: Formulaire) -> dict[str, Any]:
    """Les voix d'un formulaire : champs « voix-3 », ou « unanimite »."""
    voix = {
        nom.removeprefix("voix-"): formulaire.get(nom)
        for nom in formulaire.noms()
        if nom.startswith("voix-") and formulaire.get(nom)
    }
    unanimite = formulaire.get("unanimite")
    return {"unanimite": unanimite} if unanimite else {"voix": voix, "partiel": formulaire.get("partiel") == "oui"}


def titres_masques(points: Iterable[PointLu], caches: frozenset[int]) -> dict[int, str]:
    """Rang → titre montré ; un point dont on s'est déporté ne dit que son numéro."""
    return {p.point.rang: f"Dossier {p.dossier.numero}" if p.point.rang in caches else p.dossier.titre for p in points}

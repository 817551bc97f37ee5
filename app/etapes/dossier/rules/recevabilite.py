"""La liste de contrôle de la recevabilité, et ce qu'une conclusion exige d'elle. Pur."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.noyau.erreurs import Faute


@dataclass(frozen=True, slots=True)
class PointDeControle:
    """Ce qu'une personne vérifie avant de dire une demande recevable."""

    code: str
    libelle: str
    source: str


POINTS: tuple[PointDeControle, ...] = (
    PointDeControle(
        "organisation",
        "L’organisation existe, est à jour et a souscrit le contrat d’engagement républicain",
        "Loi n° 2000-321 du 12 avril 2000, art. 9-1 et 10-1",
    ),
    PointDeControle("objectif", "L’action répond à un objectif du contrat", "Contrat de ville, partie 2"),
    PointDeControle(
        "territoire",
        "Elle s’adresse aux habitants d’un quartier prioritaire",
        "Loi n° 2014-173 du 21 février 2014, art. 5",
    ),
    PointDeControle(
        "budget", "Le budget est équilibré et le cofinancement crédible", "Cerfa n° 12156, rubrique 6 (budget)"
    ),
    PointDeControle(
        "bilan",
        "Le bilan de l’an dernier est rendu, s’il y en avait un",
        "Loi n° 2000-321 du 12 avril 2000, art. 10, al. 6",
    ),
    PointDeControle(
        "pieces",
        "Les pièces que l’appel exige sont fournies, lisibles et valables",
        "Cerfa n° 12156, pièces à joindre ; CRPA, art. L.114-5 (une pièce manquante se réclame)",
    ),
)
CODES = frozenset(p.code for p in POINTS)


def tous_verifies() -> dict[str, bool]:
    """Chaque point vérifié.

    Choix du projet : la liste est la même pour toutes les lignes.
    """
    return dict.fromkeys((p.code for p in POINTS), True)


def verifier_points(points: Mapping[str, bool], *, recevable: bool) -> tuple[Faute, ...]:
    """Un point inconnu est refusé ; « recevable » exige que chaque point soit vérifié.

    Choix du projet : ce qui manque se demande (complément) ou se dit (autre conclusion), il ne se passe pas.
    """
    inconnus = sorted(set(points) - CODES)
    if inconnus:
        return (Faute("points", f"Point inconnu : {', '.join(inconnus)}.", "point_inconnu"),)
    manquants = [p.libelle for p in POINTS if not points.get(p.code)]
    if recevable and manquants:
        liste = " ; ".join(manquants)
        phrase = f"Il reste à vérifier : {liste}. Cochez, demandez un complément, ou choisissez une autre conclusion."
        return (Faute("points", phrase, "points_a_verifier"),)
    return ()


def verifier_champ(hors_champ: str | None, *, recevable: bool) -> tuple[Faute, ...]:
    """Une demande hors du champ de sa ligne ne se déclare pas recevable. `hors_champ` : la phrase qui dit pourquoi.

    Source : issue 2, « a town's line is open only to its own fiches ».
    """
    if hors_champ is None or not recevable:
        return ()
    phrase = f"{hors_champ} Concluez « Hors champ de cette ligne », ou demandez un complément au porteur."
    return (Faute("conclusion", phrase, "ligne_hors_champ"),)

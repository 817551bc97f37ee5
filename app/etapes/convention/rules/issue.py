"""Pourquoi une demande notifiée a eu cette suite, d'après les seuls faits : crédits du jour, seuil de la ligne. Pur."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.noyau.euros import Euros


class Explication(StrEnum):
    """Ce que les faits disent d'une suite ; la raison de l'autorité reste celle de sa lettre.

    Choix du projet : issue 4, « credits exhausted or below threshold ».
    """

    ACCORDEE_EN_ENTIER = "accordee_en_entier"
    ACCORDEE_EN_PARTIE = "accordee_en_partie"
    CREDITS_EPUISES = "credits_epuises"
    CREDITS_INSUFFISANTS = "credits_insuffisants"
    SOUS_LE_SEUIL = "sous_le_seuil"
    AUTRE = "autre"

    @property
    def phrase(self) -> str:
        """La phrase montrée à l'association."""
        return PHRASES[self]


PHRASES: dict[Explication, str] = {
    Explication.ACCORDEE_EN_ENTIER: "Le financeur vous accorde tout ce que vous demandiez.",
    Explication.ACCORDEE_EN_PARTIE: "Le financeur vous accorde une partie de ce que vous demandiez.",
    Explication.CREDITS_EPUISES: "Quand cette décision vous a été notifiée, tous les crédits de ce financeur pour "
    "l’année étaient attribués.",
    Explication.CREDITS_INSUFFISANTS: "Quand cette décision vous a été notifiée, les crédits encore libres de ce "
    "financeur ne couvraient pas votre demande.",
    Explication.SOUS_LE_SEUIL: "Votre note est plus basse que celle de tous les dossiers retenus par ce financeur et "
    "déjà notifiés.",
    Explication.AUTRE: "Ni les crédits ni la note n’expliquent seuls cette décision : sa raison est celle que donne "
    "la lettre.",
}


@dataclass(frozen=True, slots=True)
class FaitsIssue:
    """Une demande notifiée. `reste` : crédits libres le jour de la notification (None : pas d'enveloppe).

    `est_sous_le_seuil` : note au plus haut sous celle de tous les retenus ; None si on ne peut pas le dire.
    Choix du projet : issue 4, « outcome explained ».
    """

    demande: Euros
    accorde: Euros
    reste: Euros | None
    est_sous_le_seuil: bool | None


def expliquer_l_issue(faits: FaitsIssue) -> tuple[Explication, ...]:
    """Ce que les faits disent, le plus net d'abord ; jamais vide.

    Choix du projet : issue 4, « credits exhausted or below threshold » ; déduit des faits, jamais supposé.
    """
    if faits.accorde:
        entier = faits.accorde >= faits.demande
        return (Explication.ACCORDEE_EN_ENTIER if entier else Explication.ACCORDEE_EN_PARTIE,)
    trouvees = []
    if faits.reste is not None and faits.reste.centimes <= 0:
        trouvees.append(Explication.CREDITS_EPUISES)
    elif faits.reste is not None and faits.reste < faits.demande:
        trouvees.append(Explication.CREDITS_INSUFFISANTS)
    if faits.est_sous_le_seuil:
        trouvees.append(Explication.SOUS_LE_SEUIL)
    return tuple(trouvees) or (Explication.AUTRE,)

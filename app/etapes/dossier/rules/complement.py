"""Un complément demandé au porteur : attendu jusqu'à son échéance, puis non reçu ; reçu, à temps ou tard. Pur."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum


class EtatComplement(StrEnum):
    """Où en est un complément.

    Attendu, il fait attendre la décision (attribution, refus, irrecevabilité) ; passé son échéance, il ne la bloque
    plus et l'autorité décide avec ce qu'elle a. Une réponse tardive reste reçue, et dite tardive, tant que rien n'est
    décidé sur les lignes qu'il concerne.
    Choix du projet : un porteur qui ne répond pas n'arrête pas la programmation d'une ligne ; un retard n'est pas un
    refus de lire.
    """

    ATTENDU = "attendu"
    NON_RECU = "non_recu"
    RECU = "recu"
    RECU_TARD = "recu_tard"

    @property
    def libelle(self) -> str:
        """Le mot montré aux agents.

        Choix du projet : conception/produit.md (chaque état se dit).
        """
        return {
            "attendu": "complément attendu",
            "non_recu": "complément non reçu dans le délai",
            "recu": "complément reçu",
            "recu_tard": "complément reçu après l’échéance",
        }[self.value]


def etat_du_complement(echeance: datetime, recue: datetime | None, maintenant: datetime) -> EtatComplement:
    """L'état d'un complément à cet instant : à l'échéance pile, il n'est plus attendu.

    Source : conception/architecture.md, décision 13 (échéance = intervalle ouvert à droite).
    """
    if recue is not None:
        return EtatComplement.RECU if recue < echeance else EtatComplement.RECU_TARD
    return EtatComplement.ATTENDU if maintenant < echeance else EtatComplement.NON_RECU


def complement_en_suspens(echeance: datetime | None, maintenant: datetime) -> EtatComplement | None:
    """Ce qu'une demande attend encore : attendu, non reçu, ou None.

    `echeance` : la plus tardive des compléments restés sans réponse qui la concernent ; None s'il n'y en a pas.
    Choix du projet : tant qu'un seul est dans son délai, la décision attend.
    """
    return None if echeance is None else etat_du_complement(echeance, None, maintenant)

"""Ce qui reste sur une ligne, et si elle peut être arrêtée."""

from __future__ import annotations

from dataclasses import dataclass

from app.noyau.erreurs import Faute
from app.noyau.euros import ZERO, Euros


@dataclass(frozen=True, slots=True)
class Solde:
    """L'état d'une ligne. Une proposition n'engage pas : `reste` peut être négatif, et cela se montre.

    Choix du projet : conception/architecture.md, décision 11.
    """

    enveloppe: Euros
    engage: Euros
    propose: Euros

    @property
    def disponible(self) -> Euros:
        """Ce qui n'est pas encore engagé."""
        return self.enveloppe - self.engage

    @property
    def reste(self) -> Euros:
        """Ce qui resterait si tout ce qui est proposé était engagé."""
        return self.disponible - self.propose

    @property
    def est_depasse(self) -> bool:
        """Vrai si les propositions et les engagements dépassent l'enveloppe."""
        return self.reste < ZERO


@dataclass(frozen=True, slots=True)
class Verdict:
    """Possible ou non, et la phrase à montrer.

    Choix du projet : un refus porte toujours son motif.
    """

    possible: bool
    motif: str


def solde(enveloppe: Euros, engage: Euros, propose: Euros) -> Solde:
    """Le solde d'une ligne. `propose` ne reprend pas ce qui est déjà engagé. Lève ValueError si un montant est négatif.

    Choix du projet : conception/architecture.md, décision 11.
    """
    if min(enveloppe, engage, propose) < ZERO:
        raise ValueError("Une enveloppe, un engagement et une proposition ne sont jamais négatifs.")
    return Solde(enveloppe, engage, propose)


def peut_arreter(etat: Solde, *, enveloppe_notifiee: bool, sans_decision: int = 0) -> Verdict:
    """Une ligne s'arrête quand son enveloppe est notifiée, que rien ne la dépasse et qu'aucune demande n'attend.

    `sans_decision` : nombre de demandes de la ligne encore sans issue.

    Choix du projet : conception/produit.md, « Le parcours d'un dossier » ; conception/architecture.md, décision 11.
    """
    if etat.est_depasse:
        return Verdict(
            False,
            f"Il manque {-etat.reste} : il faut réduire des montants avant d’arrêter la ligne, rien n’est coupé seul.",
        )
    if not enveloppe_notifiee:
        return Verdict(
            False, "L’enveloppe est encore prévisionnelle : la ligne s’arrête une fois qu’elle est notifiée."
        )
    if sans_decision:
        demandes = "demande attend" if sans_decision == 1 else "demandes attendent"
        return Verdict(False, f"{sans_decision} {demandes} encore une issue sur cette ligne.")
    return Verdict(True, f"La ligne peut être arrêtée ; il reste {etat.reste}.")


def fautes_du_montant(montant: Euros, demande: Euros) -> tuple[Faute, ...]:
    """Un montant proposé, arbitré ou amendé va de zéro au montant demandé, bornes comprises.

    Choix du projet : issue 6, « Bad input ».
    """
    if montant < ZERO:
        return (Faute("montant", "Un montant n’est jamais négatif.", "montant_negatif"),)
    if montant > demande:
        return (Faute("montant", f"Le montant dépasse les {demande} demandés.", "montant_au_dessus_de_la_demande"),)
    return ()

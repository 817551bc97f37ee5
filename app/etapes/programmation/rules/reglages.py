"""Ce qu'une personne règle avant de simuler : pas des montants, verrous, seuils de viabilité."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.etapes.programmation.rules.probleme import PAS, NatureVerrou, Verrou
from app.noyau.euros import Euros


@dataclass(frozen=True, slots=True)
class Reglages:
    """Les volontés posées sur une simulation. `viabilite` : dossier → total sous lequel il ne se fait pas.

    Choix du projet : conception/produit.md, point 3 (« chacun verrouille ce qu'il veut et on recalcule »).
    """

    pas: Euros = PAS
    verrous: tuple[Verrou, ...] = ()
    viabilite: Mapping[str, Euros] = field(default_factory=dict)

    def en_donnees(self) -> dict[str, Any]:
        """La forme gardée avec le scénario : JSON, montants en centimes."""
        return {
            "pas_centimes": self.pas.centimes,
            "verrous": [
                {
                    "dossier": v.dossier,
                    "ligne": v.ligne,
                    "nature": v.nature.value,
                    "montant_centimes": None if v.montant is None else v.montant.centimes,
                }
                for v in self.verrous
            ],
            "viabilite": {dossier: montant.centimes for dossier, montant in sorted(self.viabilite.items())},
        }


def reglages_de(donnees: Mapping[str, Any]) -> Reglages:
    """L'inverse d'`en_donnees` : relit ce qui a été gardé.

    Choix du projet : un scénario est figé et se rejoue (conception/exemples.md, « Un scénario est figé »).
    """
    return Reglages(
        pas=Euros(donnees["pas_centimes"]),
        verrous=tuple(
            Verrou(
                dossier=v["dossier"],
                ligne=v["ligne"],
                nature=NatureVerrou(v["nature"]),
                montant=None if v["montant_centimes"] is None else Euros(v["montant_centimes"]),
            )
            for v in donnees["verrous"]
        ),
        viabilite={dossier: Euros(centimes) for dossier, centimes in donnees["viabilite"].items()},
    )

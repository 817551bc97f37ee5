"""Figer un scénario : son résultat en JSON exact (centimes entiers, fractions écrites), avec les faits qu'il a lus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from app.etapes.programmation.rules.equite import (
    Financement,
    Part,
    concentration,
    par_commune,
    par_objectif,
    par_quartier,
)
from app.etapes.programmation.rules.probleme import Probleme
from app.etapes.programmation.rules.simulation import Scenario


@dataclass(frozen=True, slots=True)
class Repere:
    """À quoi un dossier se rattache : son porteur, les quartiers de ses bénéficiaires, son objectif, ses communes.

    Choix du projet : conception/produit.md, point 14 (équité territoriale).
    """

    porteur: str
    quartiers: tuple[str, ...]
    objectif: str
    communes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attendus:
    """Les repères à montrer même s'ils ne reçoivent rien : un quartier oublié doit se voir.

    Choix du projet : conception/produit.md, point 14 (équité territoriale).
    """

    quartiers: tuple[str, ...] = ()
    objectifs: tuple[str, ...] = ()
    communes: tuple[str, ...] = ()


def _fraction(valeur: Fraction | None) -> str | None:
    return None if valeur is None else str(valeur)


def _parts(parts: Iterable[Part]) -> list[dict[str, Any]]:
    return [{"repere": p.repere, "montant_centimes": p.montant.centimes, "dossiers": p.dossiers} for p in parts]


def _equite(financements: list[Financement], attendus: Attendus) -> dict[str, Any]:
    resserrement = concentration(financements)
    return {
        "quartiers": _parts(par_quartier(financements, attendus.quartiers)),
        "objectifs": _parts(par_objectif(financements, attendus.objectifs)),
        "communes": _parts(par_commune(financements, attendus.communes)),
        "concentration": None
        if resserrement is None
        else {
            "porteurs": resserrement.porteurs,
            "premier": str(resserrement.premier),
            "cinq_premiers": str(resserrement.cinq_premiers),
            "indice": str(resserrement.indice),
        },
    }


def figer(
    probleme: Probleme, scenario: Scenario, reperes: Mapping[str, Repere], attendus: Attendus = Attendus()
) -> dict[str, Any]:
    """Le résultat d'une simulation et les faits lus, sans flottant : il se relit à l'identique des années après.

    `reperes` : un par dossier du problème ; lève KeyError s'il en manque un.

    Source : conception/exemples.md (« Un scénario est figé ») ; issue 6, « Assisted ».
    """
    montants = {(m.dossier, m.ligne): m.montant for m in scenario.montants}
    financements = [
        Financement(
            m.dossier, r.porteur, m.montant, quartiers=r.quartiers, objectif=r.objectif, communes=r.communes
        )
        for m in scenario.montants
        if m.montant and (r := reperes[m.dossier])
    ]  # fmt: skip
    return {
        "statut": scenario.statut.value,
        "montants": [
            {
                "dossier": d.dossier,
                "ligne": d.ligne,
                "demande_centimes": d.demande.centimes,
                "note_basse": str(d.note_basse),
                "note_haute": str(d.note_haute),
                "montant_centimes": montants[d.couple].centimes if d.couple in montants else None,
            }
            for d in probleme.demandes
        ],
        "soldes": [
            {
                "ligne": ligne,
                "enveloppe_centimes": s.enveloppe.centimes,
                "engage_centimes": s.engage.centimes,
                "propose_centimes": s.propose.centimes,
                "reste_centimes": s.reste.centimes,
            }
            for ligne, s in sorted(scenario.soldes.items())
        ],
        "objectif": _fraction(scenario.objectif),
        "borne": _fraction(scenario.borne),
        "ecart": _fraction(scenario.ecart),
        "serrent": list(scenario.serrent),
        "conflit": list(scenario.conflit),
        "signalements": [
            {"dossier": s.dossier, "ligne": s.ligne, "message": s.message} for s in scenario.signalements
        ],
        "equite": _equite(financements, attendus),
        "solveur": scenario.solveur,
        "noeuds": scenario.noeuds,
        "reproductible": scenario.reproductible,
    }  # fmt: skip

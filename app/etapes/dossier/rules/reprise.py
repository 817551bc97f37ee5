"""Repartir d'un dossier précédent : ce qui se recopie, ce qui devient « l'an dernier », ce qui se redemande."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.etapes.dossier.rules.champs import CHAMPS, Forme, Section
from app.etapes.dossier.rules.lecture import Domaines, Valeur, lire_json
from app.noyau.euros import Euros

NON_RECOPIES = frozenset({"debut", "fin", "duree", "demandes", "precedents", "renouvelle", "numero_dauphin"})


@dataclass(frozen=True, slots=True)
class DemandePassee:
    """Une demande du dossier qu'on renouvelle."""

    ligne: str
    annee: int
    demande: Euros


def valeurs_reprises(
    contenu: Mapping[str, Any], numero: str, passees: Iterable[DemandePassee], annee: int, domaines: Domaines
) -> dict[str, Valeur]:
    """Les valeurs du nouveau brouillon. Un code que la version actuelle du contrat ne connaît plus n'est pas recopié.

    Dates, montants, attestations et numéro Dauphin se redonnent ; les montants d'avant deviennent la colonne N-1.
    Choix du projet : conception/produit.md (« repartir du dossier de l'an dernier »).
    """
    rendu: dict[str, Valeur] = {}
    for c in CHAMPS:
        if c.code in NON_RECOPIES or c.section is Section.ATTESTATIONS:
            continue
        brut = contenu.get(c.code)
        if c.forme is Forme.CODES and isinstance(brut, list):
            brut = [code for code in brut if lire_json(c, [code], domaines)[1] == ()]
        valeur, fautes = lire_json(c, brut, domaines)
        if valeur is not None and not fautes:
            rendu[c.code] = valeur
    precedents: list[dict[str, str | int | bool]] = [
        {"ligne": p.ligne, "demande": p.demande.centimes}
        for p in passees
        if p.annee == annee - 1 and domaines.admet("lignes", p.ligne)
    ]
    if precedents:
        rendu["precedents"] = precedents
    rendu["renouvelle"] = numero
    return rendu

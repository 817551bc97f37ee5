"""Repartir d'un dossier précédent : ce qui se recopie, ce qui devient « l'an dernier », ce qui se redemande."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.etapes.dossier.rules.champs import CHAMPS
from app.etapes.dossier.rules.formes import Forme, Section
from app.etapes.dossier.rules.lecture import Domaines, Valeur, lire_json
from app.noyau.erreurs import Faute
from app.noyau.euros import Euros

NON_RECOPIES = frozenset(
    {
        "debut", "fin", "duree", "demandes", "precedents", "renouvelle", "numero_dauphin", "frequence",
        "annees_suivantes", "annees_budget", "exercice_debut", "exercice_fin",
    }
)  # fmt: skip
"""Ce qui se redonne chaque année."""


ACCORDE = "accorde:"
"""Début du code d'un fait : ce qu'une autorité a accordé, écrit quand elle le notifie."""


def code_accorde(ligne: str, annee: int) -> str:
    """Le code du fait « accordé » d'une ligne et d'une année.

    Choix du projet : conception/architecture.md (« un fait remonte par écriture, jamais par lecture »).
    """
    return f"{ACCORDE}{ligne}:{annee}"


@dataclass(frozen=True, slots=True)
class DemandePassee:
    """Une demande du dossier qu'on renouvelle ; `accorde` : None tant que l'autorité n'a pas notifié.

    Choix du projet : conception/produit.md (montants « accordé et dépensé en N-1 »).
    """

    ligne: str
    annee: int
    demande: Euros
    accorde: Euros | None = None


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
        {"ligne": ligne, **montants}
        for ligne, montants in montants_connus(passees, annee).items()
        if domaines.admet("lignes", ligne)
    ]
    if precedents:
        rendu["precedents"] = precedents
    rendu["renouvelle"] = numero
    return rendu


def montants_connus(passees: Iterable[DemandePassee], annee: int) -> dict[str, dict[str, int]]:
    """Ligne → ce que le service sait de l'année d'avant : le demandé, et l'accordé s'il est notifié (centimes).

    Choix du projet : conception/produit.md (montants « accordé et dépensé en N-1 »).
    """
    return {
        p.ligne: {"demande": p.demande.centimes} | ({} if p.accorde is None else {"accorde": p.accorde.centimes})
        for p in passees
        if p.annee == annee - 1
    }


def avec_le_connu(
    saisis: Sequence[Mapping[str, Any]], connus: Mapping[str, Mapping[str, int]]
) -> tuple[list[dict[str, str | int | bool]], tuple[Faute, ...]]:
    """Les rangées « l'an dernier » complétées par ce que le service connaît ; une faute par montant contredit.

    Le porteur ne remplit que ce que le service ne sait pas (le dépensé ; l'accordé d'un dossier d'ailleurs).
    Choix du projet : conception/produit.md (« ne pas ressaisir »).
    """
    rendu: list[dict[str, str | int | bool]] = []
    fautes = []
    for rang, saisie in enumerate(saisis):
        sus = connus.get(str(saisie.get("ligne")), {})
        for colonne, centimes in sus.items():
            if saisie.get(colonne) not in (None, centimes):
                phrase = f"Le service connaît ce montant ({Euros(centimes)}) : laissez-le."
                fautes.append(Faute(f"precedents.{rang}.{colonne}", phrase, "montant_connu"))
        rendu.append({cle: v for cle, v in saisie.items() if v is not None} | dict(sus))
    deja = {str(r.get("ligne")) for r in saisis}
    rendu.extend({"ligne": ligne, **sus} for ligne, sus in connus.items() if ligne not in deja)
    return rendu, tuple(fautes)

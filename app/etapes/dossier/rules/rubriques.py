"""Ce qui s'imprime d'une demande : des rubriques, leurs questions, leurs textes, leurs tableaux ; à plat en tableur."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.etapes.dossier.rules.clair import VIDE
from app.etapes.dossier.rules.tableau_budget import LigneBudget
from app.noyau.euros import Euros
from app.noyau.periodes import date_longue

NON_DIT = "Non renseigné"


@dataclass(frozen=True, slots=True)
class Tableau:
    """Un tableau d'une rubrique. `nombres` : rangs (dès 0) des colonnes de chiffres ; `montants` : ce qu'un tableur en
    garde, s'il ne se lit pas ligne à ligne."""

    titre: str
    entetes: tuple[str, ...]
    lignes: tuple[tuple[str, ...], ...]
    nombres: tuple[int, ...] = ()
    montants: tuple[LigneBudget, ...] = ()


@dataclass(frozen=True, slots=True)
class Rubrique:
    """Une rubrique : des questions et leurs réponses courtes, des textes, des tableaux."""

    titre: str
    paires: tuple[tuple[str, str], ...] = ()
    textes: tuple[tuple[str, str], ...] = ()
    tableaux: tuple[Tableau, ...] = ()


def part(source: Mapping[str, Any] | None, **libelles: str) -> tuple[tuple[str, str], ...]:
    """(libellé, texte) des clés remplies, dans l'ordre donné.

    Choix du projet : une case vide ne s'imprime pas.
    """
    return tuple((mot, dire(source[cle])) for cle, mot in libelles.items() if source and source.get(cle) not in VIDES)


VIDES: tuple[object, ...] = (None, "", [])


def dire(valeur: object) -> str:
    """Une valeur de la fiche en clair : oui, non, une date en toutes lettres, un texte.

    Choix du projet : langue simple (conception/produit.md).
    """
    if isinstance(valeur, bool):
        return "Oui" if valeur else "Non"
    texte = str(valeur)
    try:
        return date_longue(date.fromisoformat(texte)) if len(texte) == 10 else texte
    except ValueError:
        return texte


def ligne_dite(titre: str, entetes: tuple[str, ...], ligne: tuple[str, ...], sauf: Iterable[int] = ()) -> str:
    """« Titre — Entête : case ; Entête : case » : chaque case garde le nom de sa colonne ; une vide ne décale rien.

    Choix du projet : une ligne de tableur se comprend seule.
    """
    dites = [
        f"{e} : {t}"
        for n, (e, t) in enumerate(zip(entetes, ligne, strict=True))
        if n not in sauf and t not in ("", VIDE)
    ]
    return " — ".join(x for x in (titre, " ; ".join(dites)) if x)


def titrer(titre: str, r: Rubrique) -> Rubrique:
    """La même, sous ce titre.

    Source : reference/domaine.md § 2.4 (le portail nomme ses écrans autrement que le Cerfa).
    """
    return Rubrique(titre, r.paires, r.textes, r.tableaux)


def fondre(*rubriques: Rubrique) -> Rubrique:
    """Plusieurs rubriques en une, sans titre.

    Source : reference/domaine.md § 2.4 (un écran du portail réunit plusieurs rubriques du Cerfa).
    """
    return Rubrique(
        "",
        tuple(p for r in rubriques for p in r.paires),
        tuple(t for r in rubriques for t in r.textes),
        tuple(t for r in rubriques for t in r.tableaux),
    )


LigneAPlat = tuple[str, str, str, str, str, Euros | None]


def a_plat(rubriques: Iterable[Rubrique]) -> tuple[LigneAPlat, ...]:
    """(rubrique, sens, code, libellé, réponse, montant) : le tout en tableur, une réponse ou un montant par rangée.

    `sens` : dépense, recette, emploi ou ressource, d'une ligne de budget seulement ; `code` : celui du portail.
    Source : reference/domaine.md § 2.4 (« prévoir import/export tableur »).
    """
    lignes: list[LigneAPlat] = []
    for r in rubriques:
        lignes += [(r.titre, "", "", question, reponse, None) for question, reponse in (*r.paires, *r.textes)]
        for t in r.tableaux:
            if t.montants:
                lignes += [(r.titre, m.sens, m.code, m.libelle, "", Euros(m.centimes)) for m in t.montants]
            else:
                dites = (ligne_dite("", t.entetes, ligne) for ligne in t.lignes)
                lignes += [(r.titre, "", "", t.titre, dite, None) for dite in dites]
    return tuple(lignes)

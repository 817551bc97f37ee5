"""Le budget tel qu'on l'imprime : dépenses et recettes face à face, par poste puis par ligne, totaux compris."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from app.etapes.dossier.rules.comptes import (
    CHARGES,
    EMPLOIS_VOLONTAIRES,
    PRODUITS,
    RESSOURCES_VOLONTAIRES,
    Poste,
    est_volontaire,
    poste_de,
)
from app.noyau.euros import Euros

Cote = list[tuple[str, str]]
Ligne = tuple[str, str, str, str]
ENTETES = ("Charges", "Montant", "Produits", "Montant")


def _par_poste(rangees: Sequence[Mapping[str, Any]], postes: Iterable[Poste]) -> Cote:
    """Chaque poste utilisé et son total, puis ses lignes."""
    rendu: Cote = []
    for poste in postes:
        siennes = [r for r in rangees if poste_de(str(r.get("compte"))) == poste.code]
        if not siennes:
            continue
        rendu.append((poste.intitule, str(_somme(siennes))))
        mots = dict(poste.options)
        for r in siennes:
            nom = mots[str(r["compte"])] if r["compte"] != poste.code else ""
            precision = str(r.get("libelle", ""))
            statut = {"acquis": " (acquis)", "sollicite": " (sollicité)"}.get(str(r.get("statut", "")), "")
            detail = " : ".join(t for t in (nom, precision) if t)
            if detail:
                rendu.append((f"— {detail}{statut}", str(Euros(int(r["montant"])))))
    return rendu


def _somme(rangees: Iterable[Mapping[str, Any]]) -> Euros:
    return Euros.somme(Euros(int(r.get("montant", 0))) for r in rangees)


def tableau(
    charges: Sequence[Mapping[str, Any]],
    produits: Sequence[Mapping[str, Any]],
    emplois: Sequence[Mapping[str, Any]],
    ressources: Sequence[Mapping[str, Any]],
) -> tuple[Ligne, ...]:
    """Les lignes du tableau (charge, montant, produit, montant), totaux du formulaire compris.

    Source : Cerfa 12156*06, rubriques 5 et 6 ; reference/domaine.md § 1.4.
    """
    payees, recues = _par_poste(charges, CHARGES), _par_poste(produits, PRODUITS)
    lignes: list[Ligne] = [(*c, *p) for c, p in zip_longest(payees, recues, fillvalue=("", ""))]
    total_charges, total_produits = _somme(charges), _somme(produits)
    lignes.append(("Total des charges", str(total_charges), "Total des produits", str(total_produits)))
    if emplois or ressources:
        donnees, apportees = _par_poste(emplois, EMPLOIS_VOLONTAIRES), _par_poste(ressources, RESSOURCES_VOLONTAIRES)
        lignes += [(*c, *p) for c, p in zip_longest(donnees, apportees, fillvalue=("", ""))]
        generaux = (str(total_charges + _somme(emplois)), str(total_produits + _somme(ressources)))
        lignes.append(("Total général", generaux[0], "Total général", generaux[1]))
    return tuple(lignes)


def de_l_action(contenu: Mapping[str, Any], annee: int, financeurs: Mapping[str, str]) -> tuple[Ligne, ...]:
    """Le budget de l'action : les montants demandés aux lignes du contrat y sont des subventions sollicitées (74).

    `financeurs` : code de ligne → nom. Source : Cerfa 12156*06, rubrique 6.
    """
    demandes = [
        {"compte": "74", "libelle": financeurs.get(str(d["ligne"]), str(d["ligne"])), "montant": d["montant"],
         "statut": "sollicite"}
        for d in contenu.get("demandes") or ()
        if d.get("annee") == annee
    ]  # fmt: skip
    return tableau(
        contenu.get("budget_charges") or (),
        [*demandes, *(contenu.get("budget_produits") or ())],
        contenu.get("emplois_volontaires") or (),
        contenu.get("ressources_volontaires") or (),
    )


def de_l_organisation(contenu: Mapping[str, Any]) -> tuple[Ligne, ...]:
    """Le budget prévisionnel de l'organisation ; vide s'il n'est pas donné.

    Source : Cerfa 12156*06, rubrique 5.
    """
    charges, produits = contenu.get("asso_charges") or (), contenu.get("asso_produits") or ()
    if not charges and not produits:
        return ()
    return tableau(
        [r for r in charges if not est_volontaire(str(r.get("compte")))],
        [r for r in produits if not est_volontaire(str(r.get("compte")))],
        [r for r in charges if est_volontaire(str(r.get("compte")))],
        [r for r in produits if est_volontaire(str(r.get("compte")))],
    )

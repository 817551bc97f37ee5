"""Le budget tel qu'on l'imprime : dépenses et recettes face à face, par poste puis par ligne, totaux compris."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from app.etapes.dossier.rules.budgets_annexes import AnneeSuivante
from app.etapes.dossier.rules.comptes import (
    CHARGES,
    CHARGES_ORGANISATION,
    EMPLOIS_VOLONTAIRES,
    PRODUITS,
    PRODUITS_ORGANISATION,
    RESSOURCES_VOLONTAIRES,
    SUBVENTIONS,
    Poste,
    code_actuel,
    est_volontaire,
    poste_de,
)
from app.noyau.euros import ZERO, Euros

Rangees = Sequence[Mapping[str, Any]]
Cote = list[tuple[str, str]]
Ligne = tuple[str, str, str, str]
ENTETES = ("Charges", "Montant", "Produits", "Montant")
DEPENSE, RECETTE, EMPLOI, RESSOURCE = "dépense", "recette", "emploi", "ressource"
_STATUTS = {"acquis": " (acquis)", "sollicite": " (sollicité)"}


@dataclass(frozen=True, slots=True)
class LigneBudget:
    """Une ligne de budget pour un tableur : de quel côté, à quel compte, quoi, combien (en centimes)."""

    sens: str
    code: str
    libelle: str
    centimes: int


@dataclass(frozen=True, slots=True)
class BudgetEcrit:
    """Un budget imprimable : `lignes` du tableau face à face, `montants` un par ligne saisie, sans total."""

    lignes: tuple[Ligne, ...] = ()
    montants: tuple[LigneBudget, ...] = ()


@dataclass(frozen=True, slots=True)
class _Cotes:
    """Un côté du budget : son sens, ses postes, ses rangées."""

    sens: str
    postes: tuple[Poste, ...]
    rangees: Rangees

    @property
    def total(self) -> Euros:
        return Euros.somme(Euros(int(r.get("montant", 0))) for r in self.rangees)

    def par_poste(self) -> list[tuple[Poste, Rangees]]:
        """Chaque poste utilisé et ses rangées."""
        siennes = [
            (poste, [r for r in self.rangees if poste_de(str(r.get("compte"))) == poste.code]) for poste in self.postes
        ]
        return [(poste, rangees) for poste, rangees in siennes if rangees]

    def imprime(self) -> Cote:
        """Chaque poste et son total, puis ses lignes."""
        rendu: Cote = []
        for poste, rangees in self.par_poste():
            rendu.append((poste.intitule, str(_Cotes(self.sens, (), rangees).total)))
            for r in rangees:
                detail = " : ".join(t for t in (poste.mot(str(r["compte"])), str(r.get("libelle", ""))) if t)
                if detail or _statut(r):
                    rendu.append((f"— {detail or 'sans précision'}{_statut(r)}", str(Euros(int(r["montant"])))))
        return rendu

    def montants(self) -> list[LigneBudget]:
        """Un montant par rangée, à son code du portail."""
        return [
            LigneBudget(self.sens, code_actuel(str(r["compte"])), _nommer(poste, r), int(r["montant"]))
            for poste, rangees in self.par_poste()
            for r in rangees
        ]


def _statut(rangee: Mapping[str, Any]) -> str:
    return _STATUTS.get(str(rangee.get("statut", "")), "")


def _nommer(poste: Poste, rangee: Mapping[str, Any]) -> str:
    """« 60 Achats », « 601 Achats matières : Livres », « 74 Subventions d’exploitation : CAF (sollicité) »."""
    nom = poste.mot(str(rangee["compte"])) or poste.intitule
    return " : ".join(t for t in (nom, str(rangee.get("libelle", ""))) if t) + _statut(rangee)


def _face_a_face(gauche: Cote, droite: Cote) -> list[Ligne]:
    return [(*c, *p) for c, p in zip_longest(gauche, droite, fillvalue=("", ""))]


def tableau(
    charges: Rangees,
    produits: Rangees,
    emplois: Rangees,
    ressources: Rangees,
    postes: tuple[tuple[Poste, ...], tuple[Poste, ...]] = (CHARGES, PRODUITS),
) -> BudgetEcrit:
    """Les lignes du tableau (charge, montant, produit, montant), totaux du formulaire compris.

    `postes` : la nomenclature des charges et celle des produits, de l'action ou de l'organisation.
    Source : Cerfa 12156*06, rubriques 5 et 6 ; reference/domaine.md § 1.4.
    """
    payees, recues = _Cotes(DEPENSE, postes[0], charges), _Cotes(RECETTE, postes[1], produits)
    donnees = _Cotes(EMPLOI, EMPLOIS_VOLONTAIRES, emplois)
    apportees = _Cotes(RESSOURCE, RESSOURCES_VOLONTAIRES, ressources)
    lignes = _face_a_face(payees.imprime(), recues.imprime())
    lignes.append(("Total des charges", str(payees.total), "Total des produits", str(recues.total)))
    if emplois or ressources:
        lignes += _face_a_face(donnees.imprime(), apportees.imprime())
        generaux = (str(payees.total + donnees.total), str(recues.total + apportees.total))
        lignes.append(("Total général", generaux[0], "Total général", generaux[1]))
    return BudgetEcrit(
        tuple(lignes), tuple(m for cote in (payees, recues, donnees, apportees) for m in cote.montants())
    )


def subventions_demandees(
    contenu: Mapping[str, Any], annee: int, financeurs: Mapping[str, str], comptes: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Ce qui est demandé aux lignes du contrat pour une année : des subventions sollicitées, chacune à son compte 74.

    `financeurs` : code de ligne → nom ; `comptes` : code de ligne → compte (74etat, 74epci, 74com).
    Source : Cerfa 12156*06, rubrique 6 ; reference/domaine.md § 1.4.
    """
    return [
        {
            "compte": comptes.get(str(d["ligne"]), SUBVENTIONS),
            "libelle": financeurs.get(str(d["ligne"]), str(d["ligne"])),
            "montant": d["montant"],
            "statut": "sollicite",
        }
        for d in contenu.get("demandes") or ()
        if d.get("annee") == annee
    ]


def _sans_autre(postes: tuple[Poste, ...]) -> tuple[Poste, ...]:
    """Les mêmes postes, le 74 sous les noms du portail : avec les lignes du contrat, aucune commune n'est « autre »."""
    officiel = next(p for p in PRODUITS_ORGANISATION if p.code == SUBVENTIONS)
    return tuple(officiel if p.code == SUBVENTIONS else p for p in postes)


_DE_L_ACTION = (CHARGES, _sans_autre(PRODUITS))


def de_l_action(
    contenu: Mapping[str, Any], annee: int, financeurs: Mapping[str, str], comptes: Mapping[str, str]
) -> BudgetEcrit:
    """Le budget de l'action : les montants demandés aux lignes du contrat y sont des subventions sollicitées (74).

    `financeurs` : code de ligne → nom ; `comptes` : code de ligne → compte.
    Source : Cerfa 12156*06, rubrique 6.
    """
    return tableau(
        contenu.get("budget_charges") or (),
        [*subventions_demandees(contenu, annee, financeurs, comptes), *(contenu.get("budget_produits") or ())],
        contenu.get("emplois_volontaires") or (),
        contenu.get("ressources_volontaires") or (),
        _DE_L_ACTION,
    )


def d_une_annee_suivante(suite: AnneeSuivante, demandees: Rangees) -> BudgetEcrit:
    """Le budget d'une année suivante : par poste si le détail est donné, sinon le seul total du côté qui n'en a pas.

    Source : contrat, l. 1756-1758 (CPO de deux ou trois ans) ; reference/domaine.md § 1.4.
    """
    d = suite.detail
    postes = (
        _total_seul(CHARGES, "Dépenses, sans détail", d.charges),
        _total_seul(_DE_L_ACTION[1], "Autres recettes, sans détail", d.produits),
    )
    charges = d.charges or _en_une_rangee(suite.charges)
    return tableau(
        charges, [*demandees, *(d.produits or _en_une_rangee(suite.produits_autres))], d.emplois, d.ressources, postes
    )


_SANS_DETAIL = ""


def _total_seul(postes: tuple[Poste, ...], libelle: str, detail: Rangees) -> tuple[Poste, ...]:
    return postes if detail else (*postes, Poste(_SANS_DETAIL, libelle, ()))


def _en_une_rangee(montant: Euros) -> Rangees:
    return [{"compte": _SANS_DETAIL, "montant": montant.centimes}] if montant != ZERO else []


def de_l_organisation(contenu: Mapping[str, Any]) -> BudgetEcrit:
    """Le budget prévisionnel de l'organisation ; sans ligne s'il n'est pas donné.

    Source : Cerfa 12156*06, rubrique 5.
    """
    charges, produits = contenu.get("asso_charges") or (), contenu.get("asso_produits") or ()
    if not charges and not produits:
        return BudgetEcrit()
    return tableau(
        [r for r in charges if not est_volontaire(str(r.get("compte")))],
        [r for r in produits if not est_volontaire(str(r.get("compte")))],
        [r for r in charges if est_volontaire(str(r.get("compte")))],
        [r for r in produits if est_volontaire(str(r.get("compte")))],
        (CHARGES_ORGANISATION, PRODUITS_ORGANISATION),
    )

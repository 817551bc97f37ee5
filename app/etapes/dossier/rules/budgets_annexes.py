"""Les deux autres budgets d'une demande : celui des années suivantes d'une CPO, celui de l'organisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.etapes.dossier.rules.budget import Budget, statuts_manquants
from app.etapes.dossier.rules.comptes import (
    CHARGES,
    EMPLOIS_VOLONTAIRES,
    PRODUITS,
    est_volontaire,
    poste_de,
)
from app.noyau.erreurs import Faute
from app.noyau.euros import ZERO, Euros
from app.noyau.periodes import ajouter_mois

EXERCICE_MAX_MOIS = 18


_CHARGES, _PRODUITS, _EMPLOIS = (
    frozenset(p.code for p in postes) for postes in (CHARGES, PRODUITS, EMPLOIS_VOLONTAIRES)
)
Rangees = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Detail:
    """Le budget d'une année suivante par poste, s'il est donné : quatre côtés, rangées « compte, libellé, montant »."""

    charges: Rangees = ()
    produits: Rangees = ()
    emplois: Rangees = ()
    ressources: Rangees = ()


@dataclass(frozen=True, slots=True)
class AnneeSuivante:
    """Une année d'après dans une demande de plusieurs années ; `demande` : aux lignes du contrat, cette année-là."""

    annee: int
    actions: str
    charges: Euros
    produits_autres: Euros
    demande: Euros
    detail: Detail = Detail()

    @property
    def produits(self) -> Euros:
        """Total des recettes de l'année."""
        return self.produits_autres + self.demande

    @property
    def ecart(self) -> Euros:
        """Recettes moins dépenses."""
        return self.produits - self.charges


def lire_annees(contenu: Mapping[str, Any], budget: Budget) -> tuple[AnneeSuivante, ...]:
    """Les années suivantes telles que saisies ; une rangée sans année n'y est pas.

    Source : conception/produit.md n° 6 (conventions pluriannuelles d'objectifs).
    """
    return tuple(
        AnneeSuivante(
            int(r["annee"]),
            str(r.get("actions", "")),
            Euros(int(r.get("charges", 0))),
            Euros(int(r.get("produits", 0))),
            budget.demande_en(int(r["annee"])),
            lire_detail(contenu, int(r["annee"])),
        )
        for r in contenu.get("annees_suivantes") or ()
        if "annee" in r
    )


def lire_detail(contenu: Mapping[str, Any], annee: int) -> Detail:
    """Le budget par poste d'une année suivante ; vide s'il n'est pas donné.

    Source : contrat, l. 1756-1758 (CPO de deux ou trois ans) ; reference/domaine.md § 1.4.
    """
    siennes = [r for r in contenu.get("annees_budget") or () if r.get("annee") == annee]
    payees = [r for r in siennes if not est_volontaire(str(r.get("compte")))]
    donnees = [r for r in siennes if est_volontaire(str(r.get("compte")))]
    return Detail(
        [r for r in payees if poste_de(str(r.get("compte"))) in _CHARGES],
        [r for r in payees if poste_de(str(r.get("compte"))) in _PRODUITS],
        [r for r in donnees if poste_de(str(r.get("compte"))) in _EMPLOIS],
        [r for r in donnees if poste_de(str(r.get("compte"))) not in _EMPLOIS],
    )


def _ecarts_du_detail(a: AnneeSuivante) -> list[str]:
    """Ce qui, dans le détail d'une année, ne tombe pas juste ; un côté sans détail n'est pas jugé."""
    d, phrases = a.detail, []
    for rangees, mot, total in ((d.charges, "dépenses", a.charges), (d.produits, "autres recettes", a.produits_autres)):
        somme, _ = totaux(rangees)
        if rangees and somme != total:
            phrases.append(f"{a.annee} : le détail des {mot} fait {somme}, le total annoncé est {total}.")
    emplois, ressources = totaux(d.emplois)[1], totaux(d.ressources)[1]
    if emplois != ressources:
        phrases.append(
            f"{a.annee} : les contributions volontaires doivent être égales, {emplois} (86) et {ressources} (87)."
        )
    return phrases


def verifier_detail(contenu: Mapping[str, Any], budget: Budget, duree: int) -> tuple[Faute, ...]:
    """Le détail par poste d'une année suivante, s'il est donné : de ses années, égal aux totaux, 86 égal à 87.

    Source : reference/domaine.md § 1.4 (« Règles testables »).
    Choix du projet : les deux totaux de l'année suffisent à déposer ; le détail, qu'une petite association ne connaît
    pas deux ans d'avance, est facultatif, et s'accorde avec eux quand il est donné.
    """
    attendues = range(budget.annee + 1, budget.annee + duree)
    fautes = [
        Faute(f"annees_budget.{rang}.annee", f"L’année {r['annee']} n’est pas une année suivante.", "annee_hors_duree")
        for rang, r in enumerate(contenu.get("annees_budget") or ())
        if r.get("annee", attendues.start) < attendues.start
    ]
    phrases = [p for a in lire_annees(contenu, budget) if a.annee in attendues for p in _ecarts_du_detail(a)]
    if phrases:
        fautes.append(Faute("annees_budget", " ".join(phrases), "detail_inegal"))
    return (*fautes, *statuts_manquants(contenu, "annees_budget"))


def verifier_annees(contenu: Mapping[str, Any], budget: Budget, duree: int) -> tuple[Faute, ...]:
    """Une rangée par année suivante, équilibrée : autres recettes plus demandé égalent dépenses, tolérance zéro.

    Source : reference/domaine.md § 1.4 (« Règles testables ») ; contrat, l. 1756-1758 (CPO de deux ou trois ans).
    """
    attendues = range(budget.annee + 1, budget.annee + duree)
    fautes = []
    lues = lire_annees(contenu, budget)
    for rang, a in enumerate(lues):
        if a.annee >= attendues.stop:
            continue  # la durée a été raccourcie : cette année n'est plus de la demande
        if a.annee not in attendues:
            phrase = f"L’année {a.annee} n’est pas dans la durée demandée."
            fautes.append(Faute(f"annees_suivantes.{rang}.annee", phrase, "annee_hors_duree"))
        elif a.ecart != ZERO:
            manque = f"il manque {-a.ecart}" if a.ecart < ZERO else f"il y a {a.ecart} de trop"
            phrase = f"{a.annee} : {a.produits} de recettes, dont {a.demande} demandés, {manque}."
            fautes.append(Faute(f"annees_suivantes.{rang}.produits", phrase, "budget_desequilibre"))
    absentes = [str(annee) for annee in attendues if annee not in {a.annee for a in lues}]
    if absentes:
        phrase = f"À remplir : ce que vous ferez en {' et '.join(absentes)}, et avec quel budget."
        fautes.append(Faute("annees_suivantes", phrase, "champ_manquant"))
    return tuple(fautes)


def totaux(rangees: Sequence[Mapping[str, Any]]) -> tuple[Euros, Euros]:
    """(total hors contributions volontaires, total des contributions volontaires) de lignes de budget.

    Source : reference/domaine.md § 1.4, « Règles testables ».
    """
    payes = Euros.somme(Euros(int(r.get("montant", 0))) for r in rangees if not est_volontaire(str(r.get("compte"))))
    donnes = Euros.somme(Euros(int(r.get("montant", 0))) for r in rangees if est_volontaire(str(r.get("compte"))))
    return payes, donnes


def verifier_organisation(contenu: Mapping[str, Any]) -> tuple[Faute, ...]:
    """Le budget de l'organisation, s'il est donné : équilibré, 86 égal à 87, exercice d'au plus dix-huit mois.

    Source : reference/domaine.md § 1.3 (rubrique 5) et § 1.4 ; un exercice dure douze mois, dix-huit au plus le premier
    (choix du projet).
    Choix du projet : sur le chemin court il reste facultatif (conception/produit.md). Le décret n° 2016-1971, art. 1er,
    demande des prévisions budgétaires : celles de l'action le sont toujours. Un appel dont le seuil est zéro l'exige de
    tous.
    """
    fautes = []
    debut, fin = contenu.get("exercice_debut"), contenu.get("exercice_fin")
    if debut and fin:
        premier, dernier = date.fromisoformat(debut), date.fromisoformat(fin)
        if dernier <= premier:
            fautes.append(Faute("exercice_fin", "La fin de l’exercice vient après son début.", "dates_inversees"))
        elif dernier > ajouter_mois(premier, EXERCICE_MAX_MOIS):
            phrase = f"Un exercice dure au plus {EXERCICE_MAX_MOIS} mois."
            fautes.append(Faute("exercice_fin", phrase, "exercice_trop_long"))
    if contenu.get("asso_charges") or contenu.get("asso_produits"):
        charges, emplois = totaux(contenu.get("asso_charges") or ())
        produits, ressources = totaux(contenu.get("asso_produits") or ())
        if charges != produits:
            phrase = f"Les recettes ({produits}) doivent égaler les dépenses ({charges})."
            fautes.append(Faute("asso_produits", phrase, "budget_desequilibre"))
        elif emplois != ressources:
            phrase = f"Les contributions volontaires doivent être égales : {emplois} (86) et {ressources} (87)."
            fautes.append(Faute("asso_produits", phrase, "volontaires_desequilibrees"))
    return tuple(fautes)

"""Le budget de l'action : totaux, équilibre, contributions volontaires, montants demandés par ligne et par année."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from app.etapes.dossier.rules.comptes import SUBVENTIONS, poste_de
from app.noyau.erreurs import Faute
from app.noyau.euros import ZERO, Euros


@dataclass(frozen=True, slots=True)
class DemandeSaisie:
    """Un montant demandé à une ligne pour une année."""

    ligne: str
    annee: int
    montant: Euros


@dataclass(frozen=True, slots=True)
class Budget:
    """Les totaux d'un budget d'action. Les montants demandés aux lignes du contrat comptent dans les produits."""

    charges: Euros
    produits_autres: Euros
    produits_acquis: Euros
    produits_sollicites: Euros
    emplois_volontaires: Euros
    ressources_volontaires: Euros
    demandes: tuple[DemandeSaisie, ...]
    annee: int

    @property
    def demande_annee(self) -> Euros:
        """Demandé aux lignes du contrat pour l'année de l'appel."""
        return self.demande_en(self.annee)

    def demande_en(self, annee: int) -> Euros:
        """Demandé aux lignes du contrat pour cette année.

        Source : conception/produit.md (« Montants par ligne et par année »).
        """
        return Euros.somme(d.montant for d in self.demandes if d.annee == annee)

    @property
    def demande_total(self) -> Euros:
        """Demandé aux lignes du contrat, toutes années."""
        return Euros.somme(d.montant for d in self.demandes)

    @property
    def produits(self) -> Euros:
        """Total des produits de l'année, hors contributions volontaires."""
        return self.produits_autres + self.demande_annee

    @property
    def ecart(self) -> Euros:
        """Produits moins charges : zéro quand le budget est équilibré."""
        return self.produits - self.charges

    @property
    def part_demandee(self) -> Fraction | None:
        """Part du demandé dans le total des produits.

        Source : Cerfa 12156*06, rubrique 6 (« représente … % du total des produits du projet »).
        """
        return self.demande_annee.part_de(self.produits)


def _somme(rangees: Sequence[Mapping[str, Any]], statut: str | None = None) -> Euros:
    return Euros(sum([int(r.get("montant", 0)) for r in rangees if statut is None or r.get("statut") == statut]))


def lire_demandes(contenu: Mapping[str, Any]) -> tuple[DemandeSaisie, ...]:
    """Les montants demandés, tels que saisis, dans l'ordre de saisie ; une rangée incomplète n'y est pas.

    Source : conception/produit.md (« Montants par ligne et par année »).
    """
    return tuple(
        DemandeSaisie(str(r["ligne"]), int(r["annee"]), Euros(int(r["montant"])))
        for r in contenu.get("demandes") or ()
        if {"ligne", "annee", "montant"} <= r.keys()
    )


def lire_budget(contenu: Mapping[str, Any], annee: int) -> Budget:
    """Les totaux du budget contenu dans un dossier.

    Source : reference/domaine.md § 1.4 (nomenclature du formulaire unique).
    """
    produits = contenu.get("budget_produits") or ()
    total, acquis = _somme(produits), _somme(produits, "acquis")
    return Budget(
        charges=_somme(contenu.get("budget_charges") or ()),
        produits_autres=total,
        produits_acquis=acquis,
        produits_sollicites=total - acquis,
        emplois_volontaires=_somme(contenu.get("emplois_volontaires") or ()),
        ressources_volontaires=_somme(contenu.get("ressources_volontaires") or ()),
        demandes=lire_demandes(contenu),
        annee=annee,
    )


def verifier_budget(budget: Budget) -> tuple[Faute, ...]:
    """Charges = produits hors 86/87 ; total 86 = total 87 ; tolérance zéro.

    Source : reference/domaine.md § 1.4, « Règles testables ».
    """
    fautes: list[Faute] = []
    if budget.charges == ZERO:
        fautes.append(Faute("budget_charges", "Indiquez les dépenses de l’action.", "budget_vide"))
    elif budget.ecart > ZERO:
        phrase = f"Les recettes dépassent les dépenses de {budget.ecart} : l’un et l’autre doivent être égaux."
        fautes.append(Faute("budget_produits", phrase, "budget_desequilibre"))
    elif budget.ecart < ZERO:
        phrase = f"Il manque {-budget.ecart} de recettes pour couvrir les dépenses."
        fautes.append(Faute("budget_produits", phrase, "budget_desequilibre"))
    if budget.emplois_volontaires != budget.ressources_volontaires:
        phrase = (
            f"Les contributions volontaires doivent être égales : {budget.emplois_volontaires} d’emplois (86), "
            f"{budget.ressources_volontaires} de ressources (87)."
        )
        fautes.append(Faute("ressources_volontaires", phrase, "volontaires_desequilibrees"))
    return tuple(fautes)


def statuts_manquants(contenu: Mapping[str, Any], champ: str) -> tuple[Faute, ...]:
    """Chaque subvention d'un autre financeur, dans cette table, dit si elle est acquise ou sollicitée.

    Sans cela elle compterait comme sollicitée. Une vente, une cotisation, un don n'ont pas de statut à dire.
    Source : Cerfa 12156*06, rubrique 7 (« demandes de subvention déposées auprès d'autres financeurs publics ») ;
    reference/domaine.md § 2.4 (un statut par ligne de financeur).
    """
    phrase = "Dites si cette subvention est acquise ou sollicitée."
    return tuple(
        Faute(f"{champ}.{rang}.statut", phrase, "statut_manquant")
        for rang, r in enumerate(contenu.get(champ) or ())
        if poste_de(str(r.get("compte"))) == SUBVENTIONS and "statut" not in r
    )


def suites_sans_premiere(budget: Budget, annees: range, financeurs: Mapping[str, str]) -> tuple[Faute, ...]:
    """Une année suivante demandée à une ligne à qui rien n'est demandé la première : personne ne la déciderait jamais.

    `financeurs` : code de ligne → nom, pour la phrase.
    Choix du projet : ADR 0008 (les années suivantes se réservent avec la décision de la première).
    """
    premieres = {d.ligne for d in budget.demandes if d.annee == budget.annee}
    return tuple(
        Faute(
            f"demandes.{rang}.ligne",
            f"Demandez d’abord à {financeurs.get(d.ligne, 'ce financeur')} pour {budget.annee} : "
            "une année suivante se réserve avec la première.",
            "suite_sans_premiere",
        )
        for rang, d in enumerate(budget.demandes)
        if d.annee in annees[1:] and d.ligne not in premieres
    )


def demande_trop_haute(budget: Budget) -> tuple[Faute, ...]:
    """La première année ne demande pas aux lignes plus que les dépenses ; les suivantes ont leur propre budget.

    Source : reference/domaine.md § 8 (« financement demandé ≤ coût »).
    """
    if not budget.demande_annee > budget.charges > ZERO:
        return ()
    phrase = f"Vous demandez {budget.demande_annee} pour {budget.charges} de dépenses."
    return (Faute("demandes", phrase, "demande_trop_haute"),)


def verifier_demandes(
    budget: Budget, duree: int, derniere_annee: int, financeurs: Mapping[str, str] | None = None
) -> tuple[Faute, ...]:
    """Au moins un montant par année, positif, une fois par ligne et par année, dans les années de la demande, et pas
    plus que les dépenses. Une CPO finit au plus tard avec le contrat ; ses années suivantes suivent une première.

    Source : contrat, l. 1756-1758 ; conception/produit.md n° 6 (« terme au plus tard fin 2030 »).
    Choix du projet : une année où rien n'est demandé n'est pas de la demande ; le porteur ramène alors la durée.
    """
    fautes: list[Faute] = []
    annees = range(budget.annee, budget.annee + duree)
    if not any(d.annee == budget.annee for d in budget.demandes):
        fautes.append(Faute("demandes", f"Demandez un montant à un financeur pour {budget.annee}.", "rien_demande"))
    elif muettes := [str(a) for a in annees if a <= derniere_annee and budget.demande_en(a) == ZERO]:
        phrase = f"Demandez aussi un montant pour {' et '.join(muettes)}, ou choisissez une durée plus courte."
        fautes.append(Faute("demandes", phrase, "annee_sans_demande"))
    vues: set[tuple[str, int]] = set()
    for rang, d in enumerate(budget.demandes):
        if d.montant <= ZERO:
            fautes.append(Faute(f"demandes.{rang}.montant", "Le montant doit dépasser zéro.", "montant_nul"))
        if d.annee not in annees:
            phrase = f"L’année {d.annee} n’est pas dans la durée demandée ({annees[0]} à {annees[-1]})."
            fautes.append(Faute(f"demandes.{rang}.annee", phrase, "annee_hors_duree"))
        if (d.ligne, d.annee) in vues:
            phrase = "Ce financeur est déjà sollicité pour cette année."
            fautes.append(Faute(f"demandes.{rang}.ligne", phrase, "demande_double"))
        vues.add((d.ligne, d.annee))
    if annees[-1] > derniere_annee:
        phrase = f"Une convention pluriannuelle se termine au plus tard fin {derniere_annee}."
        fautes.append(Faute("duree", phrase, "duree_trop_longue"))
    return (*fautes, *suites_sans_premiere(budget, annees, financeurs or {}), *demande_trop_haute(budget))

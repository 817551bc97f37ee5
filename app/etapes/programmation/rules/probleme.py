"""Le problème posé à la simulation : demandes, enveloppes, seuils, verrous. Des faits figés, contrôlés à l'entrée."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from app.noyau.erreurs import Faute, SaisieInvalide
from app.noyau.euros import ZERO, Euros

Couple = tuple[str, str]  # (dossier, ligne)


PAS = Euros.de(100)


class NatureVerrou(StrEnum):
    """Ce qu'une personne impose à la simulation.

    Source : issue 6, « human locks (must, must not, exact amount, at least) ».
    """

    DOIT = "doit"
    NE_DOIT_PAS = "ne_doit_pas"
    EXACT = "exact"
    AU_MOINS = "au_moins"


@dataclass(frozen=True, slots=True)
class Verrou:
    """Une volonté humaine sur une demande, ou sur un dossier toutes lignes confondues (`ligne` None).

    `montant` : obligatoire et positif pour exact et au moins, absent pour doit et ne doit pas.

    Choix du projet : conception/produit.md, point 3 (« chacun verrouille ce qu'il veut et on recalcule »).
    """

    dossier: str
    ligne: str | None
    nature: NatureVerrou
    montant: Euros | None = None


@dataclass(frozen=True, slots=True)
class DemandeASimuler:
    """Une demande : dossier × ligne. La note va de 0 à 100 ; en intervalle, elle compte pour sa borne basse.

    `plancher` : en dessous, la ligne ne finance pas.

    Source : issue 6, « A score in interval counts by its low end ».
    """

    dossier: str
    ligne: str
    demande: Euros
    note_basse: Fraction
    note_haute: Fraction
    plancher: Euros = ZERO

    @property
    def couple(self) -> Couple:
        """La clé de la demande."""
        return self.dossier, self.ligne


@dataclass(frozen=True, slots=True)
class DossierASimuler:
    """Ce qui vaut pour toutes les lignes d'un dossier.

    `viabilite` : sous ce total, toutes lignes confondues, le projet ne se fait pas. `acquis` : déjà engagé par
    les lignes (tranche de CPO réservée), donc déjà déduit des enveloppes ; il compte pour la viabilité et le taux.
    `autres_publics` : financements publics hors des lignes. `taux_public_maximal` : part du coût total, de 0 exclu à 1.

    Source : issue 6, « minimum useful financing per dossier », « maximum public-funding rate ».
    """

    code: str
    cout_total: Euros
    viabilite: Euros = ZERO
    acquis: Euros = ZERO
    autres_publics: Euros = ZERO
    taux_public_maximal: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True)
class EnveloppeASimuler:
    """L'enveloppe d'une ligne et ce qui y est déjà engagé.

    Choix du projet : conception/architecture.md, décision 11.
    """

    ligne: str
    montant: Euros
    engage: Euros = ZERO

    @property
    def disponible(self) -> Euros:
        """Ce qui peut encore être proposé ; négatif si l'enveloppe notifiée est plus basse que l'engagé."""
        return self.montant - self.engage


@dataclass(frozen=True, slots=True)
class Probleme:
    """Tout ce que la simulation reçoit ; l'ordre ne compte pas. Lève SaisieInvalide si un fait est incohérent.

    `pas` : les montants sont des multiples du pas, ou la demande entière, ou un montant verrouillé.

    Source : issue 6, « Assisted » ; conception/produit.md, point 3.
    """

    demandes: tuple[DemandeASimuler, ...]
    dossiers: tuple[DossierASimuler, ...]
    enveloppes: tuple[EnveloppeASimuler, ...]
    verrous: tuple[Verrou, ...] = ()
    pas: Euros = PAS

    def __post_init__(self) -> None:
        object.__setattr__(self, "demandes", tuple(sorted(self.demandes, key=lambda d: d.couple)))
        object.__setattr__(self, "dossiers", tuple(sorted(self.dossiers, key=lambda d: d.code)))
        object.__setattr__(self, "enveloppes", tuple(sorted(self.enveloppes, key=lambda e: e.ligne)))
        object.__setattr__(self, "verrous", tuple(sorted(set(self.verrous), key=_ordre_des_verrous)))
        fautes = [*_fautes_generales(self), *_fautes_des_demandes(self), *_fautes_des_verrous(self)]
        if fautes:
            raise SaisieInvalide(fautes, "La simulation ne peut pas être lancée : des données sont incohérentes.")


def _ordre_des_verrous(verrou: Verrou) -> tuple[str, str, str, int]:
    return verrou.dossier, verrou.ligne or "", verrou.nature, verrou.montant.centimes if verrou.montant else 0


def _doublons(cles: Iterator[str] | Iterator[Couple]) -> list[str]:
    return [str(cle) for cle, combien in sorted(Counter(cles).items()) if combien > 1]


def _fautes_generales(probleme: Probleme) -> Iterator[Faute]:
    if probleme.pas <= ZERO:
        yield Faute("pas", "Le pas des montants est positif.")
    for cle in _doublons(d.code for d in probleme.dossiers):
        yield Faute("dossiers", f"Le dossier {cle} est donné deux fois.")
    for cle in _doublons(e.ligne for e in probleme.enveloppes):
        yield Faute("enveloppes", f"La ligne {cle} a deux enveloppes.")
    for enveloppe in probleme.enveloppes:
        if min(enveloppe.montant, enveloppe.engage) < ZERO:
            yield Faute("enveloppes", f"L’enveloppe {enveloppe.ligne} a un montant négatif.")
    for dossier in probleme.dossiers:
        if min(dossier.cout_total, dossier.viabilite, dossier.acquis, dossier.autres_publics) < ZERO:
            yield Faute("dossiers", f"Le dossier {dossier.code} a un montant négatif.")
        if not 0 < dossier.taux_public_maximal <= 1:
            yield Faute("dossiers", f"Le dossier {dossier.code} a un taux de financement public hors de 0 à 100 %.")


def _fautes_des_demandes(probleme: Probleme) -> Iterator[Faute]:
    dossiers = {d.code for d in probleme.dossiers}
    lignes = {e.ligne for e in probleme.enveloppes}
    for cle in _doublons(d.couple for d in probleme.demandes):
        yield Faute("demandes", f"La demande {cle} est donnée deux fois.")
    for demande in probleme.demandes:
        nom = f"La demande {demande.dossier} sur {demande.ligne}"
        if demande.dossier not in dossiers:
            yield Faute("demandes", f"{nom} : dossier inconnu.")
        if demande.ligne not in lignes:
            yield Faute("demandes", f"{nom} : ligne inconnue.")
        if demande.demande <= ZERO:
            yield Faute("demandes", f"{nom} : le montant demandé est positif.")
        if not ZERO <= demande.plancher <= demande.demande:
            yield Faute("demandes", f"{nom} : le plancher va de zéro au montant demandé.")
        if not 0 <= demande.note_basse <= demande.note_haute <= 100:
            yield Faute("demandes", f"{nom} : la note va de 0 à 100, borne basse d’abord.")


def _fautes_des_verrous(probleme: Probleme) -> Iterator[Faute]:
    demandes = {d.couple: d.demande for d in probleme.demandes}
    dossiers = {d.dossier for d in probleme.demandes}
    for verrou in probleme.verrous:
        nom = f"Verrou sur {verrou.dossier}"
        chiffre = verrou.nature in {NatureVerrou.EXACT, NatureVerrou.AU_MOINS}
        if chiffre != (verrou.montant is not None) or (verrou.montant is not None and verrou.montant <= ZERO):
            yield Faute("verrous", f"{nom} : « exact » et « au moins » portent un montant positif, les autres aucun.")
        if verrou.ligne is None:
            if verrou.dossier not in dossiers:
                yield Faute("verrous", f"{nom} : aucune demande de ce dossier.")
            if verrou.nature is NatureVerrou.EXACT:
                yield Faute("verrous", f"{nom} : un montant exact se verrouille ligne par ligne.")
            continue
        demande = demandes.get((verrou.dossier, verrou.ligne))
        if demande is None:
            yield Faute("verrous", f"{nom} : aucune demande sur la ligne {verrou.ligne}.")
        elif verrou.montant is not None and verrou.montant > demande:
            yield Faute("verrous", f"{nom} : {verrou.montant} dépassent les {demande} demandés à {verrou.ligne}.")

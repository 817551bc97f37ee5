"""Les contraintes d'une programmation, dites en français, et leur contrôle exact en centimes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.etapes.programmation.rules.probleme import (
    Couple,
    DemandeASimuler,
    DossierASimuler,
    NatureVerrou,
    Probleme,
    Verrou,
)
from app.noyau.euros import ZERO, Euros, pourcentage


@dataclass(frozen=True, slots=True)
class Contrainte:
    """La somme des montants de ces couples tient entre `minimum` et `maximum`, bornes comprises.

    `si_finance` : le minimum ne vaut que si la somme n'est pas nulle (seuil de viabilité).

    Choix du projet : une seule forme de contrainte, que le solveur et le contrôle exact lisent tous deux.
    """

    cle: str
    phrase: str
    couples: tuple[Couple, ...]
    minimum: Euros | None = None
    maximum: Euros | None = None
    si_finance: bool = False

    def total(self, montants: Mapping[Couple, Euros]) -> Euros:
        """La somme des montants concernés."""
        return Euros.somme(montants.get(couple, ZERO) for couple in self.couples)

    def est_respectee(self, montants: Mapping[Couple, Euros]) -> bool:
        """Vrai si la somme tient dans ses bornes."""
        total = self.total(montants)
        if self.maximum is not None and total > self.maximum:
            return False
        return self.minimum is None or total >= self.minimum or (self.si_finance and not total)

    def serre(self, montants: Mapping[Couple, Euros], demandes: Mapping[Couple, Euros], pas: Euros) -> bool:
        """Vrai à moins d'un pas du plafond quand il reste de la demande, ou à moins d'un pas au-dessus du minimum."""
        total = self.total(montants)
        non_servi = self.total(demandes) - total
        au_plafond = self.maximum is not None and self.maximum - total < pas and non_servi > ZERO
        au_plancher = self.minimum is not None and total > ZERO and total - self.minimum < pas
        return au_plafond or au_plancher


@dataclass(frozen=True, slots=True)
class Domaine:
    """Les montants possibles d'une demande financée : de `mini` à `maxi` fois le pas, et des montants à part.

    Choix du projet : montants ronds, sauf la demande entière et les montants verrouillés.
    """

    pas: Euros
    mini: int
    maxi: int
    a_part: tuple[Euros, ...]

    @property
    def plus_petit(self) -> Euros:
        """Le plus petit montant finançable."""
        sur_la_grille: tuple[Euros, ...] = (self.pas * self.mini,) if self.mini <= self.maxi else ()
        return min(sur_la_grille + self.a_part)

    def contient(self, montant: Euros) -> bool:
        """Vrai si ce montant, nul compris, peut être proposé."""
        fois, reste = divmod(montant.centimes, self.pas.centimes)
        return not montant or montant in self.a_part or (reste == 0 and self.mini <= fois <= self.maxi)


def domaines(probleme: Probleme) -> dict[Couple, Domaine]:
    """Le domaine de chaque demande.

    Choix du projet : montants ronds, sauf la demande entière et les montants verrouillés.
    """
    exacts: dict[Couple, set[Euros]] = defaultdict(set)
    for verrou in probleme.verrous:
        if verrou.nature is NatureVerrou.EXACT and verrou.ligne is not None and verrou.montant is not None:
            exacts[verrou.dossier, verrou.ligne].add(verrou.montant)
    return {d.couple: _domaine(d, exacts[d.couple], probleme.pas) for d in probleme.demandes}


def _domaine(demande: DemandeASimuler, exacts: set[Euros], pas: Euros) -> Domaine:
    mini = max(1, -(-demande.plancher.centimes // pas.centimes))
    grille = Domaine(pas, mini, demande.demande.centimes // pas.centimes, ())
    a_part = tuple(sorted(m for m in {demande.demande, *exacts} if not grille.contient(m)))
    return Domaine(grille.pas, grille.mini, grille.maxi, a_part)


def contraintes(probleme: Probleme) -> tuple[Contrainte, ...]:
    """Toutes les contraintes du problème, dans un ordre qui ne dépend que de ce qu'elles disent.

    Source : issue 6, « Assisted » ; conception/architecture.md, décision 11.
    """
    par_dossier: dict[str, list[Couple]] = defaultdict(list)
    par_ligne: dict[str, list[Couple]] = defaultdict(list)
    for demande in probleme.demandes:
        par_dossier[demande.dossier].append(demande.couple)
        par_ligne[demande.ligne].append(demande.couple)
    possibles = domaines(probleme)
    return (
        *(_du_verrou(v, par_dossier[v.dossier], possibles) for v in probleme.verrous),
        *(c for d in probleme.dossiers for c in _du_dossier(d, tuple(par_dossier[d.code]))),
        *(
            Contrainte(
                f"enveloppe:{e.ligne}",
                f"Enveloppe {e.ligne} : {max(e.disponible, ZERO)} disponibles sur {e.montant}.",
                tuple(par_ligne[e.ligne]),
                maximum=max(e.disponible, ZERO),
            )
            for e in probleme.enveloppes
        ),
    )


def plafond_public(dossier: DossierASimuler) -> Euros:
    """Ce que les lignes peuvent encore apporter sans passer le taux maximal de financement public ; jamais négatif.

    Source : issue 6, « maximum public-funding rate ».
    """
    plafond = Euros(math.floor(dossier.taux_public_maximal * dossier.cout_total.centimes))
    return max(plafond - dossier.acquis - dossier.autres_publics, ZERO)


def _du_dossier(dossier: DossierASimuler, couples: tuple[Couple, ...]) -> Iterator[Contrainte]:
    if dossier.viabilite > dossier.acquis and couples:
        deja = f", dont {dossier.acquis} déjà acquis" if dossier.acquis else ""
        yield Contrainte(
            f"viabilite:{dossier.code}",
            f"Dossier {dossier.code} : pas de financement sous {dossier.viabilite} toutes lignes confondues{deja}.",
            couples,
            minimum=dossier.viabilite - dossier.acquis,
            si_finance=True,
        )
    if couples:
        plafond = plafond_public(dossier)
        yield Contrainte(
            f"taux:{dossier.code}",
            f"Dossier {dossier.code} : au plus {plafond} des lignes, pour ne pas dépasser "
            f"{pourcentage(dossier.taux_public_maximal)} de financement public sur {dossier.cout_total}.",
            couples,
            maximum=plafond,
        )


def _du_verrou(verrou: Verrou, du_dossier: list[Couple], possibles: Mapping[Couple, Domaine]) -> Contrainte:
    couples = tuple(du_dossier) if verrou.ligne is None else ((verrou.dossier, verrou.ligne),)
    ou = "toutes lignes confondues" if verrou.ligne is None else f"sur {verrou.ligne}"
    plus_petit = min(possibles[c].plus_petit for c in couples)
    minimum, maximum, volonte = {
        NatureVerrou.DOIT: (plus_petit, None, f"doit être financé (au moins {plus_petit})"),
        NatureVerrou.NE_DOIT_PAS: (None, ZERO, "ne doit pas être financé"),
        NatureVerrou.EXACT: (verrou.montant, verrou.montant, f"reçoit exactement {verrou.montant}"),
        NatureVerrou.AU_MOINS: (verrou.montant, None, f"reçoit au moins {verrou.montant}"),
    }[verrou.nature]
    montant = "" if verrou.montant is None else f":{verrou.montant.centimes}"
    return Contrainte(
        f"verrou:{verrou.dossier}:{verrou.ligne or '*'}:{verrou.nature}{montant}",
        f"Verrou : le dossier {verrou.dossier} {volonte} {ou}.",
        couples,
        minimum=minimum,
        maximum=maximum,
    )


def verifier(probleme: Probleme, montants: Mapping[Couple, Euros]) -> tuple[str, ...]:
    """Ce que ces montants, simulés ou saisis, ne respectent pas, en français ; vide s'ils respectent tout.

    Source : issue 6, « Assisted » ; conception/architecture.md, décision 11.
    """
    possibles = domaines(probleme)
    hors_domaine = [
        f"Dossier {couple[0]} sur {couple[1]} : {montants[couple]} n’est pas un montant possible."
        for couple in sorted(montants)
        if couple not in possibles or not possibles[couple].contient(montants[couple])
    ]
    return (*hors_domaine, *(c.phrase for c in contraintes(probleme) if not c.est_respectee(montants)))

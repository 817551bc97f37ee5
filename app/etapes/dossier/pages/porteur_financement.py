"""L'étape « Ce que vous demandez » : lignes × années, N-1 à côté, lignes hors champ signalées."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.etapes.dossier.pages.porteur_formulaire import Rangee
from app.etapes.dossier.repository.referentiel import Referentiel
from app.etapes.dossier.rules.depot import hors_champ
from app.noyau.erreurs import Faute

DUREE_MAX = 3


@dataclass(frozen=True, slots=True)
class Case:
    """Un montant à demander : année, rang dans le formulaire, texte. `est_cachee` : hors de la durée choisie."""

    annee: int
    rang: int
    texte: str
    est_cachee: bool = False


@dataclass(frozen=True, slots=True)
class LigneDemandee:
    """Une ligne de financement du formulaire. `n1` : demandé, accordé, dépensé l'an dernier (textes) ;
    `connus` : les colonnes que le service connaît, montrées sans se modifier."""

    code: str
    intitule: str
    rang: int
    cases: tuple[Case, ...]
    n1: Rangee
    hors_champ: str
    connus: frozenset[str] = frozenset()

    @property
    def a_n1(self) -> bool:
        """Vrai si une case de l'an dernier est remplie."""
        return any(self.n1.get(c, "").strip() for c in ("demande", "accorde", "depense"))


def lire_duree(texte: str) -> int:
    """1, 2 ou 3 ; un texte illisible vaut un an, la faute est dite ailleurs."""
    return int(texte) if texte in {"1", "2", "3"} else 1


def annees_montrees(annee: int, duree: int, demandes: Iterable[Rangee]) -> tuple[int, ...]:
    """Les années de la durée, et celles au-delà où un montant est déjà tapé : rien ne disparaît."""
    tapees = [
        int(r["annee"])
        for r in demandes
        if r.get("montant", "").strip() and r.get("annee", "").isdigit() and len(r["annee"]) == 4
    ]
    derniere = max([annee + duree - 1, *(a for a in tapees if annee <= a < annee + DUREE_MAX)])
    return tuple(range(annee, derniere + 1))


def annees_possibles(annees: Sequence[int], derniere: int) -> tuple[int, ...]:
    """Les années montrées, puis celles qu'une durée plus longue ouvrirait : cachées, un script les montre."""
    return (*annees, *range(annees[-1] + 1, min(annees[0] + DUREE_MAX - 1, derniere) + 1))


def lignes_demandees(
    referentiel: Referentiel,
    annees: Sequence[int],
    possibles: Sequence[int],
    demandes: Sequence[Rangee],
    precedents: Sequence[Rangee],
    fiches: Collection[str],
    connus: Mapping[str, Rangee],
) -> tuple[LigneDemandee, ...]:
    """Les lignes et leurs cases des années possibles ; hors de `annees`, elles sont cachées.

    Les cases se rangent par année puis par ligne : en ajouter une ne décale pas les autres.
    """
    montants = {(r.get("ligne", ""), r.get("annee", "")): r.get("montant", "") for r in demandes}
    n1 = {r.get("ligne", ""): r for r in precedents}
    communes = referentiel.communes_des_fiches(list(fiches))
    lignes = referentiel.lignes
    return tuple(
        LigneDemandee(
            code=ligne.code,
            intitule=ligne.intitule,
            rang=rang,
            cases=tuple(
                Case(
                    annee,
                    position * len(lignes) + rang,
                    montants.get((ligne.code, str(annee)), ""),
                    est_cachee=annee not in annees,
                )
                for position, annee in enumerate(possibles)
            ),
            n1={**n1.get(ligne.code, {}), **connus.get(ligne.code, {})},
            connus=frozenset(connus.get(ligne.code, {})),
            hors_champ=hors_champ(ligne, communes) or "",
        )
        for rang, ligne in enumerate(lignes)
    )


def replacer_les_fautes(
    fautes: Iterable[Faute], enregistrees: Sequence[Mapping[str, object]], lignes: Sequence[LigneDemandee]
) -> tuple[Faute, ...]:
    """Une faute désigne le rang d'une demande enregistrée : la case montrée a un autre rang."""
    rangs = {(ligne.code, case.annee): case.rang for ligne in lignes for case in ligne.cases}
    rendu = []
    for faute in fautes:
        nom, _, reste = faute.champ.partition(".")
        rang, _, _ = reste.partition(".")
        if nom == "demandes" and rang.isdigit():
            rangee = enregistrees[int(rang)]
            montre = rangs.get((str(rangee.get("ligne")), int(str(rangee.get("annee")))))
            rendu.append(replace(faute, champ="demandes" if montre is None else f"demandes.{montre}.montant"))
        else:
            rendu.append(faute)
    return tuple(rendu)


def demande_l_etat(referentiel: Referentiel, demandes: Iterable[Rangee]) -> bool:
    """Vrai si un montant est demandé à une ligne de l'État."""
    return any(r.get("ligne") in referentiel.lignes_d_etat and r.get("montant", "").strip() for r in demandes)

"""La simulation : le meilleur scénario sous les contraintes, ou pourquoi il n'y en a pas. Elle ne décide de rien."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from app.etapes.programmation.rules.contraintes import Contrainte, plafond_public, verifier
from app.etapes.programmation.rules.modele import (
    Etat,
    Limites,
    ModelePose,
    Moteur,
    Reponse,
    SolveurEnDefaut,
    poser,
)
from app.etapes.programmation.rules.probleme import Couple, Probleme
from app.etapes.programmation.rules.soldes import Solde, solde
from app.noyau.euros import ZERO, Euros

LIMITES = Limites()
_BRUIT = Fraction(1, 10**9)
_DECIMALES_ECART = 10**6


class Statut(StrEnum):
    """Ce que vaut un scénario.

    Source : issue 6, « gap proved and printed », « when impossible an irreducible set of conflicting constraints ».
    """

    OPTIMAL = "optimal"
    INTERROMPU = "interrompu"
    SANS_SOLUTION = "sans_solution"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class MontantSimule:
    """Ce que la simulation met sur une demande ; zéro : non financée.

    Choix du projet : conception/produit.md, point 3.
    """

    dossier: str
    ligne: str
    montant: Euros


@dataclass(frozen=True, slots=True)
class Signalement:
    """Ce qu'une personne doit regarder ; `ligne` None : tout le dossier ; `dossier` None : toute la ligne.

    Choix du projet : conception/notation.md, « une donnée manquante donne un intervalle ».
    """

    dossier: str | None
    ligne: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """Le résultat figé d'une simulation. `objectif`, `borne` : points × euros. `ecart` : part qui manque au plus.

    `serrent` et `conflit` : phrases françaises. `montants` est vide quand il n'y a pas de solution.

    Source : issue 6, « Assisted ».
    """

    statut: Statut
    montants: tuple[MontantSimule, ...]
    soldes: Mapping[str, Solde]
    objectif: Fraction | None
    borne: Fraction | None
    ecart: Fraction | None
    serrent: tuple[str, ...]
    conflit: tuple[str, ...]
    signalements: tuple[Signalement, ...]
    solveur: str
    noeuds: int
    reproductible: bool


def optimiser(probleme: Probleme, limites: Limites = LIMITES, moteur: Moteur | None = None) -> Scenario:
    """Le scénario qui maximise la somme, sur toutes les demandes, de : note (borne basse, sur 100) × montant en euros.

    Le même problème rend le même scénario, quel que soit l'ordre des entrées, sauf arrêt à l'horloge. Toute solution
    est revérifiée au centime avant d'être rendue ; lève SolveurEnDefaut si elle ne tient pas.

    Source : issue 6, « Assisted » ; conception/produit.md, point 3.
    """
    solveur = moteur or _highs()
    pose = poser(probleme)
    reponse = solveur.resoudre(pose.modele, limites)
    montants = {} if reponse.valeurs is None else pose.lire(reponse.valeurs)
    resolu = reponse.valeurs is not None
    manquements = verifier(probleme, montants) if resolu else ()
    if manquements:
        raise SolveurEnDefaut(f"La solution du solveur ne tient pas au centime : {' '.join(manquements)}")
    objectif = _objectif(probleme, montants) if resolu else None
    borne = _borne(reponse, objectif, pose.unite)
    demandes = {d.couple: d.demande for d in probleme.demandes}
    return Scenario(
        statut=_statut(reponse),
        montants=tuple(MontantSimule(*couple, montants[couple]) for couple in sorted(montants)),
        soldes=_soldes(probleme, montants),
        objectif=objectif,
        borne=borne,
        ecart=_ecart(objectif, borne),
        serrent=tuple(c.phrase for c in pose.contraintes if resolu and c.serre(montants, demandes, probleme.pas)),
        conflit=_conflit(pose, solveur, limites) if reponse.etat is Etat.IMPOSSIBLE else (),
        signalements=_signalements(probleme),
        solveur=solveur.version,
        noeuds=reponse.noeuds,
        reproductible=reponse.etat is not Etat.HORLOGE,
    )


def _highs() -> Moteur:
    """Le solveur ne se charge qu'au premier calcul : le processus web n'en calcule aucun, 20 Mo de moins."""
    from app.etapes.programmation.rules.moteur import MoteurHighs  # noqa: PLC0415

    return MoteurHighs()


def _statut(reponse: Reponse) -> Statut:
    if reponse.etat is Etat.IMPOSSIBLE:
        return Statut.IMPOSSIBLE
    if reponse.valeurs is None:
        return Statut.SANS_SOLUTION
    return Statut.OPTIMAL if reponse.etat is Etat.OPTIMAL else Statut.INTERROMPU


def _objectif(probleme: Probleme, montants: Mapping[Couple, Euros]) -> Fraction:
    return sum((d.note_basse * montants[d.couple].centimes for d in probleme.demandes), Fraction(0)) / 100


def _borne(reponse: Reponse, objectif: Fraction | None, unite: int) -> Fraction | None:
    """Le majorant prouvé, en points × euros ; jamais sous la solution trouvée (le solveur calcule en flottants)."""
    if reponse.borne is None or reponse.etat is Etat.IMPOSSIBLE:
        return None
    borne = reponse.borne * unite / 100
    return borne if objectif is None or borne - objectif > _BRUIT * (objectif + 1) else objectif


def _ecart(objectif: Fraction | None, borne: Fraction | None) -> Fraction | None:
    """(borne − objectif) ÷ objectif, arrondi vers le haut au millionième ; None s'il ne se calcule pas."""
    if objectif is None or borne is None:
        return None
    if borne == objectif:
        return Fraction(0)
    return Fraction(math.ceil((borne - objectif) / objectif * _DECIMALES_ECART), _DECIMALES_ECART) if objectif else None


def _soldes(probleme: Probleme, montants: Mapping[Couple, Euros]) -> dict[str, Solde]:
    return {
        e.ligne: solde(e.montant, e.engage, Euros.somme(m for (_, ligne), m in montants.items() if ligne == e.ligne))
        for e in probleme.enveloppes
    }


def _signalements(probleme: Probleme) -> tuple[Signalement, ...]:
    trouves = [
        Signalement(None, e.ligne, f"L’enveloppe est déjà dépassée de {-e.disponible} : rien n’y est proposé.")
        for e in probleme.enveloppes
        if e.disponible < ZERO
    ]
    demandes: dict[str, Euros] = defaultdict(lambda: ZERO)
    for demande in probleme.demandes:
        demandes[demande.dossier] += demande.demande
        if demande.note_basse != demande.note_haute:
            message = "La note est un intervalle : seule sa borne basse a compté, à lever avant de proposer un montant."
            trouves.append(Signalement(*demande.couple, message))
    for dossier in probleme.dossiers:
        possible = min(demandes[dossier.code], plafond_public(dossier)) + dossier.acquis
        if demandes[dossier.code] and possible < dossier.viabilite:
            message = f"Le seuil de viabilité ({dossier.viabilite}) est hors d’atteinte : au plus {possible} en tout."
            trouves.append(Signalement(dossier.code, None, message))
    return tuple(trouves)


def _conflit(pose: ModelePose, moteur: Moteur, limites: Limites) -> tuple[str, ...]:
    """Des contraintes qu'on ne peut pas tenir ensemble, et dont aucune n'est de trop."""
    toutes = list(pose.contraintes)

    def impossible(cles: Sequence[Contrainte]) -> bool:
        essai = pose.modele.avec_seulement({c.cle for c in cles})
        return moteur.resoudre(essai, limites).etat is Etat.IMPOSSIBLE

    def minimal(fond: list[Contrainte], ajout: list[Contrainte], reste: list[Contrainte]) -> list[Contrainte]:
        """QuickXplain : une part minimale de `reste`, impossible avec `fond`. `ajout` : le dernier entré au fond."""
        if ajout and impossible(fond):
            return []
        if len(reste) == 1:
            return reste
        milieu = len(reste) // 2
        gauche, droite = reste[:milieu], reste[milieu:]
        de_droite = minimal(fond + gauche, gauche, droite)
        de_gauche = minimal(fond + de_droite, de_droite, gauche)
        return de_gauche + de_droite

    indice = moteur.conflit(pose.modele)
    suspectes = toutes if indice is None else [c for c in toutes if c.cle in indice]
    # Le solveur n'indique qu'une piste : si elle ne suffit pas à rendre le problème impossible, on repart de tout.
    return tuple(c.phrase for c in minimal([], [], suspectes if impossible(suspectes) else toutes))

"""Ce qui renforcerait la prochaine demande : pour chaque critère qui n'est pas plein, le palier au-dessus. Pur."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from app.etapes.notation.rules.evaluation import Contexte, contexte, juge
from app.etapes.notation.rules.faits import FaitsDossier
from app.etapes.notation.rules.motifs import NON_RENSEIGNE, SANS_VALEUR, redacteur
from app.etapes.notation.rules.noms import SANS_NOM, Noms
from app.etapes.notation.rules.note import EtatLigne, LigneNote, Note
from app.etapes.notation.rules.orientations import orienter
from app.etapes.notation.rules.transparence import est_du_formulaire
from app.referentiels.grilles.rules import (
    CATALOGUE,
    CODES_ECRITS,
    AuMoins,
    AuPlus,
    Compte,
    Condition,
    Declarant,
    Est,
    Grille,
    Lexique,
    MoinsDe,
    Palier,
    Parmi,
    Tous,
    UnDe,
    Unite,
    decrire,
    faits_lus,
    lexique,
    unite_de,
)

_SUBIS = frozenset({"charges_total"})  # ni un mérite, ni un choix : on ne conseille pas de réduire l’action
DU_PORTEUR = frozenset(code for code in CATALOGUE if est_du_formulaire(code)) - _SUBIS
"""Les faits qu'une association écrit dans sa demande. Choix du projet : eux seuls se conseillent (ADR 0021)."""
_DES_AUTRES = frozenset(code for code, fait in CATALOGUE.items() if fait.declarant is not Declarant.PORTEUR)


@dataclass(frozen=True, slots=True)
class Progres:
    """Un critère à renforcer : `gain` de ses points, `voies` pour les obtenir (une suffit), `sur_cent` de la note.

    `a_preciser` : rien à changer, une donnée manque seulement ; le gain est alors le plus qu'elle peut apporter.
    Choix du projet : issue 4, « what would strengthen the next request ».
    """

    critere: str
    libelle: str
    possibles: int
    gain: Fraction
    sur_cent: Fraction
    voies: tuple[str, ...]
    a_preciser: bool = False


def progres(grille: Grille, note: Note, noms: Noms = SANS_NOM) -> tuple[Progres, ...]:
    """Ce que l'association peut changer, du plus gros gain au plus petit ; un critère plein ou sans objet n'y est pas.

    `grille` : celle de la note. Le palier visé est le premier au-dessus qu'elle peut atteindre.
    Choix du projet : issue 4, « what would strengthen the next request » ; seulement ce qui dépend du porteur.
    """
    orientee = orienter(grille, {note.ligne: note.priorites} if note.priorites else {})
    chercheur = _Chercheur(lexique(orientee), note.faits, noms)
    paliers = {
        critere.code: bareme.paliers
        for critere in orientee.criteres
        for bareme in critere.baremes
        if note.ligne in bareme.lignes
    }
    trouves = [
        trouve
        for ligne in note.lignes
        if ligne.compte and (trouve := chercheur.chercher(ligne, paliers[ligne.code], note.points_possibles))
    ]
    return tuple(sorted(trouves, key=lambda un: -un.gain))


@dataclass(frozen=True, slots=True)
class _Chercheur:
    """Une grille, un dossier, de quoi nommer ses codes."""

    lexique: Lexique
    faits: FaitsDossier
    noms: Noms

    @property
    def contexte(self) -> Contexte:
        return contexte(self.faits)

    def chercher(self, ligne: LigneNote, paliers: Sequence[Palier], possibles: int) -> Progres | None:
        """Le premier palier au-dessus que l'association peut atteindre, ou la donnée qui manque."""
        if ligne.etat is EtatLigne.MANQUANT and ligne.ajustement is None:
            return self._preciser(ligne, possibles)
        obtenue = ligne.points_minimum * 100 / ligne.maximum
        au_dessus = sorted((p for p in paliers if p.taux > obtenue), key=lambda palier: palier.taux)
        for taux, groupe in groupby(au_dessus, key=lambda palier: palier.taux):
            voies = dict.fromkeys(" et ".join(manques) for palier in groupe if (manques := self._manques(palier.si)))
            if voies:
                gain = Fraction(taux * ligne.maximum, 100) - ligne.points_minimum
                return _progres(ligne, gain, possibles, tuple(voies))
        return None

    def _preciser(self, ligne: LigneNote, possibles: int) -> Progres | None:
        libelles = tuple(CATALOGUE[code].libelle for code in ligne.manquants if code in DU_PORTEUR)
        gain = ligne.points_maximum - ligne.points_minimum
        return _progres(ligne, gain, possibles, (", ".join(libelles),), a_preciser=True) if libelles and gain else None

    def _manques(self, condition: Condition) -> tuple[str, ...] | None:
        """Ce qui manque à la condition, en phrases ; rien si elle est remplie ; None si ce n'est pas au porteur."""
        if juge(condition, self.lexique)(self.contexte) is True:
            return ()
        match condition:
            case Est(definition):
                return self._manques(self.lexique.definitions[definition].si)
            case Tous(conditions):
                return _ensemble(self._manques(une) for une in conditions)
            case UnDe(conditions):
                voies = [manques for une in conditions if (manques := self._manques(une)) is not None]
                court = min(map(len, voies), default=0)  # le chemin le plus court seulement : moins à changer
                return (
                    (" ou ".join(dict.fromkeys(" et ".join(v) for v in voies if len(v) == court)),) if voies else None
                )
        lus = set(faits_lus(condition, self.lexique))
        return (self._dire(condition),) if lus & DU_PORTEUR and not lus & _DES_AUTRES else None

    def _dire(self, condition: Condition) -> str:
        match condition:
            case Parmi(de, codes, ensemble):
                return self._nommer(
                    condition, de, codes if ensemble is None else self.lexique.ensembles[ensemble].codes
                )
            case AuMoins(de) | AuPlus(de) | MoinsDe(de):
                return f"{decrire(condition, self.lexique)}{self._precision(de)}"
        return decrire(condition, self.lexique)

    def _nommer(self, condition: Condition, de: str, codes: Iterable[str]) -> str:
        """Les codes du contrat par leur nom, s'ils sont peu nombreux et connus."""
        connus = [self.noms.get(de, {}).get(code) for code in codes]
        if len(connus) > CODES_ECRITS or not all(connus):
            return decrire(condition, self.lexique)
        return f"{CATALOGUE[de].libelle} : " + " ou ".join(f"« {nom} »" for nom in connus)

    def _precision(self, de: str) -> str:
        """« (aujourd’hui 45 %) » ; pour des cases à cocher, celles qui restent."""
        mesure = self.lexique.mesures.get(de)
        if mesure is not None and isinstance(mesure.operation, Compte):
            reste = [
                CATALOGUE[code].libelle for code in mesure.operation.parmi if self.faits.bruts.get(code) is not True
            ]
            return f" (il reste : {', '.join(reste)})"
        valeur = redacteur(f"{{{de}}}", self.lexique)(self.faits)
        if valeur in (NON_RENSEIGNE, SANS_VALEUR):
            return ""
        fois = " fois" if unite_de(de, self.lexique) is Unite.FOIS else ""
        return f" (dans cette demande : {valeur}{fois})"


def _ensemble(parties: Iterable[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """Toutes les phrases, dans l'ordre ; None si l'une des parties n'est pas au porteur."""
    phrases: list[str] = []
    for partie in parties:
        if partie is None:
            return None
        phrases += partie
    return tuple(dict.fromkeys(phrases))


def _progres(
    ligne: LigneNote, gain: Fraction, possibles: int, voies: tuple[str, ...], *, a_preciser: bool = False
) -> Progres:
    return Progres(ligne.code, ligne.libelle, ligne.maximum, gain, gain * 100 / possibles, voies, a_preciser)

"""Une note : des lignes motivées, un total calculé une fois. Rien n'y est un flottant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from app.etapes.notation.rules.evaluation import Juger
from app.etapes.notation.rules.faits import FaitsDossier
from app.etapes.notation.rules.motifs import SANS_NOM, Noms, Rediger
from app.etapes.notation.rules.orientations import Rangs
from app.etapes.notation.rules.saisie import FIGES
from app.noyau.euros import arrondir
from app.noyau.sources import Source
from app.referentiels.grilles.rules import CATALOGUE, Fait, Statut, ecrire_decimal

_ZERO = Fraction(0)


class EtatLigne(StrEnum):
    """Ce que vaut une ligne de la note : notée, sortie du barème, ou indécise faute d'un fait.

    Source : conception/notation.md, « Principe » (sans objet n'est jamais zéro, manquant non plus).
    """

    NOTE = "note"
    SANS_OBJET = "sans_objet"
    MANQUANT = "manquant"


@dataclass(frozen=True, slots=True)
class Ajustement:
    """Les points qu'une personne retient pour un critère, et pourquoi. La valeur calculée reste à côté.

    Source : conception/notation.md, « L'instructeur peut ajuster un critère, avec motif ».
    """

    critere: str
    points: Fraction
    motif: str
    auteur: str


@dataclass(frozen=True, slots=True)
class PalierPret:
    """Un palier prêt à juger et à écrire.

    Choix du projet : exemples.md, motif 5.
    """

    taux: int
    juger: Juger
    rediger: Rediger


@dataclass(frozen=True, slots=True)
class SortiePrete:
    """Un cas de sans objet prêt à juger et à écrire.

    Choix du projet : exemples.md, motif 5.
    """

    juger: Juger
    rediger: Rediger
    source: Source


@dataclass(frozen=True, slots=True)
class BaremePret:
    """Un barème d'un critère, prêt. `lus` : les faits qui décident ; `cites` : ceux que la phrase montre seulement.

    Choix du projet : exemples.md, motif 5.
    """

    code: str
    libelle: str
    source: Source
    paliers: tuple[PalierPret, ...]
    sorties: tuple[SortiePrete, ...]
    lus: tuple[str, ...]
    cites: tuple[str, ...]


class Jugement(NamedTuple):
    """Ce que valent les faits pour un barème. `rang` : le palier, ou le cas de sans objet ; None si indécis.

    `peut_sortir` : un fait manque pour savoir si le critère est sans objet.
    Choix du projet : conception/notation.md, « Principe ».
    """

    etat: EtatLigne
    taux_minimum: int
    taux_maximum: int
    rang: int | None
    peut_sortir: bool = False


class LigneNote(NamedTuple):
    """Un critère noté : points, maximum (le poids dans la grille), motif, source, faits.

    Choix du projet : exemples.md, motif 5 ; un n-uplet, qui se bâtit trois fois plus vite qu'un objet figé.
    """

    bareme: BaremePret
    maximum: int
    jugement: Jugement
    faits: FaitsDossier
    poids_total: int
    ajustement: Ajustement | None = None

    @property
    def code(self) -> str:
        """Le code du critère."""
        return self.bareme.code

    @property
    def libelle(self) -> str:
        """Le nom du critère."""
        return self.bareme.libelle

    @property
    def etat(self) -> EtatLigne:
        """Notée, sans objet, ou indécise."""
        return self.jugement.etat

    @property
    def taux_minimum(self) -> int:
        """Le taux calculé, au moins."""
        return self.jugement.taux_minimum

    @property
    def taux_maximum(self) -> int:
        """Le taux calculé, au plus."""
        return self.jugement.taux_maximum

    @property
    def taux(self) -> int | None:
        """Le taux calculé, sans l'ajustement ; None si sans objet ou indécis."""
        return self.taux_minimum if self.etat is EtatLigne.NOTE else None

    @property
    def points_calcules(self) -> Fraction | None:
        """Les points de la grille, sans l'ajustement ; None si sans objet ou indécis."""
        return Fraction(self.taux_minimum * self.maximum, 100) if self.etat is EtatLigne.NOTE else None

    @property
    def points(self) -> Fraction | None:
        """Les points qui comptent : ceux de l'ajustement s'il y en a un ; None si sans objet ou indécis."""
        return self.ajustement.points if self.ajustement is not None else self.points_calcules

    @property
    def points_minimum(self) -> Fraction:
        """Les points qui comptent, au moins (zéro si sans objet : le critère ne compte pas)."""
        return self._points(self.taux_minimum)

    @property
    def points_maximum(self) -> Fraction:
        """Les points qui comptent, au plus (zéro si sans objet : le critère ne compte pas)."""
        return self._points(self.taux_maximum)

    @property
    def compte(self) -> bool:
        """Faux si le critère est sorti du barème."""
        return self.etat is not EtatLigne.SANS_OBJET

    @property
    def est_incertaine(self) -> bool:
        """Vrai si le critère peut encore être sans objet ; un ajustement tranche : le critère compte."""
        return self.jugement.peut_sortir and self.ajustement is None

    @property
    def poids_effectif(self) -> Fraction:
        """Le poids sur 100, une fois retirés les critères sans objet."""
        return Fraction(100 * self.maximum, self.poids_total) if self.compte else _ZERO

    @property
    def source(self) -> Source:
        """D'où viennent ce barème, ou ce cas de sans objet."""
        if self.jugement.rang is not None and not self.compte:
            return self.bareme.sorties[self.jugement.rang].source
        return self.bareme.source

    @property
    def motif(self) -> str:
        """La phrase qui explique les points calculés, avec les valeurs ; c'est elle qui se garde et se compare."""
        return self.motif_avec(SANS_NOM)

    def motif_avec(self, noms: Noms) -> str:
        """La même phrase, les codes du contrat dits par leur nom quand `noms` le connaît."""
        if self.jugement.rang is None:
            return self._motif_indecis()
        if not self.compte:
            return f"Sans objet : {self.bareme.sorties[self.jugement.rang].rediger(self.faits, noms)}"
        return self.bareme.paliers[self.jugement.rang].rediger(self.faits, noms)

    @property
    def manquants(self) -> tuple[str, ...]:
        """Les faits à demander pour décider de ce critère ; aucun s'il est noté, sans objet ou ajusté."""
        return self._absents() if self.jugement.rang is None and self.ajustement is None else ()

    @property
    def declares(self) -> tuple[str, ...]:
        """Les faits lus qui ne sont encore que déclarés ; aucun si la ligne est ajustée."""
        if self.ajustement is not None:
            return ()
        faits = self.faits.faits
        return tuple(
            code for code in self.bareme.lus if (fait := faits.get(code)) is not None and fait.statut is Statut.DECLARE
        )

    @property
    def faits_utilises(self) -> tuple[tuple[str, Fait | None], ...]:
        """Les faits lus, puis ceux que la phrase cite ; None : manquant."""
        codes = dict.fromkeys((*self.bareme.lus, *self.bareme.cites))
        return tuple((code, self.faits.fait(code)) for code in codes)

    def _absents(self) -> tuple[str, ...]:
        return tuple(code for code in self.bareme.lus if self.faits.fait(code) is None)

    def _motif_indecis(self) -> str:
        taux = dict.fromkeys((self.taux_minimum, self.taux_maximum))
        points = " et ".join(ecrire_decimal(Fraction(un_taux * self.maximum, 100)) for un_taux in taux)
        libelles = ", ".join(CATALOGUE[code].libelle for code in self._absents())
        intervalle = f"entre {points} sur {self.maximum}" if len(taux) > 1 else f"{points} sur {self.maximum}"
        reserve = ", ou sans objet" if self.jugement.peut_sortir else ""
        return f"Il manque : {libelles} ; {intervalle}{reserve}"

    def _points(self, taux: int) -> Fraction:
        if not self.compte:
            return _ZERO
        return Fraction(taux * self.maximum, 100) if self.ajustement is None else self.ajustement.points


@dataclass(frozen=True, slots=True)
class HorsChamp:
    """La ligne n'est pas ouverte à ce dossier : pas de note, ce qui n'est pas zéro.

    Source : conception/notation.md, « Hors champ n'est pas 0 : pas de note ».
    """

    ligne: str
    libelle: str
    version_grille: str
    empreinte_grille: str
    motif: str
    source: Source
    faits: FaitsDossier = field(repr=False)


@dataclass(frozen=True, slots=True)
class Note:
    """La note d'un dossier pour une ligne de financement. `minimum` et `maximum` : sur 100, exacts.

    `priorites` : celles que l'appel donnait à la ligne, à la place de celles de la grille.

    Source : conception/notation.md ; reference/donnees/grille-depart.yaml, « arrondi ».
    """

    ligne: str
    libelle: str
    version_grille: str
    empreinte_grille: str
    decimales: int
    lignes: tuple[LigneNote, ...]
    faits: FaitsDossier = field(repr=False)
    minimum: Fraction
    maximum: Fraction
    priorites: Rangs = ()

    @property
    def total(self) -> Decimal | None:
        """Le total sur 100, arrondi une fois, demi vers le haut ; None si un fait manque."""
        return arrondir(self.minimum, self.decimales) if self.minimum == self.maximum else None

    @property
    def intervalle(self) -> tuple[Decimal, Decimal]:
        """Le plus bas et le plus haut total possibles, arrondis."""
        return arrondir(self.minimum, self.decimales), arrondir(self.maximum, self.decimales)

    @property
    def points_possibles(self) -> int:
        """La somme des poids qui comptent : 100 moins les critères sans objet."""
        return sum(ligne.maximum for ligne in self.lignes if ligne.compte)

    @property
    def points_obtenus(self) -> tuple[Fraction, Fraction]:
        """La somme des points avant de ramener sur 100, au moins et au plus."""
        return (
            sum((ligne.points_minimum for ligne in self.lignes), _ZERO),
            sum((ligne.points_maximum for ligne in self.lignes), _ZERO),
        )

    @property
    def est_provisoire(self) -> bool:
        """Vrai si le rang du dossier est provisoire : un fait utilisé n'est que déclaré."""
        return any(ligne.declares for ligne in self.lignes)

    @property
    def faits_declares(self) -> tuple[str, ...]:
        """Les faits utilisés qui restent à vérifier, dans l'ordre de la grille."""
        return tuple(dict.fromkeys(code for ligne in self.lignes for code in ligne.declares))

    @property
    def faits_manquants(self) -> tuple[str, ...]:
        """Les faits qui laissent la note dans un intervalle, dans l'ordre de la grille."""
        return tuple(dict.fromkeys(code for ligne in self.lignes for code in ligne.manquants))

    @property
    def faits_a_demander(self) -> tuple[str, ...]:
        """Les faits manquants qu'une personne peut établir, dans l'ordre de la grille.

        La médiane et l'effectif ne s'établissent pas : il leur faut le type d'action, puis la clôture.
        """
        manquants = self.faits_manquants
        if FIGES.isdisjoint(manquants) or self.faits.fait("type_action") is not None:
            return tuple(code for code in manquants if code not in FIGES)
        return tuple(dict.fromkeys("type_action" if code in FIGES else code for code in manquants))

    @property
    def attend_la_cloture(self) -> bool:
        """Vrai si seule la clôture de la recevabilité manque pour comparer le coût."""
        return not FIGES.isdisjoint(self.faits_manquants) and self.faits.fait("type_action") is not None

    def ligne_note(self, critere: str) -> LigneNote:
        """La ligne d'un critère. Lève KeyError s'il n'est pas dans cette note."""
        for ligne in self.lignes:
            if ligne.code == critere:
                return ligne
        raise KeyError(critere)


Resultat = Note | HorsChamp
# Centièmes de point : des entiers tant que personne n'a ajusté.
Centiemes = Fraction | int


def totaliser(lignes: Iterable[LigneNote]) -> tuple[Fraction, Fraction]:
    """Le total sur 100, au moins et au plus : points obtenus rapportés aux poids qui comptent, sans arrondi.

    Un critère dont on ne sait pas s'il est sans objet compte dans un cas et pas dans l'autre ; un ajustement tranche.
    Source : conception/notation.md, « Sans objet sort du barème » ; « Une donnée manquante donne un intervalle ».
    """
    bas: Centiemes = 0
    haut: Centiemes = 0
    poids = 0
    incertains: list[tuple[int, int, int]] = []
    for _, maximum, (etat, taux_minimum, taux_maximum, _, peut_sortir), _, _, ajustement in lignes:
        if etat is EtatLigne.SANS_OBJET:
            continue
        mini: Centiemes = taux_minimum * maximum
        maxi: Centiemes = taux_maximum * maximum
        if ajustement is not None:
            mini = maxi = ajustement.points * 100
        elif peut_sortir:
            incertains.append((taux_minimum * maximum, taux_maximum * maximum, maximum))
            continue
        bas, haut, poids = bas + mini, haut + maxi, poids + maximum
    cas = [(bas, haut, poids)]
    for mini, maxi, maximum in incertains:
        cas += [(bas + mini, haut + maxi, poids + maximum) for bas, haut, poids in cas]
    minimum = min([Fraction(bas, poids) for bas, _, poids in cas])
    if len(cas) == 1 and bas == haut:
        return minimum, minimum
    return minimum, max([Fraction(haut, poids) for _, haut, poids in cas])
